"""Boxes around objects: what they are, and the files that list them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellwright._errors import DatasetError
from cellwright._types import AnyArray, BoolArray, FloatArray
from cellwright.datasets.cache import while_unchanged
from cellwright.datasets.coco import read_coco
from cellwright.datasets.columns import find_columns
from cellwright.datasets.records import BoxLabels, Example
from cellwright.datasets.tables import Row, header_of, read_listed

ONE_CLASS = "object"
"""What objects are called where nobody tells classes apart."""
SIDES = ("min_row", "min_col", "max_row", "max_col")
_COLUMNS = {
    "image": ("image", "filename", "file_name", "file", "id"),
    "class": ("class", "cls", "label", "category", "name"),
    "split": ("split", "subset", "fold"),
    "min_row": ("min_row", "ymin", "y_min", "y0", "top"),
    "min_col": ("min_col", "xmin", "x_min", "x0", "left"),
    "max_row": ("max_row", "ymax", "y_max", "y1", "bottom"),
    "max_col": ("max_col", "xmax", "x_max", "x1", "right"),
}
_NEEDED = ("image", *SIDES)


@dataclass(frozen=True, slots=True)
class Boxes:
    """Boxes around the objects of one image or patch.

    Parameters
    ----------
    corners : ndarray, shape (N, 4), float32
        ``min_row, min_col, max_row, max_col`` in px: the first pixel lies between 0 and 1.
    names : ndarray of str, shape (N,)
        Class of each object.
    known : ndarray, shape (N,), bool
        False where nobody knows what is in a box, which then takes part in no loss.
    size : tuple of int, optional
        Of the patch that they lie in, (Y, X) in px.
    looked : ndarray, shape (Y, X), bool, optional
        False where nobody looked for objects; looked for everywhere when not given.
    """

    corners: FloatArray
    names: AnyArray
    known: BoolArray
    size: tuple[int, int] | None = None
    looked: BoolArray | None = None

    def __len__(self) -> int:
        return len(self.corners)

    @property
    def diameter(self) -> float | None:
        """Median of the geometric mean of both sides in px; None without boxes."""
        if not self.known.any():
            return None
        sides = self.corners[self.known, 2:] - self.corners[self.known, :2]
        return float(np.median(np.sqrt(sides.prod(1))))


def no_boxes() -> Boxes:
    """Return the boxes of an image without objects."""
    return Boxes(np.empty((0, 4), np.float32), np.empty(0, np.str_), np.empty(0, bool))


@dataclass(frozen=True, slots=True)
class BoxTable:
    """What a table of boxes says, by image as the table names it."""

    boxes: Mapping[str, Boxes]
    splits: Mapping[str, str]


def load_boxes(example: Example) -> Boxes:
    """Return the boxes of an example.

    Raises
    ------
    DatasetError
        If it is not annotated with boxes, or their table cannot be used.
    """
    if not isinstance(example.labels, BoxLabels):
        raise DatasetError(f"'{example.image}' is not annotated with boxes.")
    path, image = example.labels.path, example.labels.image
    boxes = _coco_boxes(path) if path.suffix.lower() == ".json" else read_boxes(path).boxes
    return boxes.get(image, no_boxes())


def check_boxes(boxes: Boxes, shape: tuple[int, ...], example: Example) -> None:
    """Raise `DatasetError` where the middle of a box is not in its image of `shape` (Y, X)."""
    middle = (boxes.corners[:, :2] + boxes.corners[:, 2:]) / 2
    outside = ((middle < 0) | (middle > np.array(shape[-2:]))).any(1)
    if outside.any():
        where = ", ".join(f"{side:g}" for side in boxes.corners[outside][0])
        raise DatasetError(
            f"'{example.image}' has {' × '.join(map(str, shape))} px, but the middle of the box "
            f"({where}) lies outside. Boxes are {', '.join(SIDES)} in px; correct the table."
        )


def class_names(examples: Sequence[Example]) -> tuple[str, ...]:
    """Return the classes of all boxes of some examples in alphabetical order."""
    return tuple(sorted({str(name) for each in examples for name in load_boxes(each).names}))


def is_box_table(path: Path) -> bool:
    """Return whether a CSV file has the columns of a table of boxes."""
    return set(_NEEDED) <= set(find_columns(header_of(path), _COLUMNS))


@while_unchanged
def read_boxes(path: Path) -> BoxTable:
    """Read a CSV table with one box a row.

    Columns ``image``, ``class``, ``min_row``, ``min_col``, ``max_row`` and ``max_col``, in px;
    the usual other names, such as ``xmin``, are understood, too. Without a class all objects are
    of one. ``split`` says which part of the dataset the image is of. A row without numbers names
    an image that has no objects.

    Raises
    ------
    DatasetError
        If a column or number is missing, a box has no area, or an image is in two splits; the
        message names the row.
    """
    listed = read_listed(path, _COLUMNS, SIDES, _corners)
    boxes = {
        image: Boxes(
            np.array(corners, np.float32).reshape(-1, 4),
            np.array([name or ONE_CLASS for name in listed.names[image]], np.str_),
            np.ones(len(corners), bool),
        )
        for image, corners in listed.places.items()
    }
    return BoxTable(boxes, listed.splits)


@while_unchanged
def _coco_boxes(path: Path) -> Mapping[str, Boxes]:
    """Return the boxes of a COCO file by the name of the image; what crowds hold is not known."""
    content = read_coco(path)
    found = {}
    for image in content.images:
        boxed = [entry for entry in content.objects[image.id] if entry.box is not None]
        sides = np.array([entry.box for entry in boxed], np.float32).reshape(-1, 4)
        left, top, width, height = sides.T
        if not (width > 0).all() or not (height > 0).all():
            raise DatasetError(f"'{path}' has a box without area on '{image.file_name}'.")
        found[image.file_name] = Boxes(
            np.stack([top, left, top + height, left + width], 1),
            np.array([entry.category for entry in boxed], np.str_),
            np.array([not entry.crowd for entry in boxed], bool),
        )
    return found


def _corners(row: Row, where: str) -> tuple[float, ...]:
    try:
        top, left, bottom, right = (row.number(side) for side in SIDES)
    except ValueError as error:
        raise DatasetError(f"{where}: a side of the box is no number ({error}).") from error
    if not (top < bottom < np.inf and left < right < np.inf and min(top, left) > -np.inf):
        raise DatasetError(
            f"{where}: rows {top:g} to {bottom:g} and columns {left:g} to {right:g} are no box."
        )
    return top, left, bottom, right
