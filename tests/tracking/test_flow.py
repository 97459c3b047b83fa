"""Tissue that streams, turns or grows between two frames."""

import numpy as np
import pytest

from cellwright.tracking.flow import Drift, Flow, local_flow
from cellwright.tracking.frames import Movie
from cellwright.tracking.link import link, start_linking
from cellwright.tracking.motion import FramePair, common_shift
from cellwright.tracking.options import LinkOptions
from cellwright.tracking.tracks import make_tracks
from tracking.movies import edges, f1

NONE = np.zeros((0, 2), int)


def _turned(place):
    return 0.11 * np.stack([-place[:, 1], place[:, 0], *place.T[2:]], axis=1)


def _grown(place):
    return 0.09 * place


def _still(place):
    return np.zeros_like(place)


def movie(flow, *, dimensions=2, count=625, frames=2, seed=0, missed=0.0, noise=0.1):
    """Return points about 1 apart that a field carries along, and their true links."""
    rng = np.random.default_rng(seed)
    side = round(count ** (1 / dimensions))
    axes = np.meshgrid(*[np.arange(side) - (side - 1) / 2.0] * dimensions)
    place = np.stack([axis.ravel() for axis in axes], axis=1)
    place = place + rng.uniform(-0.25, 0.25, place.shape)
    rows, names, times = [], [], []
    for number in range(frames):
        seen = rng.permutation(len(place))[: round((1 - missed) * len(place))]
        rows.append(place[seen])
        names.append(seen)
        times.append(np.full(len(seen), number))
        place = place + flow(place) + rng.normal(0, noise, place.shape)
    tracks = make_tracks(np.concatenate(times), np.concatenate(rows))
    last: dict[int, int] = {}
    truth = set()
    for row, name in enumerate(np.concatenate(names).tolist()):
        if name in last:
            truth.add((last[name], row))
        last[name] = row
    return tracks, truth


def _pair(tracks):
    frames = Movie(tracks)
    return frames.frame(0), frames.frame(1)


@pytest.mark.parametrize("flow", [_turned, _grown])
@pytest.mark.parametrize(("dimensions", "count"), [(2, 625), (3, 1000)])
def test_the_flow_of_a_field_is_found_to_a_part_of_the_distance_between_cells(
    flow, dimensions, count
):
    earlier, later = _pair(movie(flow, dimensions=dimensions, count=count)[0])
    found = FramePair.of(earlier, later).carried
    true = flow(earlier.position)
    assert np.linalg.norm(true, axis=1).max() > 0.6  # more than half of the way to the next cell
    assert np.median(np.linalg.norm(found - true, axis=1)) < 0.12


@pytest.mark.parametrize(("flow", "times"), [(_turned, 1.1), (_grown, 1.3)])
@pytest.mark.parametrize("seed", range(3))
def test_regions_that_go_far_are_found_by_what_the_rest_of_the_field_tells(flow, times, seed):
    def fast(place):
        return times * flow(place)

    earlier, later = _pair(movie(fast, count=1600, seed=seed)[0])
    true = fast(earlier.position)
    assert np.linalg.norm(true, axis=1).max() > 2.5  # beyond the next two cells
    wrong = np.linalg.norm(FramePair.of(earlier, later).carried - true, axis=1) > 0.5
    assert np.count_nonzero(wrong) < 10


@pytest.mark.parametrize("flow", [_turned, _grown])
def test_cells_are_followed_where_all_of_them_go_farther_than_to_their_neighbours(flow):
    tracks, truth = movie(flow, frames=6)
    assert f1(edges(link(tracks)), truth) > 0.97


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_field_that_moves_as_a_whole_does_not_flow(seed, dimensions):
    far = np.full(dimensions, 2.3 if dimensions == 2 else 0.8)
    earlier, later = _pair(movie(lambda place: far, dimensions=dimensions, seed=seed, noise=0.2)[0])
    shift = common_shift(earlier, later)
    assert np.abs(shift - far).max() < 0.1
    assert local_flow(earlier, later, shift) is None


def _two_frames(before, after):
    frame = np.repeat([0, 1], [len(before), len(after)])
    both = Movie(make_tracks(frame, np.concatenate([before, after])))
    return both.frame(0), both.frame(1)


@pytest.mark.parametrize("count", [3, 5, 7])
@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("others", [0, 2])
def test_a_few_that_all_jump_alike_have_drifted(count, dimensions, others):
    rng = np.random.default_rng(count)
    for _ in range(20):
        before = rng.uniform(0, 100, (count + others, dimensions))
        after = before[:count] + 60.0 + rng.normal(0, 0.5, (count, dimensions))
        assert common_shift(*_two_frames(before, after)) == pytest.approx(60.0, abs=2.0)
        assert common_shift(*_two_frames(after, before)) == pytest.approx(-60.0, abs=2.0)


