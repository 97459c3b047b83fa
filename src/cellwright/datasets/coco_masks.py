"""The pixels of an object in a COCO file: polygons, and runs as numbers or as compressed text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numba import njit

from cellwright._types import AnyArray, BoolArray, DoubleArray, IntArray

_LONGEST = 60  # bits of a number in compressed text
_EXACTLY = 1e-9  # px, by which rounding may bring the middle of a pixel off an edge


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
    return _polygon_pixels([_corners(outline, shape) for outline in segmentation], shape)


def _corners(outline: Any, shape: tuple[int, int]) -> DoubleArray:
    """Return the corners of a polygon, rows ``y, x`` in px from the middle of the first pixel."""
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
    placed: DoubleArray = corners[:, ::-1] - 0.5
    return placed


def _polygon_pixels(polygons: Sequence[DoubleArray], shape: tuple[int, int]) -> IntArray:
    """Return the pixels whose middle lies in a polygon or on its outline."""
    corners = np.concatenate(polygons)
    first = np.maximum(np.floor(corners.min(0)), 0).astype(np.int64)
    last = np.minimum(np.ceil(corners.max(0)) + 1, shape).astype(np.int64)
    inside = np.zeros(np.maximum(last - first, 0), np.bool_)
    for polygon in polygons:
        _fill(polygon - first, inside)
    rows, columns = np.nonzero(inside)
    pixels: IntArray = (rows + first[0]) * shape[1] + columns + first[1]
    return pixels


@njit(cache=True)
def _fill(corners: DoubleArray, inside: BoolArray) -> None:
    """Mark the pixels in a polygon, row by row between the edges that cross the row in turn."""
    height = len(inside)
    crossings = np.empty(len(corners))
    for row in range(height):
        count = 0
        for n in range(len(corners)):
            y, x = corners[n]
            before_y, before_x = corners[n - 1]
            if (y > row) != (before_y > row):
                crossings[count] = x + (row - y) * (before_x - x) / (before_y - y)
                count += 1
            elif y == row and before_y == row:
                _mark(inside[row], min(x, before_x), max(x, before_x))
            if y == row:
                _mark(inside[row], x, x)
        crossings[:count].sort()
        for n in range(0, count, 2):
            _mark(inside[row], crossings[n], crossings[n + 1])


@njit(cache=True)
def _mark(row: BoolArray, left: float, right: float) -> None:
    """Mark the pixels of a row from left to right, those exactly there included."""
    first = max(int(np.ceil(left - _EXACTLY)), 0)
    row[first : max(int(np.floor(right + _EXACTLY)) + 1, 0)] = True


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
