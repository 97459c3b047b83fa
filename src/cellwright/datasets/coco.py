"""COCO annotation files: which images they list, their boxes, and drawing their objects."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._errors import DatasetError, FormatError
from cellwright._types import BoolArray, LabelArray
from cellwright.datasets.cache import while_unchanged
from cellwright.datasets.records import CocoLabels


@dataclass(frozen=True, slots=True)
class CocoImage:
    """One entry of ``images``: its id, the name of its file and its size in pixels."""

    id: int
    file_name: str
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class CocoBox:
    """Where an object is, ``x, y, width, height`` in px, what it is, and whether it is a crowd."""

    box: tuple[float, ...]
    category: str
    crowd: bool


@dataclass(frozen=True, slots=True)
class CocoFile:
    """An annotation file: its images, and the objects of each by the image's id.

    Parameters
    ----------
    images : tuple of CocoImage
    segmentations : mapping of int to tuple
        Outlines or runs; empty where the file only has boxes.
    categories : mapping of int to tuple of str
        What each of the segmented objects is.
    boxes : mapping of int to tuple of CocoBox
        Of those objects that have one.
    """

    images: tuple[CocoImage, ...]
    segmentations: Mapping[int, tuple[Any, ...]]
    categories: Mapping[int, tuple[str, ...]]
    boxes: Mapping[int, tuple[CocoBox, ...]]

    @property
    def has_outlines(self) -> bool:
        """Whether objects are outlined, or, without any, at least not boxed."""
        return any(self.segmentations.values()) or not any(self.boxes.values())


@while_unchanged
def read_coco(path: Path) -> CocoFile:
    """Read a COCO file of instances.

    Raises
    ------
    FormatError
        If it is not JSON, or lacks what a COCO file of instances holds.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        images = tuple(
            CocoImage(
                int(entry["id"]),
                str(entry["file_name"]),
                int(entry["height"]),
                int(entry["width"]),
            )
            for entry in content["images"]
        )
        kinds = {int(entry["id"]): str(entry["name"]) for entry in content.get("categories", ())}
        outlines: dict[int, list[Any]] = {image.id: [] for image in images}
        categories: dict[int, list[str]] = {image.id: [] for image in images}
        boxes: dict[int, list[CocoBox]] = {image.id: [] for image in images}
        for entry in content["annotations"]:
            image_id = int(entry["image_id"])
            if "bbox" in entry:
                boxes.setdefault(image_id, []).append(_box(entry, kinds))
            if entry.get("segmentation") or "bbox" not in entry:
                outlines.setdefault(image_id, []).append(entry["segmentation"])
                categories.setdefault(image_id, []).append(_category(entry, kinds))
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise FormatError(
            f"'{path}' is not a readable COCO file of instances ({type(error).__name__}: {error})."
        ) from error
    return CocoFile(
        images,
        {key: tuple(value) for key, value in outlines.items()},
        {key: tuple(value) for key, value in categories.items()},
        {key: tuple(value) for key, value in boxes.items()},
    )


def _box(entry: Mapping[str, Any], kinds: Mapping[int, str]) -> CocoBox:
    box = tuple(float(number) for number in entry["bbox"])
    if len(box) != 4:
        raise ValueError(f"a box of {len(box)} numbers")
    return CocoBox(box, _category(entry, kinds), bool(entry.get("iscrowd", 0)))


def _category(entry: Mapping[str, Any], kinds: Mapping[int, str]) -> str:
    kind = int(entry.get("category_id", 0))
    return kinds.get(kind, str(kind))


def draw_objects(labels: CocoLabels) -> LabelArray:
    """Draw the objects of one image as labels; where two overlap, the later one wins.

    Parameters
    ----------
    labels : CocoLabels

    Returns
    -------
    ndarray, shape (Y, X), int32
        Objects 1..N in the order of the file.

    Raises
    ------
    DatasetError
        If the file lists no such image, or an object has no usable segmentation.
    """
    content = read_coco(labels.path)
    image = next((image for image in content.images if image.id == labels.image_id), None)
    if image is None:
        raise DatasetError(f"'{labels.path}' lists no image with the id {labels.image_id}.")
    drawn = np.zeros((image.height, image.width), np.int32)
    for number, segmentation in enumerate(content.segmentations[image.id], start=1):
        try:
            _draw(segmentation, number, drawn)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise DatasetError(
                f"'{labels.path}': object {number} of '{image.file_name}' has a segmentation "
                f"that is neither polygons nor runs ({error})."
            ) from error
    return drawn


def _draw(segmentation: Any, number: int, drawn: LabelArray) -> None:
    """Draw one object: polygons ``[[x, y, x, y, ...], ...]`` or runs ``{"counts", "size"}``."""
    from skimage.draw import polygon

    if isinstance(segmentation, Mapping):
        drawn[_unpack_runs(segmentation, drawn.shape)] = number
        return
    for outline in segmentation:
        corners = np.asarray(outline, np.float64).reshape(-1, 2)
        # COCO counts from the corner of the first pixel, the rest of the package from its middle.
        rows, columns = polygon(corners[:, 1] - 0.5, corners[:, 0] - 0.5, drawn.shape)
        drawn[rows, columns] = number


def _unpack_runs(segmentation: Mapping[str, Any], shape: tuple[int, ...]) -> BoolArray:
    """Return the mask of column-wise runs of 0 and 1 in turn, as numbers or compressed text."""
    counts = segmentation["counts"]
    runs = _decode_text(counts) if isinstance(counts, str) else list(counts)
    if tuple(segmentation["size"]) != shape or sum(runs) != shape[0] * shape[1]:
        raise ValueError(f"its runs do not fill {shape[0]} × {shape[1]} pixels")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(shape, order="F")


def _decode_text(text: str) -> Sequence[int]:
    """Decode compressed runs.

    Each number is written in groups of five bits, the lowest first, as characters from ``'0'``
    on whose sixth bit says that more follow; the sign is the last group's fifth bit. From the
    fourth number on, the difference to the number before the previous one is written.
    """
    runs: list[int] = []
    value, shift = 0, 0
    for character in text:
        group = ord(character) - 48
        value |= (group & 31) << shift
        shift += 5
        if group & 32:
            continue
        if group & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value, shift = 0, 0
    return runs