@pytest.mark.parametrize("count", [2, 3, 5, 7])
def test_a_few_that_are_others_in_each_frame_have_not_drifted(count):
    rng = np.random.default_rng(count)
    frames = [_two_frames(*rng.uniform(0, 100, (2, count, 2))) for _ in range(300)]
    drifted = sum(bool(common_shift(*one).any()) for one in frames)
    assert drifted <= 6


@pytest.mark.parametrize("count", [2, 3, 5, 7])
def test_a_few_in_one_place_have_not_drifted(count):
    rng = np.random.default_rng(count)
    place = rng.uniform(0, 100, (count, 2))
    assert not common_shift(*_two_frames(place, place)).any()
    assert not common_shift(*_two_frames(place, place[::-1])).any()
    assert not common_shift(*_two_frames(0 * place, 0 * place)).any()


@pytest.mark.parametrize("count", [36, 64, 100])
def test_mothers_that_all_divide_at_once_do_not_drift(count):
    rng = np.random.default_rng(count)
    grid = np.indices([round(np.sqrt(count))] * 2).reshape(2, -1).T
    place = 30.0 * grid + rng.uniform(-6, 6, grid.shape)
    angle = rng.uniform(0, 2 * np.pi, count)
    apart = 10.0 * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    daughters = np.concatenate([place + apart, place - apart])
    daughters += rng.normal(0, 1.0, daughters.shape)
    assert common_shift(*_two_frames(place, daughters)) == pytest.approx([0.0, 0.0])
    assert common_shift(*_two_frames(daughters, place)) == pytest.approx([0.0, 0.0])


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("dimensions", [2, 3])
def test_frames_of_different_cells_do_not_flow(seed, dimensions):
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, 625 ** (1 / dimensions), (1250, dimensions))
    earlier, later = _pair(make_tracks(np.repeat([0, 1], 625), places))
    assert local_flow(earlier, later, np.zeros(dimensions)) is None


@pytest.mark.parametrize(("lower", "upper"), [(0.0, 0.7), (-0.45, 0.45)])
def test_half_of_a_field_may_stream_past_the_other(lower, upper):
    rng = np.random.default_rng(5)
    place = rng.uniform(0, 28, (800, 2))
    way = np.where(place[:, :1] > 14, upper, lower) * [0.0, 1.0]
    frames = [place + way * number + rng.normal(0, 0.03, place.shape) for number in range(5)]
    tracks = make_tracks(np.repeat(np.arange(5), 800), np.concatenate(frames))
    rows = np.arange(4 * 800)
    truth = set(zip(rows.tolist(), (rows + 800).tolist(), strict=True))
    assert f1(edges(link(tracks)), truth) > 0.95


@pytest.mark.parametrize("until", [26, 18])
@pytest.mark.parametrize("seed", range(5))
def test_a_part_that_is_not_seen_makes_no_flow(until, seed):
    rng = np.random.default_rng(seed)
    place = rng.uniform(0, 35, (1200, 2))
    later = place + rng.normal(0, 0.15, place.shape)
    seen = later[later[:, 1] < until]
    for one, other in ((place, seen), (seen, place)):
        times = np.repeat([0, 1], [len(one), len(other)])
        frames = _pair(make_tracks(times, np.concatenate([one, other])))
        assert local_flow(*frames, np.zeros(2)) is None


def test_a_few_cells_tell_nothing():
    earlier, later = _pair(movie(_grown, count=49)[0])
    assert local_flow(earlier, later, np.zeros(2)) is None


def test_places_between_knots_and_beyond_them_flow_as_steeply():
    rng = np.random.default_rng(0)
    knots = rng.uniform(-5, 5, (200, 2))
    field = Flow.of(knots, _turned(knots))
    asked = rng.uniform(-6, 6, (500, 2))
    assert np.abs(field.at(asked) - _turned(asked)).max() < 0.1
    one_place = Flow.of(np.ones((20, 2)), np.full((20, 2), 3.0))
    assert np.allclose(one_place.at(asked), 3.0)


def test_a_drift_without_flow_is_the_same_everywhere():
    assert Drift(np.array([1.0, 2.0])).at(np.zeros((3, 2))).tolist() == [[1, 2]] * 3


def test_gaps_are_closed_along_the_flow():
    tracks, truth = movie(_turned, frames=8, missed=0.04, noise=0.05)
    found = edges(link(tracks, LinkOptions(divisions=False)))
    over = {(a, b) for a, b in truth if tracks.frame[b] - tracks.frame[a] > 1}
    assert len(over) > 80
    assert len(found & over) > 0.9 * len(over)


@pytest.mark.parametrize("motion", ["brownian", "directed"])
def test_corrections_know_the_flow(motion):
    tracks, truth = movie(_turned, frames=5)
    linking = start_linking(tracks, LinkOptions(motion=motion))
    before = edges(linking.tracks())
    assert f1(before, truth) > 0.9
    one = np.array([sorted(before)[200]])
    cut = linking.pinned(NONE, one)
    assert tuple(one[0].tolist()) not in edges(cut.tracks())
    assert len(edges(cut.pinned(one, NONE).tracks()) ^ before) <= 4
