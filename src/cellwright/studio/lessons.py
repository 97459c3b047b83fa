"""What is annotated, as files to learn from: frozen, so that annotating can go on meanwhile."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from cellwright._errors import UsageError
from cellwright._files import write_text
from cellwright._types import BoolArray, LabelArray
from cellwright.datasets.class_files import with_classes
from cellwright.datasets.objects import with_class_names
from cellwright.datasets.records import Dataset, Example
from cellwright.images.image import Image
from cellwright.images.write import write, write_labels
from cellwright.studio.canvas import LabelCanvas
from cellwright.studio.desk import Desk, Sheet
from cellwright.studio.facts import CLASS
from cellwright.studio.journal import signature
from cellwright.studio.levels import Place, plane_of
from cellwright.studio.parts import Box, Part
from cellwright.studio.tables import CLASS_TABLE, classes_text
from cellwright.studio.tools import UNKNOWN

PLANES = "planes"
LABELS = "labels"
LARGEST_PLANE = 4096**2  # px; of larger ones only the surroundings of what is annotated are kept
_SURROUNDINGS = 256  # px
_SPLITS = ("train", "val")


def annotated_parts(desk: Desk) -> list[Part]:
    """Return what is annotated: images that are marked as done, and areas of the others."""
    done, parts = desk.journal.finished(), []
    for number, item in enumerate(desk.project.items):
        if item.name in done:
            *leading, height, width = desk.sheet(number).annotation.canvas.shape
            parts += [
                Part(item.name, index, (0, 0, height, width)) for index in np.ndindex(*leading)
            ]
        else:
            parts += [
                Part(
                    item.name,
                    area.place,
                    (area.y, area.x, area.y + area.height, area.x + area.width),
                )
                for area in desk.journal.areas(item.name)
            ]
    return parts


def write_lesson(
    desk: Desk, parts: Sequence[Part], folder: Path, channel: int | None
) -> tuple[list[Part], int]:
    """Write what a round learns from: planes beside its folder, and labels into it.

    Parameters
    ----------
    desk : Desk
    parts : sequence of Part
    folder : Path
        That of the round.
    channel : int, optional
        What is learned, where the images have several channels.

    Returns
    -------
    parts : list of Part
        With the names of the files that they are in.
    objects : int
        How many there are.

    Raises
    ------
    UsageError
        If a channel must be chosen.
    """
    numbers = {item.name: number for number, item in enumerate(desk.project.items)}
    shutil.rmtree(folder / LABELS, ignore_errors=True)  # of an attempt that came to nothing
    seen, written = 0, []
    kinds: dict[str, dict[str, dict[int, str]]] = {split: {} for split in _SPLITS}
    for (image, index), own in _by_plane(parts).items():
        sheet = desk.sheet(numbers[image])
        part = _kept(own, sheet.annotation.canvas.shape[-2:])
        path = folder.parent / PLANES / f"{_key(sheet, index, part, channel)}.tif"
        written += [replace(one, plane=path.stem) for one in own]
        if not path.exists():
            write(path, plane_pixels(sheet, index, part, channel))
        boxes = {split: [one.box for one in own if one.split == split] for split in _SPLITS}
        for split in _SPLITS:
            if boxes[split]:
                learned = boxes["train"] if split == "val" else ()
                canvas = sheet.annotation.canvas.snapshot()
                labels = known_labels(canvas, index, part, boxes[split], learned)
                there = np.unique(labels[labels > 0]).tolist()
                seen += len(there)
                kinds[split][path.stem] = _classes(sheet, there)
                write_labels(folder / LABELS / split / path.name, labels, partly_known=True)
    for split in _SPLITS:
        if text := classes_text(kinds[split]):
            write_text(folder / LABELS / split / CLASS_TABLE, text)
    return written, seen


def open_lesson(folder: Path) -> Dataset:
    """Return what `write_lesson` wrote as a dataset."""
    examples = [
        Example(
            id=f"{split}/{labels.stem}",
            images=(folder.parent / PLANES / labels.name,),
            labels=labels,
            split=split,
        )
        for split in _SPLITS
        for labels in sorted((folder / LABELS / split).glob("*.tif"))
    ]
    dataset = Dataset(folder.parent, "annotation", "instances", tuple(examples))
    return with_class_names(with_classes(dataset))


def plane_pixels(sheet: Sheet, index: tuple[int, ...], box: Box, channel: int | None) -> Image:
    """Return part of a plane as a model learns it, one channel or colours, axes ``"[C]YX"``.

    Raises
    ------
    UsageError
        If a channel must be chosen.
    """
    place = Place(**dict(zip(sheet.annotation.place_axes.lower(), index, strict=True)))
    plane = plane_of(sheet.levels.image, place)
    part: dict[str, slice | int] = {"y": slice(box[0], box[2]), "x": slice(box[1], box[3])}
    if "C" in plane.axes and not plane.is_rgb:
        if plane.sizes["C"] > 1 and channel is None:
            raise UsageError(f"'{plane.name}' has several channels: choose the one to learn.")
        part["c"] = channel or 0
    with sheet.reading:
        return plane.region(**part)


def known_labels(
    canvas: LabelCanvas,
    index: tuple[int, ...],
    part: Box,
    boxes: Sequence[Box],
    learned: Sequence[Box] = (),
) -> LabelArray:
    """Return the labels of part of a plane, -1 outside of some boxes.

    Objects that a border of a box crosses are there as a whole, for nobody would want to learn
    that objects end there. Those that reach into a box that is `learned` are not known: they are
    learned already.
    """
    whole = canvas[(*index, slice(part[0], part[2]), slice(part[1], part[3]))]
    objects, inside = _touched(whole, part, boxes)
    others, _ = _touched(whole, part, learned)
    return np.where((inside | objects) & ~others, whole, np.int32(UNKNOWN))


def _touched(whole: LabelArray, part: Box, boxes: Sequence[Box]) -> tuple[BoolArray, BoolArray]:
    """Return the pixels of the objects in some boxes of a part, and those of the boxes."""
    y, x = part[:2]
    inside = np.zeros(whole.shape, bool)
    for box in boxes:
        inside[box[0] - y : box[2] - y, box[1] - x : box[3] - x] = True
    numbers = np.unique(whole[inside])
    return np.isin(whole, numbers[numbers > 0]), inside


def _classes(sheet: Sheet, labels: Sequence[int]) -> dict[int, str]:
    """Return what some objects are called, as far as that is said."""
    known = sheet.annotation.facts[CLASS]
    names = {label: sheet.classes.name(known[label]) for label in labels if label in known}
    return {label: name for label, name in names.items() if name}


def _by_plane(parts: Sequence[Part]) -> dict[tuple[str, tuple[int, ...]], list[Part]]:
    planes: dict[tuple[str, tuple[int, ...]], list[Part]] = {}
    for part in parts:
        planes.setdefault((part.image, part.index), []).append(part)
    return planes


def _kept(parts: Sequence[Part], size: tuple[int, ...]) -> Box:
    """Return what is kept of a plane: all of it, unless it is very large."""
    height, width = size
    if height * width <= LARGEST_PLANE:
        return 0, 0, height, width
    boxes = np.array([part.box for part in parts])
    top, left = (int(v) - _SURROUNDINGS for v in boxes[:, :2].min(axis=0))
    bottom, right = (int(v) + _SURROUNDINGS for v in boxes[:, 2:].max(axis=0))
    return max(0, top), max(0, left), min(height, bottom), min(width, right)


def _key(sheet: Sheet, index: tuple[int, ...], part: Box, channel: int | None) -> str:
    """Return a name that is another one when the pixels are others."""
    item = sheet.item
    about = (item.name, item.scene, signature(item.path), index, part, channel)
    return sha256(repr(about).encode()).hexdigest()[:20]
