"""What is said about one image in a table and in a report."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cellwright._types import Table
from cellwright._words import counted
from cellwright.images.image import Image
from cellwright.measure.objects import size_column
from cellwright.runs.apply.planes import PLACES


def with_image_name(table: Table, name: str) -> Table:
    """Return the table of one image with its name as the first column."""
    rows = len(next(iter(table.values())))
    return {"image": np.full(rows, name), **table}


def with_place(index: tuple[int, ...], axes: str, table: Table) -> Table:
    """Return the table of a part of a stack with the frame and the plane that it is about.

    Parameters
    ----------
    index : tuple of int
        Where the part lies along the first of `axes`.
    axes : str
    table : Table
        With a column ``label``.
    """
    return {"label": table["label"], **place(index, axes, len(table["label"])), **table}


def place(index: tuple[int, ...], axes: str, rows: int) -> Table:
    """Return the columns that say where a part of a stack lies; as `with_place` takes it."""
    return {PLACES[axis]: np.full(rows, i) for axis, i in zip(axes, index, strict=False)}


def size_fact(shape: tuple[int, ...], axes: str) -> dict[str, Any]:
    """Return the size of an image with some of the axes TZYX, for people."""
    *stacked, height, width = shape
    parts = [counted(size, PLACES[axis]) for axis, size in zip(axes, stacked, strict=False)]
    return {"size": ", ".join([f"{width} × {height} px", *parts])}


def shown_fact(like: Image) -> dict[str, Any]:
    """Return which plane of a stack the picture in the report shows: the middle along each axis."""
    parts = [
        f"{place} {like.sizes[axis] // 2 + 1} of {like.sizes[axis]}"
        for axis, place in PLACES.items()
        if like.sizes.get(axis, 1) > 1
    ]
    return {"shown": f"shown: {', '.join(parts)}"} if parts else {}


def object_facts(table: Table, shape: tuple[int, ...], axes: str) -> dict[str, Any]:
    """Return size of the image and medians of its objects, for the report.

    Parameters
    ----------
    table : Table
        The objects of one image.
    shape : tuple of int
        Of the image.
    axes : str
        Its axes, some of TZYX.
    """
    facts = size_fact(shape, axes)
    _, in_um, unit, pixels = size_column(table)
    if len(table["label"]):
        known = in_um in table
        facts["median_area"] = float(np.median(table[in_um if known else "area"]))
        facts["area_unit"] = unit if known else pixels
        if "confidence" in table:
            facts["median_confidence"] = float(np.median(table["confidence"]))
    return facts


def class_facts(table: Table, classes: Sequence[str]) -> dict[str, Any]:
    """Return how many objects there are of each class, for the report; nothing without classes."""
    if not classes:
        return {}
    return {"classes": {name: int(np.count_nonzero(table["class"] == name)) for name in classes}}
