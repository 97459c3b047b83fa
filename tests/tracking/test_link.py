from dataclasses import replace

import numpy as np
import pytest

from cellwright._errors import InputError, UsageError
from cellwright.simulation.movies import Motion
from cellwright.tracking.fit import fit_model
from cellwright.tracking.frames import Movie
from cellwright.tracking.link import link
from cellwright.tracking.motion import FramePair
from cellwright.tracking.options import LinkOptions
from cellwright.tracking.pair import link_pair, nearest_candidates
from cellwright.tracking.tracks import PROBABILITY, make_tracks
from tracking.movies import divisions, edges, f1, nuclei, simulated


def _walk(seed, frames=12, side=12.0, step=0.12, dimensions=2, missed=0.0, drift=0.0):
    """Points about 1 apart that quiver by about `step`, and the number of each."""
    rng = np.random.default_rng(seed)
    darts = rng.uniform(0, side, (int(8 * side**dimensions), dimensions))
    place = np.zeros((0, dimensions))
    for dart in darts:
        if len(place) < side**dimensions and _apart(place, dart):
            place = np.vstack([place, dart])
    home, frame, position, number = place, [], [], []
    for t in range(frames):
        place = home + rng.normal(0, step / np.sqrt(2), home.shape) + t * drift
        seen = np.flatnonzero(rng.random(len(place)) >= missed)
        frame.append(np.full(len(seen), t))
        position.append(place[seen])
        number.append(seen)
    tracks = make_tracks(np.concatenate(frame), np.concatenate(position))
    return tracks, np.concatenate(number)


def _apart(place, dart):
    return not len(place) or ((place - dart) ** 2).sum(axis=1).min() > 0.5


def _truth(tracks, number):
    """Links between each point and its next sight."""
    order = np.lexsort((tracks.frame, number))
    follows = number[order[1:]] == number[order[:-1]]
    return {(a, b) for a, b in zip(order[:-1][follows], order[1:][follows], strict=True)}


@pytest.mark.parametrize("dimensions", [2, 3])
def test_slow_points_are_followed_without_an_error(dimensions):
    tracks, number = _walk(0, side=12.0 if dimensions == 2 else 6.0, dimensions=dimensions)
    linked = link(tracks)
    assert f1(edges(linked), _truth(tracks, number)) > 0.998
    assert linked.edge_properties[PROBABILITY].min() > 0.2


@pytest.mark.parametrize("unit", [1e-3, 500.0])
def test_links_depend_neither_on_the_unit_nor_on_the_origin(unit):
    tracks, _ = _walk(7, frames=6, side=8.0, step=0.2)
    moved = make_tracks(tracks.frame, tracks.position * unit + 70.0 * unit)
    assert edges(link(moved)) == edges(link(tracks))


def _placed(linked):
    """Links by where they begin and end."""
    return {
        (linked.frame[a], *linked.position[a], linked.frame[b], *linked.position[b])
        for a, b in edges(linked)
    }


def test_links_do_not_depend_on_how_objects_are_numbered():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        place, frame, position = rng.uniform(0, 200, (100, 2)), [], []
        for t in range(8):
            seen = place[rng.random(len(place)) > 0.08]
            frame += [t] * len(seen)
            position.extend(seen)
            place = place + rng.normal(0, 4, place.shape)
        frame, position, other = np.array(frame), np.array(position), rng.permutation(len(frame))
        usual = _placed(link(make_tracks(frame, position)))
        assert _placed(link(make_tracks(frame[other], position[other]))) == usual


def test_a_detection_that_is_missing_now_and_then_leaves_one_track():
    tracks, number = _walk(1, missed=0.03)
    truth = _truth(tracks, number)
    assert f1(edges(link(tracks)), truth) > 0.995
    short = {(a, b) for a, b in edges(link(tracks, LinkOptions(max_gap=0)))}
    assert all(tracks.frame[b] - tracks.frame[a] == 1 for a, b in short)


