"""Files that say the classes of numbered objects, beside their label images.

Either a table ``classes.csv``, with the columns ``image``, ``label`` and ``class``, or a folder of
images, ``classes/``, ``types/``, ``class_maps/`` or ``type_maps/`` beside that of the labels, in
whose files every pixel has the number of a class: an object is what most of its pixels are. A
``labels.csv`` with these columns is such a table, too; with others it may be about whole images.
What nothing is said about is unknown.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from cellwright._errors import DatasetError
from cellwright.datasets.cache import while_unchanged
from cellwright.datasets.columns import find_columns, image_key, key_of, row_of
from cellwright.datasets.layouts.files import has_images, image_files, some, subfolders
from cellwright.datasets.records import Dataset, Example

UNKNOWN = ""
"""The class of objects of which nobody says what they are."""
_TABLE, _MAYBE_TABLE = "classes.csv", "labels.csv"
_MAPS = ("classes", "types", "class_maps", "type_maps")
_COLUMNS = {
    "image": ("image", "filename", "file_name", "file", "id"),
    "label": ("label", "object", "object_id", "instance", "number"),
    "class": ("class", "cls", "category", "type", "cell_type"),
}


def with_classes(dataset: Dataset) -> Dataset:
    """Return a dataset of numbered objects with the files that say what these are.

    Raises
    ------
    DatasetError
        If there are such files, but they are about other images, a table cannot be read, or it
        means one image or another by the same name.
    """
    if dataset.task != "instances" or any(example.classes for example in dataset.examples):
        return dataset
    labels = [example.labels for example in dataset.examples if isinstance(example.labels, Path)]
    folders = {path.parent for path in labels}
    found = {folder: _places(folder, dataset.root) for folder in folders}
    told = [_with_classes(example, found) for example in dataset.examples]
    _refuse_doubt(told)
    missing = [example.id for example in told if example.classes is None]
    if any(found.values()) and len(missing) == len(told):
        places = some(sorted({str(place) for those in found.values() for place in those}))
        raise DatasetError(
            f"{places} should say the classes of objects, but names none of the images of "
            f"'{dataset.root}', such as '{dataset.examples[0].id}'."
        )
    notes = dataset.notes + _unknown_images(told, found)
    if missing and len(missing) < len(told):
        notes += (
            f"The classes of objects are unknown in {len(missing)} images ({some(missing)}).",
        )
    return replace(dataset, examples=tuple(told), notes=notes)


@while_unchanged
def read_classes(path: Path) -> Mapping[str, Mapping[int, str]]:
    """Read a table of classes: columns ``image``, ``label`` and ``class``, one object a row.

    Returns
    -------
    mapping of str to mapping
        By `image_key`, then by label; objects whose class is left empty are unknown.

    Raises
    ------
    DatasetError
        If it is no such table, or an object is named twice.
    """
    rows: dict[str, dict[int, str]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = _reader(stream)
            columns = find_columns(reader.fieldnames or (), _COLUMNS)
            if missing := [name for name in _COLUMNS if name not in columns]:
                raise DatasetError(
                    f"'{path}' has the columns {', '.join(reader.fieldnames or ()) or '(none)'}, "
                    f"but none for {' and '.join(missing)}. It needs the columns "
                    f"{','.join(_COLUMNS)}, separated by commas, and a row for each object. If it "
                    "is about something else, rename it."
                )
            for row in reader:
                said = {thing: (row[name] or "").strip() for thing, name in columns.items()}
                image, label = rows.setdefault(image_key(said["image"]), {}), int(said["label"])
                if image.setdefault(label, said["class"]) != said["class"]:
                    raise DatasetError(
                        f"'{path}', line {reader.line_num}: object {label} of '{said['image']}' "
                        f"is '{said['class']}', but was '{image[label]}' before."
                    )
    except (UnicodeDecodeError, csv.Error, OSError, ValueError) as error:
        raise DatasetError(
            f"'{path}' is not a readable table of image, label and class ({error})."
        ) from error
    return rows


def _reader(stream: TextIO) -> csv.DictReader[str]:
    """Return a reader of rows between commas, or between semicolons, as some spreadsheets write."""
    header = stream.readline()
    stream.seek(0)
    return csv.DictReader(stream, delimiter=";" if header.count(";") > header.count(",") else ",")


def _is_table(path: Path) -> bool:
    """Return whether a file is meant as a table of classes: by its name, or by its columns."""
    if path.name == _TABLE:
        return path.is_file()
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return len(find_columns(_reader(stream).fieldnames or (), _COLUMNS)) == len(_COLUMNS)
    except (UnicodeDecodeError, csv.Error, OSError):
        return False


def _places(folder: Path, root: Path) -> list[Path]:
    """Return the tables, and the folders of images, that may tell about a folder of labels."""
    above = [folder, *(parent for parent in folder.parents if parent.is_relative_to(root))]
    names = (_TABLE, _MAYBE_TABLE)
    tables = [path for one in above for name in names if _is_table(path := one / name)]
    maps = []
    for own in above[:-1]:
        beside = subfolders(own.parent)
        same = (beside[name] / folder.relative_to(own) for name in _MAPS if name in beside)
        maps += [path for path in same if path.is_dir() and has_images(path)]
    return [*tables, *maps]


def _with_classes(example: Example, places: Mapping[Path, Sequence[Path]]) -> Example:
    """Return an example with the first place that tells about it."""
    if not isinstance(example.labels, Path):
        return example
    for place in places[example.labels.parent]:
        if place.is_file():
            if row_of(example, read_classes(place)) is not None:
                return replace(example, classes=place)
        elif (path := row_of(example, image_files(place))) is not None:
            return replace(example, classes=path)
    return example


def _unknown_images(
    examples: Sequence[Example], places: Mapping[Path, Sequence[Path]]
) -> tuple[str, ...]:
    """Return a note for each table that names images of which there are no labels."""
    about: dict[Path, list[Example]] = {}
    for example in examples:
        if isinstance(example.labels, Path):
            for place in places[example.labels.parent]:
                about.setdefault(place, []).append(example)
    notes = []
    for table in sorted(place for place in about if place.is_file()):
        rows = read_classes(table)
        known = {key_of(example, rows) for example in about[table]}
        if unknown := [name for name in rows if name not in known]:
            notes.append(
                f"'{table}' has rows of images without labels here ({some(unknown)}): are their "
                "names right?"
            )
    return tuple(notes)


def _refuse_doubt(examples: Sequence[Example]) -> None:
    """Refuse rows of a table that would be about the objects of two label images."""
    first: dict[tuple[Path, str | None], Example] = {}
    for example in examples:
        if example.classes is None or example.classes.suffix.lower() != ".csv":
            continue
        key = key_of(example, read_classes(example.classes))
        other = first.setdefault((example.classes, key), example)
        if other.label_file != example.label_file:
            raise DatasetError(
                f"'{example.classes}' says '{key}', which may be '{other.id}' or '{example.id}': "
                "name images as these, with their folders."
            )
