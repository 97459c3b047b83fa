"""Looking at part of a large image to learn about all of it."""

from __future__ import annotations

import math
from itertools import product

import numpy as np

from cellwright._types import AnyArray
from cellwright.images.image import PixelSource

WHOLE_PIXELS = 16 << 20
"""Images up to this many pixels are looked at in full; of larger ones, windows."""

_WINDOW = 512  # px
_WINDOWS_ALONG = 8
_TRIED_ALONG = 3
_THINNED = (..., slice(None, None, 4), slice(None, None, 4))
Region = tuple[slice, ...]


def pixel_sample(source: PixelSource) -> AnyArray:
    """Return pixels from which the intensities of the whole image can be told.

    Parameters
    ----------
    source : array or lazy source, shape (C, [Z,] Y, X)

    Returns
    -------
    ndarray, shape (C, ...)
        All pixels, or evenly spread windows beside each other.
    """
    windows = [
        np.asarray(source[(slice(None), *window)]) for window in sample_windows(source.shape[1:])
    ]
    if len(windows) == 1:
        return windows[0]
    return np.concatenate([window.reshape(len(window), 1, -1) for window in windows], axis=2)


def sample_windows(size: tuple[int, ...]) -> list[Region]:
    """Return the regions that tell about an image of this size in px: all of it, or windows."""
    if math.prod(size) <= WHOLE_PIXELS:
        return [tuple(slice(0, length) for length in size)]
    return list(product(*map(_spread, size)))


def richest_window(source: PixelSource, side: int) -> Region:
    """Return the window with the most contrast of a few, or the whole of a small image.

    Parameters
    ----------
    source : array or lazy source, shape (C, [Z,] Y, X)
    side : int
        Of the window, in px.
    """
    size = source.shape[1:]
    if math.prod(size) <= side ** len(size):
        return tuple(slice(0, length) for length in size)
    candidates = list(product(*(_spread(length, side, _TRIED_ALONG) for length in size)))
    contrast = [
        float(np.std(np.asarray(source[(slice(None), *window)])[_THINNED].astype(np.float32)))
        for window in candidates
    ]
    return candidates[int(np.argmax(contrast))]


def _spread(size: int, side: int = _WINDOW, count: int = _WINDOWS_ALONG) -> list[slice]:
    """Return evenly spaced windows of an axis that do not overlap."""
    side = min(side, size)
    count = max(1, min(count, size // side))
    starts = np.linspace(0, size - side, count).astype(int) if count > 1 else [(size - side) // 2]
    return [slice(int(start), int(start) + side) for start in starts]
