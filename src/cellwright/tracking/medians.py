"""Medians and quantiles as numpy tells them, in less time than it takes to find out what is asked.

Every frame pair asks for a dozen of them, mostly of a few hundred values.
"""

from __future__ import annotations

import numpy as np

from cellwright._types import AnyArray, DoubleArray


def median(values: AnyArray) -> float:
    """Return the median of some values, one at least, none of them NaN; shape (N,)."""
    half = len(values) // 2
    if len(values) % 2:
        return float(np.partition(values, half)[half])
    below, above = np.partition(values, (half - 1, half))[half - 1 : half + 1]
    return float((below + above) / 2)


def medians(rows: DoubleArray) -> DoubleArray:
    """Return the median of each column, shape (D,), of rows of shape (N, D)."""
    return np.array([median(column) for column in rows.T])


def quantile(ordered: DoubleArray, share: float) -> DoubleArray:
    """Return the value of each column that a share of the rows is below, shape (D,).

    Parameters
    ----------
    ordered : array of float, shape (N, D)
        Every column in ascending order.
    share : float
        0 to 1; between two rows, it is interpolated.
    """
    place = share * (len(ordered) - 1)
    first = int(place)
    part = place - first
    below, above = ordered[first], ordered[min(first + 1, len(ordered) - 1)]
    step = above - below
    return np.asarray(below + step * part if part < 0.5 else above - step * (1 - part))
