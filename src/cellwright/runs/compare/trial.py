"""One training of one candidate: as long as it may, then judged on images it has not seen."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._types import AnyArray, Table
from cellwright.datasets.examples import load_labels
from cellwright.datasets.points import load_points
from cellwright.datasets.records import Dataset, Example
from cellwright.images.image import Image
from cellwright.models.boxes import BoxModel
from cellwright.models.card import InputContract
from cellwright.models.classes import ClassModel, ClassSegmentation
from cellwright.models.load import AnyModel, open_model
from cellwright.models.package import WEIGHTS, Package
from cellwright.models.points import PointModel
from cellwright.reports.annotated import ValidationExample, example_card
from cellwright.runs.compare.candidates import Candidate
from cellwright.runs.compare.results import deciding
from cellwright.runs.evaluate.boxes import evaluate_boxes, true_boxes
from cellwright.runs.evaluate.classes import evaluate_classes
from cellwright.runs.evaluate.points import evaluate_points
from cellwright.runs.evaluate.run import evaluate_examples
from cellwright.runs.evaluate.scoring import image_of, middle_plane
from cellwright.runs.train.boxes import framed
from cellwright.runs.train.lesson import Lesson, Machine
from cellwright.runs.train.marks import drawn_marks
from cellwright.runs.train.options import TrainOptions
from cellwright.runs.train.prepare import image_size
from cellwright.runs.train.run import finished_model, learner_for
from cellwright.runs.train.tasks import Task

_PICTURED = 3


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
    def pictured(self) -> tuple[Example, ...]:
        """The images that the report shows: the same for every candidate, of the first fold."""
        if self.number > 1:
            return ()
        judged = self.dataset.part("test")
        places = np.linspace(0, len(judged) - 1, min(_PICTURED, len(judged)))
        return tuple(judged[round(place)] for place in places)


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
    """

    scores: Table
    facts: dict[str, Any]
    pictures: dict[str, Any]


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
    lesson = Lesson(fold.task, fold.dataset, fold.contract, candidate.method, options, fold.size)
    learned = learner_for(candidate.method)(lesson, folder, machine, until=until)
    card = finished_model(lesson, learned, "candidate").card
    package = Package(card, learned.files, sha256="", source=candidate.name)
    model = open_model(package, device="cpu", threads=machine.threads)
    scores = evaluation_of(model, fold.dataset.part("test"))
    pictures, speed = _pictures(model, fold, scores)
    facts = {
        "parameters": _parameters(learned.files),
        "bytes": sum(map(len, learned.files.values())),
        "seconds_per_megapixel": speed,
        "minutes": learned.training["seconds"] / 60,
        "steps": learned.training.get("steps"),
        "patches": _patches(learned.training),
    }
    return Trial(scores, facts, pictures)


def _patches(training: Mapping[str, Any]) -> str:
    """Return how many patches of what size a step took."""
    size = " × ".join(map(str, training.get("patch", ())))
    return f"{training['batch size']} of {size}" if size else ""


def evaluation_of(model: AnyModel, examples: Sequence[Example]) -> Table:
    """Return the scores of a model, one row per image."""
    if isinstance(model, ClassModel):
        return evaluate_classes(model, examples).table()
    if isinstance(model, BoxModel):
        return evaluate_boxes(model, examples).table()
    if isinstance(model, PointModel):
        return evaluate_points(model, examples).table()
    return evaluate_examples(model, examples).table()


def _pictures(model: AnyModel, fold: Fold, scores: Table) -> tuple[dict[str, Any], float | None]:
    """Return pictures of some images with what is found in them, and the time per megapixel."""
    ids = scores["image"].tolist()
    column = deciding(fold.task.name)
    pictures, speeds = {}, []
    for example in fold.pictured:
        image = image_of(example, model.card.network.dimensions)
        begin = time.perf_counter()
        found = _found(model, image)
        megapixels = math.prod(image.shape[1:]) / 1e6
        speeds.append((time.perf_counter() - begin) / megapixels)
        shown, annotated = middle_plane(image, _annotated(model, example, image))
        note = f"{column} {scores[column][ids.index(example.id)]:.2f}"
        pictures[example.id] = example_card(
            ValidationExample(example.id, note, shown, annotated, middle_plane(image, found)[1])
        )
    return pictures, float(np.median(speeds)) if speeds else None


def _found(model: AnyModel, image: Image) -> AnyArray:
    """Return what a model finds as numbers of pixels, to be outlined; shape ([Z,] Y, X)."""
    size = image.shape[1:]
    if isinstance(model, BoxModel):
        table = model.detect(image).table
        return framed(np.stack([table[f"bbox-{side}"] for side in range(4)], 1), size)
    if isinstance(model, PointModel):
        table = model.detect(image).table
        places = np.stack([table[f"centroid-{axis}"] for axis in range(len(size))], 1)
        return drawn_marks(places, size, model.tolerance / 2)
    found = model.segment(image)
    labels = found.classes if isinstance(found, ClassSegmentation) else found.labels
    assert labels is not None  # no sink is used here
    return labels


def _annotated(model: AnyModel, example: Example, image: Image) -> AnyArray:
    """Return what is annotated in an image, in the same form."""
    size = image.shape[1:]
    if isinstance(model, BoxModel):
        return framed(true_boxes(example, size, model.classes).corners, size)
    if isinstance(model, PointModel):
        return drawn_marks(load_points(example, size).positions, size, model.tolerance / 2)
    return load_labels(example, size)


def _parameters(files: Mapping[str, bytes]) -> int:
    """Return how many numbers were learned."""
    from safetensors.numpy import load

    if WEIGHTS not in files:
        return 0
    weights = load(files[WEIGHTS])
    return sum(array.size for name, array in weights.items() if "running_" not in name)


def mean_facts(trials: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the facts of a candidate from those of its trainings: means, and the total time."""

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
