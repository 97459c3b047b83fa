"""Comparing what a model finds in the examples of a dataset with what is annotated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellwright._errors import DatasetError, OutputError
from cellwright._progress import progress
from cellwright._types import AnyArray, BoolArray, IntArray, LabelArray
from cellwright._words import counted
from cellwright.datasets.examples import (
    load_labels,
    load_layers,
    load_pixels,
    whole_object_facts,
)
from cellwright.datasets.objects import load_kinds
from cellwright.datasets.records import Example
from cellwright.images.image import Image
from cellwright.images.layers import overlapping
from cellwright.inference.overlaps import layered
from cellwright.metrics.matching import match_overlaps
from cellwright.metrics.overlap import OverlapTable, layered_overlap_table
from cellwright.models.card import RGB
from cellwright.models.instances import InstanceModel, Segmentation
from cellwright.runs.results.folder import read_record
from cellwright.runs.results.plan import InputFile

IOU = 0.5
"""Intersection over union from which an object counts as right."""
LEARNED = "learned_from"
"""In ``run.json`` of a training: the images that the model learned from."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One example beside what a model found in it.

    Parameters
    ----------
    example : Example
    image : Image
        Axes ``"C[Z]YX"``.
    truth : ndarray, shape (L, [Z,] Y, X), int32
        In as many layers as the objects are kept in; one, most often.
    found : Segmentation
        With its labels in memory; where true objects overlap, and the method of the model knows of
        that, with what others hide.
    overlaps : OverlapTable
        The pixels that true objects, and those that were found, share: of whole objects.
    classes : tuple of str
        That the model tells apart; none, most often.
    """

    example: Example
    image: Image
    truth: LabelArray
    found: Segmentation
    overlaps: OverlapTable
    classes: tuple[str, ...] = ()

    @property
    def labels(self) -> LabelArray:
        """The objects that were found, shape ([Z,] Y, X)."""
        assert self.found.labels is not None  # no sink is used here
        return self.found.labels

    @property
    def correct(self) -> BoolArray:
        """Whether each found object matches a true one, in the order of the table."""
        matched = match_overlaps(self.overlaps, IOU).prediction
        return np.isin(self.found.table["label"], matched)

    @property
    def true_kinds(self) -> IntArray:
        """Number of the class of each true object by its label, from 1; 0 where it is unknown."""
        return load_kinds(self.example, self.truth, self.classes)

    @property
    def kinds(self) -> IntArray:
        """Number of the class of each object that was found, by its label."""
        numbers = {name: number for number, name in enumerate(self.classes, 1)}
        return np.array([0, *(numbers[name] for name in self.found.table["class"].tolist())])

    @property
    def known(self) -> BoolArray:
        """Whether each found object lies where the annotation says anything at all."""
        return np.isin(self.found.table["label"], self.overlaps.predicted_labels)


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
        Images with numbered objects.
    threshold : float, optional
        Least confidence; the model's own by default.
    tell_size : bool
        Give the model the size of the annotated objects instead of letting it estimate one: for
        models whose confidences, on which the estimate rests, do not mean anything yet.

    Raises
    ------
    DatasetError
        If an example has other dimensions than the model, or a file does not fit.
    """
    for example in progress(examples, "Evaluating"):
        image = image_of(example, model.card.network.dimensions)
        truth = load_layers(example, image.shape[1:])
        diameter = whole_object_facts(truth).diameter if tell_size else None
        whole = model.tells_overlaps and overlapping(truth) > 0
        found = model.segment(image, threshold=threshold, diameter=diameter, overlaps=whole)
        assert found.labels is not None  # no sink is used here
        hidden = found.covered
        layers = found.labels[None] if hidden is None else layered(found.labels, hidden)
        overlaps = layered_overlap_table(truth, layers)
        yield Scored(example, image, truth, found, overlaps, model.object_classes)


def load_image(example: Example, dimensions: int) -> tuple[Image, LabelArray]:
    """Read an example as the image (axes ``"C[Z]YX"``) and labels that a model works on.

    Raises
    ------
    DatasetError
        If it is a volume and the model works on planes, or the other way round.
    """
    image = image_of(example, dimensions)
    return image, load_labels(example, image.shape[1:])


def image_of(example: Example, dimensions: int) -> Image:
    """Read the image (axes ``"C[Z]YX"``) of an example, as a model works on it.

    Raises
    ------
    DatasetError
        As `load_image`.
    """
    pixels, rgb = load_pixels(example)
    if pixels.ndim == 4 and dimensions == 2:
        raise DatasetError(
            f"'{example.image}' is a volume of {pixels.shape[1]} planes, but the model works on "
            "single planes. Save the planes as files of their own."
        )
    if pixels.ndim - 1 != dimensions:
        raise DatasetError(f"'{example.image}' is a single plane, but the model works on volumes.")
    axes = "CYX" if dimensions == 2 else "CZYX"
    names = RGB if rgb and dimensions == 2 else None
    return Image(pixels, axes, channel_names=names, name=example.id)


def middle_plane(image: Image, labels: AnyArray) -> tuple[Image, AnyArray]:
    """Return the middle plane of a volume, for pictures; planes as they are."""
    if labels.ndim == 2:
        return image, labels
    middle = len(labels) // 2
    return image.region(Z=middle), labels[middle]


def files_of(examples: Sequence[Example]) -> tuple[InputFile, ...]:
    """Return every image and label file as it is now, to notice when one changes."""
    paths = dict.fromkeys(
        path for example in examples for path in (*example.images, *example.annotation_files)
    )
    return tuple(InputFile.of(path) for path in paths)


def image_paths(examples: Sequence[Example]) -> list[str]:
    """Return every image file, in the form in which records of runs name files."""
    return [path.resolve().as_posix() for example in examples for path in example.images]


def learned_from(model: Path, examples: Sequence[Example]) -> list[str]:
    """Say so where a model has learned from images that it is scored on.

    Parameters
    ----------
    model : Path
        Its package. Only a folder that `cellwright train` made tells.
    examples : sequence of Example
    """
    learned: set[str] = set()
    with suppress(OutputError):  # a record that is no longer as it was written tells nothing
        learned.update((read_record(model) or {}).get(LEARNED, ()))
    known = sum(1 for one in examples if not learned.isdisjoint(image_paths([one])))
    if not known:
        return []
    return [
        f"The model learned from {known} of these {counted(len(examples), 'image')}: its scores "
        "on them flatter it. What it does on others, only images tell that had no part in its "
        "training."
    ]


def joined(columns: Sequence[AnyArray]) -> AnyArray:
    """Return arrays end to end; an empty one where there are none."""
    return np.concatenate(columns) if columns else np.zeros(0)
