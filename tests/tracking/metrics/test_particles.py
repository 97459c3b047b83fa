"""Scores of the particle tracking challenge, derived by hand and by brute force."""

from itertools import permutations

import numpy as np
import pytest

from cellwright._errors import InputError
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


def test_empty_sides_and_wrong_gates():
    some, none = tracks(line(0, range(3))), tracks()
    assert particle_scores(some, none).alpha == 0 and particle_scores(some, none).jsc == 0
    assert np.isnan(particle_scores(none, none).alpha)
    with pytest.raises(InputError, match="gate"):
        particle_scores(some, some, gate=0)
    with pytest.raises(InputError, match="dimensions"):
        particle_scores(some, make_tracks([0], [[1.0, 2.0, 3.0]]))
