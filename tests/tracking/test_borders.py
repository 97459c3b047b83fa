"""What is cut off by the border, and how probable it is that it leaves."""

import numpy as np
import pytest

from cellwright.tracking.fit import fit_model
from cellwright.tracking.frames import Movie
from cellwright.tracking.link import link
from cellwright.tracking.tracks import make_tracks


def test_of_what_is_cut_off_as_much_is_left_to_leave_as_is_seen():
    places = [[0.0, 50.0], [3.0, 50.0], [3.0, 80.0], [100.0, 0.0], [60.0, 100.0]]
    cut = np.array([True, True, False, True, False])
    movie = Movie(make_tracks([0] * 5, places, properties={"touches_border": cut}))
    assert movie.border(slice(None)) == pytest.approx([0.0, 6.0, 3.0, 0.0, 0.0])
    whole = Movie(make_tracks([0] * 5, places))
    assert whole.border(slice(None)) == pytest.approx([0.0, 3.0, 3.0, 0.0, 0.0])


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


@pytest.mark.parametrize("noise", [0.1, 1.0])
@pytest.mark.parametrize("step", [0.0, 0.3, 10.0])
@pytest.mark.parametrize("frames", [3, 10, 40])
def test_one_cell_alone_does_not_leave_where_its_way_ends(frames, step, noise):
    places = np.random.default_rng(0).normal(0, noise, (frames, 2))
    places[:, 0] += step * np.arange(frames)
    links = link(make_tracks(np.arange(frames), places)).edges
    assert (np.diff(links) == 1).all() and len(links) == frames - 1
