"""Between the grid of an image and the grid on which a network sees it.

Every pixel of either grid has a fixed place in the other, whatever region is asked for, so that
regions fit together exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from cellwright._types import AnyArray, DoubleArray, FloatArray, IntArray, LabelArray

_TIE = 1e-9  # votes closer than this are equal but for rounding


@dataclass(frozen=True, slots=True)
class Grid:
    """One axis of an image beside the same axis as the network sees it.

    Both span the same length: the outer edges of the first and last pixels coincide.

    Parameters
    ----------
    image : int
        Pixels of the image along the axis.
    network : int
        Pixels that the network sees.
    """

    image: int
    network: int

    @classmethod
    def at_scale(cls, image: int, scale: float) -> Grid:
        """Return the grid with about `scale` network pixels per image pixel, at least one."""
        return cls(image, max(1, round(image * scale)))

    @property
    def scale(self) -> float:
        """Network pixels per image pixel."""
        return self.network / self.image

    def image_span(self, start: int, stop: int) -> tuple[int, int]:
        """Return the first and last + 1 image pixel that network pixels start..stop are made of."""
        first, weights = self.taps(start, stop)
        return int(first[0]), int(first[-1]) + weights.shape[1]

    def ready(self, network: int) -> int:
        """Return how many image pixels are settled once the first `network` pixels are."""
        if network >= self.network:
            return self.image
        # The last image pixel whose right neighbour on the network grid is below `network`.
        return max(0, min(self.image, math.floor((network - 0.5) / self.scale - 0.5)))

    def neighbours(self, start: int, stop: int) -> tuple[IntArray, DoubleArray]:
        """Return for image pixels start..stop the lower network neighbour and the upper's weight.

        Returns
        -------
        lower : ndarray, int64
            The upper neighbour is ``min(lower + 1, network - 1)``.
        weight : ndarray, float64
            0..1.
        """
        place = (np.arange(start, stop) + 0.5) * self.scale - 0.5
        place = np.clip(place, 0, self.network - 1)
        lower = np.floor(place).astype(np.int64)
        return lower, place - lower

    def taps(self, start: int, stop: int) -> tuple[IntArray, FloatArray]:
        """Return the first image pixel and the weights that make each network pixel.

        Areas are averaged when shrinking, neighbours interpolated when enlarging.

        Returns
        -------
        first : ndarray, shape (stop - start,), int64
        weights : ndarray, shape (stop - start, T), float32
            Sum to 1 along the last axis; ``first + T`` is within the image.
        """
        index = np.arange(start, stop)
        if self.network < self.image:
            taps = min(self.image, math.ceil(1 / self.scale) + 1)
            left, right = index / self.scale, (index + 1) / self.scale
            first = np.minimum(np.floor(left).astype(np.int64), self.image - taps)
            pixel = first[:, None] + np.arange(taps)
            overlap = np.minimum(pixel + 1, right[:, None]) - np.maximum(pixel, left[:, None])
            weights = np.maximum(overlap, 0)
        else:
            taps = min(self.image, 2)
            place = np.clip((index + 0.5) / self.scale - 0.5, 0, self.image - 1)
            first = np.minimum(np.floor(place).astype(np.int64), self.image - taps)
            pixel = first[:, None] + np.arange(taps)
            weights = np.maximum(1 - np.abs(place[:, None] - pixel), 0)
        weights /= weights.sum(axis=1, keepdims=True)
        return first, weights.astype(np.float32)


def resample_region(
    window: AnyArray,
    origin: tuple[int, int],
    grids: tuple[Grid, Grid],
    rows: tuple[int, int],
    columns: tuple[int, int],
) -> AnyArray:
    """Return a region of an image as the network sees it.

    Parameters
    ----------
    window : ndarray, shape (C, Y, X)
        Part of the image that holds at least `Grid.image_span` of the region along each axis.
    origin : tuple of int
        Row and column of the image where the window begins.
    grids : tuple of Grid
        Of the rows and the columns.
    rows, columns : tuple of int
        Start and stop of the region on the network grid.

    Returns
    -------
    ndarray, shape (C, rows, columns)
        float32; the window itself, uncopied, where both grids are equal.
    """
    if all(grid.image == grid.network for grid in grids):
        top, left = origin
        return window[:, rows[0] - top : rows[1] - top, columns[0] - left : columns[1] - left]
    first_row, row_weights = grids[0].taps(*rows)
    first_column, column_weights = grids[1].taps(*columns)
    return np.stack(
        [
            _weigh(
                np.ascontiguousarray(channel, dtype=np.float32),
                first_row - origin[0],
                row_weights,
                first_column - origin[1],
                column_weights,
            )
            for channel in window
        ]
    )


def resample_labels(
    labels: LabelArray,
    origin: int,
    grids: tuple[Grid, Grid],
    rows: tuple[int, int],
) -> LabelArray:
    """Return rows of a label image on the image grid.

    Every image pixel takes the label that holds most of the bilinear weight of its four
    neighbours on the network grid, which gives smooth outlines; of equals, the lowest.

    Parameters
    ----------
    labels : ndarray, shape (Y, X), int32
        Labels on the network grid, over its full width.
    origin : int
        Row of the network grid where `labels` begins.
    grids : tuple of Grid
        Of the rows and the columns.
    rows : tuple of int
        Start and stop of the wanted rows on the image grid.

    Returns
    -------
    ndarray, shape (rows, columns of the image), int32
        The labels themselves, uncopied, where both grids are equal.
    """
    if all(grid.image == grid.network for grid in grids):
        return labels[rows[0] - origin : rows[1] - origin]
    lower, row_weight = grids[0].neighbours(*rows)
    left, column_weight = grids[1].neighbours(0, grids[1].image)
    voted: LabelArray = _vote(labels, lower - origin, row_weight, left, column_weight)
    return voted


@njit(cache=True)
def _weigh(
    pixels: FloatArray,
    first_row: IntArray,
    row_weights: FloatArray,
    first_column: IntArray,
    column_weights: FloatArray,
) -> FloatArray:
    """Weighted sums along rows, then columns, in an order that no region changes."""
    width = pixels.shape[1]
    result = np.empty((len(first_row), len(first_column)), np.float32)
    line = np.empty(width, np.float32)
    for i in range(len(first_row)):
        line[:] = 0
        for k in range(row_weights.shape[1]):
            weight = row_weights[i, k]
            if weight > 0:
                for x in range(width):
                    line[x] += weight * pixels[first_row[i] + k, x]
        for j in range(len(first_column)):
            total = np.float32(0)
            for k in range(column_weights.shape[1]):
                total += column_weights[j, k] * line[first_column[j] + k]
            result[i, j] = total
    return result


@njit(cache=True)
def _vote(
    labels: LabelArray,
    lower: IntArray,
    row_weight: DoubleArray,
    left: IntArray,
    column_weight: DoubleArray,
) -> LabelArray:
    """Greatest bilinear vote among four neighbours."""
    last_row, last_column = labels.shape[0] - 1, labels.shape[1] - 1
    result = np.empty((len(lower), len(left)), np.int32)
    near = np.empty(4, np.int32)
    weight = np.empty(4)
    for y in range(len(lower)):
        top, bottom = lower[y], min(lower[y] + 1, last_row)
        v = row_weight[y]
        for x in range(len(left)):
            first, second = left[x], min(left[x] + 1, last_column)
            near[0], near[1] = labels[top, first], labels[top, second]
            near[2], near[3] = labels[bottom, first], labels[bottom, second]
            if near[0] == near[1] and near[0] == near[2] and near[0] == near[3]:
                result[y, x] = near[0]
                continue
            u = column_weight[x]
            weight[0], weight[1] = (1 - v) * (1 - u), (1 - v) * u
            weight[2], weight[3] = v * (1 - u), v * u
            best, most = near[0], -1.0
            for i in range(4):
                votes = 0.0
                for j in range(4):
                    if near[j] == near[i]:
                        votes += weight[j]
                ahead = votes - most
                if ahead > _TIE or (ahead > -_TIE and near[i] < best):
                    best, most = near[i], votes
            result[y, x] = best
    return result
