"""Images and labels in one folder, told apart by the end of the name, as Cellpose keeps them."""

from __future__ import annotations

from pathlib import Path

from cellwright.datasets.layouts.files import (
    check_pairs,
    has_images,
    image_files,
    renamed,
    split_folders,
)
from cellwright.datasets.records import Dataset, Example

_LABEL_MARKS = ("_masks", "_mask", "_labels", "_label")
_IMAGE_MARKS = ("_img", "_image")
# What Cellpose writes beside its masks, neither image nor labels.
_OTHER_MARKS = ("_flows", "_outlines", "_cp_output")


def open_suffixed(root: Path) -> Dataset | None:
    """Recognise ``a.tif`` or ``a_img.tif`` beside ``a_masks.tif``, in `root` or in its splits."""
    if has_images(root):
        examples = _pairs(root, None)
    else:
        examples = [e for split, part in split_folders(root).items() for e in _pairs(part, split)]
    return Dataset(root, "Cellpose", "instances", tuple(examples)) if examples else None


def _pairs(folder: Path, split: str | None) -> list[Example]:
    files = image_files(folder)
    labels = {stem: path for stem, path in files.items() if stem.endswith(_LABEL_MARKS)}
    if not labels:
        return []
    images = {
        stem: path
        for stem, path in files.items()
        if stem not in labels and not stem.endswith(_OTHER_MARKS)
    }
    images = renamed(images, lambda stem: _without(stem, _IMAGE_MARKS))
    labels = renamed(labels, lambda stem: _owner(stem, images))
    check_pairs(images, labels, f"'{folder}'")
    return [
        Example(f"{split}/{stem}" if split else stem, (path,), labels[stem], split)
        for stem, path in images.items()
    ]


def _owner(stem: str, images: dict[str, Path]) -> str:
    """Return the image that labels belong to: those of ``a_img`` may be ``a_img_masks``."""
    bare = without_label_mark(stem)
    return bare if bare in images else _without(bare, _IMAGE_MARKS)


def without_label_mark(stem: str) -> str:
    """Return the name of labels without what tells them from their image.

    Examples
    --------
    >>> without_label_mark("a_cp_masks"), without_label_mark("a_label"), without_label_mark("a")
    ('a', 'a', 'a')
    """
    return _without(stem, _LABEL_MARKS).removesuffix("_cp")


def _without(stem: str, marks: tuple[str, ...]) -> str:
    """Return `stem` without the mark at its end."""
    return next((stem.removesuffix(mark) for mark in marks if stem.endswith(mark)), stem)
