"""Tables of objects and of boxes, read as the points of a movie."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cellwright._errors import FormatError
from cellwright._types import AnyArray, DoubleArray, IntArray, Table
from cellwright.datasets.columns import find_columns
from cellwright.runs.results.folder import read_record
from cellwright.tracking.formats.table import NAMES

_OBJECTS = "objects.csv"
_FARTHEST = 2**31  # frames that names of images may be apart
_COLUMNS = {
    "image": ("image", "filename", "file_name", "file"),
    "min_plane": ("min_plane", "zmin", "z_min", "z0", "front"),
    "min_row": ("min_row", "ymin", "y_min", "y0", "top", "bb_top", "bbox-0"),
    "min_col": ("min_col", "xmin", "x_min", "x0", "left", "bb_left", "bbox-1"),
    "max_plane": ("max_plane", "zmax", "z_max", "z1", "back"),
    "max_row": ("max_row", "ymax", "y_max", "y1", "bottom", "bbox-2"),
    "max_col": ("max_col", "xmax", "x_max", "x1", "right", "bbox-3"),
    "depth": ("depth", "bb_depth"),
    "height": ("height", "bb_height"),
    "width": ("width", "bb_width"),
}
_SIDES = (  # along z, y and x: both of them, or one and how long the box is
    ("min_plane", "max_plane", "depth"),
    ("min_row", "max_row", "height"),
    ("min_col", "max_col", "width"),
)
_IN_VOLUMES = {
    side: f"bbox-{place}"
    for place, side in enumerate(
        ("min_plane", "min_row", "min_col", "max_plane", "max_row", "max_col")
    )
}


def found_objects(source: Path) -> tuple[Path, tuple[str, ...]]:
    """Return the table of objects and the names of all images of a ``cellwright detect``.

    Where `source` is none of its results, it is returned itself, without names.
    """
    record = read_record(source) if source.is_dir() else None
    if record is None or record.get("command") != "detect":
        return source, ()
    return source / _OBJECTS, tuple(one["image"] for one in record["images"])


def as_points(table: Table, images: Sequence[str] = ()) -> Table:
    """Return a table with the columns ``frame``, ``y`` and ``x`` (and ``z``), where it tells them.

    Places are those of centroids (``centroid-0`` …), or the middle of boxes, whose size is their
    ``area`` (px); boxes have two sides along each axis, or one and their size. Frames are the
    numbers in the names of images: 0 is the first of them, and of `images`, which objects were
    looked for in.

    Raises
    ------
    FormatError
        If the images are no frames of one movie, or sides of boxes are no numbers.
    """
    columns, known = dict(table), find_columns(list(table), _COLUMNS)
    if "image" in known:
        own = np.asarray(table[known["image"]], np.str_)
        if not any(name in table for name in NAMES["frame"]):
            columns["frame"] = _frames(own, images)
        else:
            _check_one_movie(own, next(table[name] for name in NAMES["frame"] if name in table))
    if "label" in table and np.asarray(table["label"]).dtype.kind not in "biuf":
        columns.setdefault("class", columns.pop("label"))
    boxes = _boxes(table)
    if not all(any(name in table for name in NAMES[axis]) for axis in "yx"):
        centroids = [name for axis in range(3) if (name := f"centroid-{axis}") in table]
        if centroids:
            columns |= zip("zyx"[-len(centroids) :], map(columns.pop, centroids), strict=True)
        elif boxes is not None:
            columns |= zip("zyx"[-boxes.shape[1] :], (boxes.mean(axis=2) - 0.5).T, strict=True)
    if boxes is not None:
        columns.setdefault("area", np.abs(boxes[:, :, 1] - boxes[:, :, 0]).prod(axis=1))
    return columns


def _boxes(table: Table) -> DoubleArray | None:
    """Return where boxes begin and end along each axis, shape (N, D, 2); None if not told."""
    known = find_columns(list(table), _COLUMNS)
    if "bbox-5" in table:
        known |= _IN_VOLUMES
    sides = [_ends(table, known, *names) for names in _SIDES]
    if sides[1] is None or sides[2] is None:
        return None
    odd = [known[name] for name in _SIDES[0][:2] if name in known]
    if sides[0] is None and odd:
        raise FormatError(
            f"Of the boxes only one side along z is told ('{odd[0]}'); add the other."
        )
    return np.array([side for side in sides if side is not None]).transpose(2, 0, 1)


def _ends(
    table: Table, known: dict[str, str], low: str, high: str, length: str
) -> tuple[DoubleArray, DoubleArray] | None:
    """Return where boxes begin and end along one axis, if the columns that are `known` tell."""
    if low not in known or not known.keys() & {high, length}:
        return None
    first = _numbers(table, known[low])
    if high in known:
        return first, _numbers(table, known[high])
    return first, first + _numbers(table, known[length])


def _numbers(table: Table, name: str) -> DoubleArray:
    """Return a column of sides of boxes, which have to be numbers."""
    column = np.asarray(table[name])
    if column.dtype.kind not in "iuf":
        raise FormatError(f"The column '{name}' tells a side of boxes, but holds no numbers.")
    return column.astype(np.float64)


def _check_one_movie(images: AnyArray, frames: AnyArray) -> None:
    """Refuse objects of several movies; one image for each frame is one movie."""
    movies, of = np.unique(images, return_inverse=True)
    times, at = np.unique(frames, return_inverse=True)
    both = len(np.unique(at * len(movies) + of))
    if len(movies) > 1 and not both == len(movies) == len(times):
        raise FormatError(
            f"It holds the objects of several movies ({', '.join(movies[:3])} …); keep the "
            "rows of one of them."
        )


def _frames(images: AnyArray, others: Sequence[str]) -> IntArray:
    """Return the frame of each object, by its image among all, or among those with objects."""
    own, of = np.unique(images, return_inverse=True)
    names = own.tolist()
    number = _numbers_in(sorted({*names, *others})) or _numbers_in(names)
    if not number:
        raise FormatError(
            "It has no column 'frame', and the names of its images do not count the frames of a "
            f"movie ({', '.join(names[:3])} …); number them, as t000, t001 …"
        )
    first = min(number.values())
    return np.array([number[name] - first for name in names], np.int64)[of]


def _numbers_in(names: Sequence[str]) -> dict[str, int]:
    """Return the one number in which names differ, by name; nothing if they do otherwise."""
    parts = [re.split(r"(\d+)", name) for name in names]
    alike = len({tuple(one[::2]) for one in parts}) == 1
    places = zip(*(map(int, one[1::2]) for one in parts), strict=True) if alike else ()
    counting = [numbers for numbers in places if len(set(numbers)) > 1]
    if len(counting) != 1 or max(counting[0]) - min(counting[0]) > _FARTHEST:
        return {}
    return dict(zip(names, counting[0], strict=True))
