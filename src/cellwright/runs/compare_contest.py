"""The rounds of a comparison: who trains when, for how long, and what is kept of it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence
from typing import Any

from cellwright._errors import CellwrightError, OutputError
from cellwright._progress import remark
from cellwright.measure.tables import concatenate
from cellwright.runs.compare_candidates import Candidate
from cellwright.runs.compare_options import CompareOptions
from cellwright.runs.compare_results import Standing, deciding
from cellwright.runs.compare_rounds import Round, best, plan_rounds
from cellwright.runs.compare_trial import Fold, mean_facts, run_trial
from cellwright.runs.folder import PARTS, Outcome, RunFolder
from cellwright.runs.lesson import Machine
from cellwright.runs.options import TrainOptions


class Contest:
    """Candidates that learn in rounds.

    What is done is kept in the folder of the run, so that the same contest goes on where it was.

    Parameters
    ----------
    run : RunFolder
    folds : sequence of Fold
    candidates : sequence of Candidate
    options : CompareOptions
    machine : Machine

    Attributes
    ----------
    rounds : tuple of Round
    final_minutes : float
        What the budget leaves for the model that is chosen: as much as a round takes.
    standings : list of Standing
        One for each candidate.
    pictures : dict
        What the report shows, by image and candidate.
    """

    def __init__(
        self,
        run: RunFolder,
        folds: Sequence[Fold],
        candidates: Sequence[Candidate],
        options: CompareOptions,
        machine: Machine,
    ) -> None:
        self._run, self._folds = run, folds
        self._options, self._machine = options, machine
        self._column = deciding(folds[0].task.name)
        learners = max(1, sum(one.network is not None for one in candidates))
        count = len(plan_rounds(learners, len(folds), 1.0))
        self.final_minutes = options.minutes / (count + 1)
        self.rounds = plan_rounds(learners, len(folds), options.minutes - self.final_minutes)
        self.standings = [Standing(candidate) for candidate in candidates]
        self.pictures: dict[str, dict[str, Any]] = {}
        self._left = _TimeLeft(self.rounds, len(folds), self.final_minutes)

    def play(self) -> None:
        """Let the candidates learn, round by round; the worse half is left out after each."""
        for number in range(1, len(self.rounds) + 1):
            taking_part = self._taking_part(number)
            for fold in self._folds:
                for standing in taking_part:
                    if standing.error is None:
                        self._train(standing, fold, number)
            for standing in taking_part:
                if standing.error is None:
                    self._take_scores(standing, number)

    def train_options(self, candidate: Candidate, minutes: float) -> TrainOptions:
        """Return how a candidate is trained."""
        return TrainOptions(
            method=candidate.method,
            minutes=minutes,
            seed=self._options.seed,
            axes=self._options.axes,
            **candidate.settings,
        )

    def _taking_part(self, number: int) -> list[Standing]:
        """Return who is in a round: the best networks of the last one, and what needs none."""
        sound = [one for one in self.standings if one.error is None]
        learners = [
            one for one in sound if one.candidate.network and number - 1 in {0, *one.rounds}
        ]
        if number > 1:
            means = {one.name: one.estimate(self._column, number - 1).mean for one in learners}
            staying = best(means, self.rounds[number - 1].candidates)
            learners = [one for one in learners if one.name in staying]
        return [*learners, *(one for one in sound if not one.candidate.network)]

    def _train(self, standing: Standing, fold: Fold, number: int) -> None:
        """Train a candidate in a fold up to the end of a round, unless that is done."""
        key = _key(standing.candidate, fold, number)
        outcome = self._run.outcome(key)
        minutes = self._minutes(standing.candidate, number)
        if outcome is None:
            remark(
                f"Round {number} of {len(self.rounds)}, fold {fold.number} of {len(self._folds)}: "
                f"{standing.name} ({self._left})"
            )
            outcome = self._attempt(standing.candidate, fold, number, key)
            self._left.scored(outcome.seconds["all"] - 60 * minutes)
        self._left.done(minutes)
        if outcome.error is not None:
            standing.error = outcome.error
            remark(f"Left out: {standing.name}: {outcome.error}")

    def _minutes(self, candidate: Candidate, number: int) -> float:
        """Return how long a training takes in a round."""
        if candidate.network is None:
            return 0.0
        before = self.rounds[number - 2].minutes if number > 1 else 0.0
        return self.rounds[number - 1].minutes - before

    def _attempt(self, candidate: Candidate, fold: Fold, number: int, key: str) -> Outcome:
        """Train and judge; a failure is an outcome, unless no result can be written at all."""
        longest = self.rounds[-1].minutes
        folder = self._run.path / PARTS / candidate.folder / f"fold-{fold.number}"
        begin = time.monotonic()
        table = None
        try:
            trial = run_trial(
                candidate,
                fold,
                folder,
                self.train_options(candidate, longest),
                self._machine,
                self.rounds[number - 1].minutes / longest,
            )
            table = trial.scores
            seconds = {"all": time.monotonic() - begin}
            outcome = Outcome(key, facts=trial.facts, picture=trial.pictures, seconds=seconds)
        except OutputError:
            raise
        except CellwrightError as error:
            outcome = Outcome(key, error=str(error), seconds={"all": 0.0})
        except Exception as error:
            message = f"{type(error).__name__}: {error} (this is a bug in Cellwright)"
            facts = {"traceback": traceback.format_exc()}
            outcome = Outcome(key, error=message, facts=facts, seconds={"all": 0.0})
        self._run.keep(outcome, table)
        return outcome

    def _take_scores(self, standing: Standing, number: int) -> None:
        """Put together what all folds of a round say about a candidate."""
        keys = [_key(standing.candidate, fold, number) for fold in self._folds]
        standing.rounds[number] = concatenate(self._run.table(key) for key in keys)
        outcomes = [outcome for key in keys if (outcome := self._run.outcome(key))]
        standing.facts = mean_facts([outcome.facts for outcome in outcomes])
        for outcome in outcomes:
            for image, picture in outcome.picture.items():
                self.pictures.setdefault(image, {})[standing.name] = picture


class _TimeLeft:
    """How long a comparison still takes: training as planned, scoring as it went so far."""

    def __init__(self, rounds: Sequence[Round], folds: int, final_minutes: float) -> None:
        before = [0.0, *(one.minutes for one in rounds)]
        self._minutes = final_minutes + sum(
            one.candidates * folds * (one.minutes - earlier)
            for one, earlier in zip(rounds, before, strict=False)
        )
        self._trainings = folds * sum(one.candidates for one in rounds) + 1
        self._scoring: list[float] = []

    def scored(self, seconds: float) -> None:
        """Take up how long the scoring of one training took."""
        self._scoring.append(max(0.0, seconds / 60))

    def done(self, minutes: float) -> None:
        """Take off one training."""
        self._minutes -= minutes
        self._trainings -= minutes > 0

    def __str__(self) -> str:
        each = sum(self._scoring) / len(self._scoring) if self._scoring else 0.0
        return f"about {self._minutes + self._trainings * each:.0f} min left"


def _key(candidate: Candidate, fold: Fold, number: int) -> str:
    """Return the name under which a training is kept; what needs no network is trained once."""
    round_ = number if candidate.network else 1
    return f"{candidate.folder}/fold {fold.number}/round {round_}"
