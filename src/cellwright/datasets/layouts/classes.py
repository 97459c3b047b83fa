"""One folder of images per class, for classification of whole images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cellwright.datasets.layouts.files import has_images, image_files, split_folders, subfolders
from cellwright.datasets.records import Dataset, Example

_TRUTH = {"SEG", "TRA"}


def open_classes(root: Path) -> Dataset | None:
    """Recognise ``CLASS/*.png`` with at least two classes, in `root` or in its splits.

    Folders that share most of their file names hold several views of the same fields, not
    classes, and are not recognised. Nor are those of the true outlines and tracks of the Cell
    Tracking Challenge.
    """
    parts = split_folders(root)
    if parts:
        examples = [e for split, part in parts.items() for e in _class_folders(part, split)]
    else:
        examples = _class_folders(root, None)
    if len({example.category for example in examples}) < 2:
        return None
    return Dataset(root, "image folders", "classes of whole images", tuple(examples))


def _class_folders(parent: Path, split: str | None) -> list[Example]:
    folders = {
        folder.name: image_files(folder)
        for folder in subfolders(parent).values()
        if has_images(folder)
    }
    if _same_fields(folders) or _TRUTH & set(folders):
        return []
    prefix = f"{split}/" if split else ""
    return [
        Example(f"{prefix}{category}/{stem}", (path,), split=split, category=category)
        for category, images in folders.items()
        for stem, path in images.items()
    ]


def _same_fields(folders: Mapping[str, Mapping[str, Path]]) -> bool:
    """Return whether most file names occur in more than one folder."""
    stems = [stem for images in folders.values() for stem in images]
    return len(set(stems)) < 0.75 * len(stems)
