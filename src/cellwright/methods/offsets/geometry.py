"""From labels to centre offsets: the compiled kernels behind the targets."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import FloatArray, LabelArray


@njit(cache=True)
def centres(labels: LabelArray, count: int) -> tuple[FloatArray, FloatArray]:
    """Return the centre and area of objects 1..count.

    The centre is the pixel of the object that is nearest to its centroid: for a round object the
    centroid itself, for a bent one a pixel that belongs to it.

    Parameters
    ----------
    labels : ndarray, shape (Y, X), int32
        Values below 1 are no object.
    count : int
        Greatest label.

    Returns
    -------
    centres : ndarray, shape (count, 2), float32
        Row and column in px.
    areas : ndarray, shape (count,), float32
        In px; 0 where a label does not occur.
    """
    rows, columns = labels.shape
    sums = np.zeros((count, 2))
    areas = np.zeros(count, np.float32)
    for y in range(rows):
        for x in range(columns):
            label = labels[y, x]
            if label > 0:
                sums[label - 1, 0] += y
                sums[label - 1, 1] += x
                areas[label - 1] += 1
    for i in range(count):
        if areas[i] > 0:
            sums[i] /= areas[i]
    result = np.zeros((count, 2), np.float32)
    nearest = np.full(count, np.inf)
    for y in range(rows):
        for x in range(columns):
            label = labels[y, x]
            if label > 0:
                i = label - 1
                distance = (y - sums[i, 0]) ** 2 + (x - sums[i, 1]) ** 2
                if distance < nearest[i]:
                    nearest[i] = distance
                    result[i, 0] = y
                    result[i, 1] = x
    for i in range(count):
        if nearest[i] <= 1.0:
            result[i] = sums[i]
    return result, areas


@njit(cache=True)
def offsets_to_centres(labels: LabelArray, centre: FloatArray) -> FloatArray:
    """Return for every pixel of an object the vector to its centre.

    Parameters
    ----------
    labels : ndarray, shape (Y, X), int32
    centre : ndarray, shape (N, 2), float32
        Row and column of the centre of each label, in px.

    Returns
    -------
    ndarray, shape (2, Y, X), float32
        Row and column offset in px; 0 outside objects.
    """
    rows, columns = labels.shape
    result = np.zeros((2, rows, columns), np.float32)
    for y in range(rows):
        for x in range(columns):
            label = labels[y, x]
            if label > 0:
                result[0, y, x] = centre[label - 1, 0] - y
                result[1, y, x] = centre[label - 1, 1] - x
    return result
