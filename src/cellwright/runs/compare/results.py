"""What a comparison found: how good each candidate is, how sure that is, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cellwright._types import AnyArray, Table
from cellwright.runs.compare.candidates import Candidate
from cellwright.runs.compare.estimate import Estimate, units_of
from cellwright.runs.compare.rounds import Round

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "instances": {"AP@0.5": "AP@0.5", "AP@0.75": "AP@0.75", "F1@0.5": "F1@0.5", "PQ": "PQ"},
    "classes": {"dice": "Dice"},
    "boxes": {"F1": "F1"},
    "points": {"f1": "F1"},
}
"""Scores in the leaderboard and what people call them, by task; the first one decides."""


def deciding(task: str) -> str:
    """Return the score by which candidates are compared."""
    return next(iter(COLUMNS[task]))


@dataclass(slots=True)
class Standing:
    """How far one candidate got.

    Parameters
    ----------
    candidate : Candidate
    rounds : dict of int to Table
        Scores after each round that it took part in, one row per image, in the same order for
        every candidate.
    facts : dict
        What it costs; see `mean_facts`.
    error, slow : str, optional
        Why it failed, or takes too long to go on.
    """

    candidate: Candidate
    rounds: dict[int, Table] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    slow: str | None = None

    @property
    def takes_part(self) -> bool:
        """Whether nothing kept it from going on."""
        return self.error is None and self.slow is None

    @property
    def name(self) -> str:
        """What people call the candidate."""
        return self.candidate.name

    @property
    def last_round(self) -> int:
        """The last round that it took part in."""
        return max(self.rounds)

    def scores(self, column: str, round_: int | None = None) -> AnyArray:
        """Return a score of every image after a round; by default the last one."""
        table = self.rounds[round_ or self.last_round]
        return np.asarray(table[column], dtype=np.float64)

    def estimate(self, column: str, round_: int | None = None) -> Estimate:
        """Return the mean score after a round."""
        return Estimate.of_table(self.rounds[round_ or self.last_round], column)

    def lead_over(self, other: Standing, column: str) -> Estimate:
        """Return how much better this candidate is than another after the same time of training.

        Compared image by image, after the last round that both took part in.
        """
        shared = min(self.last_round, other.last_round)
        mine, theirs = self.scores(column, shared), other.scores(column, shared)
        return Estimate.of(mine - theirs, units_of(self.rounds[shared]))


def in_order(standings: Sequence[Standing], column: str) -> list[Standing]:
    """Return the candidates that did not fail, the best of those who got farthest first."""

    def rank(standing: Standing) -> tuple[int, float]:
        return standing.last_round, standing.estimate(column).rank

    whole = [standing for standing in standings if standing.error is None and standing.rounds]
    return sorted(whole, key=rank, reverse=True)


COMPLETE, GIVEN_UP, FAILED = "complete", "given up", "failed"


@dataclass(frozen=True, slots=True)
class Tried:
    """One choice of settings in a search.

    Parameters
    ----------
    settings : mapping
        Names and values, as people know them.
    standing : Standing
        With one round: the scores of the images that it was judged on so far.
    result : str
        `COMPLETE`, `GIVEN_UP` or `FAILED`.
    """

    settings: Mapping[str, Any]
    standing: Standing
    result: str


@dataclass(frozen=True, slots=True)
class Findings:
    """All that a comparison found.

    Parameters
    ----------
    task : str
        What the models find.
    standings : tuple of Standing
        Of all candidates; at least one did not fail.
    rounds : tuple of Round
    folds : int
    final_minutes : float
        Of training of the model that is recommended.
    notes : tuple of str
        What is to be said about the data.
    tried : tuple of Tried
        Settings of the best candidate that were searched through, the usual ones first.
    minutes : float
        That all of it took.
    held_out : tuple of (int, Estimate), optional
        Number of the images that were kept back, and the score of that model on them.
    """

    task: str
    standings: tuple[Standing, ...]
    rounds: tuple[Round, ...]
    folds: int
    final_minutes: float
    notes: tuple[str, ...]
    tried: tuple[Tried, ...] = ()
    minutes: float = 0.0
    held_out: tuple[int, Estimate] | None = None

    @property
    def found(self) -> Tried | None:
        """The best of the settings that were tried; None where none were."""
        complete = [one for one in self.tried if one.result == COMPLETE]
        column = deciding(self.task)
        return max(complete, key=lambda one: one.standing.estimate(column).rank, default=None)

    @property
    def ranking(self) -> list[Standing]:
        """The candidates that did not fail, the best first."""
        return in_order(self.standings, deciding(self.task))

    @property
    def winner(self) -> Standing:
        """The candidate that is recommended."""
        return self.ranking[0]

    @property
    def failures(self) -> dict[str, str]:
        """Why candidates failed."""
        return {one.name: one.error for one in self.standings if one.error is not None}

    @property
    def left_out(self) -> dict[str, str]:
        """Which candidates were not judged for lack of time, and why."""
        return {one.name: one.slow for one in self.standings if one.slow and not one.rounds}

    def to_json(self) -> dict[str, Any]:
        """Return the content of ``metrics.json``, but for what is said of it."""
        score = self.winner.estimate(deciding(self.task)).to_json()
        rows = [{name: _known(value) for name, value in row.items()} for row in leaderboard(self)]
        return {
            "task": self.task,
            "score": title_of(self.task),
            "recommended": self.winner.name,
            "model": "model",
            "cross_validation": {**score, "of": "images on which it was chosen: optimistic"},
            "held_out": self.held_out
            and {"images": self.held_out[0], **self.held_out[1].to_json()},
            "folds": self.folds,
            "rounds": [
                {"candidates": one.candidates, "minutes_per_training": round(one.minutes, 3)}
                for one in self.rounds
            ],
            "final_minutes": round(self.final_minutes, 3),
            "candidates": rows,
            "settings_tried": settings_rows(self),
            "failed": self.failures,
            "left_out": self.left_out,
            "minutes": round(self.minutes, 2),
            "notes": list(self.notes),
        }


def title_of(task: str) -> str:
    """Return what people call the score by which candidates are compared."""
    return COLUMNS[task][deciding(task)]


def settings_rows(findings: Findings) -> list[dict[str, Any]]:
    """Return one row per choice of settings, in the order in which they were tried."""
    column, score = deciding(findings.task), title_of(findings.task)
    return [
        {
            **one.settings,
            score: one.standing.estimate(column).to_json()["mean"] if one.standing.rounds else None,
            "result": one.result,
        }
        for one in findings.tried
    ]


def leaderboard(findings: Findings) -> list[dict[str, Any]]:
    """Return one row per candidate, the best first, as ``leaderboard.csv`` has them."""
    names = COLUMNS[findings.task]
    first, *others = names
    rows = []
    for rank, standing in enumerate(findings.ranking, 1):
        score, lead = standing.estimate(first), findings.winner.lead_over(standing, first)
        rows.append(
            {
                "rank": rank,
                "candidate": standing.name,
                "method": standing.candidate.method,
                "network": standing.candidate.network or "",
                "result": _result(standing, findings),
                "images": len(standing.scores(first)),
                names[first]: score.mean,
                "low": score.low,
                "high": score.high,
                **{names[name]: standing.estimate(name).mean for name in others},
                "behind": lead.mean,
                "behind_low": lead.low,
                "behind_high": lead.high,
                **{
                    name: np.nan if value is None else value
                    for name, value in standing.facts.items()
                },
            }
        )
    return rows


def _result(standing: Standing, findings: Findings) -> str:
    if standing is findings.winner:
        return "recommended"
    if standing.candidate.network is None:
        return "baseline"
    if standing.last_round < len(findings.rounds):
        return f"left out after round {standing.last_round}"
    return "finalist"


def _known(value: Any) -> Any:
    """Return a value as JSON knows it: None instead of NaN."""
    return None if isinstance(value, float) and math.isnan(value) else value
