"""Images with a table of boxes."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from cellwright.datasets.boxes import is_box_table, read_boxes
from cellwright.datasets.layouts.listed import listed_examples
from cellwright.datasets.records import BoxLabels, Dataset

FILE_NAME = "boxes.csv"


def open_boxes(root: Path) -> Dataset | None:
    """Recognise a ``boxes.csv`` beside the images, or beside a folder ``images/`` with them."""
    path = root / FILE_NAME
    if not (path.is_file() and is_box_table(path)):
        return None
    table = read_boxes(path)
    examples = listed_examples(path, table.boxes, table.splits, partial(BoxLabels, path))
    return Dataset(root, "table of boxes", "boxes", examples)
