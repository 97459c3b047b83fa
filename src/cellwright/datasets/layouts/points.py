"""Images with a table of points."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from cellwright.datasets.layouts.listed import listed_examples
from cellwright.datasets.points import is_point_table, read_points
from cellwright.datasets.records import Dataset, PointLabels

FILE_NAME = "points.csv"


def open_points(root: Path) -> Dataset | None:
    """Recognise a ``points.csv`` beside the images, or beside a folder ``images/`` with them."""
    path = root / FILE_NAME
    if not (path.is_file() and is_point_table(path)):
        return None
    table = read_points(path)
    examples = listed_examples(path, table.points, table.splits, partial(PointLabels, path))
    return Dataset(root, "table of points", "points", examples)
