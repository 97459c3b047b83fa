"""Between the grid of an image and the grid on which a network sees it.

Every pixel of either grid has a fixed place in the other, whatever region is asked for, so that
regions fit together exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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
    def back(self) -> Grid:
        """The way back: what the network sees as the image, the image as what is made of it."""
        return Grid(self.network, self.image)

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
    origin: Sequence[int],
    grids: Sequence[Grid],
    spans: Sequence[tuple[int, int]],
) -> AnyArray:
    """Return a region of an image as the network sees it.

    Parameters
    ----------
    window : ndarray, shape (C, [Z,] Y, X)
        Part of the image that holds at least `Grid.image_span` of the region along each axis.
    origin : sequence of int
        Pixel ([z,] y, x) of the image where the window begins.
    grids : sequence of Grid
        One per spatial axis.
    spans : sequence of tuple of int
        Start and stop of the region on the network grid, per spatial axis.

    Returns
    -------
    ndarray, shape (C, [Z,] Y, X) of the region
        float32; the window itself, uncopied, where all grids are equal.
    """
    axes = range(1, window.ndim)
    if all(grid.image == grid.network for grid in grids):
        parts = (slice(a - o, b - o) for (a, b), o in zip(spans, origin, strict=True))
        return window[(slice(None), *parts)]
    seen = np.ascontiguousarray(window, dtype=np.float32)
    for axis, start, grid, span in zip(axes, origin, grids, spans, strict=True):
        first, weights = grid.taps(*span)
        before, after = math.prod(seen.shape[:axis]), math.prod(seen.shape[axis + 1 :])
        lines = seen.reshape(before, seen.shape[axis], after)
        shape = (*seen.shape[:axis], len(first), *seen.shape[axis + 1 :])
        seen = _weigh(lines, first - start, weights).reshape(shape)
    return seen


def resample_labels(
    labels: LabelArray,
    origin: int,
    grids: Sequence[Grid],
    rows: tuple[int, int],
) -> LabelArray:
    """Return rows of a label image (or planes of a volume) on the image grid.

    Every image pixel takes the label that holds most of the linear weight of its neighbours (four
    in a plane, eight in a volume) on the network grid, which gives smooth outlines; of equals,
    the lowest.

    Parameters
    ----------
    labels : ndarray, shape ([Z,] Y, X), int32
        Labels on the network grid, whole along all axes but the first.
    origin : int
        Position along the first axis of the network grid where `labels` begins.
    grids : sequence of Grid
        One per axis.
    rows : tuple of int
        Start and stop along the first axis of the image grid.

    Returns
    -------
    ndarray, shape (rows, ...), int32
        The labels themselves, uncopied, where all grids are equal.
    """
    if all(grid.image == grid.network for grid in grids):
        return labels[rows[0] - origin : rows[1] - origin]
    spans = [rows, *((0, grid.image) for grid in grids[1:])]
    pairs = [grid.neighbours(*span) for grid, span in zip(grids, spans, strict=True)]
    (lower, weight), *others = pairs
    vote = _vote if labels.ndim == 2 else _vote_volume
    voted: LabelArray = vote(
        labels, lower - origin, weight, *(one for pair in others for one in pair)
    )
    return voted


@njit(cache=True)
def _weigh(lines: FloatArray, first: IntArray, weights: FloatArray) -> FloatArray:
    """Return weighted sums along the middle axis, in an order that no region changes."""
    before, _, after = lines.shape
    result = np.zeros((before, len(first), after), np.float32)
    for a in range(before):
        for i in range(len(first)):
            if after == 1:
                total = np.float32(0)
                for k in range(weights.shape[1]):
                    total += weights[i, k] * lines[a, first[i] + k, 0]
                result[a, i, 0] = total
                continue
            for k in range(weights.shape[1]):
                weight = weights[i, k]
                if weight > 0:
                    for x in range(after):
                        result[a, i, x] += weight * lines[a, first[i] + k, x]
    return result


@njit(cache=True)
def _most(near: LabelArray, weight: DoubleArray) -> Any:
    """Return the label with the greatest sum of weights; of equals, the lowest."""
    best, most = near[0], -1.0
    for i in range(len(near)):
        votes = 0.0
        for j in range(len(near)):
            if near[j] == near[i]:
                votes += weight[j]
        ahead = votes - most
        if ahead > _TIE or (ahead > -_TIE and near[i] < best):
            best, most = near[i], votes
    return best


@njit(cache=True)
def _vote(
    labels: LabelArray,
    lower: IntArray,
    row_weight: DoubleArray,
    left: IntArray,
    column_weight: DoubleArray,
) -> LabelArray:
    """Return the greatest vote among the four neighbours of every pixel."""
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
            result[y, x] = _most(near, weight)
    return result


@njit(cache=True)
def _vote_volume(
    labels: LabelArray,
    lowest: IntArray,
    plane_weight: DoubleArray,
    lower: IntArray,
    row_weight: DoubleArray,
    left: IntArray,
    column_weight: DoubleArray,
) -> LabelArray:
    """Return the greatest vote among the eight neighbours of every voxel."""
    last_plane, last_row, last_column = np.array(labels.shape) - 1
    result = np.empty((len(lowest), len(lower), len(left)), np.int32)
    near = np.empty(8, np.int32)
    weight = np.empty(8)
    for z in range(len(lowest)):
        for y in range(len(lower)):
            for x in range(len(left)):
                alike = True
                for corner in range(8):
                    up, down, right = corner >> 2, corner >> 1 & 1, corner & 1
                    near[corner] = labels[
                        min(lowest[z] + up, last_plane),
                        min(lower[y] + down, last_row),
                        min(left[x] + right, last_column),
                    ]
                    w, v, u = plane_weight[z], row_weight[y], column_weight[x]
                    weight[corner] = (
                        (w if up else 1 - w) * (v if down else 1 - v) * (u if right else 1 - u)
                    )
                    alike = alike and near[corner] == near[0]
                result[z, y, x] = near[0] if alike else _most(near, weight)
    return result
