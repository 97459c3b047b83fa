"""One training of one candidate: as long as it may, then judged on images it has not seen."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._errors import CellwrightError, OutputError, TimeIsUp, was_interrupted
from cellwright._progress import time_limit
from cellwright._types import Table
from cellwright.datasets.records import Dataset
from cellwright.models.card import InputContract
from cellwright.models.load import open_model
from cellwright.models.package import WEIGHTS, Package
from cellwright.runs.compare.candidates import Candidate
from cellwright.runs.compare.division import thinned
from cellwright.runs.compare.judging import judge
from cellwright.runs.compare.results import deciding
from cellwright.runs.results.plan import Outcome
from cellwright.runs.train.lesson import Lesson, Machine
from cellwright.runs.train.options import TrainOptions
from cellwright.runs.train.prepare import image_size
from cellwright.runs.train.run import learner_for, tuned_model
from cellwright.runs.train.tasks import Task

_PICTURED = 3
_TOO_SLOW = "too slow"


@dataclass(frozen=True, slots=True)
class Fold:
    """One division of the images, and what a network is to see of them.

    Parameters
    ----------
    number : int
        From 1.
    task : Task
    dataset : Dataset
        With the splits ``"train"``, ``"val"`` (to choose thresholds) and ``"test"`` (to judge).
    contract : InputContract
    size : tuple of int
        As in `Lesson`.
    """

    number: int
    task: Task
    dataset: Dataset
    contract: InputContract
    size: tuple[int, ...]

    @property
    def pictured(self) -> tuple[str, ...]:
        """Ids of images that the report shows: the same for every candidate, of the first fold."""
        if self.number > 1:
            return ()
        judged = self.dataset.part("test")
        places = np.linspace(0, len(judged) - 1, min(_PICTURED, len(judged)))
        return tuple(judged[round(place)].id for place in places)

    def thinned(self, most: int, seed: int) -> Fold:
        """Return it with at most so many images to judge by, and to choose thresholds by."""
        return replace(self, dataset=thinned(self.dataset, most, seed))


def prepare_fold(number: int, task: Task, dataset: Dataset, seed: int) -> Fold:
    """Look at the training images of a fold.

    Raises
    ------
    DatasetError
        If they cannot be learned.
    """
    contract, _ = task.contract(dataset, seed)
    return Fold(number, task, dataset, contract, image_size(dataset))


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one training.

    Parameters
    ----------
    scores : Table
        One row per image that it was judged on, as `cellwright evaluate` writes them.
    facts : dict
        ``parameters``, ``bytes`` (of the package), ``seconds_per_megapixel``, ``minutes`` (of
        training), ``steps``, ``patches`` (what a step takes, in words; empty without a network).
    pictures : dict
        Of the images that the report shows, by their ids.
    seconds : dict
        Where the time of this call went: ``learning``, ``choosing`` (on validation images) and
        ``judging``.
    """

    scores: Table
    facts: dict[str, Any]
    pictures: dict[str, Any]
    seconds: dict[str, float]


def run_trial(
    candidate: Candidate,
    fold: Fold,
    folder: Path,
    options: TrainOptions,
    machine: Machine,
    until: float,
) -> Trial:
    """Train a candidate until the share `until` of its budget is used up, and judge it.

    Called again with a larger share it goes on where it was.

    Parameters
    ----------
    candidate : Candidate
    fold : Fold
    folder : Path
        Takes the checkpoint.
    options : TrainOptions
        Of the candidate.
    machine : Machine
        What trains it; it is judged on the CPU.
    until : float
    """
    times = [time.monotonic()]
    lesson = Lesson(fold.task, fold.dataset, fold.contract, candidate.method, options, fold.size)
    learned = learner_for(candidate.method)(lesson, folder, machine, until=until)
    times.append(time.monotonic())
    card = tuned_model(lesson, learned, "candidate")
    times.append(time.monotonic())
    package = Package(card, learned.files, sha256="", source=candidate.name)
    model = open_model(package, device="cpu", threads=machine.threads)
    judged = fold.dataset.part("test")
    judgement = judge(model, judged, deciding(fold.task.name), fold.pictured)
    times.append(time.monotonic())
    facts = {
        "parameters": _parameters(learned.files),
        "bytes": sum(map(len, learned.files.values())),
        "seconds_per_megapixel": judgement.seconds_per_megapixel,
        "minutes": learned.training["seconds"] / 60,
        "steps": learned.training.get("steps"),
        "patches": _patches(learned.training),
    }
    seconds = dict(zip(("learning", "choosing", "judging"), np.diff(times).tolist(), strict=True))
    return Trial(judgement.scores, facts, judgement.pictures, seconds)


def attempted(key: str, run: Callable[[], Trial], seconds: float) -> tuple[Outcome, Trial | None]:
    """Run a trial; a failure is an outcome, too, as is one that takes longer than it may.

    To be too slow is no failure: it is not tried again when a comparison goes on.

    Raises
    ------
    OutputError
        If no result can be written at all.
    """
    begin, trial = time.monotonic(), None
    try:
        with time_limit(seconds):
            trial = run()
        outcome = Outcome(key, facts=trial.facts, picture=trial.pictures, seconds=trial.seconds)
    except OutputError:
        raise
    except TimeIsUp:
        outcome = Outcome(key, facts={_TOO_SLOW: _too_long(seconds)})
    except CellwrightError as error:
        outcome = Outcome(key, error=str(error))
    except Exception as error:
        if was_interrupted(error):
            raise KeyboardInterrupt from error
        message = f"{type(error).__name__}: {error} (this is a bug in Cellwright)"
        outcome = Outcome(key, error=message, facts={"traceback": traceback.format_exc()})
    spent = {"all": time.monotonic() - begin, **outcome.seconds}
    return replace(outcome, seconds=spent), trial


def too_slow(outcome: Outcome) -> str | None:
    """Return why a trial was given up, where that is for lack of time alone."""
    why: str | None = outcome.facts.get(_TOO_SLOW)
    return why


def _too_long(seconds: float) -> str:
    return f"It took longer than {seconds:.0f} s, its share of the time."


def _patches(training: Mapping[str, Any]) -> str:
    """Return how many patches of what size a step took."""
    size = " × ".join(map(str, training.get("patch", ())))
    return f"{training['batch size']} of {size}" if size else ""


def _parameters(files: Mapping[str, bytes]) -> int:
    """Return how many numbers were learned."""
    from safetensors.numpy import load

    if WEIGHTS not in files:
        return 0
    weights = load(files[WEIGHTS])
    return sum(array.size for name, array in weights.items() if "running_" not in name)


def mean_facts(trials: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the facts of a candidate from those of its trainings: means of what differs."""

    def mean(name: str) -> float | None:
        known = [facts[name] for facts in trials if facts[name] is not None]
        return float(np.mean(known)) if known else None

    return {
        "parameters": trials[0]["parameters"],
        "megabytes": (mean("bytes") or 0.0) / 1e6,
        "seconds_per_megapixel": mean("seconds_per_megapixel"),
        "minutes_per_training": mean("minutes"),
        "steps_per_training": mean("steps"),
        "patches": trials[0]["patches"],
    }
