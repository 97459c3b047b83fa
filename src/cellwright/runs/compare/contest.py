"""The rounds of a comparison: who trains when, for how long, and what is kept of it."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from cellwright._errors import TrainingError
from cellwright._progress import remark
from cellwright._types import Table
from cellwright._words import counted, option
from cellwright.measure.tables import concatenate
from cellwright.runs.compare.candidates import Candidate
from cellwright.runs.compare.demand import Demand
from cellwright.runs.compare.options import CompareOptions
from cellwright.runs.compare.rehearsal import Rehearsal, rehearse
from cellwright.runs.compare.results import Standing, deciding, in_order
from cellwright.runs.compare.schedule import FEWEST_STEPS, FINAL
from cellwright.runs.compare.trial import Fold, attempted, mean_facts, run_trial, too_slow
from cellwright.runs.results.folder import RunFolder
from cellwright.runs.results.plan import Outcome
from cellwright.runs.results.room import PARTS
from cellwright.runs.train.lesson import Machine
from cellwright.runs.train.options import TrainOptions

_SLOWER = 3.0  # times as long as in the rehearsal a trial may take besides learning
_LONGER = 1.5  # times as long as planned it may learn: the last step and its validation come on top
_LEAST = 10.0  # s: what is given to a trial at least
_SHARE = 0.1  # of what is left, likewise
_FEWEST_MINUTES = 0.001  # of the final model: one step, then


class Clock:
    """What is left of the budget of a comparison, in s; parts before an interruption count.

    Parameters
    ----------
    seconds : float
        The whole budget.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """What is left; below 0 where more was used up."""
        return self._end - time.monotonic()

    def was_used(self, seconds: float) -> None:
        """Take off what was used before an interruption."""
        self._end -= seconds


def more_time(slow: Collection[str | None], minutes: float) -> str:
    """Return the advice to give more time where candidates were too slow; how much is not known."""
    return f"Give {option(minutes=math.ceil(2 * minutes))} or more." if any(slow) else ""


def reasons(why: Mapping[str, str | None]) -> str:
    """Return why candidates, by name, are left out: in brackets, within a sentence."""
    told = (f"{name}: {(said or '').rstrip('.')}" for name, said in why.items())
    return f"({'; '.join(told)})"


