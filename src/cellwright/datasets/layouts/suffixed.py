"""Images and labels in one folder, told apart by the end of the name, as Cellpose keeps them."""

from __future__ import annotations

from pathlib import Path

from cellwright.datasets.layouts.files import (
    check_pairs,
    has_images,
    image_files,
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
    images: dict[str, Path] = {}
    labels: dict[str, Path] = {}
    for stem, path in image_files(folder).items():
        mark = next((mark for mark in _LABEL_MARKS if stem.endswith(mark)), None)
        if mark:
            labels[stem.removesuffix(mark).removesuffix("_cp")] = path
        elif not stem.endswith(_OTHER_MARKS):
            bare = next((mark for mark in _IMAGE_MARKS if stem.endswith(mark)), "")
            images[stem.removesuffix(bare)] = path
    if not labels:
        return []
    labels = {_owner(stem, images): path for stem, path in labels.items()}
    check_pairs(images, labels, f"'{folder}'")
    return [
        Example(f"{split}/{stem}" if split else stem, (path,), labels[stem], split)
        for stem, path in images.items()
    ]


def _owner(stem: str, images: dict[str, Path]) -> str:
    """Return the image that labels belong to: Cellpose names those of ``a_img`` ``a_img_masks``."""
    bare = (stem.removesuffix(mark) for mark in _IMAGE_MARKS if stem.endswith(mark))
    return stem if stem in images else next(bare, stem)
