"""What tells right objects from wrong ones after a flood."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import FloatArray, LabelArray
from cellwright.methods.logits import probability


@njit(cache=True)
def describe(
    labels: LabelArray, tops: LabelArray, logits: FloatArray, relief: FloatArray
) -> FloatArray:
    """Return evidence about objects.

    Parameters
    ----------
    labels : ndarray, shape (Z, Y, X), int32
    tops : ndarray, shape (N,), int32
        Pixel of the top of each object, as an index in raster order.
    logits : ndarray, shape (Z, Y, X), float32
        Of the foreground.
    relief : ndarray, shape (Z, Y, X), float32

    Returns
    -------
    ndarray, shape (N, 6), float32
        Mean probability of foreground; mean certainty ``|2 p - 1|`` at the edge, in the plane;
        height of the top; mean height of the edge; logarithm of the number of pixels; logarithm of
        the number of edge pixels over that of a disc as large.
    """
    planes, rows, columns = labels.shape
    count = len(tops)
    sums = np.zeros((count, 3))
    pixels, edge = np.zeros(count), np.zeros(count)
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                label = labels[z, y, x]
                if label <= 0:
                    continue
                i = label - 1
                pixels[i] += 1
                p = probability(logits[z, y, x])
                sums[i, 0] += p
                if (
                    (y > 0 and labels[z, y - 1, x] != label)
                    or (x > 0 and labels[z, y, x - 1] != label)
                    or (y + 1 < rows and labels[z, y + 1, x] != label)
                    or (x + 1 < columns and labels[z, y, x + 1] != label)
                ):
                    edge[i] += 1
                    sums[i, 1] += abs(2 * p - 1)
                    sums[i, 2] += relief[z, y, x]
    evidence = np.empty((count, 6), np.float32)
    flat = relief.ravel()
    for i in range(count):
        around = max(edge[i], 1)
        evidence[i, 0] = sums[i, 0] / pixels[i]
        evidence[i, 1] = sums[i, 1] / around
        evidence[i, 2] = flat[tops[i]]
        evidence[i, 3] = sums[i, 2] / around
        evidence[i, 4] = np.log(pixels[i])
        evidence[i, 5] = np.log(around / np.sqrt(4 * np.pi * pixels[i]))
    return evidence
