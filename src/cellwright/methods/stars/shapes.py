"""From distances along rays to the pixels inside the outline, as runs along rows."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import FloatArray, IntArray, LabelArray


@njit(cache=True)
def runs_of(
    distances: FloatArray, directions: FloatArray, facets: LabelArray, longest: int
) -> tuple[LabelArray, IntArray]:
    """Return the pixels inside outlines, relative to their centres.

    A pixel is inside if its centre is, by the even-odd rule along its row.

    Parameters
    ----------
    distances : ndarray, shape (N, R), float32
        Of the outlines of N objects along R rays, in px; at most `longest`.
    directions, facets : ndarray
        See `rays.star`.
    longest : int
        In px.

    Returns
    -------
    runs : ndarray, shape (M, 4), int32
        Plane and row, and the first and last column of runs of pixels; those of an object
        together, in raster order.
    first : ndarray, shape (N + 1,), int64
        The number of the first run of each object, and that of all runs.
    """
    depth = longest if facets.shape[1] == 3 else 0
    crossings = np.empty((2 * depth + 1, 2 * longest + 1, len(facets)), np.float32)
    counts = np.zeros((2 * depth + 1, 2 * longest + 1), np.int32)
    runs = np.empty((max(64, 16 * len(distances)), 4), np.int32)
    first = np.zeros(len(distances) + 1, np.int64)
    corners = np.empty((distances.shape[1], 3))
    total = 0
    for n in range(len(distances)):
        for ray in range(len(directions)):
            for axis in range(3):
                corners[ray, axis] = distances[n, ray] * directions[ray, axis]
        if depth == 0:
            for facet in range(len(facets)):
                a, b = corners[facets[facet, 0]], corners[facets[facet, 1]]
                _cross_rows(a[1], a[2], b[1], b[2], crossings[0], counts[0], longest)
        else:
            for facet in range(len(facets)):
                _cross_planes(corners, facets[facet], crossings, counts, longest)
        low, high = corners[:, 0].min(), corners[:, 0].max()
        top, bottom = corners[:, 1].min(), corners[:, 1].max()
        for z in range(int(np.ceil(low)), int(np.floor(high)) + 1):
            for y in range(int(np.ceil(top)), int(np.floor(bottom)) + 1):
                count = counts[z + depth, y + longest]
                counts[z + depth, y + longest] = 0
                line = crossings[z + depth, y + longest]
                _sort(line, count)
                for i in range(0, count - 1, 2):
                    left, right = int(np.ceil(line[i])), int(np.floor(line[i + 1]))
                    if left > right:
                        continue
                    if total == len(runs):
                        runs = np.concatenate((runs, np.empty_like(runs)))
                    runs[total, 0], runs[total, 1] = z, y
                    runs[total, 2], runs[total, 3] = left, right
                    total += 1
        first[n + 1] = total
    return runs[:total], first


@njit(cache=True)
def _sort(line: FloatArray, count: int) -> None:
    """Sort the first few numbers in place."""
    for i in range(1, count):
        value, j = line[i], i
        while j > 0 and line[j - 1] > value:
            line[j] = line[j - 1]
            j -= 1
        line[j] = value


@njit(cache=True)
def _cross_rows(
    y0: float, x0: float, y1: float, x1: float, crossings: FloatArray, counts: LabelArray, zero: int
) -> None:
    """Note where an edge crosses rows; its upper end counts, its lower does not."""
    if y0 > y1:
        y0, x0, y1, x1 = y1, x1, y0, x0
    for y in range(int(np.ceil(y0)), int(np.ceil(y1))):
        row = y + zero
        crossings[row, counts[row]] = x0 + (x1 - x0) * ((y - y0) / (y1 - y0))
        counts[row] += 1


@njit(cache=True)
def _cross_planes(
    corners: FloatArray, facet: LabelArray, crossings: FloatArray, counts: LabelArray, zero: int
) -> None:
    """Note where a triangle crosses the rows of planes.

    The cut of a triangle and a plane is an edge between two of the triangle's sides. The corners
    of a facet are in rising order, so that neighbours cut their shared side at the same point.
    """
    heights = corners[facet[0], 0], corners[facet[1], 0], corners[facet[2], 0]
    end_y, end_x = np.empty(2, np.float32), np.empty(2, np.float32)
    for z in range(int(np.ceil(min(heights))), int(np.ceil(max(heights)))):
        ends = 0
        for side in range(3):
            a, b = corners[facet[side // 2]], corners[facet[1 + (side + 1) // 2]]
            if (a[0] <= z) != (b[0] <= z):
                share = (z - a[0]) / (b[0] - a[0])
                end_y[ends] = a[1] + (b[1] - a[1]) * share
                end_x[ends] = a[2] + (b[2] - a[2]) * share
                ends += 1
        if ends == 2:
            plane = z + zero
            _cross_rows(
                end_y[0], end_x[0], end_y[1], end_x[1], crossings[plane], counts[plane], zero
            )


@njit(cache=True)
def sizes_of(runs: LabelArray, first: IntArray) -> IntArray:
    """Return the number of pixels of shapes.

    Parameters
    ----------
    runs, first : ndarray
        See `runs_of`.

    Returns
    -------
    ndarray, shape (N,), int64
    """
    sizes = np.zeros(len(first) - 1, np.int64)
    for n in range(len(sizes)):
        for i in range(first[n], first[n + 1]):
            sizes[n] += runs[i, 3] - runs[i, 2] + 1
    return sizes


@njit(cache=True)
def chosen(runs: LabelArray, first: IntArray, which: IntArray) -> tuple[LabelArray, IntArray]:
    """Return the runs of some of the shapes, in the order of their numbers `which`."""
    starts = np.zeros(len(which) + 1, np.int64)
    for i in range(len(which)):
        starts[i + 1] = starts[i] + first[which[i] + 1] - first[which[i]]
    some = np.empty((starts[-1], 4), np.int32)
    for i in range(len(which)):
        some[starts[i] : starts[i + 1]] = runs[first[which[i]] : first[which[i] + 1]]
    return some, starts
