"""Local maxima: where objects propose themselves."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import FloatArray, IntArray


@njit(cache=True)
def peaks(scores: FloatArray, floor: float) -> IntArray:
    """Return the pixels above `floor` that no neighbour (of 8, or 26) exceeds.

    Of equal neighbours the first in raster order counts.

    Parameters
    ----------
    scores : ndarray, shape (Z, Y, X), float32
    floor : float

    Returns
    -------
    ndarray, shape (N, 3), int64
        Their places in raster order.
    """
    planes, rows, columns = scores.shape
    found = []
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                score = scores[z, y, x]
                if not score > floor:
                    continue
                best = True
                for k in range(max(z - 1, 0), min(z + 2, planes)):
                    for i in range(max(y - 1, 0), min(y + 2, rows)):
                        for j in range(max(x - 1, 0), min(x + 2, columns)):
                            earlier = (k, i, j) < (z, y, x)
                            if scores[k, i, j] > score or (earlier and scores[k, i, j] == score):
                                best = False
                if best:
                    found.append((z, y, x))
    result = np.empty((len(found), 3), np.int64)
    for n in range(len(found)):
        result[n, 0], result[n, 1], result[n, 2] = found[n]
    return result