@pytest.mark.parametrize("drift", [0.4, 1.3])
def test_drift_of_the_whole_field_does_no_harm(drift):
    tracks, number = _walk(2, drift=drift)
    assert f1(edges(link(tracks)), _truth(tracks, number)) > 0.99


def test_uneven_times_between_frames_are_noticed():
    tracks, number = _walk(3, frames=16, step=0.05)
    kept = np.isin(tracks.frame, [0, 1, 2, 3, 8, 9, 10, 15])
    uneven = make_tracks(np.unique(tracks.frame[kept], return_inverse=True)[1],
                         tracks.position[kept])  # fmt: skip
    assert f1(edges(link(uneven)), _truth(uneven, number[kept])) > 0.99


@pytest.fixture(scope="module")
def movie():
    return nuclei()


def test_divisions_of_simulated_nuclei_are_found(movie):
    detections, truth = movie
    found = edges(link(detections))
    assert f1(found, truth) > 0.99
    assert len(divisions(truth)) > 30
    assert f1(divisions(found), divisions(truth)) > 0.93


def test_divisions_are_found_from_positions_alone(movie):
    detections, truth = movie
    found = edges(link(replace(detections, properties={})))
    right = len(divisions(found) & divisions(truth))
    assert right > 0.97 * len(divisions(found))
    assert right > 0.85 * len(divisions(truth))


def test_features_that_say_nothing_now_and_then_are_noticed(movie):
    detections, truth = movie
    rng = np.random.default_rng(0)
    odd = rng.random(len(detections)) < 0.06
    area = detections.properties["area"] * np.where(odd, rng.choice([0.3, 3.0], len(odd)), 1.0)
    changed = replace(detections, properties=detections.properties | {"area": area})
    usual, now = (fit_model(Movie(one)).surprise for one in (detections, changed))
    assert now > usual + 0.02
    assert f1(edges(link(changed)), truth) > 0.985


@pytest.mark.parametrize("unknown", [np.nan, 0.0])
@pytest.mark.parametrize("every", [1, 3])
def test_areas_that_a_table_does_not_know_do_no_harm(movie, unknown, every):
    tracks, truth = movie
    area = tracks.properties["area"].astype(float)
    area[::every] = unknown
    linked = link(replace(tracks, properties={"area": area}))
    assert f1(edges(linked), truth) > 0.98
    assert np.isfinite(linked.edge_properties[PROBABILITY]).all()


def test_no_divisions_where_there_are_none(movie):
    detections, _ = movie
    assert link(detections, LinkOptions(divisions=False)).out_degree().max() == 1
    points, _ = _walk(4, missed=0.02)
    assert not divisions(edges(link(points)))


def test_probability_tells_right_links_from_wrong_ones():
    tracks, number = _walk(5, step=0.35, frames=20)
    linked = link(tracks)
    truth = _truth(tracks, number)
    right = np.array([tuple(edge) in truth for edge in linked.edges.tolist()])
    probable = linked.edge_properties[PROBABILITY]
    assert 0.02 < 1 - right.mean() < 0.5
    assert abs(probable.mean() - right.mean()) < 0.1
    assert probable[right].mean() > probable[~right].mean() + 0.1


def test_links_are_right_as_often_as_they_are_probable():
    detections, truth = simulated(Motion(24, 10, 0.6, 25), seed=1)
    linked = link(replace(detections, properties={}))
    right = np.array([tuple(edge) in truth for edge in linked.edges.tolist()])
    probable = linked.edge_properties[PROBABILITY]
    assert probable.mean() == pytest.approx(right.mean(), abs=0.02)
    doubtful = probable < 0.95
    assert probable[doubtful].mean() == pytest.approx(right[doubtful].mean(), abs=0.03)


