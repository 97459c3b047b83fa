"""Datasets whose labels say of every pixel what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cellwright._errors import DatasetError
from cellwright._progress import progress
from cellwright._types import IntArray
from cellwright.datasets.examples import label_axes, load_labels, load_pixels
from cellwright.datasets.records import ClassLabels, Dataset, Example
from cellwright.images.read import read_labels

_MOST = 20  # more values than this are numbered objects, not classes
_LOOKED_AT = 5  # label images that tell numbered objects from classes


def as_pixel_classes(dataset: Dataset) -> Dataset:
    """Take the values in label files for pixel classes.

    All label files are read once. 0 is the background, and each other value a class, in
    ascending order; -1 stays unknown.

    Parameters
    ----------
    dataset : Dataset
        Of label images; masks with the values 0 and 255, for example.

    Returns
    -------
    Dataset
        With the task ``"pixel classes"`` and a name for each class.

    Raises
    ------
    DatasetError
        If labels are no images, hold too many values, or not as many as there are names.
    """
    found: set[int] = set()
    for example in progress(dataset.examples, "Reading labels"):
        if example.labels is None or isinstance(example.labels, ClassLabels):
            continue
        if not isinstance(example.labels, Path):
            raise DatasetError(
                f"'{dataset.root}' is annotated with {dataset.task}, not with images of classes."
            )
        labels, _ = read_labels(example.labels, axes=label_axes(example))
        found |= {int(value) for value in np.unique(labels) if value > 0}
        if len(found) > _MOST:
            raise DatasetError(
                f"The labels of '{dataset.root}' have more than {_MOST} values (up to "
                f"'{example.labels.name}'): too many for classes of pixels. If they are numbered "
                "objects, choose another method. If they are masks with smoothed edges, save "
                "them in black and white (mask > 127)."
            )
    if dataset.classes and found and max(found) <= len(dataset.classes):
        values = tuple(range(1, len(dataset.classes) + 1))
    else:
        values = tuple(sorted(found))
    if not values and not dataset.classes:
        raise DatasetError(f"The labels of '{dataset.root}' are all background.")
    return replace(
        dataset,
        task="pixel classes",
        classes=_names(dataset, values),
        examples=tuple(
            replace(example, labels=ClassLabels(example.labels, values))
            if isinstance(example.labels, Path)
            else example
            for example in dataset.examples
        ),
    )


def holds_classes(dataset: Dataset) -> bool:
    """Return whether label images say what pixels are, instead of numbering objects.

    The values of a few are looked at: an object has one number and is in one piece, most often; a
    class is in many.
    """
    from scipy.ndimage import label

    if dataset.task != "instances":
        return dataset.task == "pixel classes"
    parts = []
    for example in dataset.examples[:_LOOKED_AT]:
        if isinstance(example.labels, Path):
            labels, _ = read_labels(example.labels, axes=label_axes(example))
            values = np.unique(labels[labels > 0])
            if len(values) > _MOST:
                return False
            parts += [label(labels == value)[1] for value in values]
    return len(parts) > 0 and float(np.mean(np.array(parts) > 1)) > 0.5


def count_class_pixels(examples: Sequence[Example], classes: int) -> IntArray:
    """Return how many pixels some examples have of the background and of each class.

    Parameters
    ----------
    examples : sequence of Example
        Annotated with pixel classes; what is unknown is not counted.
    classes : int

    Returns
    -------
    ndarray, shape (classes + 1,), int64

    Raises
    ------
    DatasetError
        If labels cannot be used.
    """
    total = np.zeros(classes + 1, np.int64)
    for example in progress(examples, "Counting classes"):
        labels = load_labels(example, load_pixels(example)[0].shape[1:])
        total += np.bincount(labels[labels >= 0], minlength=classes + 1)[: classes + 1]
    return total


def _names(dataset: Dataset, values: tuple[int, ...]) -> tuple[str, ...]:
    if dataset.classes:
        if values and len(values) != len(dataset.classes):
            raise DatasetError(
                f"'{dataset.root}' names {len(dataset.classes)} classes, but its labels hold the "
                f"values {', '.join(map(str, values))}."
            )
        return dataset.classes
    return ("foreground",) if len(values) == 1 else tuple(f"class {value}" for value in values)
