"""Prices of the rows of a program, as far within what is optimal as they can be.

The linear program leaves prices at a corner of all that are optimal, where most variables could be
turned for nothing. In the middle of them every variable has its own, true cost of being turned.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from cellwright._types import BoolArray, DoubleArray, IntArray

_SWEEPS = 6


def centred_prices(
    costs: DoubleArray, rows: Any, most: DoubleArray, given: BoolArray, prices: DoubleArray
) -> DoubleArray:
    """Return prices that bound the optimum as well as the given ones do, or better.

    One after the other is moved to the middle of where the bound is highest, the others as they
    are (block coordinate ascent).

    Parameters
    ----------
    costs : array of float, shape (V,)
    rows : sparse array of 1 and -1, shape (R, V)
    most : array of float, shape (R,)
        What the sum of each row is at most.
    given : array of bool, shape (V,)
        Variables that are 1 in any case; the others are 0 or 1.
    prices : array of float, shape (R,)
        0 or more.

    References
    ----------
    Globerson and Jaakkola, Fixing max-product: convergent message passing algorithms for MAP
    LP-relaxations, NIPS (2007).
    """
    prices = prices.copy()
    reduced = costs + rows.T @ prices
    forth = np.arange(len(prices))
    for number in range(_SWEEPS):
        order = forth[::-1] if number % 2 else forth
        _sweep(rows.indptr, rows.indices, rows.data, most, given, np.ascontiguousarray(order),
               reduced, prices)  # fmt: skip
    return prices


@njit(cache=True)
def _sweep(
    first: IntArray,
    columns: IntArray,
    signs: DoubleArray,
    most: DoubleArray,
    given: BoolArray,
    order: IntArray,
    reduced: DoubleArray,
    prices: DoubleArray,
) -> None:
    """Move each price in turn; `reduced` follows."""
    turns = np.empty(np.diff(first).max())  # prices at which a variable of the row turns
    for row in order:
        price = prices[row]
        count, slope = 0, -most[row]  # of the bound, where the price is lowest
        for entry in range(first[row], first[row + 1]):
            column, sign = columns[entry], signs[entry]
            if given[column]:
                slope += sign
                continue
            slope += max(sign, 0.0)
            turns[count] = price - sign * reduced[column]
            count += 1
        ordered = np.sort(turns[:count])
        flat = int(slope)  # every turn makes the bound rise less by one
        low = max(ordered[flat - 1], 0.0) if flat > 0 else 0.0
        high = max(ordered[flat], 0.0) if 0 <= flat < count else low
        change = 0.5 * (low + high) - price
        if change != 0.0:
            prices[row] += change
            for entry in range(first[row], first[row + 1]):
                reduced[columns[entry]] += signs[entry] * change
