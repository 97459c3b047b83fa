"""The pixels of an object in a COCO file: polygons, and runs as numbers or as compressed text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numba import njit

from cellwright._types import AnyArray, IntArray

_LONGEST = 60  # bits of a number in compressed text


def pixels_of(segmentation: Any, shape: tuple[int, int]) -> IntArray:
    """Return the pixels of an object.

    Parameters
    ----------
    segmentation : list or mapping
        Polygons ``[[x, y, x, y, ...], ...]``, of which the union is meant, or runs
        ``{"counts": numbers or text, "size": [height, width]}``.
    shape : tuple of int
        Size (Y, X) of the image.

    Returns
    -------
    ndarray, shape (P,), int64
        Indices into the pixels of the image in raster order, each once.

    Raises
    ------
    ValueError, KeyError, TypeError
        If it is neither, or does not fit the image; the message says why.
    """
    if isinstance(segmentation, Mapping):
        inside: IntArray = _run_pixels(_runs(segmentation, shape), *shape)
        return inside
    parts = [_polygon_pixels(outline, shape) for outline in segmentation]
    return np.unique(np.concatenate(parts))


def _polygon_pixels(outline: Any, shape: tuple[int, int]) -> IntArray:
    from skimage.draw import polygon

    corners = np.asarray(outline, np.float64)
    if corners.ndim != 1 or corners.size % 2:
        raise ValueError("a polygon is no list of x, y, x, y, …")
    corners = corners.reshape(-1, 2)
    if len(corners) < 3:
        raise ValueError(f"a polygon has {len(corners)} points, fewer than 3")
    height, width = shape
    outside = (corners.max(0) <= 0) | (corners.min(0) >= (width, height))
    if not np.isfinite(corners).all() or outside.any():
        raise ValueError(f"a polygon lies outside of the image of {height} × {width} px")
    # COCO counts from the corner of the first pixel, the rest of the package from its middle.
    rows, columns = polygon(corners[:, 1] - 0.5, corners[:, 0] - 0.5, shape)
    pixels: IntArray = rows * width + columns
    return pixels


def _runs(segmentation: Mapping[str, Any], shape: tuple[int, int]) -> IntArray:
    """Return the lengths of column-wise runs of 0 and 1 in turn."""
    height, width = shape
    size, counts = tuple(segmentation["size"]), segmentation["counts"]
    if size != shape:
        raise ValueError(f"its runs are of another size {size} than the image, {shape}")
    if isinstance(counts, str):
        runs = _decoded(np.frombuffer(counts.encode("ascii", "replace"), np.uint8), height * width)
    else:
        runs = np.array(counts)
        if runs.ndim != 1 or runs.dtype.kind not in "iu" or (runs < 0).any():
            raise ValueError("the lengths of its runs are no whole numbers from 0 on")
    total = sum(runs.tolist())
    if total != height * width:
        raise ValueError(f"its runs are {total} px long, but the image has {height * width} px")
    lengths: IntArray = runs.astype(np.int64)
    return lengths


@njit(cache=True)
def _decoded(text: AnyArray, most: int) -> IntArray:
    """Decode compressed runs of at most `most` px.

    Each number is written in groups of five bits, the lowest first, as characters from ``'0'``
    on whose sixth bit says that more follow; the sign is the last group's fifth bit. From the
    fourth number on, the difference to the number before the previous one is written.
    """
    runs = np.empty(len(text), np.int64)
    count, value, shift = 0, 0, 0
    for code in text:
        group = int(code) - 48
        if not 0 <= group < 64:
            raise ValueError("its runs are text with a character that means nothing")
        value |= (group & 31) << shift
        shift += 5
        if group & 32:
            if shift >= _LONGEST:
                raise ValueError("its runs are text with a number that does not end")
            continue
        if group & 16:
            value -= 1 << shift
        runs[count] = value + (runs[count - 2] if count > 2 else 0)
        if not 0 <= runs[count] <= most:
            raise ValueError("its runs are text with a run longer than the image, or below 0")
        count += 1
        value, shift = 0, 0
    if shift > 0:
        raise ValueError("its runs are text that ends within a number")
    used: IntArray = runs[:count]
    return used


@njit(cache=True)
def _run_pixels(runs: IntArray, height: int, width: int) -> IntArray:
    """Return the pixels in every second run, as indices in raster order."""
    pixels = np.empty(runs[1::2].sum(), np.int64)
    count, start = 0, 0
    for number in range(len(runs)):
        if number % 2:
            for place in range(start, start + runs[number]):
                pixels[count] = place % height * width + place // height
                count += 1
        start += runs[number]
    return pixels
