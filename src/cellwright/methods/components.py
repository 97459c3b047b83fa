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
    planes, rows, columns = mask.shape
    flat = mask.ravel()
    parent = np.empty(flat.size, np.int32)
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                i = (z * rows + y) * columns + x
                if not flat[i]:
                    continue
                parent[i] = i
                if x > 0 and flat[i - 1]:
                    parent[i] = root(parent, i - 1)
                if y > 0 and flat[i - columns]:
                    join(parent, i, i - columns)
                if z > 0 and flat[i - rows * columns]:
                    join(parent, i, i - rows * columns)
    number = np.zeros(flat.size, np.int32)  # of the part that begins at a pixel
    count = 0
    for i in range(flat.size):
        if flat[i] and root(parent, i) == i:
            count += 1
            number[i] = count
    size = np.zeros(count + 1, np.int64)
    low = np.full((count + 1, 3), max(planes, rows, columns), np.int64)
    high = np.full((count + 1, 3), -1, np.int64)
    labels = np.zeros(flat.size, np.int32)
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                i = (z * rows + y) * columns + x
                if not flat[i]:
                    continue
                part = number[root(parent, i)]
                labels[i] = part
                size[part] += 1
                for axis, place in enumerate((z, y, x)):
                    low[part, axis] = min(low[part, axis], place)
                    high[part, axis] = max(high[part, axis], place)
    renumber = np.zeros(count + 1, np.int32)
    kept = 0
    for part in range(1, count + 1):
        extent = (high[part] - low[part]).max() + 1
        if size[part] >= fewest and extent <= largest:
            kept += 1
            renumber[part] = kept
    anchors = np.zeros((kept, 3), np.int64)
    for i in range(flat.size):
        labels[i] = renumber[labels[i]]
        if labels[i] > 0 and number[i] > 0:
            anchors[labels[i] - 1, 0] = i // (rows * columns)
            anchors[labels[i] - 1, 1] = i // columns % rows
            anchors[labels[i] - 1, 2] = i % columns
    return labels.reshape(mask.shape), anchors
