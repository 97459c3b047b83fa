"""Which of many overlapping boxes to keep."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import BoolArray, FloatArray, IntArray, LabelArray

FARTHEST = 0.75
"""No side of a box is farther from its anchor than this share of its height, or width."""
_KEPT, _DROPPED = 0, 1
_CELL = 16  # px


@njit(cache=True)
def central(distances: FloatArray) -> BoolArray:
    """Return which anchors lie in the middle part of their boxes, see `FARTHEST`.

    Parameters
    ----------
    distances : ndarray, shape (N, 4), float32
        Of the top, left, bottom and right side from the anchor in px.
    """
    result = np.empty(len(distances), np.bool_)
    for n in range(len(distances)):
        top, left, bottom, right = distances[n]
        result[n] = max(top, bottom) <= FARTHEST * (top + bottom)
        result[n] &= max(left, right) <= FARTHEST * (left + right)
    return result


@njit(cache=True)
def rounds_of(
    anchors: IntArray,
    distances: FloatArray,
    classes: IntArray,
    overlap: float,
    nested: float,
) -> LabelArray:
    """Return which boxes non-maximum suppression keeps, and how soon that is certain.

    Two boxes are rivals if their intersection over union is above `overlap`, or if they are of one
    class and more than the share `nested` of the smaller one lies in the larger. The outcome is
    that of greedy suppression: a box is kept unless a better one that is kept is its rival. It is
    told in rounds: in each, the undecided boxes without a better undecided rival are kept, then
    their rivals are dropped. So what is decided in the first rounds depends on the near
    surroundings only.

    Boxes that overlap so much are about as large, and anchors in their middle are near: a box is
    compared with those in a few cells of a grid, whatever the sizes of others. Where boxes are
    nested, the anchor of the smaller lies in the larger.

    Parameters
    ----------
    anchors : ndarray, shape (N, 2), int64
        Pixels in the middle part of their boxes, see `central`; the best box first.
    distances : ndarray, shape (N, 4), float32
        Of the top, left, bottom and right side from the middle of the anchor in px, above 0.
    classes : ndarray, shape (N,), int64
    overlap : float
        Above 0, up to 1.
    nested : float
        `FARTHEST` to 1; 1 lets nested boxes be.

    Returns
    -------
    ndarray, shape (N,), int32
        The round, from 1, in which a box is kept; its negative, if it is dropped.
    """
    count = len(anchors)
    rounds = np.zeros(count, np.int32)
    if count == 0:
        return rounds
    farthest = distances.max() if nested < 1 else np.float32(0)
    grid = (anchors[:, 0].max() // _CELL + 1, anchors[:, 1].max() // _CELL + 1)
    last = np.full((2, *grid), -1, np.int32)  # boxes in each cell: the last one, and before it ...
    before = np.full(count, -1, np.int32)  # ... this one
    boxes = (anchors, distances, classes)
    limits = (overlap, nested, float(farthest))
    for n in range(count):
        soonest = _lowest_round(n, boxes, limits, rounds, last[_KEPT], before)
        if soonest > 0:
            rounds[n], which = -soonest, _DROPPED
        else:
            latest = _lowest_round(n, boxes, limits, rounds, last[_DROPPED], before)
            rounds[n], which = 1 - latest, _KEPT
        y, x = anchors[n] // _CELL
        before[n] = last[which, y, x]
        last[which, y, x] = n
    return rounds


@njit(cache=True)
def _lowest_round(
    n: int,
    boxes: tuple[IntArray, FloatArray, IntArray],
    limits: tuple[float, float, float],
    rounds: LabelArray,
    last: LabelArray,
    before: LabelArray,
) -> int:
    """Return the lowest round of the rivals of a box in the cells; 0 without one.

    `boxes` are anchors, distances and classes; `limits` the two shares and the longest distance
    between the anchors of nested boxes.
    """
    anchors, distances, _ = boxes
    overlap, _, farthest = limits
    lowest = 0
    share = FARTHEST + max(FARTHEST - overlap, 0.0) / overlap
    down = int(max(share * (distances[n, 0] + distances[n, 2]), farthest)) + 1
    along = int(max(share * (distances[n, 1] + distances[n, 3]), farthest)) + 1
    y, x = anchors[n]
    for i in range(max(y - down, 0) // _CELL, min((y + down) // _CELL + 1, last.shape[0])):
        for j in range(max(x - along, 0) // _CELL, min((x + along) // _CELL + 1, last.shape[1])):
            m = last[i, j]
            while m >= 0:
                if (lowest == 0 or rounds[m] < lowest) and _rivals(n, m, boxes, limits):
                    lowest = rounds[m]
                m = before[m]
    return lowest


@njit(cache=True)
def _rivals(
    n: int,
    m: int,
    boxes: tuple[IntArray, FloatArray, IntArray],
    limits: tuple[float, float, float],
) -> bool:
    """Return whether only one of two boxes can be right.

    Seen from the first anchor, so that it is the same, to the last bit, wherever both are.
    """
    anchors, distances, classes = boxes
    overlap, nested, _ = limits
    shared, first, second = 1.0, 1.0, 1.0
    for axis in range(2):
        apart = float(anchors[m, axis] - anchors[n, axis])
        low, high = -np.float64(distances[n, axis]), np.float64(distances[n, 2 + axis])
        other_low, other_high = apart - distances[m, axis], apart + distances[m, 2 + axis]
        shared *= max(min(high, other_high) - max(low, other_low), 0.0)
        first *= high - low
        second *= other_high - other_low
    if shared / (first + second - shared) > overlap:
        return True
    return nested < 1 and classes[n] == classes[m] and shared > nested * min(first, second)
