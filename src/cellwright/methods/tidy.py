"""Making objects whole: one connected part each, without holes."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import LabelArray
from cellwright.methods.union import join, root


@njit(cache=True)
def _runs(labels: LabelArray) -> tuple[LabelArray, LabelArray, LabelArray, LabelArray]:
    """Cut every row into runs of equal labels and join the runs that touch along an edge.

    Returns
    -------
    start : ndarray, shape (R + 1,), int32
        Index of the first pixel of each run in raster order, and the number of pixels.
    row : ndarray, shape (Y + 1,), int32
        Index of the first run of each row, and the number of runs.
    value : ndarray, shape (R,), int32
        Label of each run.
    part : ndarray, shape (R,), int32
        The first run of the connected part that each run belongs to.
    """
    rows, columns = labels.shape
    count = min(rows, labels.size)  # none without columns
    for y in range(rows):
        for x in range(1, columns):
            count += labels[y, x] != labels[y, x - 1]
    start = np.empty(count + 1, np.int32)
    value = np.empty(count, np.int32)
    row = np.empty(rows + 1, np.int32)
    run = 0
    for y in range(rows):
        row[y] = run
        for x in range(columns):
            if x == 0 or labels[y, x] != labels[y, x - 1]:
                start[run] = y * columns + x
                value[run] = labels[y, x]
                run += 1
    row[rows] = count
    start[count] = rows * columns
    part = np.empty(count, np.int32)
    for run in range(count):
        part[run] = run
    for y in range(1, rows):
        above = row[y - 1]
        for run in range(row[y], row[y + 1]):
            while start[above + 1] + columns <= start[run]:
                above += 1
            other = above
            while other < row[y] and start[other] + columns < start[run + 1]:
                if value[other] == value[run]:
                    join(part, other, run)
                other += 1
    for run in range(count):
        part[run] = root(part, run)
    return start, row, value, part


@njit(cache=True)
def _surround(around: LabelArray, part: int, label: int) -> None:
    """Note that `part` touches the kept object `label`, or something else where it is -1."""
    if around[part] == 0:
        around[part] = label
    elif around[part] != label:
        around[part] = -1


@njit(cache=True)
def tidy(labels: LabelArray, count: int) -> LabelArray:
    """Keep the largest connected part of every object and fill its holes.

    Parts are connected along edges. A hole is a part of anything else that touches only this one
    object and not the border of the array.

    Parameters
    ----------
    labels : ndarray, shape (Y, X), int32
        Contiguous; 0 is background, 1..count are objects.
    count : int
        Greatest label.

    Returns
    -------
    ndarray, shape (Y, X), int32
        The same array, changed in place.
    """
    rows, columns = labels.shape
    start, row, value, part = _runs(labels)
    size = np.zeros(len(part), np.int32)
    for run in range(len(part)):
        size[part[run]] += start[run + 1] - start[run]
    largest = np.empty(count + 1, np.int32)
    for label in range(count + 1):
        largest[label] = -1
    for run in range(len(part)):
        label = value[run]
        if label > 0 and (largest[label] < 0 or size[part[run]] > size[largest[label]]):
            largest[label] = part[run]
    kept = np.empty(len(part), np.int32)  # the object that a run is a kept part of, or -1
    for run in range(len(part)):
        is_kept = value[run] > 0 and largest[value[run]] == part[run]
        kept[run] = value[run] if is_kept else -1
    # What surrounds a part: 0 nothing seen yet, -1 several things or the border, else an object.
    around = np.zeros(len(part), np.int32)
    for y in range(rows):
        above = row[y - 1] if y > 0 else 0
        for run in range(row[y], row[y + 1]):
            if y == 0 or y == rows - 1 or run == row[y] or run == row[y + 1] - 1:
                around[part[run]] = -1
            if run > row[y]:
                _surround(around, part[run], kept[run - 1])
                _surround(around, part[run - 1], kept[run])
            if y == 0:
                continue
            while start[above + 1] + columns <= start[run]:
                above += 1
            other = above
            while other < row[y] and start[other] + columns < start[run + 1]:
                if part[other] != part[run]:
                    _surround(around, part[run], kept[other])
                    _surround(around, part[other], kept[run])
                other += 1
    flat = labels.ravel()
    for run in range(len(part)):
        label = kept[run] if kept[run] > 0 else max(0, around[part[run]])
        if label != value[run]:
            for pixel in range(start[run], start[run + 1]):
                flat[pixel] = label
    return labels
