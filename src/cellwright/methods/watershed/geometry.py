"""From labels to how near pixels are to the centroid of their object."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import FloatArray, LabelArray


@njit(cache=True)
def nearness(labels: LabelArray, anisotropy: float) -> FloatArray:
    """Return how near to the centroid of its object every pixel lies: 1 there, falling off.

    ``1 / (1 + d / r)`` with the distance d to the centroid and the radius r of a disc, or in
    volumes of a ball, as large as the object, in the transform of DeepCell with its slope set by
    the size of the object.

    Parameters
    ----------
    labels : ndarray, shape (Z, Y, X), int32
        Values below 1 are no object.
    anisotropy : float
        Distance of planes over distance of pixels within a plane.

    Returns
    -------
    ndarray, shape (Z, Y, X), float32
        0 outside objects.

    References
    ----------
    Greenwald et al. (2022), "Whole-cell segmentation of tissue images with human-level performance
    using large-scale data annotation and deep learning", Nature Biotechnology 40:555.
    """
    planes, rows, columns = labels.shape
    sums = np.zeros((max(labels.max(), 0) + 1, 4))
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                label = labels[z, y, x]
                if label > 0:
                    sums[label, 0] += z
                    sums[label, 1] += y
                    sums[label, 2] += x
                    sums[label, 3] += 1
    result = np.zeros(labels.shape, np.float32)
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                label = labels[z, y, x]
                if label <= 0:
                    continue
                size = sums[label, 3]
                dz = (z - sums[label, 0] / size) * anisotropy
                dy, dx = y - sums[label, 1] / size, x - sums[label, 2] / size
                if planes > 1:
                    radius = (0.75 * size * anisotropy / np.pi) ** (1 / 3)
                else:
                    radius = np.sqrt(size / np.pi)
                result[z, y, x] = 1 / (1 + np.sqrt(dz * dz + dy * dy + dx * dx) / radius)
    return result
