"""What any page is told of an image: facts, tiles of pixels and labels, histograms, values."""

from __future__ import annotations

import io
import math
import threading
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np

from cellwright._errors import InputError
from cellwright._types import AnyArray, LabelArray
from cellwright.studio.canvas import LabelCanvas
from cellwright.studio.levels import Levels, Place
from cellwright.studio.tools import Point

TILE = 512
APRON = 2
"""Pixels around a tile of labels, so that outlines meet across tiles."""
_THUMBNAIL = 96  # px


class Shown(Protocol):
    """An open image."""

    @property
    def levels(self) -> Levels:
        """Its pixels."""

    @property
    def reading(self) -> threading.Lock:
        """Held while pixels are read."""

    def index(self, place: Place) -> tuple[int, ...]:
        """Return a plane as an index along the leading axes of the labels."""


def facts(shown: Shown) -> dict[str, Any]:
    """Return what an image is."""
    about, sizes = shown.levels.image, shown.levels.image.sizes
    size = about.pixel_size
    names = about.channel_names or tuple(f"Channel {i + 1}" for i in range(sizes.get("C", 1)))
    return {
        "dtype": about.dtype.name,
        "rgb": about.is_rgb,
        "channels": names,
        "frames": sizes.get("T", 1),
        "planes": sizes.get("Z", 1),
        "levels": [shown.levels.size(level) for level in range(len(shown.levels))],
        "pixel_size": size[-2:] if size else None,
        "tile": TILE,
        "apron": APRON,
    }


def pixels(shown: Shown, level: int, channel: int, place: Place, at: tuple[int, int]) -> AnyArray:
    """Return one tile of one channel."""
    rows, columns = _tile(shown.levels, level, at)
    with shown.reading:
        return shown.levels.region(level, channel, place, rows, columns)


def labels(
    shown: Shown, canvas: LabelCanvas, level: int, place: Place, at: tuple[int, int]
) -> LabelArray:
    """Return one tile of labels or proposals with its apron, shape (Y, X), int32."""
    rows, columns = _tile(shown.levels, level, at)
    height, width = shown.levels.size(level)
    size = (rows.stop - rows.start + 2 * APRON, columns.stop - columns.start + 2 * APRON)
    whole: LabelArray = np.zeros(size, "<i4")
    low = [max(0, part.start - APRON) for part in (rows, columns)]
    high = [
        min(n, part.stop + APRON) for part, n in zip((rows, columns), (height, width), strict=True)
    ]
    step, middle = 2**level, 2**level // 2
    key = (slice(a * step + middle, b * step, step) for a, b in zip(low, high, strict=True))
    found = canvas[(*shown.index(place), *key)]
    shift = [a - part.start + APRON for a, part in zip(low, (rows, columns), strict=True)]
    whole[shift[0] : shift[0] + found.shape[0], shift[1] : shift[1] + found.shape[1]] = found
    return whole


def histogram(shown: Shown, channel: int, place: Place) -> dict[str, Any]:
    """Return the histogram of a channel of a plane."""
    with shown.reading:
        return asdict(shown.levels.histogram(channel, place))


def intensities(shown: Shown, place: Place, point: Point) -> list[float | None] | None:
    """Return the value of each channel under a position; None outside of the image."""
    about = shown.levels.image
    y, x = (math.floor(value) for value in point)
    height, width = about.shape[-2:]
    if not (0 <= y < height and 0 <= x < width):
        return None
    at = slice(y, y + 1), slice(x, x + 1)
    with shown.reading:
        found = [
            shown.levels.region(0, channel, place, *at).item()
            for channel in range(about.sizes.get("C", 1))
        ]
    return [value if math.isfinite(value) else None for value in found]


def thumbnail(shown: Shown) -> bytes:
    """Return a small PNG of the first plane, in grey or in its colours."""
    from PIL import Image as Picture

    levels, place = shown.levels, Place()
    channels = (0, 1, 2) if levels.image.is_rgb else (0,)
    coarsest = len(levels) - 1
    drawn = []
    with shown.reading:
        for channel in channels:
            contrast = levels.histogram(channel, place)
            whole = levels.region(coarsest, channel, place, slice(None), slice(None))
            scaled = (whole - np.float32(contrast.black)) / (contrast.white - contrast.black)
            drawn.append((np.nan_to_num(np.clip(scaled, 0, 1)) * 255).astype(np.uint8))
    picture = Picture.fromarray(drawn[0] if len(drawn) == 1 else np.stack(drawn, axis=-1))
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
