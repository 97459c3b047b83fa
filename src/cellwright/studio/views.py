"""What the page is told about images, labels and objects."""

from __future__ import annotations

import io
import math
from dataclasses import asdict
from typing import Any

import numpy as np

from cellwright._errors import InputError
from cellwright._types import AnyArray, LabelArray
from cellwright.studio.annotation import Changed
from cellwright.studio.canvas import LabelCanvas
from cellwright.studio.desk import Desk, Sheet
from cellwright.studio.levels import Levels, Place
from cellwright.studio.tools import Point, label_at, object_at

TILE = 512
APRON = 2
"""Pixels around a tile of labels, so that outlines meet across tiles."""
_THUMBNAIL = 96  # px


def project(desk: Desk) -> dict[str, Any]:
    """Return the list of images, and who annotates with which model."""
    names = [item.name for item in desk.project.items]
    return {
        "folder": desk.project.folder.resolve().name,
        "model": desk.assistant.name,
        "who": desk.who,
        "images": [
            {"name": name, "state": state} for name, state in zip(names, desk.states(), strict=True)
        ],
    }


def image(sheet: Sheet) -> dict[str, Any]:
    """Return what an image is."""
    about, sizes = sheet.levels.image, sheet.levels.image.sizes
    size = about.pixel_size
    names = about.channel_names or tuple(f"Channel {i + 1}" for i in range(sizes.get("C", 1)))
    return {
        "name": sheet.item.name,
        "dtype": about.dtype.name,
        "rgb": about.is_rgb,
        "channels": names,
        "frames": sizes.get("T", 1),
        "planes": sizes.get("Z", 1),
        "levels": [sheet.levels.size(level) for level in range(len(sheet.levels))],
        "pixel_size": size[-2:] if size else None,
        "tile": TILE,
        "apron": APRON,
        "proposals": {"state": sheet.proposals.state},
        **undoable(sheet),
    }


def undoable(sheet: Sheet) -> dict[str, bool]:
    """Return whether there is something to take back or do again."""
    return {"can_undo": sheet.annotation.can_undo, "can_redo": sheet.annotation.can_redo}


def changed(sheet: Sheet, change: Changed) -> dict[str, Any]:
    """Return what an edit changed."""
    return {"edit": change.edit, "boxes": change.boxes, **undoable(sheet)}


def pixels(sheet: Sheet, level: int, channel: int, place: Place, at: tuple[int, int]) -> AnyArray:
    """Return one tile of one channel."""
    rows, columns = _tile(sheet.levels, level, at)
    with sheet.reading:
        return sheet.levels.region(level, channel, place, rows, columns)


def labels(
    sheet: Sheet, canvas: LabelCanvas, level: int, place: Place, at: tuple[int, int]
) -> LabelArray:
    """Return one tile of labels or proposals with its apron, shape (Y, X), int32."""
    height, width = sheet.levels.size(level)
    rows, columns = _tile(sheet.levels, level, at)
    size = (rows.stop - rows.start + 2 * APRON, columns.stop - columns.start + 2 * APRON)
    whole: LabelArray = np.zeros(size, "<i4")
    low = [max(0, part.start - APRON) for part in (rows, columns)]
    high = [
        min(n, part.stop + APRON) for part, n in zip((rows, columns), (height, width), strict=True)
    ]
    step, middle = 2**level, 2**level // 2
    key = (slice(a * step + middle, b * step, step) for a, b in zip(low, high, strict=True))
    found = canvas[(*sheet.index(place), *key)]
    shift = [a - part.start + APRON for a, part in zip(low, (rows, columns), strict=True)]
    whole[shift[0] : shift[0] + found.shape[0], shift[1] : shift[1] + found.shape[1]] = found
    return whole


def histogram(sheet: Sheet, channel: int, place: Place) -> dict[str, Any]:
    """Return the histogram of a channel of a plane."""
    with sheet.reading:
        return asdict(sheet.levels.histogram(channel, place))


def values(sheet: Sheet, place: Place, point: Point) -> dict[str, Any]:
    """Return the pixel values and the object under a position."""
    about = sheet.levels.image
    y, x = (math.floor(value) for value in point)
    height, width = about.shape[-2:]
    if not (0 <= y < height and 0 <= x < width):
        return {"values": [], "label": 0}
    at = slice(y, y + 1), slice(x, x + 1)
    with sheet.reading:
        found = [
            sheet.levels.region(0, channel, place, *at).item()
            for channel in range(about.sizes.get("C", 1))
        ]
    finite = [value if math.isfinite(value) else None for value in found]
    return {"values": finite, "label": label_at(sheet.annotation.canvas, sheet.index(place), point)}


def properties(sheet: Sheet, place: Place, point: Point) -> dict[str, Any]:
    """Return what is known of the object under a position; label 0 where there is none."""
    index = sheet.index(place)
    found = object_at(sheet.annotation.canvas, index, point)
    if found is None:
        return {"label": 0}
    (rows, columns), label = found
    mask = sheet.annotation.canvas[(*index, rows, columns)] == label
    area = int(np.count_nonzero(mask))
    about = sheet.levels.image
    with sheet.reading:
        means = [
            float(sheet.levels.region(0, channel, place, rows, columns)[mask].mean())
            for channel in range(about.sizes.get("C", 1))
        ]
    size = about.pixel_size
    y, x = np.nonzero(mask)
    return {
        "label": label,
        "area": area,
        "area_um2": area * size[-2] * size[-1] if size else None,
        "centre": [float(y.mean()) + rows.start + 0.5, float(x.mean()) + columns.start + 0.5],
        "at": [int(y[0]) + rows.start + 0.5, int(x[0]) + columns.start + 0.5],
        "means": [mean if math.isfinite(mean) else None for mean in means],
    }


def proposals(sheet: Sheet) -> dict[str, Any]:
    """Return whether there are proposals, and their confidences."""
    found = sheet.proposals
    return {
        "state": found.state,
        "message": found.message,
        "version": found.version,
        "place": found.index,
        "labels": found.table["label"].tolist(),
        "confidences": np.round(found.table["confidence"], 4).tolist(),
    }


def thumbnail(sheet: Sheet) -> bytes:
    """Return a small PNG of the first plane, in grey or in its colours."""
    from PIL import Image as Picture

    levels, place = sheet.levels, Place()
    channels = (0, 1, 2) if levels.image.is_rgb else (0,)
    coarsest = len(levels) - 1
    shown = []
    with sheet.reading:
        for channel in channels:
            contrast = levels.histogram(channel, place)
            whole = levels.region(coarsest, channel, place, slice(None), slice(None))
            scaled = (whole - np.float32(contrast.black)) / (contrast.white - contrast.black)
            shown.append(np.clip(np.nan_to_num(scaled) * 255, 0, 255).astype(np.uint8))
    picture = Picture.fromarray(shown[0] if len(shown) == 1 else np.stack(shown, axis=-1))
    picture.thumbnail((2 * _THUMBNAIL, 2 * _THUMBNAIL))
    data = io.BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()


def _tile(levels: Levels, level: int, at: tuple[int, int]) -> tuple[slice, slice]:
    if not 0 <= level < len(levels):
        raise InputError(f"There are levels 0 to {len(levels) - 1}, not {level}.")
    parts = []
    for number, size in zip(at, levels.size(level), strict=True):
        if not 0 <= number * TILE < size:
            raise InputError(f"There is no tile {at} at level {level}.")
        parts.append(slice(number * TILE, min(size, (number + 1) * TILE)))
    return parts[0], parts[1]
