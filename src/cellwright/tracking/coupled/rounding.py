"""From the optimum of a linear program to that in whole numbers, where it is not whole.

Every variable has a cost of being turned away from the linear optimum (its reduced cost), and what
is turned for the sake of a fraction hangs together with it by rows. So only what lies near
fractions, as the sum of these costs goes, is decided anew, each surrounding apart; and they are
widened until leaving them costs more than could be saved by it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cellwright._types import BoolArray, DoubleArray, IntArray

_WHOLE = 1e-6
_RADIUS = 1.0  # of the first surroundings


def fractional(values: DoubleArray) -> BoolArray:
    """Return which values are not whole."""
    return np.asarray(np.abs(values - values.round()) > _WHOLE)


def whole_optimum(
    costs: DoubleArray,
    rows: Any,
    most: DoubleArray,
    given: BoolArray,
    values: DoubleArray,
    prices: DoubleArray,
) -> DoubleArray:
    """Return the optimum in whole numbers.

    Parameters
    ----------
    costs : array of float, shape (V,)
    rows : sparse array, shape (R, V)
    most : array of float, shape (R,)
        What the sum of each row is at most.
    given : array of bool, shape (V,)
        Variables that are 1 in any case; the others are 0 or 1.
    values : array of float, shape (V,)
        The optimum in any numbers.
    prices : array of float, shape (R,)
        Optimal prices of the rows.

    Raises
    ------
    RuntimeError
        If HiGHS does not find the optimum of a surrounding.

    Notes
    -----
    Why what is found is the best of all: whatever differs from the linear optimum costs nothing
    less than the reduced costs of what is turned. Of a better choice take a part that hangs
    together. If it stays within a surrounding, that was solved exactly. If not, it saves the `gap`
    of every surrounding k that it leaves at most; there it has turned what lies between a fraction
    and the border, which costs `distance`, and a variable beyond it, of which `_leaves` knows that
    it costs no less than all that is left of these gaps.
    """
    from scipy.sparse.csgraph import dijkstra

    fractions = fractional(values)
    turning = np.where(given, np.inf, np.abs(costs + rows.T @ prices))
    ways = _ways(rows, np.where(fractions, 0.0, turning))
    starts = rows.shape[0] + np.flatnonzero(fractions)
    radius = _RADIUS
    while True:
        distance = dijkstra(ways, indices=starts, min_only=True, limit=radius)
        to_row, to_variable = np.split(distance, [rows.shape[0]])
        near = np.flatnonzero(np.isfinite(to_variable))
        of_row, of_variable = _surroundings(rows, near)
        found = _solved(costs, rows, most, values, near, of_variable)
        lost = (costs * (found - values))[near]
        gap = np.bincount(of_variable, lost, of_row.max() + 1).astype(np.float64)
        beyond = ~np.isin(np.arange(len(costs)), near) & ~given
        if not _leaves(rows, turning, beyond, to_row, of_row, gap):
            return found.round()
        radius *= 2


def _ways(rows: Any, turning: DoubleArray) -> Any:
    """Return the graph of rows, then variables, where going to one costs what turning it does."""
    from scipy.sparse import csr_array

    count, total = rows.shape[0], sum(rows.shape)
    row, column = rows.tocoo().coords
    free = np.isfinite(turning[column])
    row, column = row[free], count + column[free]
    costs = np.concatenate([turning[column - count], np.zeros(len(row))])
    ends = (np.concatenate([row, column]), np.concatenate([column, row]))
    return csr_array((costs, ends), shape=(total, total))


def _surroundings(rows: Any, near: IntArray) -> tuple[IntArray, IntArray]:
    """Return which rows, and which of the variables that are `near`, hang together by them."""
    from scipy.sparse import block_array
    from scipy.sparse.csgraph import connected_components

    within = rows[:, near]
    _, part = connected_components(block_array([[None, within], [within.T, None]]), directed=False)
    return part[: rows.shape[0]], part[rows.shape[0] :]


def _solved(
    costs: DoubleArray,
    rows: Any,
    most: DoubleArray,
    values: DoubleArray,
    near: IntArray,
    of_variable: IntArray,
) -> DoubleArray:
    """Return the values with every surrounding decided in whole numbers, the rest as it is."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    found = values.round()  # else what is left of a row may be a hair below a whole number
    found[near] = 0.0
    left = most - rows @ found
    by_column = rows.tocsc()
    order = np.argsort(of_variable, kind="stable")
    for own in np.split(near[order], np.flatnonzero(np.diff(of_variable[order])) + 1):
        within = by_column[:, own]
        touched = np.unique(within.indices)
        solved = milp(
            costs[own],
            constraints=LinearConstraint(within.tocsr()[touched], -np.inf, left[touched]),
            bounds=Bounds(0.0, 1.0),
            integrality=np.ones(len(own)),
            options={"mip_rel_gap": 0.0},
        )
        if solved.x is None:
            raise RuntimeError(f"HiGHS found no solution: {solved.message}")
        found[own] = solved.x.round()
    return found


def _leaves(
    rows: Any,
    turning: DoubleArray,
    beyond: BoolArray,
    to_row: DoubleArray,
    of_row: IntArray,
    gap: DoubleArray,
) -> bool:
    """Return whether a better choice may turn variables beyond the surroundings."""
    entries = rows.tocoo()
    row, column = entries.coords
    saved = gap[of_row[row]] - to_row[row]
    touches = beyond[column] & (saved > 0)
    pairs, which = np.unique(column[touches] * len(gap) + of_row[row[touches]], return_inverse=True)
    most_saved = np.zeros(len(pairs))  # by a variable in one surrounding
    np.maximum.at(most_saved, which, saved[touches])
    together = np.bincount(pairs // len(gap), most_saved, len(turning))
    return bool((together > turning + _WHOLE).any())
