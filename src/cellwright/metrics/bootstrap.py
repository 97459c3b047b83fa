"""How sure a mean is: the bootstrap over independent parts of the data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cellwright._types import AnyArray

DRAWS = 5_000
LEVEL = 0.95


def mean_interval(
    values: AnyArray, units: Sequence[str] | AnyArray, *, seed: int = 0
) -> tuple[float, float]:
    """Return the ends of the 95 % confidence interval of a mean.

    The percentiles of the means of as many units, drawn with replacement. Values of one unit are
    drawn together, because they are not independent: ten fields of one animal tell less than
    fields of ten. For a paired comparison, give the differences.

    Parameters
    ----------
    values : array, shape (N,)
        One per image; NaN is left out.
    units : sequence of str, shape (N,)
        What each value belongs to: its group, or its own name.
    seed : int
        Of the draws.

    Returns
    -------
    low, high : float
        NaN where there are fewer than two units.

    References
    ----------
    Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13; Field & Welsh,
    "Bootstrapping clustered data", J. R. Stat. Soc. B 2007.
    """
    values = np.asarray(values, dtype=np.float64)
    known = np.isfinite(values)
    _, index = np.unique(np.asarray(units)[known], return_inverse=True)
    count = int(index.max(initial=-1)) + 1
    if count < 2:
        return float("nan"), float("nan")
    sums = np.bincount(index, weights=values[known])
    sizes = np.bincount(index)
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=DRAWS)
    means = (drawn @ sums) / (drawn @ sizes)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
