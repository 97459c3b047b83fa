"""What it takes to learn classes of objects, besides which pixels belong to which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cellwright._progress import progress
from cellwright._types import IntArray
from cellwright.datasets.examples import load_labels, load_pixels
from cellwright.datasets.objects import class_names, load_kinds
from cellwright.datasets.records import Dataset, Example
from cellwright.methods.object_classes.readout import ObjectClassesReadout
from cellwright.methods.recipe import Recipe
from cellwright.metrics.object_classes import CONFUSION_IOU, ObjectClassScores
from cellwright.reports.page import Grid

if TYPE_CHECKING:
    from cellwright.methods.object_classes.recipe import ObjectClassesRecipe

ACCURACY = "class accuracy"
"""A figure on the card of a model that tells classes of objects apart."""


def with_object_classes(recipe: Recipe, dataset: Dataset) -> ObjectClassesRecipe:
    """Return a recipe that also learns what objects are, each class with the same weight.

    Parameters
    ----------
    recipe : Recipe
        How the objects are learned.
    dataset : Dataset
        With the names of their classes, and training images in which pixels are counted.
    """
    from cellwright.methods.losses import class_weights
    from cellwright.methods.object_classes.recipe import ObjectClassesRecipe

    readout = ObjectClassesReadout(recipe.readout, dataset.classes)  # type: ignore[arg-type]
    weights = class_weights(pixels_of(dataset.part("train"), dataset.classes))
    return ObjectClassesRecipe(recipe, readout, tuple(weights.tolist()))


def pixels_of(examples: Sequence[Example], classes: Sequence[str]) -> IntArray:
    """Return how many pixels the objects of each class have in some examples, shape (classes,)."""
    total = np.zeros(len(classes) + 1, np.int64)
    for example in progress(examples, "Counting classes"):
        labels = load_labels(example, load_pixels(example)[0].shape[1:])
        kinds = load_kinds(example, labels, classes)
        total += np.bincount(kinds[labels[labels > 0]], minlength=len(total))
    return total[1:]


def without_classes(dataset: Dataset) -> Dataset:
    """Return a dataset of numbered objects as methods without a network learn it."""
    if dataset.task != "instances" or not dataset.classes:
        return dataset
    told = (
        f"Which objects are {' or '.join(dataset.classes)} is not learned by a method without a "
        "network."
    )
    return replace(dataset, classes=(), notes=(*dataset.notes, told))


def class_problems(dataset: Dataset) -> tuple[str, ...]:
    """Say so when there are classes of objects that no training image shows."""
    if not dataset.classes:
        return ()
    unseen = [name for name in dataset.classes if name not in class_names(dataset.part("train"))]
    if not unseen:
        return ()
    return (f"No training image has an object of the class {', '.join(unseen)}: none is found.",)


def class_figures(scores: ObjectClassScores | None) -> dict[str, float]:
    """Return the figures of a model's card about classes of objects, where these were judged."""
    if scores is None or scores.accuracy is None:
        return {}
    told = scores.as_dict()
    figures = {
        ACCURACY: scores.accuracy,
        "F1@0.5, mean over classes": told["mean_over_classes"]["0.5"]["f1"],
        **{f"F1@0.5, {name}": scores.counts(name, 0.5).f1 for name in scores.classes},
    }
    return {name: round(value, 4) for name, value in figures.items()}


def confusion_grid(scores: ObjectClassScores | None) -> Grid | None:
    """Return which classes were taken for which, for a report, where that was judged."""
    if scores is None:
        return None
    rows = zip([*scores.classes, "none"], scores.confusion.tolist(), strict=True)
    return Grid(
        f"Annotated classes (rows) and those found (columns), at an IoU of {CONFUSION_IOU:g}",
        ["", *scores.classes, "not found"],
        [[name, *(f"{count:,}" for count in counts)] for name, counts in rows],
    )
