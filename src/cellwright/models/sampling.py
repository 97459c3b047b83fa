"""Looking at part of a large image to learn about all of it."""

from __future__ import annotations

from itertools import product

import numpy as np

from cellwright._types import AnyArray
from cellwright.images.image import PixelSource

WHOLE_PIXELS = 16 << 20
"""Images up to this many pixels are looked at in full; of larger ones, windows."""

_WINDOW = 512  # px
_WINDOWS_ALONG = 8
Region = tuple[slice, slice]


def pixel_sample(source: PixelSource) -> AnyArray:
    """Return pixels from which the intensities of the whole image can be told.

    Parameters
    ----------
    source : array or lazy source, shape (C, Y, X)

    Returns
    -------
    ndarray, shape (C, Y', X')
        All pixels, or evenly spread windows beside each other.
    """
    rows, columns = source.shape[1:]
    if rows * columns <= WHOLE_PIXELS:
        return np.asarray(source[:, :rows, :columns])
    windows = [np.asarray(source[:, y, x]) for y, x in product(_spread(rows), _spread(columns))]
    return np.concatenate([window.reshape(len(window), 1, -1) for window in windows], axis=2)


def richest_window(source: PixelSource, side: int) -> Region:
    """Return the window with the most contrast of nine, or the whole of a small image.

    Parameters
    ----------
    source : array or lazy source, shape (C, Y, X)
    side : int
        Of the window, in px.
    """
    rows, columns = source.shape[1:]
    if rows * columns <= side * side:
        return slice(0, rows), slice(0, columns)
    candidates = list(product(_spread(rows, side, 3), _spread(columns, side, 3)))
    contrast = [
        float(np.std(np.asarray(source[:, y, x])[:, ::4, ::4].astype(np.float32)))
        for y, x in candidates
    ]
    return candidates[int(np.argmax(contrast))]


def _spread(size: int, side: int = _WINDOW, count: int = _WINDOWS_ALONG) -> list[slice]:
    """Return evenly spaced windows of an axis that do not overlap."""
    side = min(side, size)
    count = max(1, min(count, size // side))
    starts = np.linspace(0, size - side, count).astype(int) if count > 1 else [(size - side) // 2]
    return [slice(int(start), int(start) + side) for start in starts]
