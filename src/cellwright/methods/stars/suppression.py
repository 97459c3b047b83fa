"""Which of many overlapping shapes to keep."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import IntArray, LabelArray
from cellwright.methods.stars.shapes import sizes_of

_KEPT, _DROPPED = 0, 1


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
    count = len(centres)
    rounds = np.zeros(count, np.int32)
    if count == 0:
        return rounds
    boxes, sizes = _boxes(runs, first), sizes_of(runs, first)
    side = 2 * max(np.abs(boxes).max(), 1) + 1  # shapes overlap those of neighbouring cells only
    cells = np.empty((count, 3), np.int64)
    for n in range(count):
        for axis in range(3):
            cells[n, axis] = centres[n, axis] // side
            boxes[n, axis] += centres[n, axis]
            boxes[n, 3 + axis] += centres[n, axis]
    grid = (cells[:, 0].max() + 1, cells[:, 1].max() + 1, cells[:, 2].max() + 1)
    last = np.full((2, *grid), -1, np.int32)  # shapes in each cell: the last one, and before it ...
    before = np.full(count, -1, np.int32)  # ... this one
    for n in range(count):
        z, y, x = cells[n]
        near = (
            slice(max(z - 1, 0), z + 2),
            slice(max(y - 1, 0), y + 2),
            slice(max(x - 1, 0), x + 2),
        )
        soonest, which = 0, _KEPT
        for head in last[_KEPT][near].flat:
            m = head
            while m >= 0 and soonest != 1:
                if (soonest == 0 or rounds[m] < soonest) and _overlap(
                    runs, first, centres, boxes, sizes, n, m, threshold
                ):
                    soonest = rounds[m]
                m = before[m]
        if soonest > 0:
            rounds[n], which = -soonest, _DROPPED
        else:
            latest = 0
            for head in last[_DROPPED][near].flat:
                m = head
                while m >= 0:
                    if -rounds[m] > latest and _overlap(
                        runs, first, centres, boxes, sizes, n, m, threshold
                    ):
                        latest = -rounds[m]
                    m = before[m]
            rounds[n] = latest + 1
        before[n] = last[which, z, y, x]
        last[which, z, y, x] = n
    return rounds


@njit(cache=True)
def _boxes(runs: LabelArray, first: IntArray) -> LabelArray:
    """Return the first and the last plane, row and column of shapes, relative to their centres."""
    boxes = np.zeros((len(first) - 1, 6), np.int32)
    for n in range(len(boxes)):
        for i in range(first[n], first[n + 1]):
            z, y, left, right = runs[i]
            boxes[n, 0], boxes[n, 3] = min(boxes[n, 0], z), max(boxes[n, 3], z)
            boxes[n, 1], boxes[n, 4] = min(boxes[n, 1], y), max(boxes[n, 4], y)
            boxes[n, 2], boxes[n, 5] = min(boxes[n, 2], left), max(boxes[n, 5], right)
    return boxes


@njit(cache=True)
def _overlap(
    runs: LabelArray,
    first: IntArray,
    centres: IntArray,
    boxes: LabelArray,
    sizes: IntArray,
    m: int,
    n: int,
    threshold: float,
) -> bool:
    """Return whether two shapes share more than `threshold` of the smaller one's pixels."""
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
