"""Scores of the particle tracking challenge, derived by hand and by brute force."""

import tracemalloc
from itertools import permutations, product

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from cellwright._errors import InputError
from cellwright.tracking.metrics import particles
from cellwright.tracking.metrics.assignment import best_pairs
from cellwright.tracking.metrics.particles import particle_scores
from cellwright.tracking.tracks import make_tracks


def tracks(*paths):
    """One track for each {frame: (y, x)}."""
    rows = [(frame, place) for path in paths for frame, place in sorted(path.items())]
    edges, start = [], 0
    for path in paths:
        edges += [[i, i + 1] for i in range(start, start + len(path) - 1)]
        start += len(path)
    frames, places = zip(*rows, strict=True) if rows else ((), np.zeros((0, 2)))
    return make_tracks(list(frames), places, edges, frame_count=20)


def line(y, frames, shift=0.0):
    return {frame: (y, 2.0 * frame + shift) for frame in frames}


def test_the_truth_scores_perfectly():
    truth = tracks(line(0, range(10)), line(30, range(3, 8)))
    scores = particle_scores(truth, truth)
    assert (scores.alpha, scores.beta, scores.jsc, scores.jsc_theta, scores.rmse) == (1, 1, 1, 1, 0)


def test_by_hand():
    """Two true tracks of 10 and 5; the first is found 3 px aside without its end; one is false."""
    truth = tracks(line(0, range(10)), line(30, range(5)))
    found = tracks(line(0, range(8), shift=3.0), line(60, range(4)))
    scores = particle_scores(truth, found, gate=5.0)
    gained = 8 * (5 - 3)
    assert scores.alpha == pytest.approx(gained / (15 * 5))
    assert scores.beta == pytest.approx(gained / (15 * 5 + 4 * 5))
    assert scores.jsc == pytest.approx(8 / (15 + 12 - 8))
    assert scores.jsc_theta == pytest.approx(1 / (2 + 2 - 1)) and scores.rmse == pytest.approx(3)


def test_a_partner_is_punished_where_the_true_track_is_not():
    truth = tracks(line(0, range(5)))
    longer = particle_scores(truth, tracks(line(0, range(7))))
    assert longer.alpha == pytest.approx(1 - 2 / 5)
    # Twice as long: nothing would be gained, so the tracks stay alone.
    twice = particle_scores(truth, tracks(line(0, range(10))))
    assert twice.alpha == 0 and twice.beta == 0 and twice.jsc_theta == 0 and np.isnan(twice.rmse)


def test_gaps_do_not_end_a_track():
    path = line(0, [0, 1, 2, 5, 6])
    scores = particle_scores(tracks(line(0, range(7))), tracks(path))
    assert scores.jsc_theta == 1 and scores.alpha == pytest.approx(5 / 7)


def test_pairs_are_the_best_of_all():
    rng = np.random.default_rng(4)
    for _ in range(30):
        gain = np.where(rng.random((4, 5)) < 0.6, rng.normal(1, 1, (4, 5)), 0)
        left, right = np.nonzero(gain)
        chosen = best_pairs(left, right, gain[left, right])
        best = max(
            sum(max(gain[i, j], 0) for i, j in enumerate(order))
            for order in permutations(range(5), 4)
        )
        assert gain[left, right][chosen].sum() == pytest.approx(best)
        assert len(set(left[chosen])) == len(set(right[chosen])) == chosen.sum()


def test_a_crowd_is_scored_in_little_memory(monkeypatch):
    """A table of all pairs of 3,000 tracks would take 72 MB; also a few tracks at a time."""
    rng = np.random.default_rng(7)
    place = rng.uniform(0, 40, (3000, 2))
    frame = np.repeat([0, 1], len(place))
    numbers = np.arange(len(place))
    links = np.stack([numbers, numbers + len(place)], axis=1)
    truth = make_tracks(frame, np.concatenate([place, place]), links)
    some = make_tracks([0, 1], [[0, 0], [0, 0]], [[0, 1]])
    particle_scores(some, some, gate=1.0)  # compiled
    monkeypatch.setattr(particles, "_AT_ONCE", 500)
    tracemalloc.start()
    assert particle_scores(truth, truth, gate=1.0).alpha == 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12e6


def slowly(truth, found, gate):
    """The definitions of the challenge, word by word: found tracks and a dummy for each true one.

    Found tracks without a partner cost nothing when pairs are chosen, and a partner that is as far
    as a dummy is none.
    """
    dummies = [{} for _ in truth]
    distance = np.zeros((len(truth), len(found) + len(dummies)))
    for (i, one), (j, other) in product(enumerate(truth), enumerate(found + dummies)):
        for frame in one.keys() | other.keys():
            both = frame in one and frame in other
            apart = np.hypot(*np.subtract(one[frame], other[frame])) if both else gate
            distance[i, j] += min(apart, gate)
    preferred = distance + 1e-9 * (np.arange(distance.shape[1]) < len(found))
    rows, columns = linear_sum_assignment(preferred)
    to_partners = distance[rows, columns].sum()
    nothing = gate * sum(map(len, truth))
    paired = {i: j for i, j in zip(rows, columns, strict=True) if j < len(found)}
    spurious = gate * sum(len(one) for j, one in enumerate(found) if j not in paired.values())
    near = [
        apart
        for i, j in paired.items()
        for frame in truth[i].keys() & found[j].keys()
        if (apart := np.hypot(*np.subtract(truth[i][frame], found[j][frame]))) < gate
    ]
    total = sum(map(len, truth)) + sum(map(len, found))
    return (
        1 - to_partners / nothing,
        (nothing - to_partners) / (nothing + spurious),
        len(near) / (total - len(near)),
        len(paired) / (len(truth) + len(found) - len(paired)),
        np.sqrt(np.mean(np.square(near))),
    )


@pytest.mark.parametrize("seed", range(12))
def test_scores_are_those_of_the_definition(seed):
    rng = np.random.default_rng(seed)
    truth = []
    for _ in range(8):
        frames = np.arange(*np.sort(rng.choice(20, 2, replace=False)))
        way = rng.uniform(0, 25, 2) + np.cumsum(rng.normal(0, 1.5, (len(frames), 2)), axis=0)
        truth.append(dict(zip(frames.tolist(), map(tuple, way.tolist()), strict=True)))
    found = [dict.fromkeys(range(3), (9.0, 9.0))]
    for path in truth[:7]:
        kept = {
            frame: tuple(np.add(place, rng.normal(0, 1.5, 2)))
            for frame, place in path.items()
            if rng.random() < 0.8
        }
        cut = rng.integers(0, 20)
        parts = [{f: p for f, p in kept.items() if (f < cut) == early} for early in (True, False)]
        found += [part for part in parts if part]
    scores = particle_scores(tracks(*truth), tracks(*found), gate=5.0)
    expected = slowly(truth, found, 5.0)
    named = (scores.alpha, scores.beta, scores.jsc, scores.jsc_theta, scores.rmse)
    assert named == pytest.approx(expected)


def test_empty_sides_and_wrong_gates():
    some, none = tracks(line(0, range(3))), tracks()
    assert particle_scores(some, none).alpha == 0 and particle_scores(some, none).jsc == 0
    assert np.isnan(particle_scores(none, none).alpha)
    for gate in (0, -1, np.nan, np.inf):
        with pytest.raises(InputError, match="gate"):
            particle_scores(some, some, gate=gate)
    with pytest.raises(InputError, match="dimensions"):
        particle_scores(some, make_tracks([0], [[1.0, 2.0, 3.0]]))
