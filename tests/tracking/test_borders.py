"""What is cut off by the border, and how probable it is that it leaves."""

import numpy as np
import pytest

from cellwright.tracking.fit import fit_model
from cellwright.tracking.frames import Movie
from cellwright.tracking.link import link
from cellwright.tracking.tracks import make_tracks
from tracking.movies import divisions


def test_of_what_is_cut_off_as_much_is_left_to_leave_as_is_seen():
    places = [[0.0, 50.0], [3.0, 50.0], [3.0, 80.0], [100.0, 0.0], [60.0, 100.0]]
    cut = np.array([True, True, False, True, False])
    movie = Movie(make_tracks([0] * 5, places, properties={"touches_border": cut}))
    assert movie.border(slice(None)) == pytest.approx([0.0, 6.0, 3.0, 0.0, 0.0])
    whole = Movie(make_tracks([0] * 5, places))
    # None touches the border: of five, it is a quarter of their field farther out.
    assert whole.border(slice(None)) == pytest.approx([25.0, 28.0, 28.0, 25.0, 25.0])


def test_a_thin_volume_of_points_is_as_dense_as_it_is():
    places = np.random.default_rng(0).uniform(0, (4, 100, 100), (10, 200, 3))
    frames = np.repeat(np.arange(10), 200)
    movie = Movie(make_tracks(frames, places.reshape(-1, 3)))
    model = fit_model(movie, divisions=False)
    assert model.density == pytest.approx(200 / (4 * 100 * 100), rel=0.1)
    alone = Movie(make_tracks([0, 1], [[5.0, 1.0, 1.0], [5.0, 2.0, 4.0]]))
    assert np.isfinite(fit_model(alone).density)


@pytest.mark.parametrize("planes", [2, 3])
def test_cells_in_a_few_planes_do_not_all_leave_through_them(planes):
    rng = np.random.default_rng(0)
    place = np.column_stack([rng.integers(0, planes, 600), rng.uniform(0, 400, (600, 2))])
    frames = [place]
    for _ in range(3):
        frames.append(frames[-1] + [0, 1, 1] * rng.normal(0, 2, place.shape))
    source, target = link(make_tracks(np.repeat(np.arange(4), 600), np.concatenate(frames))).edges.T
    assert np.mean(target - source == 600) > 0.95
    assert np.count_nonzero(target - source == 600) > 0.95 * 3 * 600


def _column(frames, cycle):
    """Points of rods that grow end to end out of a narrow channel, and their true links."""
    rng = np.random.default_rng(0)
    rods = [(place, 20.0 * 1.15**place) for place in range(5)]  # number, length
    rows, links, following, before = [], [], 5, {}
    for t in range(frames):
        tops = np.cumsum([0.0, *(length for _, length in rods)])
        now = {}
        for (number, length), top in zip(rods, tops, strict=False):
            if top + length < 200.0:
                now[number] = len(rows)
                rows.append((t, top + length / 2, 20.0 + rng.normal(0, 0.1)))
        links += [(before[number], row) for number, row in now.items() if number in before]
        rods = [(n, length * 2 ** (1 / cycle)) for n, length in rods if n in now]
        for place in reversed(range(len(rods))):
            number, length = rods[place]
            if length > 40.0:
                rods[place : place + 1] = [(following, 0.5 * length), (following + 1, 0.5 * length)]
                now |= {following: now[number], following + 1: now[number]}
                following += 2
        before = now
    return np.array(rows), set(links)


def test_points_in_one_line_are_followed_and_divide():
    rows, truth = _column(frames=100, cycle=30)
    linked = link(make_tracks(rows[:, 0].astype(int), rows[:, 1:]))
    found = set(map(tuple, linked.edges.tolist()))
    assert len(divisions(truth)) > 10
    assert found == truth


def test_a_point_alone_that_becomes_two_has_divided():
    place = [[60.0, 60.0]] * 5 + [[58.0, 53.0], [62.0, 67.0]] * 5
    frame = [0, 1, 2, 3, 4, *np.repeat(np.arange(5, 10), 2)]
    links = link(make_tracks(frame, place)).edges
    assert divisions(map(tuple, links.tolist())) == {(4, 5, 6)}
    assert len(links) == 4 + 2 + 8


@pytest.mark.parametrize("noise", [0.1, 1.0])
@pytest.mark.parametrize("step", [0.0, 0.3, 10.0])
@pytest.mark.parametrize("frames", [3, 10, 40])
def test_one_cell_alone_does_not_leave_where_its_way_ends(frames, step, noise):
    places = np.random.default_rng(0).normal(0, noise, (frames, 2))
    places[:, 0] += step * np.arange(frames)
    links = link(make_tracks(np.arange(frames), places)).edges
    assert (np.diff(links) == 1).all() and len(links) == frames - 1
