"""Convex hulls of objects, counted in pixels as scikit-image does."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from numba import njit

from cellwright._types import BoolArray, DoubleArray, IntArray, LabelArray
from cellwright.measure.regions import Regions


def convex_areas_2d(regions: Regions) -> IntArray:
    """Count the pixels in the convex hull of each object of a plane.

    The hull is that of the midpoints of the pixels' edges; a pixel is in it when its centre is in
    it or on it. The arithmetic is in integers, therefore exact.

    Returns
    -------
    array of int, shape (N,)
        Pixels in each hull.
    """
    ends = np.concatenate([[0], np.cumsum(regions.rows)])
    extents = _row_extents(regions.image[0], regions.row_of, ends)
    return np.asarray(_hull_areas(extents, ends))


def convex_areas_3d(regions: Regions) -> IntArray:
    """Count the voxels in the convex hull of each object of a volume; see `convex_areas_2d`.

    The hull is that of the midpoints of the voxels' faces.
    """
    from scipy.spatial import ConvexHull, QhullError

    faces = np.concatenate([np.eye(3), -np.eye(3)]) / 2
    areas = np.empty(regions.labels.size, np.int64)
    values = np.searchsorted(regions.row_of, np.arange(regions.labels.size))
    for row, (lower, upper) in enumerate(regions.bounds):
        box = regions.image[tuple(map(slice, lower, upper))]
        ends = _row_ends(box == values[row])
        # Only voxels on the hull of the centres can be on that of the faces. Flat objects have
        # no hull of centres: there all voxels are kept.
        with suppress(QhullError):
            ends = ends[ConvexHull(ends).vertices]
        corners = (ends[:, None, :] + faces).reshape(-1, 3)
        areas[row] = _count_inside(ConvexHull(corners).equations, box.shape)
    return areas


def _row_ends(mask: BoolArray) -> IntArray:
    """Return the first and last voxel of a mask in every line along X, shape (M, 3)."""
    lines = np.argwhere(mask.any(axis=2))
    inside = mask[tuple(lines.T)]
    left = inside.argmax(axis=1)
    right = mask.shape[2] - 1 - inside[:, ::-1].argmax(axis=1)
    return np.concatenate([np.column_stack([lines, left]), np.column_stack([lines, right])])


@njit(cache=True)
def _count_inside(planes: DoubleArray, shape: tuple[int, int, int]) -> int:
    """Count the grid points of a box on the inner side of every plane, or on it."""
    tolerance = 1e-10
    count = 0
    for z in range(shape[0]):
        for y in range(shape[1]):
            low, high = 0.0, shape[2] - 1.0
            for side in range(planes.shape[0]):
                slope = planes[side, 2]
                rest = planes[side, 0] * z + planes[side, 1] * y + planes[side, 3] - tolerance
                if abs(slope) < 1e-12:
                    if rest > 0:
                        high = -1.0
                elif slope > 0:
                    high = min(high, -rest / slope)
                else:
                    low = max(low, -rest / slope)
            count += max(0, int(np.floor(high) - np.ceil(low)) + 1)
    return count


@njit(cache=True)
def _row_extents(image: LabelArray, row_of: IntArray, ends: IntArray) -> IntArray:
    """Return (row, first column, minus last column) of each object and row, grouped by object."""
    height, width = image.shape
    extents = np.empty((ends[-1], 3), np.int64)
    filled = ends[:-1].copy()
    for y in range(height):
        stop = 0
        while stop < width:
            start = stop
            label = image[y, start]
            stop += 1
            while stop < width and image[y, stop] == label:
                stop += 1
            if label <= 0:
                continue
            row = row_of[label]
            if filled[row] == ends[row] or extents[filled[row] - 1, 0] != y:
                extents[filled[row], 0], extents[filled[row], 1] = y, start
                filled[row] += 1
            extents[filled[row] - 1, 2] = 1 - stop
    return extents


@njit(cache=True)
def _hull_areas(extents: IntArray, ends: IntArray) -> IntArray:
    """Return the pixels within the convex hull of each object, whose rows end at `ends`."""
    areas = np.zeros(ends.size - 1, np.int64)
    longest = 1
    for row in range(areas.size):
        longest = max(longest, ends[row + 1] - ends[row])
    chain = np.empty((3 * longest, 2), np.int64)
    for row in range(areas.size):
        first, stop = ends[row], ends[row + 1]
        rows = extents[first:stop, 0]
        areas[row] = rows[-1] - rows[0] + 1
        areas[row] -= _sum_of_bounds(rows, extents[first:stop, 1], chain)
        areas[row] -= _sum_of_bounds(rows, extents[first:stop, 2], chain)
    return areas


@njit(cache=True)
def _sum_of_bounds(rows: IntArray, columns: IntArray, chain: IntArray) -> int:
    """Add up, over all rows of the hull, the first column whose pixel centre is in the hull.

    `chain` receives the hull's left side from top to bottom. Its coordinates are doubled, which
    makes the midpoints of pixel edges integers.
    """
    size = 0
    for index in range(rows.size):
        y, x = 2 * rows[index], 2 * columns[index]
        size = _extend(chain, size, y - 1, x)
        size = _extend(chain, size, y, x - 1)
        size = _extend(chain, size, y + 1, x)
    total = 0
    corner = 0
    for y in range(2 * rows[0], 2 * rows[-1] + 1, 2):
        while chain[corner + 1, 0] < y:
            corner += 1
        down = chain[corner + 1, 0] - chain[corner, 0]
        across = chain[corner + 1, 1] - chain[corner, 1]
        doubled = chain[corner, 1] * down + across * (y - chain[corner, 0])
        total -= -doubled // (2 * down)
    return total


@njit(cache=True)
def _extend(chain: IntArray, size: int, y: int, x: int) -> int:
    """Add a point to a left hull chain, dropping the points that it makes obsolete."""
    if size > 0 and chain[size - 1, 0] == y:
        if chain[size - 1, 1] <= x:
            return size
        size -= 1
    while size > 1:
        down, across = y - chain[size - 2, 0], x - chain[size - 2, 1]
        former = (chain[size - 1, 1] - chain[size - 2, 1]) * down
        if former < across * (chain[size - 1, 0] - chain[size - 2, 0]):
            break
        size -= 1
    chain[size, 0], chain[size, 1] = y, x
    return size + 1