class Contest:
    """Candidates that learn in rounds, within a budget.

    What is done is kept in the folder of the run, so that the same contest goes on where it was.

    Parameters
    ----------
    run : RunFolder
    folds : sequence of Fold
    candidates : sequence of Candidate
    clock : Clock
        Of the whole comparison.
    reserved : float
        What is not for the contest and the final model, in s.
    options : CompareOptions
    machine : Machine

    Attributes
    ----------
    folds : tuple of Fold
        In which all candidates are trained, with the images by which they are judged.
    schedule : Schedule
        What fits into the budget.
    standings : list of Standing
        One for each candidate.
    notes : list of str
        What is done within the budget, and what there was no time for.
    pictures : dict
        What the report shows, by image and candidate.

    Raises
    ------
    TrainingError
        If no candidate can take part, or trying what they take leaves no time.
    """

    def __init__(
        self,
        run: RunFolder,
        folds: Sequence[Fold],
        candidates: Sequence[Candidate],
        clock: Clock,
        reserved: float,
        options: CompareOptions,
        machine: Machine,
    ) -> None:
        self._run, self._clock, self._reserved = run, clock, reserved
        self._options, self._machine = options, machine
        self._column = deciding(folds[0].task.name)
        self._counted = set[str]()
        self._rehearsal, left = self._rehearsed(folds, candidates)
        self.standings = [
            Standing(
                candidate,
                error=self._rehearsal.errors.get(candidate.name),
                slow=self._rehearsal.slow.get(candidate.name),
            )
            for candidate in candidates
        ]
        demand = Demand(candidates, self._rehearsal.costs, folds, options.seed)
        self.schedule = demand.schedule(left)
        for standing in self.standings:
            standing.slow = standing.slow or self.schedule.left_out.get(standing.name)
        self.folds = self._thinned(folds)
        self.pictures: dict[str, dict[str, Any]] = {}
        self.notes = list[str]()
        self._note(self._plan_in_words(demand))
        if self.schedule.left_out or demand.fewest_steps(self.schedule) < FEWEST_STEPS:
            self._note(self._enough_in_words(demand, left))

    def _enough_in_words(self, demand: Demand, left: float) -> str:
        """Return the minutes with which nobody is left out, and trainings are not too short."""
        budget = 60 * self._options.minutes
        tried = budget - self._reserved - left
        seconds = (demand.enough(max(left, 1.0)) + tried) / (1 - self._reserved / budget)
        return (
            f"With {option(minutes=math.ceil(seconds / 60))} there is time for "
            f"{counted(len(demand.candidates), 'candidate')}, of which those that get farthest "
            f"learn for {FEWEST_STEPS} steps or more; fewer candidates take less."
        )

    def _plan_in_words(self, demand: Demand) -> str:
        """Return what is done within the budget."""
        plan = self.schedule
        images = max(len(fold.dataset.part("test")) for fold in self.folds)
        steps = demand.fewest_steps(plan)
        about = f", about {max(1, round(steps))} steps for the best" if steps < math.inf else ""
        return (
            f"{self._options.minutes:g} min are enough for "
            f"{counted(len(plan.candidates), 'candidate')} in "
            f"{counted(len(self.folds), 'fold')}, each judged on up to "
            f"{counted(images, 'image')} of a fold, and {counted(len(plan.rounds), 'round')}"
            f"{about}."
        )

    def play(self) -> None:
        """Let the candidates learn, round by round; the worse half is left out after each.

        Where time runs short, no further fold is begun in the first round, and none that a later
        round cannot end: all candidates of a round are judged on the same images.
        """
        for number in range(1, len(self.schedule.rounds) + 1):
            taking_part = self._taking_part(number)
            if not any(one.candidate.network for one in taking_part) and number > 1:
                break
            if number > 1 and not self._fits(taking_part, number, len(self.folds)):
                self._note(f"There was no time for round {number}.")
                break
            done = self._play_folds(taking_part, number)
            if done < len(self.folds):
                self._note(
                    f"There was time for {counted(done, 'fold')} of round {number} only"
                    + (", which therefore does not count." if number > 1 else ".")
                )
                if number > 1:
                    break
                self.folds = self.folds[:done]
            for standing in taking_part:
                if standing.takes_part:
                    self._take_scores(standing, number)

    def final_minutes(self, candidate: Candidate) -> float:
        """Return how long the model that is recommended may learn: about what is left."""
        kept = self._run.outcome("final model")
        if kept is None:
            left = self._clock.left - FINAL * self._besides(candidate.name, 1)
            minutes = round(max(self.schedule.final_minutes / 2, left / 60), 3)
            kept = Outcome("final model", facts={"minutes": minutes or _FEWEST_MINUTES})
            self._run.keep(kept)
        return float(kept.facts["minutes"])

    def train_options(self, candidate: Candidate, minutes: float | None = None) -> TrainOptions:
        """Return how a candidate is trained."""
        return TrainOptions(
            method=candidate.method,
            minutes=minutes,
            seed=self._options.seed,
            axes=self._options.axes,
            **candidate.settings,
        )

    def train_fully(
        self, base: Candidate, candidate: Candidate, fold: Fold, minutes: float
    ) -> tuple[Outcome, Table | None]:
        """Train a candidate that is in no round, unless that is done; return its scores, too.

        In `minutes` it is also judged, which takes about as long as `base` did.
        """
        settings = json.dumps(dict(candidate.settings), sort_keys=True)
        key = f"{candidate.folder}/fold {fold.number}/{settings}"
        remark(f"Searching, fold {fold.number} of {len(self.folds)}: {candidate.name}")
        besides = self._rehearsal.costs[base.name].of(fold)
        learning = max(minutes - besides / 60, minutes / 2)
        limit = self._limit(60 * learning, besides)
        outcome = self._trained(candidate, fold, key, learning, 1.0, limit)
        done = outcome.error is None and too_slow(outcome) is None
        return outcome, self._run.table(key) if done else None

    def _rehearsed(
        self, folds: Sequence[Fold], candidates: Sequence[Candidate]
    ) -> tuple[Rehearsal, float]:
        """Return what candidates take, and the seconds that were left then."""
        kept = self._run.outcome("rehearsal")
        if kept is None:
            begin = time.monotonic()
            found = rehearse(
                candidates,
                folds[0],
                self._run.path / PARTS,
                self._clock.left - self._reserved,
                self.train_options,
                self._machine,
            )
            left = self._clock.left - self._reserved
            demand = Demand(candidates, found.costs, folds, self._options.seed)
            self._refuse_hopeless(found, demand, left)
            spent = {"all": time.monotonic() - begin}
            facts = {**found.to_json(), "left": left}
            self._run.keep(Outcome("rehearsal", facts=facts, seconds=spent))
            return found, left
        self._clock.was_used(kept.seconds["all"])
        return Rehearsal.from_json(kept.facts), kept.facts["left"]

    def _refuse_hopeless(self, found: Rehearsal, demand: Demand, left: float) -> None:
        """Raise where nothing can be compared; nothing is kept then, so that all is tried anew."""
        minutes = self._options.minutes
        if not found.costs:
            why, more = reasons(found.left_out), more_time(found.slow, minutes)
            raise TrainingError(f"No candidate can take part {why}. {more}".strip())
        if left <= 0 or not demand.schedule(left).within:
            raise TrainingError(
                f"{minutes:g} min are too few to compare anything, by what candidates took when "
                f"they were tried. {self._enough_in_words(demand, left)}"
            )

    def _thinned(self, folds: Sequence[Fold]) -> tuple[Fold, ...]:
        plan, seed = self.schedule, self._options.seed
        return tuple(fold.thinned(plan.judged, seed) for fold in folds[: plan.folds])

    def _note(self, text: str) -> None:
        self.notes.append(text)
        remark(f"Note: {text}")

    def _taking_part(self, number: int) -> list[Standing]:
        """Return who is in a round: the best networks of the last one, and what needs none."""
        sound = [one for one in self.standings if one.takes_part]
        learners = [one for one in sound if one.candidate.network]
        if number > 1:
            staying = [one for one in learners if number - 1 in one.rounds]
            count = self.schedule.rounds[number - 1].candidates
            learners = in_order(staying, self._column)[:count]
        return [*learners, *(one for one in sound if not one.candidate.network)]

    def _play_folds(self, taking_part: Sequence[Standing], number: int) -> int:
        """Train in one fold after the other, as time allows, and return in how many."""
        for done, fold in enumerate(self.folds):
            if done and not self._fits(taking_part, number, 1):
                return done
            for standing in taking_part:
                if number > 1 and self._clock.left <= self._reserved:
                    return done
                if standing.takes_part:
                    self._train(standing, fold, number)
        return len(self.folds)

    def _fits(self, taking_part: Sequence[Standing], number: int, folds: int) -> bool:
        """Whether so many folds of a round leave enough time for the final model."""
        sound = [one for one in taking_part if one.takes_part]
        needed = 60 * self.schedule.final_minutes / 2
        needed += max((FINAL * self._besides(one.name, 1) for one in sound), default=0.0)
        for one in sound:
            if number == 1 or one.candidate.network:
                needed += 60 * folds * self._minutes(one.candidate, number)
                needed += self._besides(one.name, folds)
        return needed <= self._clock.left - self._reserved

    def _besides(self, name: str, folds: int) -> float:
        """Return what a candidate takes besides learning in some folds, in s."""
        return sum(self._rehearsal.costs[name].of(fold) for fold in self.folds[:folds])

    def _train(self, standing: Standing, fold: Fold, number: int) -> None:
        """Train a candidate in a fold up to the end of a round, unless that is done."""
        rounds = self.schedule.rounds
        remark(
            f"Round {number} of {len(rounds)}, fold {fold.number} of {len(self.folds)}: "
            f"{standing.name} ({max(0.0, self._clock.left / 60):.0f} min left)"
        )
        outcome = self._trained(
            standing.candidate,
            fold,
            _key(standing.candidate, fold, number),
            rounds[-1].minutes,
            rounds[number - 1].minutes / rounds[-1].minutes,
            self._limit(
                60 * self._minutes(standing.candidate, number),
                self._rehearsal.costs[standing.name].of(fold),
            ),
        )
        standing.error, standing.slow = outcome.error, too_slow(outcome)
        if not standing.takes_part:
            remark(f"Left out: {standing.name}: {standing.error or standing.slow}")

    def _minutes(self, candidate: Candidate, number: int) -> float:
        """Return how long a candidate learns in a round."""
        if candidate.network is None:
            return 0.0
        before = self.schedule.rounds[number - 2].minutes if number > 1 else 0.0
        return self.schedule.rounds[number - 1].minutes - before

    def _limit(self, learning: float, besides: float) -> float:
        """Return what a trial may take that is planned to learn so long, and so much besides."""
        return _LONGER * learning + max(_SLOWER * besides, _LEAST, _SHARE * self._clock.left)

    def _trained(
        self,
        candidate: Candidate,
        fold: Fold,
        key: str,
        minutes: float,
        until: float,
        limit: float,
    ) -> Outcome:
        """Train and judge in at most so many seconds, unless that is done."""
        done, earlier = self._run.outcome(key), key not in self._counted
        self._counted.add(key)  # its time has passed, or is taken off now
        if done is not None:
            if earlier:
                self._clock.was_used(done.seconds["all"])
            return done
        options = self.train_options(candidate, minutes)
        folder = self._run.path / PARTS / candidate.folder / f"fold-{fold.number}"
        trial = partial(run_trial, candidate, fold, folder, options, self._machine, until)
        outcome, result = attempted(key, trial, limit)
        self._run.keep(outcome, result.scores if result else None)
        return outcome

    def _take_scores(self, standing: Standing, number: int) -> None:
        """Put together what all folds of a round say about a candidate."""
        keys = [_key(standing.candidate, fold, number) for fold in self.folds]
        outcomes = [outcome for key in keys if (outcome := self._run.outcome(key))]
        standing.rounds[number] = concatenate(self._run.table(key) for key in keys)
        standing.facts = mean_facts([outcome.facts for outcome in outcomes])
        for outcome in outcomes:
            for image, picture in outcome.picture.items():
                self.pictures.setdefault(image, {})[standing.name] = picture


def _key(candidate: Candidate, fold: Fold, number: int) -> str:
    """Return the name under which a training is kept; what needs no network is trained once."""
    round_ = number if candidate.network else 1
    return f"{candidate.folder}/fold {fold.number}/round {round_}"
