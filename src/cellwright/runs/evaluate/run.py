"""``cellwright evaluate``: how well a model does on annotated images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellwright._arguments import as_path, check_flags, check_texts, check_within, given
from cellwright._errors import DatasetError, UsageError
from cellwright._files import write_json
from cellwright._words import option
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.leaks import check_leaks, leaks_in_words
from cellwright.datasets.pixel_classes import as_pixel_classes
from cellwright.datasets.points import as_points
from cellwright.datasets.records import Dataset, Example
from cellwright.images.image import check_said_axes
from cellwright.inference.runtime import Device
from cellwright.measure.tables import write_csv
from cellwright.models.boxes import BoxModel
from cellwright.models.classes import ClassModel
from cellwright.models.find import find_model, refuse_swapped
from cellwright.models.instances import InstanceModel
from cellwright.models.load import AnyModel, load_model
from cellwright.models.points import PointModel
from cellwright.runs.doctor import versions
from cellwright.runs.evaluate.boxes import BoxEvaluation, evaluate_boxes
from cellwright.runs.evaluate.classes import ClassEvaluation, evaluate_classes
from cellwright.runs.evaluate.instances import Evaluation, evaluate_examples
from cellwright.runs.evaluate.points import PointEvaluation, evaluate_points
from cellwright.runs.evaluate.scoring import files_of, learned_from
from cellwright.runs.results.folder import open_run, refuse_inputs_inside, tell_again
from cellwright.runs.results.plan import Plan, named
from cellwright.runs.results.result import command_line

METRICS_FILE = "metrics.json"
IMAGES_FILE = "images.csv"
ALL = "all"
"""Stands for every annotated example, whatever its split."""


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """What an evaluation found and where it is.

    Parameters
    ----------
    folder : Path
    metrics : dict
        The content of ``metrics.json``.
    """

    folder: Path
    metrics: dict[str, Any]


def evaluate(
    model: str | Path,
    dataset: str | Path,
    out: str | Path,
    *,
    split: str = "val",
    threshold: float | None = None,
    axes: str | None = None,
    device: Device = "auto",
    threads: int | None = None,
    tta: bool | None = None,
    overwrite: bool = False,
) -> EvaluationResult:
    """Score a model on the annotated images of a dataset.

    Writes ``metrics.json`` (of objects: average precision, precision, recall, F1 and panoptic
    quality at each threshold, pooled and averaged per image, per kind and group; counts;
    calibration; where classes of objects are told apart also per class, and which are mistaken for
    which. Of boxes: COCO's average precisions, whatever the threshold, and precision and
    recall, per class. Of points: precision, recall, F1, Jaccard index, error of positions and
    counts. Of pixel classes: Dice, Jaccard and boundary F per class) and ``images.csv`` (one row
    per image).

    Parameters
    ----------
    model : str or Path
        Name or package.
    dataset, out : str or Path
        The folder of the images, and one for the results.
    split : str
        ``"train"``, ``"val"``, ``"test"`` or ``"all"``.
    threshold : float, optional
        Least confidence of an object; the model's own by default.
    axes : str, optional
        Axes of the images where the files do not say.
    device : {"auto", "cpu", "cuda"}
    threads : int, optional
    tta : bool, optional
        Average what the network says of every image and its mirror images; see `load_model`.
    overwrite : bool
        Replace the results of an earlier run in `out`.

    Returns
    -------
    EvaluationResult

    Raises
    ------
    DatasetError
        If the dataset has no such examples.
    ModelError
        If the model cannot be used.
    OutputError
        If `out` holds something else, or the model.
    UsageError
        If an argument is of a wrong kind or out of range, or model and dataset are swapped.
    """
    out, dataset = as_path(out, "out"), as_path(dataset, "dataset")
    check_texts(split=split)
    check_said_axes(axes)
    check_within(0, 1, **given(threshold=threshold))
    check_flags(overwrite=overwrite)
    refuse_swapped(model, dataset)
    refuse_inputs_inside(out, [find_model(model)])  # where it was trained, it would be replaced
    loaded = load_model(model, device=device, threads=threads, tta=tta)
    if isinstance(loaded, ClassModel) and threshold is not None:
        raise UsageError(f"Pixel classes have no confidence: leave out {option('threshold')}.")
    opened = as_scored(open_dataset(dataset, axes), loaded)
    examples = chosen_examples(opened, split)
    plan = Plan(
        command="evaluate",
        inputs=files_of(examples),
        parameters={"split": split, "threshold": threshold, "axes": axes, "tta": tta},
        files=(METRICS_FILE, IMAGES_FILE),
        model=named(loaded),
    )
    with open_run(out, plan, overwrite=overwrite, command_line=command_line()) as (run, finished):
        if finished is not None:
            tell_again(out)
            return EvaluationResult(out, finished["metrics"])
        evaluation = _evaluation(loaded, examples, threshold)
        metrics = {"model": named(loaded), "dataset": str(dataset), "split": split}
        metrics |= evaluation.to_json()
        flattered = [*_leaks(opened, split), *learned_from(find_model(model), examples)]
        metrics["warnings"] = [*flattered, *evaluation.warnings]
        write_json(out / METRICS_FILE, metrics)
        write_csv(out / IMAGES_FILE, evaluation.table())
        written = [{"image": str(dataset), "files": [METRICS_FILE, IMAGES_FILE]}]
        run.finish(versions=versions(), metrics=metrics, images=written)
    return EvaluationResult(out, metrics)


def as_scored(dataset: Dataset, model: AnyModel) -> Dataset:
    """Return a dataset with its annotations as a model is scored on them.

    Raises
    ------
    DatasetError
        If it has none of these.
    """
    if isinstance(model, PointModel):
        return _known_classes(as_points(dataset), model)
    if isinstance(model, ClassModel):
        return _same_classes(as_pixel_classes(dataset), model)
    if isinstance(model, BoxModel):
        return _boxed(dataset)
    if dataset.task != "instances":
        raise DatasetError(
            f"'{dataset.root}' {dataset.annotation}, but the model '{model.card.name}' "
            "is scored on numbered objects: images and label images of the same names."
        )
    return dataset


def _evaluation(
    model: AnyModel, examples: Sequence[Example], threshold: float | None
) -> Evaluation | ClassEvaluation | BoxEvaluation | PointEvaluation:
    """Score a model of any kind."""
    if isinstance(model, ClassModel):
        return evaluate_classes(model, examples)
    if isinstance(model, BoxModel):
        return evaluate_boxes(model, examples, threshold=threshold)
    if isinstance(model, PointModel):
        return evaluate_points(model, examples, threshold=threshold)
    assert isinstance(model, InstanceModel)
    return evaluate_examples(model, examples, threshold=threshold)


def chosen_examples(dataset: Dataset, split: str) -> tuple[Example, ...]:
    """Return the annotated examples of a split, or all of them.

    Raises
    ------
    DatasetError
        If there are none.
    """
    if split not in (ALL, *dataset.splits):
        present = ", ".join(f"{name} ({count})" for name, count in dataset.splits.items())
        raise DatasetError(
            f"'{dataset.root}' has no images of the split '{split}', only {present}. Score all of "
            f"them with {option(split=ALL)}, or divide them first with 'cellwright data split'."
        )
    examples = dataset.examples if split == ALL else dataset.part(split)
    annotated = tuple(example for example in examples if example.labels is not None)
    if not annotated:
        raise DatasetError(f"No image of '{dataset.root}' has labels to compare with.")
    return annotated


def _same_classes(dataset: Dataset, model: ClassModel) -> Dataset:
    """Return the dataset unless its classes are others than those of the model."""
    if dataset.classes != model.names[1:]:
        raise DatasetError(
            f"'{dataset.root}' has the classes {', '.join(dataset.classes)}, but the model knows "
            f"{', '.join(model.names[1:])}."
        )
    return dataset


def _known_classes(dataset: Dataset, model: PointModel) -> Dataset:
    """Return the dataset unless it has classes that the model does not know."""
    if unknown := sorted(set(dataset.classes) - set(model.classes)):
        raise DatasetError(
            f"'{dataset.root}' has the class '{unknown[0]}', but the model knows only "
            f"{', '.join(model.classes)}."
        )
    return dataset


def _boxed(dataset: Dataset) -> Dataset:
    """Return the dataset if it has boxes, or objects around which there are some."""
    if dataset.task not in ("boxes", "instances"):
        raise DatasetError(
            f"'{dataset.root}' {dataset.annotation}, but models of boxes are scored on boxes or "
            "numbered objects."
        )
    return dataset


def _leaks(dataset: Dataset, split: str) -> list[str]:
    """Say so when images of the split are not independent of those in other splits."""
    leaks = check_leaks(dataset, look=False)
    mine = [leak for leak in leaks if split in (ALL, leak.first.split, leak.second.split)]
    if not mine:
        return []
    return [f"{leaks_in_words(mine)}; the scores flatter a model that was trained on them."]
