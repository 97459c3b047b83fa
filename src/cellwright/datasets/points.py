"""Points that mark objects: what they are, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cellwright._errors import DatasetError
from cellwright._types import AnyArray, BoolArray, DoubleArray, LabelArray
from cellwright.datasets.boxes import ONE_CLASS, class_names, load_boxes
from cellwright.datasets.cache import while_unchanged
from cellwright.datasets.columns import find_columns
from cellwright.datasets.examples import ObjectFacts, load_example, load_labels, object_facts
from cellwright.datasets.objects import with_class_names
from cellwright.datasets.records import BoxLabels, CentreLabels, Dataset, Example, PointLabels
from cellwright.datasets.tables import Row, header_of, read_listed

_AXES = ("z", "y", "x")
_COLUMNS = {
    "image": ("image", "filename", "file_name", "file", "id"),
    "class": ("class", "cls", "label", "category", "name"),
    "split": ("split", "subset", "fold"),
    "z": ("z", "plane"),
    "y": ("y", "row"),
    "x": ("x", "column", "col"),
}
_NEEDED = ("image", "y", "x")


@dataclass(frozen=True, slots=True)
class Points:
    """Points that mark the objects of one image or patch.

    Parameters
    ----------
    positions : ndarray, shape (N, D), float64
        ([z,] y, x) in px; whole numbers are the centres of pixels. Those of a patch may lie
        somewhat outside.
    names : ndarray of str, shape (N,)
        Class of each object.
    known : ndarray, shape ([Z,] Y, X), bool, optional
        False where nobody knows whether there are points; known everywhere when not given.
    """

    positions: DoubleArray
    names: AnyArray
    known: BoolArray | None = None

    def __len__(self) -> int:
        return len(self.positions)


def no_points(dimensions: int) -> Points:
    """Return the points of an image without objects."""
    return Points(np.empty((0, dimensions)), np.empty(0, np.str_))


@dataclass(frozen=True, slots=True)
class PointTable:
    """What a table of points says, by image as the table names it."""

    points: Mapping[str, Points]
    splits: Mapping[str, str]


def load_points(example: Example, shape: tuple[int, ...]) -> Points:
    """Return the points of an example whose image has the `shape` ([Z,] Y, X) in px.

    Raises
    ------
    DatasetError
        If it is annotated with something else, the annotation cannot be used, or a point lies
        outside of the image.
    """
    if isinstance(example.labels, CentreLabels):
        return _centres(replace(example, labels=example.labels.objects), shape)
    if not isinstance(example.labels, PointLabels):
        raise DatasetError(f"'{example.image}' is not annotated with points.")
    path, image = example.labels.path, example.labels.image
    points = read_points(path).points.get(image, no_points(len(shape)))
    if not len(points):
        return no_points(len(shape))
    if points.positions.shape[1] != len(shape):
        needed = "z, y and x" if len(shape) == 3 else "y and x, but no z"
        raise DatasetError(f"'{path}': the points of '{image}' need {needed}, as the image does.")
    outside = (points.positions < -0.5) | (points.positions > np.array(shape) - 0.5)
    if outside.any():
        where = ", ".join(f"{x:g}" for x in points.positions[outside.any(1)][0])
        raise DatasetError(
            f"'{path}': the point ({where}) lies outside of '{image}', which has "
            f"{' × '.join(map(str, shape))} px. Positions are in px, from 0."
        )
    return points


def as_points(dataset: Dataset) -> Dataset:
    """Take the middle of annotated objects for points; points stay what they are.

    Returns
    -------
    Dataset
        With the task ``"points"`` and the names of what they mark.

    Raises
    ------
    DatasetError
        If neither points nor objects are annotated.
    """
    if dataset.task == "points":
        return replace(dataset, classes=_names_in_tables(dataset.examples))
    if dataset.task not in ("instances", "boxes"):
        raise DatasetError(
            f"'{dataset.root}' is annotated with {dataset.task}, which has no points; points come "
            "from a points.csv, numbered objects or boxes."
        )
    annotated = [example for example in dataset.examples if example.labels is not None]
    names = class_names(annotated) if dataset.task == "boxes" else (ONE_CLASS,)
    examples = tuple(_with_centres(example) for example in dataset.examples)
    notes = dataset.notes
    if told := with_class_names(dataset).classes:
        notes += (f"Points in the middle of objects are of one class, not of {', '.join(told)}.",)
    return replace(dataset, task="points", classes=names, examples=examples, notes=notes)


def object_diameter(example: Example) -> float | None:
    """Return the median diameter in px of the objects in whose middle the points of an example lie.

    None where there are no objects, or more than points is not known of them.

    Raises
    ------
    DatasetError
        If the annotation cannot be used.
    """
    if not isinstance(example.labels, CentreLabels):
        return None
    objects = replace(example, labels=example.labels.objects)
    if isinstance(objects.labels, BoxLabels):
        return load_boxes(objects).diameter
    _, labels = load_example(objects)
    return object_facts(labels).diameter


def point_facts(points: Points) -> ObjectFacts:
    """Return what sampling needs to know about the objects that `points` mark."""
    places = np.zeros((len(points), 3))
    places[:, 3 - points.positions.shape[1] :] = points.positions
    return ObjectFacts(places, None)


def is_point_table(path: Path) -> bool:
    """Return whether a CSV file has the columns of a table of points."""
    return set(_NEEDED) <= set(find_columns(header_of(path), _COLUMNS))


@while_unchanged
def read_points(path: Path) -> PointTable:
    """Read a CSV table with one point a row.

    Columns ``image``, ``y`` and ``x``, of volumes also ``z``, in px: whole numbers are the centres
    of pixels, and the first pixel is 0. Without a ``class`` all objects are of one. ``split`` says
    which part of the dataset the image is of. A row without numbers names an image that has no
    objects.

    Raises
    ------
    DatasetError
        If a column or number is missing, or an image is in two splits; the message names the row.
    """
    listed = read_listed(path, _COLUMNS, _NEEDED[1:], _position)
    for image, places in listed.places.items():
        if len({len(place) for place in places}) > 1:
            raise DatasetError(f"'{path}': some points of '{image}' have a z, others have none.")
    points = {
        image: Points(
            np.array(places, np.float64),
            np.array([name or ONE_CLASS for name in listed.names[image]], np.str_),
        )
        for image, places in listed.places.items()
    }
    return PointTable(points, listed.splits)


def _position(row: Row, where: str) -> tuple[float, ...]:
    axes = [axis for axis in _AXES if axis != "z" or row.said.get("z")]
    try:
        position = tuple(row.number(axis) for axis in axes)
    except ValueError as error:
        raise DatasetError(f"{where}: a position is no number ({error}).") from error
    if not np.isfinite(position).all():
        raise DatasetError(f"{where}: the position {position} is not finite.")
    return position


def _names_in_tables(examples: Sequence[Example]) -> tuple[str, ...]:
    """Return what points are called, in alphabetical order."""
    tables = {e.labels.path for e in examples if isinstance(e.labels, PointLabels)}
    names = {str(n) for path in tables for p in read_points(path).points.values() for n in p.names}
    return tuple(sorted(names)) or (ONE_CLASS,)


def _with_centres(example: Example) -> Example:
    objects = example.labels
    if objects is None or isinstance(objects, PointLabels | CentreLabels):
        return example
    return replace(example, labels=CentreLabels(objects))  # type: ignore[arg-type]


def _centres(example: Example, shape: tuple[int, ...]) -> Points:
    """Return the middle of each object of an example."""
    if isinstance(example.labels, BoxLabels):
        boxes = load_boxes(example)
        middles = (boxes.corners[:, :2] + boxes.corners[:, 2:] - 1).astype(np.float64) / 2
        return Points(middles[boxes.known], boxes.names[boxes.known])
    labels = load_labels(example, shape)
    positions = centroids(labels)
    known = None if labels.min(initial=0) >= 0 else labels >= 0
    return Points(positions, np.full(len(positions), ONE_CLASS), known)


def centroids(labels: LabelArray) -> DoubleArray:
    """Return the centroids of objects, in the order of their labels.

    Parameters
    ----------
    labels : ndarray, shape ([Z,] Y, X), int32
        Values below 1 are no object; numbers may be missing.

    Returns
    -------
    ndarray, shape (N, D), float64
        In px.
    """
    places = np.nonzero(labels > 0)
    owners = labels[places]
    sizes = np.bincount(owners)
    sums = np.stack([np.bincount(owners, along) for along in places], 1)
    present = sizes > 0
    middles: DoubleArray = sums[present] / sizes[present, None]
    return middles
