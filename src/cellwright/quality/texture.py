"""How rough an image is: slopes and curvatures, and the ranks among them."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import AnyArray, BoolArray, FloatArray, IntArray

_BITS = 14  # of a number by which it is sorted into bins first


@njit(cache=True)
def slopes_and_curvatures(blocks: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return how steep blocks of pixels are, and how sharply they bend.

    Parameters
    ----------
    blocks : ndarray, shape (N, Y, X), float32
        Of at least 3 x 3 px.

    Returns
    -------
    slope : ndarray, shape (N * (Y - 1) * (X - 1),), float32
        Length of the difference to the pixels above and to the left.
    curvature : ndarray, shape (N * (Y - 2) * (X - 2),), float32
        Sum of the four neighbours less four times the pixel.
    """
    count, rows, columns = blocks.shape
    slope = np.empty(count * (rows - 1) * (columns - 1), np.float32)
    curvature = np.empty(count * (rows - 2) * (columns - 2), np.float32)
    i = k = 0
    for n in range(count):
        for y in range(1, rows):
            above, here = blocks[n, y - 1], blocks[n, y]
            for x in range(1, columns):
                down, right = float(here[x] - above[x]), float(here[x] - here[x - 1])
                slope[i + x - 1] = np.sqrt(down * down + right * right)
            i += columns - 1
            if y == rows - 1:
                break
            below = blocks[n, y + 1]
            for x in range(1, columns - 1):
                around = above[x] + below[x] + here[x - 1] + here[x + 1]
                curvature[k + x - 1] = around - np.float32(4) * here[x]
            k += columns - 2
    return slope, curvature


def percentiles(values: FloatArray, percentages: tuple[float, ...]) -> list[float]:
    """Return percentiles of numbers (n,), float32, none of them NaN, as `numpy.percentile` does."""
    place = np.array(percentages) / 100 * (len(values) - 1)
    below = np.floor(place).astype(np.int64)
    above = np.ceil(place).astype(np.int64)
    lower, upper = ranked(values, np.concatenate([below, above])).reshape(2, -1).astype(np.float64)
    found: list[float] = (lower + (upper - lower) * (place - below)).tolist()
    return found


def ranked(values: FloatArray, ranks: IntArray) -> FloatArray:
    """Return the numbers that have the given ranks, from 0, among all.

    They are counted in bins first, and only what is in the bins in question is sorted: for several
    ranks at once this takes a fraction of the time of a partition.

    Parameters
    ----------
    values : ndarray, shape (n,), float32
        None of them NaN.
    ranks : ndarray, shape (m,), int64

    Returns
    -------
    ndarray, shape (m,), float32
    """
    bins, counts = np.empty(len(values), np.uint16), np.zeros(1 << _BITS, np.int64)
    _count(values.view(np.uint32), bins, counts)
    upto = np.cumsum(counts)
    chosen = np.searchsorted(upto, ranks, side="right")
    wanted = np.zeros(len(counts), np.bool_)
    wanted[chosen] = True
    stop = np.cumsum(counts * wanted)  # of each bin among the numbers that are kept
    kept = np.empty(stop[-1], np.float32)
    _keep(values, bins, wanted, stop - counts, kept)
    for one in np.unique(chosen):
        kept[stop[one] - counts[one] : stop[one]].sort()
    found: FloatArray = kept[ranks - upto[chosen] + stop[chosen]]
    return found


@njit(cache=True)
def _count(bits: AnyArray, bins: AnyArray, counts: IntArray) -> None:
    """Fill in the bin of every number, whose bits are given, and how many there are in each bin."""
    for i in range(len(bits)):
        # As whole numbers, the bits of floats are in order once those of negative ones are turned.
        turned = ~bits[i] if bits[i] >> 31 else bits[i] | np.uint32(1 << 31)
        bins[i] = turned >> np.uint32(32 - _BITS)
        counts[bins[i]] += 1


@njit(cache=True)
def _keep(
    values: FloatArray, bins: AnyArray, wanted: BoolArray, place: IntArray, kept: FloatArray
) -> None:
    """Copy what is in the wanted bins, bin by bin; `place` is where each begins, and moves on."""
    for i in range(len(values)):
        if wanted[bins[i]]:
            kept[place[bins[i]]] = values[i]
            place[bins[i]] += 1
