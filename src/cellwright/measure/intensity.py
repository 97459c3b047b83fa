"""Intensities of the objects of a label image."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import AnyArray, DoubleArray, IntArray, LabelArray
from cellwright.measure.regions import Regions

STATISTICS = ("mean", "std", "min", "max", "sum")
_BLOCK = 1 << 20


def intensities(regions: Regions, channel: AnyArray) -> dict[str, DoubleArray]:
    """Return the statistics of one channel in each object.

    An object with a pixel that is not a finite number has NaN for all of them.

    Parameters
    ----------
    regions : Regions
        The objects.
    channel : array of numbers, shape ([Z,] Y, X)
        Any number type; sums are in double precision.

    Returns
    -------
    dict of str to array of float, shape (N,)
        Mean, standard deviation (of the population), minimum, maximum and sum.
    """
    sums = np.zeros((regions.labels.size, 5))
    sums[:, 3:] = np.inf, -np.inf
    started = np.zeros(regions.labels.size, np.bool_)
    labels, values = regions.image.reshape(-1), channel.reshape(-1)
    # Blocks keep the copies in double precision small, and one compiled kernel serves all types.
    for start in range(0, labels.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        _add(labels[block], values[block].astype(np.float64), regions.row_of, started, sums)
    offset, total, squares, least, most = sums.T
    broken = np.where(np.isfinite(total), 0.0, np.nan)
    shift = total / regions.area + broken
    variance = np.maximum(squares / regions.area - shift**2, 0.0)
    return {
        "mean": offset + shift,
        "std": np.sqrt(variance),
        "min": least + broken,
        "max": most + broken,
        "sum": offset * regions.area + total + broken,
    }


@njit(cache=True)
def _add(
    labels: LabelArray,
    values: DoubleArray,
    row_of: IntArray,
    started: AnyArray,
    sums: DoubleArray,
) -> None:
    """Add pixels to (offset, sum, sum of squares, minimum, maximum) of their objects.

    Sums are of differences from the object's first pixel, so that a large common offset costs
    no precision.
    """
    for pixel in range(labels.size):
        if labels[pixel] <= 0:
            continue
        row = row_of[labels[pixel]]
        value = values[pixel]
        if not started[row]:
            started[row] = True
            sums[row, 0] = value
        difference = value - sums[row, 0]
        sums[row, 1] += difference
        sums[row, 2] += difference * difference
        sums[row, 3] = min(sums[row, 3], value)
        sums[row, 4] = max(sums[row, 4], value)
