"""Numbers without gaps."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import IntArray, LabelArray


@njit(cache=True)
def number_visible(labels: LabelArray, count: int, smallest: int) -> IntArray:
    """Give numbers to the objects that show enough pixels without gaps, and drop the others.

    Parameters
    ----------
    labels : ndarray, shape (Z, Y, X), int32
        Contiguous; changed in place.
    count : int
        Highest label.
    smallest : int
        Least number of pixels; at least 1.

    Returns
    -------
    ndarray, shape (M,), int64
        Index, from 0, that each object had before.
    """
    flat = labels.ravel()
    size = np.zeros(count + 1, np.int64)
    for label in flat:
        size[label] += 1
    size[0] = 0
    number = np.zeros(count + 1, np.int32)
    present = np.flatnonzero(size >= smallest)
    for i in range(len(present)):
        number[present[i]] = i + 1
    for i in range(len(flat)):
        flat[i] = number[flat[i]]
    return present - 1


def consecutive(labels: LabelArray) -> tuple[LabelArray, int]:
    """Return the objects numbered 1..N, in the order of their labels; values below 1 stay.

    Parameters
    ----------
    labels : ndarray, any shape, int32

    Returns
    -------
    objects : ndarray, int32, the shape of `labels`
    count : int
        N.
    """
    inside = np.maximum(labels, 0)
    present = np.bincount(inside.ravel()) > 0
    present[:1] = False
    number = np.cumsum(present, dtype=np.int32)
    return np.where(labels > 0, number[inside], labels), int(number[-1])
