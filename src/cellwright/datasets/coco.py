"""COCO annotation files: which images they list, their boxes, and drawing their objects."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellwright._errors import DatasetError, FormatError, InputError
from cellwright._types import IntArray, LabelArray
from cellwright.datasets.cache import while_unchanged
from cellwright.datasets.coco_masks import pixels_of
from cellwright.datasets.records import CocoLabels
from cellwright.images.layers import in_layers
from cellwright.images.read import IGNORE


@dataclass(frozen=True, slots=True)
class CocoImage:
    """One entry of ``images``: its id, the name of its file and its size in pixels."""

    id: int
    file_name: str
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class CocoObject:
    """One entry of ``annotations``.

    Parameters
    ----------
    id : int
        Its own, or its place in the file from 1.
    category : str
        What it is.
    crowd : bool
        Whether it stands for several objects that nobody told apart.
    box : tuple of float, optional
        ``x, y, width, height`` in px.
    segmentation : list or mapping, optional
        Polygons or runs; see `cellwright.datasets.coco_masks`.
    """

    id: int
    category: str
    crowd: bool
    box: tuple[float, ...] | None
    segmentation: Any

    @property
    def outlined(self) -> bool:
        """Whether it is one object whose pixels are known."""
        return bool(self.segmentation) and not self.crowd


@dataclass(frozen=True, slots=True)
class CocoFile:
    """An annotation file: its images, and what is annotated in each by the image's id."""

    images: tuple[CocoImage, ...]
    objects: Mapping[int, tuple[CocoObject, ...]]

    @property
    def has_outlines(self) -> bool:
        """Whether objects are outlined, or, without any, at least not boxed."""
        entries = [entry for own in self.objects.values() for entry in own]
        return any(entry.segmentation for entry in entries) or not any(e.box for e in entries)

    def outlined(self, image_id: int) -> tuple[CocoObject, ...]:
        """Return the objects 1..N of an image."""
        return tuple(entry for entry in self.objects[image_id] if entry.outlined)


@while_unchanged
def read_coco(path: Path) -> CocoFile:
    """Read a COCO file of instances.

    Raises
    ------
    FormatError
        If it is not JSON, or lacks what a COCO file of instances holds.
    DatasetError
        If an id is there twice, or an annotation is about an image or of a category that the file
        does not list; the message names it.
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
        entries = content["annotations"]
        numbers = [int(entry.get("id", place)) for place, entry in enumerate(entries, 1)]
        _refuse_twice(path, "image", (image.id for image in images))
        _refuse_twice(path, "annotation", (int(e["id"]) for e in entries if "id" in e))
        objects: dict[int, list[CocoObject]] = {image.id: [] for image in images}
        for number, entry in zip(numbers, entries, strict=True):
            image_id = int(entry["image_id"])
            if image_id not in objects:
                raise _wrong(path, number, f"is about the image {image_id}, which is not listed")
            objects[image_id].append(_object(path, number, entry, kinds))
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise FormatError(
            f"'{path}' is not a readable COCO file of instances ({type(error).__name__}: {error})."
        ) from error
    return CocoFile(images, {key: tuple(value) for key, value in objects.items()})


def _object(
    path: Path, number: int, entry: Mapping[str, Any], kinds: Mapping[int, str]
) -> CocoObject:
    kind = int(entry.get("category_id", 0))
    if kinds and kind not in kinds:
        told = f"has the category {kind}" if "category_id" in entry else "has no category"
        raise _wrong(path, number, f"{told}; the file lists {', '.join(map(str, kinds))}")
    box = tuple(float(side) for side in entry["bbox"]) if "bbox" in entry else None
    if box is not None and len(box) != 4:
        raise _wrong(path, number, f"has a box of {len(box)} numbers, not 4")
    segmentation = entry.get("segmentation")
    if box is None and not segmentation:
        raise _wrong(path, number, "has neither a segmentation nor a box")
    category = kinds.get(kind, str(kind))
    return CocoObject(number, category, bool(entry.get("iscrowd", 0)), box, segmentation)


def _refuse_twice(path: Path, what: str, ids: Iterable[int]) -> None:
    seen: set[int] = set()
    for number in ids:
        if number in seen:
            raise DatasetError(f"'{path}' has the {what} id {number} twice. Ids must be unique.")
        seen.add(number)


def _wrong(path: Path, number: int, what: str) -> DatasetError:
    return DatasetError(f"'{path}': the annotation {number} {what}. Correct or remove it.")


def draw_layers(labels: CocoLabels) -> LabelArray:
    """Draw the objects of one image in layers, each of them whole.

    Parameters
    ----------
    labels : CocoLabels

    Returns
    -------
    ndarray, shape (L, Y, X), int32
        Objects 1..N in the order of the file, each in the first layer that has room. Where only
        crowds or boxes without an outline are, nothing is known: -1 in all layers.

    Raises
    ------
    DatasetError
        If the file lists no such image, or a segmentation cannot be used; the message names it.
    """
    content = read_coco(labels.path)
    image = next((image for image in content.images if image.id == labels.image_id), None)
    if image is None:
        raise DatasetError(f"'{labels.path}' lists no image with the id {labels.image_id}.")
    shape = (image.height, image.width)
    pixels = (_pixels(labels.path, image, entry) for entry in content.outlined(image.id))
    try:
        layers = in_layers(pixels, shape).reshape(-1, math.prod(shape))
    except InputError as error:
        raise DatasetError(f"'{labels.path}', on '{image.file_name}': {error}") from error
    for entry in content.objects[image.id]:
        if not entry.outlined:
            unknown = _pixels(labels.path, image, entry)
            layers[:, unknown[(layers[:, unknown] <= 0).all(0)]] = IGNORE
    return layers.reshape(-1, *shape)


def _pixels(path: Path, image: CocoImage, entry: CocoObject) -> IntArray:
    """Return the pixels of an object, or of its box where it has no segmentation."""
    segmentation = entry.segmentation
    if not segmentation:
        assert entry.box is not None  # `read_coco` has seen to that
        left, top, width, height = entry.box
        right, bottom = left + width, top + height
        segmentation = [[left, top, right, top, right, bottom, left, bottom]]
    try:
        return pixels_of(segmentation, (image.height, image.width))
    except (ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
        said = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise DatasetError(
            f"'{path}': the annotation {entry.id} on '{image.file_name}' has a segmentation that "
            f"cannot be drawn ({said}). Correct or remove it."
        ) from error
