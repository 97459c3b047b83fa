"""Connected parts of a mask, of bounded extent."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import BoolArray, IntArray, LabelArray
from cellwright.methods.union import join, root


@njit(cache=True)
def components(mask: BoolArray, largest: int, fewest: int) -> tuple[LabelArray, IntArray]:
    """Count off the parts of a mask, connected along faces, that are neither too large nor small.

    Whether a part counts can be told from its surroundings up to `largest` px: it is this bound
    that makes objects independent of the window they are seen in.

    Parameters
    ----------
    mask : ndarray, shape (Z, Y, X), bool
    largest : int
        Greatest extent of a part along each axis, in px.
    fewest : int
        Least number of pixels.

    Returns
    -------
    labels : ndarray, shape (Z, Y, X), int32
        Numbered from 1 in raster order of the first pixels.
    anchors : ndarray, shape (N, 3), int64
        The first pixel of each part in raster order.
    """
    _, rows, columns = mask.shape
    plane, flat = rows * columns, mask.ravel()
    pixels = np.flatnonzero(flat)
    parent = np.empty(flat.size, np.int32)
    labels = np.zeros(flat.size, np.int32)  # at first, the number of every part
    count, line = 0, -1
    for i in pixels:
        line = line if i < (line + 1) * columns else i // columns
        parent[i] = i
        if i > line * columns and flat[i - 1]:
            parent[i] = root(parent, i - 1)
        if line % rows > 0 and flat[i - columns]:
            join(parent, i, i - columns)
        if line >= rows and flat[i - plane]:
            join(parent, i, i - plane)
    for i in pixels:
        first = root(parent, i)  # in raster order
        if first == i:
            count += 1
            labels[i] = count
        labels[i] = labels[first]
    size = np.zeros(count + 1, np.int64)
    begin = np.empty((count + 1, 3), np.int64)
    low, high = np.empty_like(begin), np.empty_like(begin)
    line = -1
    for i in pixels:
        line = line if i < (line + 1) * columns else i // columns
        place = (line // rows, line % rows, i - line * columns)
        part = labels[i]
        for axis in range(3):
            if size[part] == 0:
                begin[part, axis] = low[part, axis] = high[part, axis] = place[axis]
            low[part, axis] = min(low[part, axis], place[axis])
            high[part, axis] = max(high[part, axis], place[axis])
        size[part] += 1
    number = np.zeros(count + 1, np.int32)
    kept = 0
    for part in range(1, count + 1):
        extent = 0
        for axis in range(3):
            extent = max(extent, high[part, axis] - low[part, axis])
            begin[kept, axis] = begin[part, axis]
        if size[part] >= fewest and extent < largest:
            kept += 1
            number[part] = kept
    for i in pixels:
        labels[i] = number[labels[i]]
    return labels.reshape(mask.shape), begin[:kept].copy()
