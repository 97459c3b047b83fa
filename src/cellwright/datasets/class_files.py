"""Files that say the classes of numbered objects, beside their label images.

Either a table ``classes.csv``, with the columns ``image``, ``label`` and ``class``, or a folder of
images, ``classes/``, ``types/``, ``class_maps/`` or ``type_maps/`` beside that of the labels, in
whose files every pixel has the number of a class: an object is what most of its pixels are. A
``labels.csv`` with these columns is such a table, too; with others it may be about whole images.
What nothing is said about is unknown.

A ``classes.csv`` with the columns ``value`` and ``name`` is a legend: it says what the values in
the label images mean, which then are classes of pixels.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cellwright._errors import DatasetError
from cellwright._words import counted
from cellwright.datasets.cache import while_unchanged
from cellwright.datasets.columns import find_columns, image_key, key_of, row_of
from cellwright.datasets.layouts.files import has_images, image_files, some, subfolders
from cellwright.datasets.records import ClassLabels, Dataset, Example
from cellwright.datasets.tables import Row, header_of, read_rows

UNKNOWN = ""
"""The class of objects of which nobody says what they are."""
_TABLE, _MAYBE_TABLE = "classes.csv", "labels.csv"
_MAPS = ("classes", "types", "class_maps", "type_maps")
_IMAGE_COLUMNS = ("image", "filename", "file_name", "file")
_COLUMNS = {
    "image": (*_IMAGE_COLUMNS, "id"),
    "label": ("label", "object", "object_id", "instance", "number"),
    "class": ("class", "cls", "category", "type", "cell_type"),
}
_LEGEND = {
    "value": ("value", "pixel_value", "pixel value", "number", "index", "class_id", "id"),
    "name": ("name", "class_name", "class", "category", "type"),
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
    legends = {path for folder in folders for path in _legends(folder, dataset.root)}
    if legends and not any(found.values()):
        return _of_pixel_classes(dataset, legends)
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
    notes += tuple(
        f"'{legend}' is not read: it names values, and the classes of objects are found elsewhere."
        for legend in sorted(legends)
    )
    if missing and len(missing) < len(told):
        notes += (
            f"The classes of objects are unknown in {counted(len(missing), 'image')} "
            f"({some(missing)}).",
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
    for row in read_rows(path, _COLUMNS, tuple(_COLUMNS)):
        said = row.said
        image, label = rows.setdefault(image_key(said["image"]), {}), _whole(path, row, "label")
        if image.setdefault(label, said["class"]) != said["class"]:
            raise DatasetError(
                f"'{path}', line {row.line}: object {label} of '{said['image']}' "
                f"is '{said['class']}', but was '{image[label]}' before."
            )
    return rows


@while_unchanged
def read_legend(path: Path) -> Mapping[int, str]:
    """Read what the values in label images mean: columns ``value`` and ``name``.

    Returns
    -------
    mapping of int to str
        Names by value, in ascending order; without 0, the background.

    Raises
    ------
    DatasetError
        If it is no such table, or a value or a name occurs twice.
    """
    names: dict[int, str] = {}
    for row in read_rows(path, _LEGEND, tuple(_LEGEND)):
        value, name = _whole(path, row, "value"), row.said["name"]
        if value < 0 or value in names or name in names.values() or not name:
            raise DatasetError(
                f"'{path}', line {row.line}: {value} cannot be '{name}'. Every value, from 0 on, "
                "has one name, and every name one value."
            )
        names[value] = name
    return {value: names[value] for value in sorted(names) if value > 0}


def _whole(path: Path, row: Row, thing: str) -> int:
    """Return a whole number in a row."""
    try:
        return int(row.said[thing])
    except ValueError as error:
        raise DatasetError(
            f"'{path}', line {row.line}: the {thing} '{row.said[thing]}' is no whole number."
        ) from error


def _is_table(path: Path) -> bool:
    """Return whether a file is meant as a table of classes: by its name, or by its columns."""
    if path.name == _TABLE:
        return path.is_file() and not _is_legend(path)
    return len(find_columns(header_of(path), _COLUMNS)) == len(_COLUMNS)


def _is_legend(path: Path) -> bool:
    """Return whether a table tells what values mean: it names no image and no object."""
    about = find_columns(header_of(path), {**_LEGEND, "image": _IMAGE_COLUMNS})
    return set(about) == set(_LEGEND)


def _of_pixel_classes(dataset: Dataset, legends: Collection[Path]) -> Dataset:
    """Return a dataset whose label images hold classes of pixels, as a legend says."""
    if len(legends) > 1:
        raise DatasetError(
            f"{some(map(str, sorted(legends)))} each say what the values in the labels of "
            f"'{dataset.root}' mean. Keep one of them."
        )
    (legend,) = legends
    names = read_legend(legend)
    examples = (
        replace(example, labels=ClassLabels(example.labels, tuple(names)))
        if isinstance(example.labels, Path)
        else example
        for example in dataset.examples
    )
    return replace(
        dataset, task="pixel classes", classes=tuple(names.values()), examples=tuple(examples)
    )


def _above(folder: Path, root: Path) -> list[Path]:
    """Return a folder and those that it is in, up to the root."""
    return [folder, *(parent for parent in folder.parents if parent.is_relative_to(root))]


def _legends(folder: Path, root: Path) -> list[Path]:
    """Return the legends that may be about a folder of labels."""
    tables = (one / _TABLE for one in _above(folder, root))
    return [table for table in tables if table.is_file() and _is_legend(table)]


def _places(folder: Path, root: Path) -> list[Path]:
    """Return the tables, and the folders of images, that may tell about a folder of labels."""
    above = _above(folder, root)
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
