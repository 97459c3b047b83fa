"""Which peaks of the object probability are worth an outline."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import BoolArray, FloatArray, IntArray, LabelArray


@njit(cache=True)
def stand_out(
    scores: FloatArray, centres: IntArray, radii: LabelArray, anisotropy: float
) -> BoolArray:
    """Return whether no pixel near a peak exceeds it.

    Near is a box with twice the radius as its sides. Therefore the boxes of half the size around
    peaks of the same radius that stand out are disjoint: whatever the scores, their number is
    bounded by the volume. So is the work, because the box is searched from the inside out, only
    until something better is found.

    Parameters
    ----------
    scores : ndarray, shape (Z, Y, X), float32
    centres : ndarray, shape (N, 3), int64
        Of the peaks. Of equal pixels the first in raster order is the better.
    radii : ndarray, shape (N,), int32
        How far to look, in px within the plane.
    anisotropy : float
        Distance of planes over distance of pixels within a plane.

    Returns
    -------
    ndarray, shape (N,), bool
    """
    result = np.ones(len(centres), np.bool_)
    for n in range(len(centres)):
        z, y, x = centres[n]
        for radius in range(1, radii[n] + 1):
            if _shell_exceeds(scores, z, y, x, radius, anisotropy):
                result[n] = False
                break
    return result


@njit(cache=True)
def _shell_exceeds(
    scores: FloatArray, z: int, y: int, x: int, radius: int, anisotropy: float
) -> bool:
    """Return whether a better pixel lies on the surface of a box around a pixel."""
    planes, rows, columns = scores.shape
    score = scores[z, y, x]
    inner, outer = int((radius - 1) / anisotropy), int(radius / anisotropy)
    for k in range(max(z - outer, 0), min(z + outer + 1, planes)):
        for i in range(max(y - radius, 0), min(y + radius + 1, rows)):
            lid = abs(k - z) > inner or abs(i - y) == radius
            step = 1 if lid else 2 * radius  # else only the first and the last column
            for j in range(x - radius, x + radius + 1, step):
                if not 0 <= j < columns:
                    continue
                earlier = (k, i, j) < (z, y, x)
                if scores[k, i, j] > score or (earlier and scores[k, i, j] == score):
                    return True
    return False
