"""Numbers without gaps."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import BoolArray, IntArray, LabelArray


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
    size = np.zeros(count + 1, np.int64)
    for label in labels.ravel():
        size[label] += 1
    shown = size[1:] >= smallest
    number_kept(labels, shown)
    return np.flatnonzero(shown)


@njit(cache=True)
def number_kept(labels: LabelArray, keep: BoolArray) -> None:
    """Give numbers to the objects that are kept without gaps, and drop the others.

    Parameters
    ----------
    labels : ndarray, any shape, int32
        Contiguous; changed in place.
    keep : ndarray, shape (N,), bool
        Of the objects 1..N.
    """
    if keep.all():
        return
    number = np.zeros(len(keep) + 1, np.int32)
    number[1:] = np.cumsum(keep) * keep
    flat = labels.ravel()
    for i in range(len(flat)):
        flat[i] = number[flat[i]]


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
