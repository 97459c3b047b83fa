"""Pairs of the greatest total gain."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from cellwright._types import AnyArray, BoolArray, IntArray


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
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    chosen = np.zeros(len(left), np.bool_)
    useful = np.flatnonzero(gain > 0)
    if not useful.size:
        return chosen
    _, rows = np.unique(left[useful], return_inverse=True)
    _, columns = np.unique(right[useful], return_inverse=True)
    size = rows.max() + columns.max() + 2
    links = coo_array((np.ones(rows.size), (rows, rows.max() + 1 + columns)), shape=(size, size))
    group = connected_components(links, directed=False)[1][rows]
    order = np.argsort(group, kind="stable")
    bounds = np.searchsorted(group[order], np.arange(group.max() + 2))
    for start, stop in pairwise(bounds):
        members = order[start:stop]
        best = members if stop - start == 1 else _assign(rows, columns, gain[useful], members)
        chosen[useful[best]] = True
    return chosen


def _assign(rows: IntArray, columns: IntArray, gain: AnyArray, members: IntArray) -> IntArray:
    """Solve one connected group as a dense assignment."""
    from scipy.optimize import linear_sum_assignment

    _, row = np.unique(rows[members], return_inverse=True)
    _, column = np.unique(columns[members], return_inverse=True)
    table = np.zeros((row.max() + 1, column.max() + 1))
    table[row, column] = gain[members]
    partner = np.full(row.max() + 1, -1)
    i, j = linear_sum_assignment(table, maximize=True)
    partner[i] = j
    return np.asarray(members[partner[row] == column])
