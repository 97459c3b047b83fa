"""Which parameters of a readout are chosen, and how often the slow question is asked."""

from dataclasses import dataclass

import pytest

pytest.importorskip("torch")

from cellwright.runs.train.tuning import chosen_parameters


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
