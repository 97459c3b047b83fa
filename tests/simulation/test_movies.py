from itertools import pairwise

import numpy as np
import pytest

from cellwright import UsageError
from cellwright.simulation.movies import Motion, simulate_movie
from cellwright.simulation.nuclei import NucleiSimulation

SAMPLE = NucleiSimulation(size=(128, 160), diameter=20, density=0.12, condensed=0)


@pytest.fixture(scope="module")
def movie():
    return simulate_movie(SAMPLE, Motion(frames=14, cycle=8), seed=4)


def test_shapes_and_seed(movie):
    frames, labels, tracks = movie
    assert frames.shape == labels.shape == (14, 128, 160)
    again = simulate_movie(SAMPLE, Motion(frames=14, cycle=8), seed=4)
    assert np.array_equal(frames, again[0]) and np.array_equal(labels, again[1])
    assert all(np.array_equal(tracks[name], again[2][name]) for name in tracks)


def test_tracks_say_exactly_when_each_label_is_seen(movie):
    _, labels, tracks = movie
    assert set(tracks["label"]) == set(np.unique(labels[labels > 0]))
    for label, begin, end in zip(tracks["label"], tracks["begin"], tracks["end"], strict=True):
        seen = [t for t in range(len(labels)) if (labels[t] == label).any()]
        assert (seen[0], seen[-1]) == (begin, end)
        assert seen == list(range(begin, end + 1))


def test_mothers_end_before_their_daughters_begin_and_have_at_most_two(movie):
    _, _, tracks = movie
    end = dict(zip(tracks["label"], tracks["end"], strict=True))
    born = [
        (parent, begin)
        for parent, begin in zip(tracks["parent"], tracks["begin"], strict=True)
        if parent
    ]
    assert len(born) >= 6
    assert all(end[parent] < begin for parent, begin in born)
    _, daughters = np.unique([parent for parent, _ in born], return_counts=True)
    assert daughters.max() == 2


def test_daughters_appear_where_their_mother_was(movie):
    _, labels, tracks = movie
    checked = 0
    for label, begin, parent in zip(
        tracks["label"], tracks["begin"], tracks["parent"], strict=True
    ):
        if parent and (labels[begin - 1] == parent).any():
            here = np.argwhere(labels[begin] == label).mean(0)
            there = np.argwhere(labels[begin - 1] == parent).mean(0)
            checked += 1
            assert np.linalg.norm(here - there) < 2 * SAMPLE.diameter
    assert checked >= 4


def test_nuclei_that_never_divide_have_no_parents_and_move_as_fast_as_asked():
    lonely = NucleiSimulation(size=(300, 300), diameter=16, density=0.02, clustering=0)
    motion = Motion(frames=10, speed=3.0, cycle=float("inf"))
    _, labels, tracks = simulate_movie(lonely, motion, seed=1)
    assert not tracks["parent"].any()
    steps = [
        np.argwhere(b == i).mean(0) - np.argwhere(a == i).mean(0)
        for a, b in pairwise(labels)
        for i in np.unique(a[30:-30, 30:-30])
        if i and (b == i).any()
    ]
    assert np.sqrt((np.square(steps).sum(1)).mean()) == pytest.approx(3.0, rel=0.25)


def entering_and_leaving(labels, tracks):
    """Return how many tracks begin, and end, at the border without a mother or daughters."""
    rim = np.ones(labels.shape[1:], bool)
    rim[1:-1, 1:-1] = False
    mothers = set(tracks["parent"].tolist())
    enter = leave = 0
    columns = (tracks[name] for name in ("label", "begin", "end", "parent"))
    for label, begin, end, parent in zip(*columns, strict=True):
        enter += bool(begin > 0 and not parent and (labels[begin] == label)[rim].any())
        at_end = (labels[end] == label)[rim].any()
        leave += bool(end < len(labels) - 1 and label not in mothers and at_end)
    return enter, leave


def test_nuclei_enter_and_leave_over_the_border():
    sample = NucleiSimulation(size=(200, 200), diameter=14, density=0.12)
    motion = Motion(frames=20, speed=5.0, cycle=float("inf"))
    movies = [simulate_movie(sample, motion, seed)[1:] for seed in range(4)]
    enter, leave = np.sum([entering_and_leaving(*movie) for movie in movies], axis=0)
    begun = sum(np.count_nonzero(tracks["begin"]) for _, tracks in movies)
    assert enter == pytest.approx(begun, rel=0.3)  # others were first seen farther in
    assert 0.4 * leave < enter < 1.2 * leave  # one that has left does not come back
    first, last = np.sum([(labels[[0, -1]] > 0).sum((1, 2)) for labels, _ in movies], axis=0)
    assert 0.75 * first < last < 1.1 * first


def test_nuclei_enter_volumes():
    sample = NucleiSimulation(size=(12, 60, 60), diameter=10, density=0.08)
    motion = Motion(frames=8, speed=4.0, cycle=float("inf"))
    _, _, tracks = simulate_movie(sample, motion, seed=0)
    assert np.count_nonzero(tracks["begin"] > 0) >= 5
    assert not tracks["parent"].any()


def test_impossible_motion_is_refused():
    with pytest.raises(UsageError, match="cycle > 1"):
        Motion(cycle=0.5)