def test_a_pair_is_linked_alike_from_candidates_that_are_known():
    moving = Movie(_walk(3, frames=4)[0])
    pair = FramePair.of(moving.frame(0), moving.frame(1))
    model = fit_model(moving)
    searched, known = (
        link_pair(pair, model, nearest=one) for one in (None, nearest_candidates(pair))
    )
    assert searched.source.tolist() == known.source.tolist()
    assert searched.target.tolist() == known.target.tolist()
    assert searched.probability.tolist() == known.probability.tolist()


def test_the_longest_way_is_a_limit():
    tracks, _ = _walk(6)
    linked = link(tracks, LinkOptions(max_distance=0.1, max_gap=0))
    source, target = linked.edges.T
    ways = np.linalg.norm(tracks.position[target] - tracks.position[source], axis=1)
    assert 0 < len(ways) < len(tracks) / 2
    assert ways.max() < 0.15  # the common drift of a frame, if any, is not counted


@pytest.mark.parametrize(
    ("frame", "position"),
    [
        ([0], [[1.0, 1.0]]),
        ([0, 1], [[1.0, 1.0], [1.5, 1.0]]),
        ([0, 5], [[1.0, 1.0], [1.0, 1.0]]),
        ([0, 0, 0, 1, 1, 1], [[2.0, 2.0]] * 6),
        ([3, 3, 4], [[0.0, 0.0], [0.0, 9.0], [0.0, 5.0]]),
    ],
)
def test_tiny_and_odd_movies_are_linked(frame, position):
    linked = link(make_tracks(frame, position))
    assert np.isfinite(linked.edge_properties[PROBABILITY]).all()
    assert linked.in_degree().max() <= 1


def test_what_cannot_be_tracked_is_told():
    with pytest.raises(InputError, match="nothing to track"):
        link(make_tracks(np.zeros(0, int), np.zeros((0, 2)), frame_count=3))
    with pytest.raises(UsageError, match="max_gap must be a whole number"):
        LinkOptions(max_gap=-1)
    with pytest.raises(UsageError, match="max_distance must be a number above 0"):
        LinkOptions(max_distance=0)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_part_of_a_crowd_that_is_looked_at_has_a_border(dimensions):
    rng = np.random.default_rng(0)
    start = rng.uniform(0, 20_000 ** (1 / dimensions), (20_000, dimensions))
    position = np.concatenate([start, start + rng.normal(0, 0.05, start.shape)])
    model = fit_model(Movie(make_tracks(np.repeat([0, 1], len(start)), position)))
    assert model.end_rate < 0.005 and model.start_rate < 0.005


@pytest.mark.parametrize(("dimensions", "unknown"), [(2, -1e11), (3, 2.0**31)])
def test_a_number_that_stands_for_an_unknown_place_does_no_harm(dimensions, unknown):
    rng = np.random.default_rng(0)
    place, position = rng.uniform(0, 1000, (300, dimensions)), []
    for number in range(3):
        position.append(place.copy())
        position[-1][0] = unknown
        place = place + rng.normal(0, 2, place.shape) + (70 if number == 0 else 0)
    tracks = link(make_tracks(np.repeat([0, 1, 2], 300), np.concatenate(position)))
    right = tracks.edges[:, 0] % 300 == tracks.edges[:, 1] % 300
    assert right.sum() > 580


def test_the_model_of_a_hollow_field_comes_from_its_cells():
    """Nuclei of an embryo lie in a shell: in the middle of the field there is none."""
    rng = np.random.default_rng(0)
    way = rng.normal(size=(12_000, 3))
    way /= np.linalg.norm(way, axis=1)[:, None]
    place, position = way * 300 * rng.normal(1, 0.01, (12_000, 1)), []
    for _ in range(3):
        position.append(place)
        place = place + rng.normal(0, 0.4, place.shape)
    movie = Movie(make_tracks(np.repeat([0, 1, 2], 12_000), np.concatenate(position)))
    here, there = (movie.frame(number, 500) for number in (0, 1))
    assert len(here) == len(there) == 500
    assert len(np.intersect1d(here.rows, there.rows - 12_000)) > 450
    assert fit_model(movie).step == pytest.approx(0.4, rel=0.05)
