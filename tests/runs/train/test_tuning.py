"""Which parameters and which least confidence are chosen, and how often the slow question asked."""

from dataclasses import dataclass

import numpy as np
import pytest

pytest.importorskip("torch")

from cellwright.runs.train.tuning import (
    CONFIDENCE_THRESHOLDS,
    best_confidence,
    chosen_parameters,
)


@dataclass(frozen=True)
class Card:
    readout: dict


def test_parameters_are_chosen_one_after_the_other_and_nothing_is_asked_twice():
    asked = []

    def precision(card):
        asked.append(card.readout)
        return -abs(card.readout["threshold"] - 0.6) - abs(card.readout["overlap"] - 0.3)

    start = Card({"rays": 32, "threshold": 0.5, "overlap": 0.4})
    tunable = {"threshold": (0.4, 0.5, 0.6), "overlap": (0.3, 0.4, 0.5)}
    best = chosen_parameters(start, tunable, precision)
    assert best.readout == {"rays": 32, "threshold": 0.6, "overlap": 0.3}
    assert len(asked) == 5  # threshold 0.6 with overlap 0.4 was known


def test_of_equally_good_values_the_first_is_taken():
    best = chosen_parameters(Card({"threshold": 0.5}), {"threshold": (0.4, 0.6)}, lambda _: 0.0)
    assert best.readout == {"threshold": 0.4}


def average_precision(confidence, correct, true_objects, least):
    right, kept = np.sum(correct & (confidence >= least)), np.sum(confidence >= least)
    return right / (kept + true_objects - right)


def drawn_objects(count, rng):
    """Return objects whose confidences hold, most of them sure."""
    confidence = rng.beta(2, 1, count)
    return confidence, rng.random(count) < confidence


def test_many_objects_have_the_say_about_the_least_confidence():
    rng = np.random.default_rng(0)
    confidence = np.repeat([0.9, 0.6, 0.5, 0.2], 500)
    correct = np.repeat([True, True, False, False], 500)  # 0.5 promises more than it keeps
    assert 0.5 < best_confidence(confidence, correct, 1000) <= 0.6
    confidence, correct = drawn_objects(5000, rng)
    least = best_confidence(confidence, correct, 4000)
    best = max(average_precision(confidence, correct, 4000, t) for t in CONFIDENCE_THRESHOLDS)
    assert average_precision(confidence, correct, 4000, least) > best - 0.005


def test_a_few_objects_alone_do_not_decide_the_least_confidence():
    chosen, rng = [], np.random.default_rng(1)
    for _ in range(50):
        confidence, correct = drawn_objects(30, rng)
        chosen.append(best_confidence(confidence, correct, 24))
    # AP is about 0.6 where all is kept from 0.6 / 1.6 on; the best of 30 objects is anywhere.
    assert np.std(chosen) < 0.08
    assert 0.3 < np.mean(chosen) < 0.45


def test_without_objects_there_is_a_least_confidence_all_the_same():
    none = np.zeros(0)
    assert best_confidence(none, none.astype(bool), 0) in CONFIDENCE_THRESHOLDS
