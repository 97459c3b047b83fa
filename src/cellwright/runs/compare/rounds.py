"""Successive halving: in every round the better half of the candidates learns on.

References
----------
Karnin, Koren & Somekh, "Almost optimal exploration in multi-armed bandits", ICML 2013; Jamieson &
Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Round:
    """One round of a comparison.

    Parameters
    ----------
    candidates : int
        How many take part.
    minutes : float
        What each of their trainings has had at its end, over all rounds.
    """

    candidates: int
    minutes: float


def halved(candidates: int) -> tuple[int, ...]:
    """Return how many candidates take part in each round, where half stay, down to two."""
    counts = [candidates]
    while counts[-1] > 2:
        counts.append((counts[-1] + 1) // 2)
    return tuple(counts)


def plan_rounds(counts: Sequence[int], folds: int, minutes: float) -> tuple[Round, ...]:
    """Divide a budget such that all rounds cost the same.

    Parameters
    ----------
    counts : sequence of int
        How many candidates take part in each round.
    folds : int
        Trainings of each candidate.
    minutes : float
        The budget of all rounds.

    Returns
    -------
    tuple of Round
    """
    rounds = []
    spent = 0.0
    for count in counts:
        spent += minutes / (len(counts) * count * folds)
        rounds.append(Round(count, spent))
    return tuple(rounds)
