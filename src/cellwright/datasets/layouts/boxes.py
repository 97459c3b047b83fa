"""Images with a table of boxes."""

from __future__ import annotations

from pathlib import Path

from cellwright._errors import DatasetError
from cellwright.datasets.boxes import is_box_table, read_boxes
from cellwright.datasets.layouts.files import image_files, some, split_name
from cellwright.datasets.records import BoxLabels, Dataset, Example
from cellwright.images.read import stem

FILE_NAME = "boxes.csv"
_IMAGES = "images"


def open_boxes(root: Path) -> Dataset | None:
    """Recognise a ``boxes.csv`` beside the images, or beside a folder ``images/`` with them."""
    path = root / FILE_NAME
    if not (path.is_file() and is_box_table(path)):
        return None
    folder = root / _IMAGES
    files = image_files(folder if folder.is_dir() else root)
    table = read_boxes(path)
    listed = {stem(Path(image)): image for image in table.boxes}
    if missing := [image for name, image in listed.items() if name not in files]:
        raise DatasetError(f"'{path}' lists {len(missing)} images not there ({some(missing)}).")
    examples = tuple(
        Example(
            name,
            (files[name],),
            BoxLabels(path, listed[name]) if name in listed else None,
            _split(table.splits.get(listed.get(name, ""), ""), path),
        )
        for name in files
    )
    return Dataset(root, "table of boxes", "boxes", examples)


def _split(name: str, path: Path) -> str | None:
    split = split_name(name)
    if name and split is None:
        raise DatasetError(f"'{path}' has the split '{name}'; use train, val or test.")
    return split
