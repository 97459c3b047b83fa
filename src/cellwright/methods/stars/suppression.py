"""Which of many overlapping shapes to keep."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from cellwright._types import IntArray, LabelArray
from cellwright.methods.stars.shapes import sizes_of

_KEPT, _DROPPED = 0, 1
_UNDECIDED = 2**31 - 1
_FINEST = 4  # px; shapes that reach less far are found together


class _Shapes(NamedTuple):
    """Shapes on a volume, the best first."""

    runs: LabelArray
    first: IntArray
    centres: IntArray
    boxes: LabelArray
    sizes: IntArray


class _Cells(NamedTuple):
    """Where to find shapes: a grid for each level, whose shapes reach up to twice as far each.

    Cells are as wide as the largest shapes of their level, so that few of them must be searched
    for what overlaps a shape, whatever the sizes of the two.
    """

    level: LabelArray  # of each shape
    reach: LabelArray  # of each level: how far its shapes reach from their centres, in px
    grid: IntArray  # of each level: the number of its first cell, and of planes, rows, columns
    last: LabelArray  # kept and dropped shapes in each cell: the last one, and before it ...
    before: LabelArray  # ... this one


@njit(cache=True)
def rounds_of(runs: LabelArray, first: IntArray, centres: IntArray, threshold: float) -> LabelArray:
    """Return which shapes non-maximum suppression keeps, and how soon that is certain.

    The outcome is that of greedy suppression: a shape is kept unless a better one that is kept
    overlaps it by more than `threshold`, in shared pixels over those of the smaller one. It is
    told in rounds. In each, the undecided shapes that no better undecided one overlaps are kept,
    then those that these overlap are dropped. Both look as far as shapes can overlap, so what is
    decided in the first rounds depends on the near surroundings only.

    Parameters
    ----------
    runs, first : ndarray
        Of shapes, the best first; see `shapes.runs_of`.
    centres : ndarray, shape (N, 3), int64
    threshold : float
        0 to 1.

    Returns
    -------
    ndarray, shape (N,), int32
        The round, from 1, in which a shape is kept; its negative, if it is dropped.
    """
    rounds = np.zeros(len(centres), np.int32)
    if len(centres) == 0:
        return rounds
    boxes = _boxes(runs, first, centres)
    shapes = _Shapes(runs, first, centres, boxes, sizes_of(runs, first))
    cells = _cells(shapes)
    for n in range(len(centres)):
        soonest = _least_round(shapes, cells, _KEPT, n, rounds, threshold)
        if soonest < _UNDECIDED:
            rounds[n] = -soonest
        else:
            latest = _least_round(shapes, cells, _DROPPED, n, rounds, threshold)
            rounds[n] = 1 - min(latest, 0)
        _enter(shapes, cells, _KEPT if rounds[n] > 0 else _DROPPED, n)
    return rounds


@njit(cache=True)
def _boxes(runs: LabelArray, first: IntArray, centres: IntArray) -> LabelArray:
    """Return the first and the last plane, row and column of shapes."""
    boxes = np.empty((len(centres), 6), np.int32)
    for n in range(len(boxes)):
        z, y, x = centres[n]
        low_z, low_y, low_x, high_z, high_y, high_x = 0, 0, 0, 0, 0, 0
        for i in range(first[n], first[n + 1]):
            low_z, high_z = min(low_z, runs[i, 0]), max(high_z, runs[i, 0])
            low_y, high_y = min(low_y, runs[i, 1]), max(high_y, runs[i, 1])
            low_x, high_x = min(low_x, runs[i, 2]), max(high_x, runs[i, 3])
        boxes[n, 0], boxes[n, 3] = z + low_z, z + high_z
        boxes[n, 1], boxes[n, 4] = y + low_y, y + high_y
        boxes[n, 2], boxes[n, 5] = x + low_x, x + high_x
    return boxes


@njit(cache=True)
def _cells(shapes: _Shapes) -> _Cells:
    """Return cells for shapes, still empty."""
    count = len(shapes.centres)
    level = np.zeros(count, np.int32)
    for n in range(count):
        for axis in range(3):
            centre = shapes.centres[n, axis]
            low, high = centre - shapes.boxes[n, axis], shapes.boxes[n, 3 + axis] - centre
            while _FINEST << level[n] < max(low, high):
                level[n] += 1
    levels = level.max() + 1
    reach = np.empty(levels, np.int32)
    grid = np.empty((levels, 4), np.int64)
    total = 0
    for number in range(levels):
        reach[number] = _FINEST << number
        grid[number, 0] = total
        for axis in range(3):
            grid[number, 1 + axis] = shapes.centres[:, axis].max() // (2 * reach[number]) + 1
        total += grid[number, 1] * grid[number, 2] * grid[number, 3]
    last = np.full((2, total), -1, np.int32)
    return _Cells(level, reach, grid, last, np.full(count, -1, np.int32))


@njit(cache=True)
def _enter(shapes: _Shapes, cells: _Cells, kind: int, n: int) -> None:
    """Put a shape into its cell."""
    level = cells.level[n]
    side = 2 * cells.reach[level]
    start, _, rows, columns = cells.grid[level]
    z, y, x = shapes.centres[n] // side
    cell = start + (z * rows + y) * columns + x
    cells.before[n] = cells.last[kind, cell]
    cells.last[kind, cell] = n


@njit(cache=True)
def _least_round(
    shapes: _Shapes, cells: _Cells, kind: int, n: int, rounds: LabelArray, threshold: float
) -> int:
    """Return the least round of the kept, or dropped, shapes that overlap one, if any."""
    least = _UNDECIDED
    box = shapes.boxes[n]
    for level in range(len(cells.reach)):
        reach = cells.reach[level]
        side = 2 * reach
        start, planes, rows, columns = cells.grid[level]
        for z in range(max(box[0] - reach, 0) // side, min((box[3] + reach) // side + 1, planes)):
            for y in range(max(box[1] - reach, 0) // side, min((box[4] + reach) // side + 1, rows)):
                line = start + (z * rows + y) * columns
                left = max(box[2] - reach, 0) // side
                right = min((box[5] + reach) // side + 1, columns)
                for x in range(left, right):
                    m = cells.last[kind, line + x]
                    while m >= 0:
                        if rounds[m] < least and _overlap(shapes, m, n, threshold):
                            least = int(rounds[m])
                            if least == 1:
                                return least
                        m = cells.before[m]
    return least


@njit(cache=True)
def _overlap(shapes: _Shapes, m: int, n: int, threshold: float) -> bool:
    """Return whether two shapes share more than `threshold` of the smaller one's pixels."""
    runs, first, centres, boxes, sizes = shapes
    bound = threshold * min(sizes[m], sizes[n])
    most = 1
    for axis in range(3):
        low = max(boxes[m, axis], boxes[n, axis])
        high = min(boxes[m, 3 + axis], boxes[n, 3 + axis])
        most *= max(high - low + 1, 0)
    if most <= bound:
        return False
    dz, dy = centres[n, 0] - centres[m, 0], centres[n, 1] - centres[m, 1]
    dx = centres[n, 2] - centres[m, 2]
    shared = 0
    i, j = first[m], first[n]
    while i < first[m + 1] and j < first[n + 1]:
        ahead = runs[i, 0] - runs[j, 0] - dz
        if ahead == 0:
            ahead = runs[i, 1] - runs[j, 1] - dy
        if ahead < 0:
            i += 1
        elif ahead > 0:
            j += 1
        else:
            left, right = max(runs[i, 2], runs[j, 2] + dx), min(runs[i, 3], runs[j, 3] + dx)
            shared += max(right - left + 1, 0)
            if shared > bound:
                return True
            if runs[i, 3] < runs[j, 3] + dx:
                i += 1
            else:
                j += 1
    return False
