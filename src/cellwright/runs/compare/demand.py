"""What a comparison needs, by what its candidates took when they were tried."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache

from cellwright.runs.compare.candidates import Candidate
from cellwright.runs.compare.rehearsal import Cost
from cellwright.runs.compare.schedule import Besides, Schedule, enough_seconds, plan_schedule
from cellwright.runs.compare.trial import Fold


class Demand:
    """Candidates that can take part, and what they take.

    Parameters
    ----------
    candidates : sequence of Candidate
        Those without a known cost take no part.
    costs : mapping of str to Cost
        By the name of the candidate.
    folds : sequence of Fold
    seed : int
        Of the images that are drawn where not all can judge.

    Attributes
    ----------
    candidates : tuple of Candidate
        Who takes part.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        costs: Mapping[str, Cost],
        folds: Sequence[Fold],
        seed: int,
    ) -> None:
        self.candidates = tuple(one for one in candidates if one.name in costs)
        self._costs, self._folds, self._seed = costs, folds, seed
        self._besides: Besides = cache(self._taken_besides)  # asked for in every way to divide time

    def schedule(self, seconds: float) -> Schedule:
        """Return what fits into so many seconds."""
        return plan_schedule(
            [one.name for one in self.candidates if one.network],
            [one.name for one in self.candidates if not one.network],
            len(self._folds),
            max(len(fold.dataset.part("test")) for fold in self._folds),
            seconds,
            self._besides,
        )

    def fewest_steps(self, schedule: Schedule) -> float:
        """Return how many steps those take at least that get to the last round.

        Infinity where nothing learns in steps.
        """
        seconds = 60 * schedule.rounds[-1].minutes
        paces = [self._costs[name].step for name in schedule.candidates]
        return min((seconds / pace for pace in paces if pace > 0), default=math.inf)

    def enough(self, seconds: float) -> float:
        """Return the seconds, at least those given, in which all can be compared."""
        return enough_seconds(self.schedule, self.fewest_steps, seconds)

    def _taken_besides(self, name: str, folds: int, judged: int) -> float:
        thinned = (fold.thinned(judged, self._seed) for fold in self._folds[:folds])
        return sum(self._costs[name].of(fold) for fold in thinned)
