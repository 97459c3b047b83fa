"""Comparing what a model finds in the examples of a dataset with what is annotated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cellwright._errors import DatasetError
from cellwright._progress import progress
from cellwright._types import AnyArray, BoolArray, LabelArray
from cellwright.datasets.examples import load_labels, load_pixels, object_facts
from cellwright.datasets.records import Example
from cellwright.images.image import Image
from cellwright.metrics.matching import match
from cellwright.models.card import RGB
from cellwright.models.instances import InstanceModel, Segmentation
from cellwright.runs.folder import InputFile

IOU = 0.5
"""Intersection over union from which an object counts as right."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One example beside what a model found in it.

    Parameters
    ----------
    example : Example
    image : Image
        Axes ``"CYX"``.
    truth : ndarray, shape (Y, X), int32
    found : Segmentation
        With its labels in memory.
    """

    example: Example
    image: Image
    truth: LabelArray
    found: Segmentation

    @property
    def labels(self) -> LabelArray:
        """The objects that were found, shape (Y, X)."""
        assert self.found.labels is not None  # no sink is used here
        return self.found.labels

    @property
    def correct(self) -> BoolArray:
        """Whether each found object matches a true one, in the order of the table."""
        matched = match(self.truth, self.labels, IOU).prediction
        return np.isin(self.found.table["label"], matched)

    @property
    def known(self) -> BoolArray:
        """Whether each found object lies where the annotation says anything at all."""
        annotated = np.unique(self.labels[self.truth >= 0])
        return np.isin(self.found.table["label"], annotated)


def score(
    model: InstanceModel,
    examples: Sequence[Example],
    *,
    threshold: float | None = None,
    tell_size: bool = False,
) -> Iterator[Scored]:
    """Segment examples one by one.

    Parameters
    ----------
    model : Model
    examples : sequence of Example
        Flat images with numbered objects.
    threshold : float, optional
        Least confidence; the model's own by default.
    tell_size : bool
        Give the model the size of the annotated objects instead of letting it estimate one: for
        models whose confidences, on which the estimate rests, do not mean anything yet.

    Raises
    ------
    DatasetError
        If an example is a volume or a file does not fit.
    """
    for example in progress(examples, "Evaluating"):
        image, truth = load_flat(example)
        diameter = object_facts(truth).diameter if tell_size else None
        found = model.segment(image, threshold=threshold, diameter=diameter)
        yield Scored(example, image, truth, found)


def load_flat(example: Example) -> tuple[Image, LabelArray]:
    """Read an example that is a single plane.

    Raises
    ------
    DatasetError
        If it is a volume.
    """
    pixels, rgb = load_pixels(example)
    if pixels.ndim != 3:
        raise DatasetError(
            f"'{example.image}' is a volume of {pixels.shape[1]} planes, but models work on "
            "single planes. Save the planes as files of their own."
        )
    image = Image(pixels, "CYX", channel_names=RGB if rgb else None, name=example.id)
    return image, load_labels(example, pixels.shape[1:])


def files_of(examples: Sequence[Example]) -> tuple[InputFile, ...]:
    """Return every image and label file as it is now, to notice when one changes."""
    paths = dict.fromkeys(
        path
        for example in examples
        for path in (*example.images, example.label_file)
        if path is not None
    )
    return tuple(InputFile.of(path) for path in paths)


def joined(columns: Sequence[AnyArray]) -> AnyArray:
    """Return arrays end to end; an empty one where there are none."""
    return np.concatenate(columns) if columns else np.zeros(0)
