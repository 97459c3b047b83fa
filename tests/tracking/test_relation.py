import numpy as np
import pytest

from cellwright.tracking import relation
from cellwright.tracking.relation import are_unrelated
from cellwright.tracking.summary import summarise
from cellwright.tracking.tracks import make_tracks

FRAMES = 4


def movie(frames):
    """Cells in frames that are not linked."""
    number = np.repeat(np.arange(len(frames)), [len(cells) for cells in frames])
    return make_tracks(frame=number, position=np.concatenate(frames), edges=np.zeros((0, 2), int))


def cells(seed, count=30, size=200.0):
    return np.random.default_rng(seed).uniform(0, size, (count, 2))


def moving(first, step, seed=0):
    draw = np.random.default_rng(seed)
    return [first + t * draw.normal(0, step, first.shape) for t in range(FRAMES)]


@pytest.mark.parametrize("count", [5, 30, 300])
def test_pictures_of_different_cells_are_told(count):
    tracks = movie([cells(seed, count) for seed in range(FRAMES)])
    assert are_unrelated(tracks)
    assert "hardly anything in common" in summarise(tracks).warnings()[0]


@pytest.mark.parametrize("step", [0.5, 3.0])
def test_cells_that_move_are_those_of_the_frame_before(step):
    tracks = movie(moving(cells(0), step))
    assert not are_unrelated(tracks)
    assert not any("in common" in warning for warning in summarise(tracks).warnings())


def test_cells_that_go_far_together_are_those_of_the_frame_before():
    first, noise = cells(0, 900), np.random.default_rng(1)
    grown = [first * 1.1**t + noise.normal(0, 0.5, first.shape) for t in range(FRAMES)]
    way = np.array([0, 9.0])
    shifted = [first + t * way + noise.normal(0, 0.5, first.shape) for t in range(FRAMES)]
    assert not are_unrelated(movie(grown))
    assert not are_unrelated(movie(shifted))


def test_a_pattern_like_its_mirror_image_is_no_reason_for_doubt():
    grid = np.stack(np.meshgrid(np.arange(6.0), np.arange(6.0)), -1).reshape(-1, 2) * 20
    assert not are_unrelated(movie(moving(grid, 1.0)))


def test_too_few_cells_tell_nothing():
    assert not are_unrelated(movie([cells(seed, 1) for seed in range(12)]))
    assert not are_unrelated(movie([cells(0, 4), np.zeros((0, 2)), cells(1, 4)]))


def test_of_many_cells_some_are_looked_at(monkeypatch):
    monkeypatch.setattr(relation, "_MOST_CELLS", 100)
    here, there = cells(1, 1050), cells(2, 900)
    nearer, steps = relation._compare(here, there, np.array([100.0, 100.0]))
    assert len(nearer) == len(steps) == 105
    some = here[::10]
    own = np.linalg.norm(some[:, None] - there, axis=2).min(axis=1)
    apart = np.sort(np.linalg.norm(some[:, None] - here, axis=2), axis=1)[:, 1]
    images = [there * s + 200 * (np.array(s) < 0) for s in ([1, -1], [-1, 1], [-1, -1])]
    chance = [np.linalg.norm(some[:, None] - one, axis=2).min(axis=1) for one in images]
    assert steps == pytest.approx(own / apart)
    assert nearer.tolist() == (own < np.mean(chance, axis=0)).tolist()


@pytest.mark.parametrize("unrelated", [False, True])
def test_crowds_are_told_as_well(unrelated):
    frames = [cells(seed, 3000) for seed in range(2)] if unrelated else moving(cells(0, 3000), 0.5)
    assert are_unrelated(movie(frames)) == unrelated
