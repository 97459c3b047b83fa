"""The rounds of a comparison: who trains when, for how long, and what is kept of it."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Sequence
from typing import Any

from cellwright._errors import CellwrightError, OutputError, was_interrupted
from cellwright._progress import remark
from cellwright._types import Table
from cellwright.measure.tables import concatenate
from cellwright.runs.compare.candidates import Candidate
from cellwright.runs.compare.options import CompareOptions
from cellwright.runs.compare.results import Standing, deciding
from cellwright.runs.compare.rounds import Round, best, plan_rounds
from cellwright.runs.compare.trial import Fold, mean_facts, run_trial
from cellwright.runs.results.folder import PARTS, Outcome, RunFolder
from cellwright.runs.train.lesson import Machine
from cellwright.runs.train.options import TrainOptions


class Contest:
    """Candidates that learn in rounds.

    What is done is kept in the folder of the run, so that the same contest goes on where it was.

    Parameters
    ----------
    run : RunFolder
    folds : sequence of Fold
    candidates : sequence of Candidate
    minutes : float
        The budget, the final model included.
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
        minutes: float,
        options: CompareOptions,
        machine: Machine,
    ) -> None:
        self._run, self._folds = run, folds
        self._options, self._machine = options, machine
        self._column = deciding(folds[0].task.name)
        learners = max(1, sum(one.network is not None for one in candidates))
        count = len(plan_rounds(learners, len(folds), 1.0))
        self.final_minutes = minutes / (count + 1)
        self.rounds = plan_rounds(learners, len(folds), minutes - self.final_minutes)
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
        minutes = self._minutes(standing.candidate, number)
        remark(
            f"Round {number} of {len(self.rounds)}, fold {fold.number} of {len(self._folds)}: "
            f"{standing.name} ({self._left})"
        )
        outcome = self._trained(
            standing.candidate,
            fold,
            _key(standing.candidate, fold, number),
            self.rounds[-1].minutes,
            self.rounds[number - 1].minutes / self.rounds[-1].minutes,
        )
        self._left.take_off(minutes, outcome.seconds.get("all", 0.0) / 60)
        if outcome.error is not None:
            standing.error = outcome.error
            remark(f"Left out: {standing.name}: {outcome.error}")

    def train_fully(
        self, candidate: Candidate, fold: Fold, minutes: float
    ) -> tuple[Outcome, Table | None]:
        """Train a candidate that is in no round, unless that is done; return its scores, too."""
        settings = json.dumps(dict(candidate.settings), sort_keys=True)
        key = f"{candidate.folder}/fold {fold.number}/{settings}"
        remark(f"Searching, fold {fold.number} of {len(self._folds)}: {candidate.name}")
        outcome = self._trained(candidate, fold, key, minutes, 1.0)
        return outcome, None if outcome.error else self._run.table(key)

    def _minutes(self, candidate: Candidate, number: int) -> float:
        """Return how long a training takes in a round."""
        if candidate.network is None:
            return 0.0
        before = self.rounds[number - 2].minutes if number > 1 else 0.0
        return self.rounds[number - 1].minutes - before

    def _trained(
        self, candidate: Candidate, fold: Fold, key: str, minutes: float, until: float
    ) -> Outcome:
        """Train and judge, unless that is done; a failure is an outcome, too.

        Raises
        ------
        OutputError
            If no result can be written at all.
        """
        done = self._run.outcome(key)
        if done is not None:
            return done
        options = self.train_options(candidate, minutes)
        folder = self._run.path / PARTS / candidate.folder / f"fold-{fold.number}"
        begin, table = time.monotonic(), None
        try:
            trial = run_trial(candidate, fold, folder, options, self._machine, until)
            table = trial.scores
            seconds = {"all": time.monotonic() - begin}
            outcome = Outcome(key, facts=trial.facts, picture=trial.pictures, seconds=seconds)
        except OutputError:
            raise
        except CellwrightError as error:
            outcome = Outcome(key, error=str(error))
        except Exception as error:
            if was_interrupted(error):
                raise KeyboardInterrupt from error
            message = f"{type(error).__name__}: {error} (this is a bug in Cellwright)"
            outcome = Outcome(key, error=message, facts={"traceback": traceback.format_exc()})
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

    def take_off(self, minutes: float, whole: float) -> None:
        """Take off a training that took as long as planned, with its scoring the `whole` time."""
        self._minutes -= minutes
        self._trainings -= minutes > 0
        if whole:
            self._scoring.append(max(0.0, whole - minutes))

    def __str__(self) -> str:
        each = sum(self._scoring) / len(self._scoring) if self._scoring else 0.0
        return f"about {self._minutes + self._trainings * each:.0f} min left"


def _key(candidate: Candidate, fold: Fold, number: int) -> str:
    """Return the name under which a training is kept; what needs no network is trained once."""
    round_ = number if candidate.network else 1
    return f"{candidate.folder}/fold {fold.number}/round {round_}"
