"""Pairs of the greatest total gain."""

from __future__ import annotations

import numpy as np

from cellwright._types import AnyArray, BoolArray, IntArray
from cellwright.tracking.assignment import assign


def best_pairs(left: IntArray, right: IntArray, gain: AnyArray) -> BoolArray:
    """Choose pairs of the greatest total gain, with each member used once at most.

    Parameters
    ----------
    left, right : array of int, shape (P,)
        The two sides of the pairs to choose from; every pair is there once.
    gain : array of float, shape (P,)
        Pairs without a gain above 0 are never chosen.

    Returns
    -------
    array of bool, shape (P,)
        Which pairs are chosen.
    """
    chosen = np.zeros(len(left), np.bool_)
    useful = np.flatnonzero(gain > 0)
    useful = useful[np.argsort(left[useful], kind="stable")]
    rows, row = np.unique(left[useful], return_inverse=True)
    columns, column = np.unique(right[useful], return_inverse=True)
    starts = np.searchsorted(row, np.arange(len(rows) + 1))
    solved = assign(starts, column, -gain[useful], np.zeros(len(rows)), np.zeros(len(columns)))
    chosen[useful[solved.column_of[row] == column]] = True
    return chosen
