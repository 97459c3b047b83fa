"""Smaller copies of large images, for viewers."""

from __future__ import annotations

from typing import Any

import numpy as np

from cellwright._types import AnyArray
from cellwright.images.image import PixelSource
from cellwright.images.sources import split_index

BAND_PIXELS = 4 * 1024**2


class Shrunk:
    """A source ``(..., Y, X)`` made smaller along Y and X by an integer factor.

    Parameters
    ----------
    source : PixelSource
        The pixels, shape ``(..., Y, X)``.
    factor : int
        Every `factor` × `factor` pixels become one; incomplete ones at the border are left out.
    labels : bool
        Take the first pixel, because a mean of labels is nonsense; otherwise the mean.
    """

    def __init__(self, source: PixelSource, factor: int, *, labels: bool) -> None:
        *leading, y, x = source.shape
        self.shape = (*leading, max(1, y // factor), max(1, x // factor))
        self.dtype = np.dtype(source.dtype)
        self._source = source
        self._factor = factor
        self._labels = labels

    def __getitem__(self, key: Any) -> AnyArray:
        box, inside = split_index(key, self.shape)
        f = self._factor
        shrunk = np.empty([part.stop - part.start for part in box], self.dtype)
        rows, columns = box[-2:]
        # A tile of a coarse level covers much of the image, so it is read in bands of rows.
        band = max(1, BAND_PIXELS // (f * f * max(1, columns.stop - columns.start)))
        for start in range(rows.start, rows.stop, band):
            stop = min(start + band, rows.stop)
            fine = (slice(start * f, stop * f), slice(columns.start * f, columns.stop * f))
            pixels = np.asarray(self._source[(*box[:-2], *fine)])
            shrunk[..., start - rows.start : stop - rows.start, :] = self._reduced(pixels)
        return shrunk[inside]

    def _reduced(self, pixels: AnyArray) -> AnyArray:
        *leading, y, x = pixels.shape
        f = self._factor
        if self._labels or y < f or x < f:
            return pixels[..., ::f, ::f]
        blocks = pixels.reshape(*leading, y // f, f, x // f, f)
        exact = np.result_type(self.dtype, np.float32)  # 64 bits for those of 32
        mean: AnyArray = blocks.mean(axis=(-3, -1), dtype=exact)
        return mean if self.dtype.kind == "f" else np.rint(mean)


def level_count(shape: tuple[int, ...], largest: int) -> int:
    """Return how many times Y and X are halved until neither exceeds `largest` pixels."""
    count = 0
    while max(shape[-2:]) >> count > largest:
        count += 1
    return count
