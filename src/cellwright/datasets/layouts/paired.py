"""Images in one folder and labels in another, as StarDist, CARE and BiaPy keep them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cellwright.datasets.layouts.files import (
    check_pairs,
    has_images,
    image_files,
    renamed,
    split_folders,
    subfolders,
)
from cellwright.datasets.records import Dataset, Example, Labels, PerClassLabels

_IMAGES = ("images", "image", "imgs", "img", "raw", "source", "x")
_LABELS = ("overlaps", "labels", "label", "masks", "mask", "target", "gt", "annotations", "y")


def open_paired(root: Path) -> Dataset | None:
    """Recognise ``images/`` beside ``labels/``, in `root` or in ``train/``, ``val/``, ``test/``.

    Images may also be in ``raw/``, ``source/`` and the like, labels in ``masks/``, ``target/``, or
    in ``overlaps/``: layers, as ``cellwright segment --overlaps`` writes them, before all others.
    Also ``images/train`` beside ``labels/train``. Inside of ``labels/``, folders with other names
    hold the objects of one class each.
    """
    pair = _find_pair(root)
    if pair is not None and has_images(pair[0]):
        return Dataset(root, "paired folders", "instances", tuple(_pair(*pair, None)))
    if pair is not None:
        images, labels = split_folders(pair[0]), split_folders(pair[1])
        parts = {split: (images[split], labels[split]) for split in images if split in labels}
    else:
        found = {split: _find_pair(folder) for split, folder in split_folders(root).items()}
        parts = {split: pair for split, pair in found.items() if pair is not None}
    if not parts:
        return None
    examples = [
        example
        for split, (images, labels) in parts.items()
        for example in _pair(images, labels, split)
    ]
    return Dataset(root, "paired folders", "instances", tuple(examples))


def _find_pair(folder: Path) -> tuple[Path, Path] | None:
    """Return the folders of images and of labels inside of `folder`."""
    inside = subfolders(folder)
    images = next((inside[name] for name in _IMAGES if name in inside), None)
    labels = next((inside[name] for name in _LABELS if name in inside), None)
    return (images, labels) if images and labels else None


def _pair(images: Path, labels: Path, split: str | None) -> list[Example]:
    """Pair two folders by stem; ids carry the split, as names may repeat across splits."""
    image_paths = image_files(images)
    found = _labels(labels, image_paths)
    check_pairs(image_paths, found, f"'{images}' and '{labels}'")
    return [
        Example(f"{split}/{stem}" if split else stem, (path,), found[stem], split)
        for stem, path in image_paths.items()
    ]


def _labels(folder: Path, images: dict[str, Path]) -> Mapping[str, Labels]:
    """Return where the labels of each image are, by its stem."""

    def of_images(folder: Path) -> dict[str, Path]:
        # Some tools mark the labels of `a.tif` as `a_mask.tif` even in a folder of their own.
        return renamed(image_files(folder), lambda stem: _without_mark(stem, images))

    if has_images(folder):
        return of_images(folder)
    files: dict[str, list[tuple[str, Path]]] = {}
    for inside in subfolders(folder).values():
        for stem, path in of_images(inside).items():
            files.setdefault(stem, []).append((inside.name, path))
    return {stem: PerClassLabels(tuple(own)) for stem, own in files.items()}


def _without_mark(stem: str, images: dict[str, Path]) -> str:
    """Return the stem of the image that a label file's stem belongs to."""
    marks = ("_masks", "_mask", "_labels", "_label", "_gt")
    bare = (stem.removesuffix(mark) for mark in marks if stem.endswith(mark))
    return stem if stem in images else next(bare, stem)
