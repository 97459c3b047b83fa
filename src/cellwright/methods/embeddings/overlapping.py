"""Pixels that embeddings put into several clusters."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import FloatArray, IntArray, LabelArray
from cellwright.methods.embeddings.clustering import captures


@njit(cache=True)
def covered(
    labels: LabelArray,
    offsets: FloatArray,
    places: IntArray,
    seed_offsets: FloatArray,
    scales: FloatArray,
    reach: int,
) -> IntArray:
    """Return the pixels that a seed captures, too, though they are another's in the labels.

    Parameters
    ----------
    labels : ndarray, shape (Z, Y, X), int32
    offsets : ndarray, shape (3, Z, Y, X), float32
        Where pixels point to, in px.
    places, seed_offsets, scales : ndarray, shape (N, 3)
        Of the seeds of objects 1..N; see `rounds_of`.
    reach : int
        In px.

    Returns
    -------
    ndarray, shape (M, 4), int64
        Index of the object from 0, plane, row and column.
    """
    planes, rows, columns = labels.shape
    found = []
    place, offset = np.empty(3, np.int64), np.empty(3, np.float32)
    for n in range(len(places)):
        z0, y0, x0 = places[n]
        for z in range(max(z0 - reach, 0), min(z0 + reach + 1, planes)):
            for y in range(max(y0 - reach, 0), min(y0 + reach + 1, rows)):
                for x in range(max(x0 - reach, 0), min(x0 + reach + 1, columns)):
                    if labels[z, y, x] <= 0 or labels[z, y, x] == n + 1:
                        continue
                    place[0], place[1], place[2] = z, y, x
                    for axis in range(3):
                        offset[axis] = offsets[axis, z, y, x]
                    if captures(places, seed_offsets, scales, n, place, offset, reach):
                        found.append((n, z, y, x))
    result = np.empty((len(found), 4), np.int64)
    for m in range(len(found)):
        result[m, 0], result[m, 1], result[m, 2], result[m, 3] = found[m]
    return result
