"""What numbered objects are: the classes of objects, wherever these are said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cellwright._errors import DatasetError
from cellwright._types import AnyArray, IntArray, LabelArray
from cellwright.datasets.class_files import UNKNOWN, read_classes
from cellwright.datasets.coco import read_coco
from cellwright.datasets.columns import row_of
from cellwright.datasets.examples import label_axes
from cellwright.datasets.per_class import read_per_class
from cellwright.datasets.records import CocoLabels, Dataset, Example, PerClassLabels
from cellwright.images.find import natural_key
from cellwright.images.read import read_labels


@dataclass(frozen=True, slots=True)
class Layers:
    """The numbered objects of one patch, where they may overlap.

    Parameters
    ----------
    labels : ndarray, shape (L, [Z,] Y, X), int32
        0 background, 1..N objects, each whole in one layer; -1, in all layers, ignored.
    """

    labels: LabelArray


@dataclass(frozen=True, slots=True)
class Objects:
    """The numbered objects of one image or patch, and what each of them is.

    Parameters
    ----------
    labels : ndarray, shape ([Z,] Y, X), int32
        0 background, 1..N objects, -1 ignored.
    kinds : ndarray, shape (N + 1,), int64
        Number of the class of each object, from 1; 0 where that is unknown, and of the background.
    layers : Layers, optional
        The same objects whole, where they may overlap.
    """

    labels: LabelArray
    kinds: IntArray
    layers: Layers | None = None


def load_kinds(example: Example, labels: LabelArray, classes: Sequence[str]) -> IntArray:
    """Return the number of the class of each numbered object of an example, as in `Objects`.

    Parameters
    ----------
    example : Example
    labels : ndarray, shape ([L,] [Z,] Y, X), int32
        Its labels, in layers or not.
    classes : sequence of str
        The classes 1, 2, 3 ...

    Raises
    ------
    DatasetError
        If the annotation cannot be used, or an object is of another class.
    """
    names = object_names(example, labels).tolist()
    numbers = {UNKNOWN: 0} | {name: number for number, name in enumerate(classes, 1)}
    if strange := sorted(set(names) - set(numbers)):
        raise DatasetError(
            f"'{example.image}' has objects of the class '{strange[0]}', but the classes are "
            f"{', '.join(classes)}."
        )
    return np.array([numbers[name] for name in names], np.int64)


def tells_classes(example: Example) -> bool:
    """Return whether anything says of what class the numbered objects of an example are."""
    return example.classes is not None or isinstance(example.labels, CocoLabels | PerClassLabels)


def object_names(example: Example, labels: LabelArray) -> AnyArray:
    """Return the class of each numbered object of an example.

    Parameters
    ----------
    example : Example
    labels : ndarray, shape ([L,] [Z,] Y, X), int32
        Its labels, in layers or not.

    Returns
    -------
    ndarray of str, shape (N + 1,)
        By label; `UNKNOWN` for the background and where nothing is said.

    Raises
    ------
    DatasetError
        If a table names objects that there are not, or a map has another size.
    """
    count = int(labels.max(initial=0))
    if isinstance(example.labels, PerClassLabels):
        _, names = read_per_class(example.labels, label_axes(example))
        return np.array(names[: count + 1], np.str_)
    if isinstance(example.labels, CocoLabels):
        return np.array([UNKNOWN, *_coco_names(example.labels)[:count]], np.str_)
    if example.classes is None:
        return np.full(count + 1, UNKNOWN)
    if example.classes.suffix.lower() == ".csv":
        return _named_in_table(example, labels)
    return _named_in_map(example, labels)


def count_classes(example: Example, labels: LabelArray) -> dict[str, int]:
    """Return how many of the objects in `labels` are of which class, as far as that is said.

    Parameters
    ----------
    example : Example
    labels : ndarray, shape ([L,] [Z,] Y, X), int32
        Its labels, in layers or not.
    """
    names = object_names(example, labels)[np.unique(labels[labels > 0])]
    found, counts = np.unique(names[names != UNKNOWN], return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def with_class_names(dataset: Dataset) -> Dataset:
    """Return a dataset of numbered objects with the names of their classes.

    Returns
    -------
    Dataset
        Without names where fewer than two classes occur: there is nothing to tell apart.
    """
    if dataset.task != "instances":
        return dataset
    names = class_names(dataset.examples)
    return replace(dataset, classes=names if len(names) > 1 else ())


def class_names(examples: Sequence[Example]) -> tuple[str, ...]:
    """Return the classes of the numbered objects of some examples, in natural order."""
    names = {name for example in examples for name in _names(example)} - {UNKNOWN}
    return tuple(sorted(names, key=natural_key))


def _names(example: Example) -> set[str]:
    """Return the classes that occur in an example, reading no more than it takes."""
    if isinstance(example.labels, PerClassLabels):
        return {name for name, _ in example.labels.files}
    if isinstance(example.labels, CocoLabels):
        return set(_coco_names(example.labels))
    if example.classes is None or example.labels is None:
        return set()
    if example.classes.suffix.lower() == ".csv":
        return set((row_of(example, read_classes(example.classes)) or {}).values())
    return {_map_name(value) for value in np.unique(_class_map(example)).tolist() if value > 0}


def _coco_names(labels: CocoLabels) -> list[str]:
    """Return the categories of objects 1..N."""
    return [entry.category for entry in read_coco(labels.path).outlined(labels.image_id)]


def _named_in_table(example: Example, labels: LabelArray) -> AnyArray:
    assert example.classes is not None
    rows = row_of(example, read_classes(example.classes)) or {}
    if strange := sorted(set(rows) - set(np.unique(labels).tolist())):
        raise DatasetError(
            f"'{example.classes}' tells the class of object {strange[0]} of '{example.id}', but "
            f"'{example.label_file}' has no such object. Are these the labels it was made for?"
        )
    names = [rows.get(label, UNKNOWN) for label in range(int(labels.max(initial=0)) + 1)]
    return np.array(names, np.str_)


def _named_in_map(example: Example, labels: LabelArray) -> AnyArray:
    values = _class_map(example)
    if values.shape != labels.shape[-values.ndim :]:
        raise DatasetError(
            f"The labels '{example.label_file}' have {labels.shape} pixels, but their classes "
            f"'{example.classes}' have {values.shape}."
        )
    values = np.broadcast_to(values, labels.shape)
    count, most = int(labels.max(initial=0)), int(values.max(initial=0))
    told = (labels > 0) & (values > 0)
    votes = np.bincount(
        labels[told].astype(np.int64) * (most + 1) + values[told],
        minlength=(count + 1) * (most + 1),
    ).reshape(count + 1, most + 1)
    return np.array(
        [_map_name(int(value)) if value else UNKNOWN for value in votes.argmax(1)], np.str_
    )


def _class_map(example: Example) -> LabelArray:
    assert example.classes is not None
    return read_labels(example.classes, axes=label_axes(example))[0]


def _map_name(value: int) -> str:
    return f"class {value}"
