"""An optional ``index.csv`` beside the images: splits, groups and kinds of the examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cellwright._errors import DatasetError
from cellwright._words import counted
from cellwright.datasets.columns import image_key, row_of
from cellwright.datasets.layouts.files import some, stated_split
from cellwright.datasets.records import Dataset, Example
from cellwright.datasets.tables import read_rows

FILE_NAME = "index.csv"
_COLUMNS = {
    "id": ("id", "image", "file", "filename", "file_name", "name", "stem"),
    "split": ("split", "subset", "fold"),
    "group": ("group", "plate", "animal", "patient", "donor", "movie", "well", "day", "date"),
    "kind": ("kind", "modality", "stain", "cell_type", "tissue"),
    "category": ("category", "class"),
    "axes": ("axes",),
}


def apply_index(dataset: Dataset) -> Dataset:
    """Return `dataset` with what its ``index.csv`` says, unchanged where it has none.

    The column ``id`` (or ``image``, ``file``, ...) holds the id or the file name of an example.
    Columns for the split (``split``), group (``group``, ``plate``, ``animal``, ``movie``, ...),
    kind (``kind``, ``modality``, ``stain``, ...), category and axes are taken; others are not.

    Raises
    ------
    DatasetError
        If no row fits an example, an id occurs twice, or a split has an unknown name.
    """
    path = dataset.root / FILE_NAME
    if not path.is_file():
        return dataset
    rows = _read_rows(path)
    examples = tuple(_described(example, rows, path) for example in dataset.examples)
    listed = {example.id for example in dataset.examples if row_of(example, rows) is not None}
    if not listed and rows:
        raise DatasetError(
            f"'{path}' names none of the {len(dataset)} examples; its first rows are "
            f"{some(rows)}, the first example is '{dataset.examples[0].id}'."
        )
    notes = dataset.notes
    unlisted = [example.id for example in dataset.examples if example.id not in listed]
    if unlisted:
        notes += (f"Not in {path.name}: {counted(len(unlisted), 'example')} ({some(unlisted)}).",)
    if len(rows) > len(listed):
        nameless = counted(len(rows) - len(listed), "row")
        notes += (f"Without an example of that name: {nameless} of {path.name}.",)
    return replace(dataset, examples=examples, notes=notes)


def _read_rows(path: Path) -> dict[str, Mapping[str, str]]:
    """Return what each row says, keyed by the stem of its id."""
    rows: dict[str, Mapping[str, str]] = {}
    for row in read_rows(path, _COLUMNS, needed=("id",)):
        facts = dict(row.said)
        name = image_key(facts.pop("id"))
        if name in rows:
            raise DatasetError(f"'{path}' names '{name}' twice.")
        rows[name] = facts
    return rows


def _described(example: Example, rows: Mapping[str, Mapping[str, str]], path: Path) -> Example:
    row = row_of(example, rows) or {}
    said: dict[str, Any] = {name: value for name, value in row.items() if value}
    if "split" in said:
        said["split"] = stated_split(said["split"], example.id, path)
    return replace(example, **said) if said else example
