"""Where objects lie, told from labels that come row by row and are not kept."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import AnyArray, DoubleArray, IntArray, LabelArray


class Extents:
    """Takes labels, in whole rows or planes from first to last, and remembers boxes and centres.

    Parameters
    ----------
    dimensions : int
        2 for planes, 3 for volumes.
    """

    def __init__(self, dimensions: int) -> None:
        self._dimensions = dimensions
        self._parts: list[tuple[int, IntArray, IntArray, DoubleArray, IntArray]] = []

    def __setitem__(self, key: tuple[slice, ...], value: AnyArray, /) -> None:
        """Look at the labels of whole rows."""
        labels = np.ascontiguousarray(value, np.int32)
        present = labels[labels > 0]
        if present.size:
            first = int(present.min())
            count = int(present.max()) - first + 1
            flat = labels[:, None] if labels.ndim == 2 else labels
            self._parts.append((first, *_looked_at(flat, key[0].start or 0, first, count)))

    def boxes(self, count: int) -> IntArray:
        """Return the bounding boxes of objects 1..count.

        Returns
        -------
        ndarray, shape (count, 2 D), int64
            The first pixel along each axis, then one past the last; without a pixel, nonsense.
        """
        low, high, _, _ = self._joined(count)
        return np.concatenate((self._own(low), self._own(high)), axis=1)

    def centres(self, count: int) -> DoubleArray:
        """Return the mean positions ([z,] y, x) of objects 1..count in px; NaN without a pixel."""
        _, _, total, pixels = self._joined(count)
        with np.errstate(invalid="ignore"):
            return self._own(total / pixels[:, None])

    def _own(self, columns: AnyArray) -> AnyArray:
        """Return the columns of the axes that there are."""
        return columns if self._dimensions == 3 else columns[:, [0, 2]]

    def _joined(self, count: int) -> tuple[IntArray, IntArray, DoubleArray, IntArray]:
        low = np.full((count, 3), np.iinfo(np.int64).max)
        high, total, pixels = np.zeros((count, 3), np.int64), np.zeros((count, 3)), np.zeros(count)
        for first, part_low, part_high, part_total, part_pixels in self._parts:
            part = slice(first - 1, first - 1 + len(part_low))
            np.minimum(low[part], part_low, out=low[part])
            np.maximum(high[part], part_high, out=high[part])
            total[part] += part_total
            pixels[part] += part_pixels
        return low, high, total, pixels.astype(np.int64)


@njit(cache=True)
def _looked_at(
    labels: LabelArray, start: int, first: int, count: int
) -> tuple[IntArray, IntArray, DoubleArray, IntArray]:
    """Return first and last + 1 pixel, sum of the positions and number of pixels of each object.

    Parameters
    ----------
    labels : ndarray, shape (Z, Y, X), int32
    start : int
        Position of the first plane.
    first, count : int
        Which objects there are.
    """
    low = np.full((count, 3), np.iinfo(np.int64).max)
    high = np.zeros((count, 3), np.int64)
    total = np.zeros((count, 3))
    pixels = np.zeros(count, np.int64)
    for i in range(labels.shape[0]):
        for j in range(labels.shape[1]):
            for k in range(labels.shape[2]):
                n = labels[i, j, k] - first
                if n < 0:
                    continue
                pixels[n] += 1
                for axis, place in enumerate((start + i, j, k)):
                    low[n, axis] = min(low[n, axis], place)
                    high[n, axis] = max(high[n, axis], place + 1)
                    total[n, axis] += place
    return low, high, total, pixels
