"""Where objects come close to each other."""

from __future__ import annotations

import numpy as np

from cellwright._types import FloatArray, LabelArray


def seam_weights(labels: LabelArray, distance: int, extra: float) -> FloatArray:
    """Return the weight of every pixel in a loss: more where objects come close to each other.

    Parameters
    ----------
    labels : ndarray, shape ([Z,] Y, X), int32
        -1 is unknown, 0 background, 1..N objects.
    distance, extra : int, float
        Pixels within `distance` px (along each axis) of two different objects weigh 1 + `extra`.

    Returns
    -------
    ndarray, shape ([Z,] Y, X), float32
        0 where unknown.
    """
    weights: FloatArray = (labels >= 0) * (1 + np.float32(extra) * near_another(labels, distance))
    return weights


def near_another(labels: LabelArray, distance: int) -> FloatArray:
    """Return 1 at pixels within `distance` px (along each axis) of two different objects.

    Parameters
    ----------
    labels : ndarray, shape ([Z,] Y, X), int32
    distance : int
        In px.

    Returns
    -------
    ndarray, shape ([Z,] Y, X), float32
        1 where the square, or cube, around a pixel holds parts of two objects.
    """
    from scipy.ndimage import maximum_filter, minimum_filter

    side = 2 * distance + 1
    highest = maximum_filter(labels, side, mode="nearest")
    beyond = np.int32(np.iinfo(np.int32).max)
    lowest = minimum_filter(np.where(labels > 0, labels, beyond), side, mode="nearest")
    near: FloatArray = ((highest > 0) & (lowest < beyond) & (highest != lowest)).astype(np.float32)
    return near
