"""Tables of objects and of boxes, read as the points of a movie."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from cellwright._errors import FormatError
from cellwright._types import AnyArray, IntArray, Table
from cellwright.datasets.columns import find_columns
from cellwright.runs.results.folder import read_record
from cellwright.tracking.formats.table import NAMES

_OBJECTS = "objects.csv"
_COLUMNS = {
    "image": ("image", "filename", "file_name", "file"),
    "min_row": ("min_row", "ymin", "y_min", "y0", "top", "bbox-0"),
    "min_col": ("min_col", "xmin", "x_min", "x0", "left", "bbox-1"),
    "max_row": ("max_row", "ymax", "y_max", "y1", "bottom", "bbox-2"),
    "max_col": ("max_col", "xmax", "x_max", "x1", "right", "bbox-3"),
}


def found_objects(source: Path) -> Path:
    """Return the table of objects where `source` is a result of ``cellwright detect``, or it."""
    record = read_record(source) if source.is_dir() else None
    detected = record is not None and record.get("command") == "detect"
    return source / _OBJECTS if detected else source


def as_points(table: Table) -> Table:
    """Return a table with the columns ``frame``, ``y`` and ``x`` (and ``z``), where it tells them.

    Places are those of centroids (``centroid-0`` …), or the middle of boxes, whose size is their
    ``area`` (px). Frames are the numbers in the names of images.

    Raises
    ------
    FormatError
        If the images are no frames of one movie.
    """
    columns, known = dict(table), find_columns(list(table), _COLUMNS)
    if "image" in known:
        images = np.asarray(table[known["image"]], np.str_)
        if not any(name in table for name in NAMES["frame"]):
            columns["frame"] = _frames(images)
        elif len(movies := np.unique(images)) > 1:
            raise FormatError(
                f"It holds the objects of several movies ({', '.join(movies[:3])} …); keep the "
                "rows of one of them."
            )
    if "label" in table and np.asarray(table["label"]).dtype.kind not in "biuf":
        columns["class"] = columns.pop("label")
    sides = [table[known[side]] for side in _COLUMNS if side in known and side != "image"]
    boxes = np.stack(sides, axis=1) if len(sides) == 4 and "bbox-4" not in table else None
    if not all(any(name in table for name in NAMES[axis]) for axis in "yx"):
        centroids = [name for axis in range(3) if (name := f"centroid-{axis}") in table]
        if centroids:
            columns |= zip("zyx"[-len(centroids) :], map(columns.pop, centroids), strict=True)
        elif boxes is not None:
            columns["y"], columns["x"] = ((boxes[:, :2] + boxes[:, 2:]) / 2 - 0.5).T
    if boxes is not None:
        columns.setdefault("area", (boxes[:, 2:] - boxes[:, :2]).prod(axis=1))
    return columns


def _frames(images: AnyArray) -> IntArray:
    """Return the frame of each object, by the one number in which the names of images differ."""
    names, of = np.unique(images, return_inverse=True)
    parts = [re.split(r"(\d+)", name) for name in names.tolist()]
    texts = {tuple(one[::2]) for one in parts}
    numbers = np.array([one[1::2] for one in parts], np.int64) if len(texts) == 1 else None
    counting = [] if numbers is None else np.flatnonzero(np.ptp(numbers, axis=0) > 0).tolist()
    if numbers is None or len(counting) != 1:
        raise FormatError(
            "It has no column 'frame', and the names of its images do not count the frames of a "
            f"movie ({', '.join(names[:3].tolist())} …); number them, as t000, t001 …"
        )
    frames = numbers[:, counting[0]]
    return np.asarray((frames - frames.min())[of])
