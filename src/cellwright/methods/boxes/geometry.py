"""From boxes to what every pixel should say, and from labels to boxes."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import AnyArray, BoolArray, DoubleArray, FloatArray, IntArray, LabelArray
from cellwright.datasets.objects import Objects
from cellwright.methods.logits import probability

NOT_KNOWN = -1
"""Owner of a pixel of which nothing is known; see `owners_of`."""
_SHORTEST = 0.5  # px; a box holds its anchor


@njit(cache=True)
def boxes_around(labels: LabelArray) -> FloatArray:
    """Return the bounding boxes of objects, in the order of their numbers.

    Parameters
    ----------
    labels : ndarray, shape (Y, X), int32
        Values below 1 are no object; numbers may be missing.

    Returns
    -------
    ndarray, shape (N, 4), float32
        ``min_row, min_col, max_row, max_col`` in px, the ends not included.
    """
    count = max(labels.max(), 0)
    low, high = np.full((count, 2), max(labels.shape)), np.zeros((count, 2), np.int64)
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            n = labels[y, x] - 1
            if n >= 0:
                low[n, 0], low[n, 1] = min(low[n, 0], y), min(low[n, 1], x)
                high[n, 0], high[n, 1] = max(high[n, 0], y + 1), max(high[n, 1], x + 1)
    present = np.flatnonzero(high[:, 0] > 0)
    return np.concatenate((low[present], high[present]), axis=1).astype(np.float32)


def boxes_of(truth: LabelArray | Objects) -> tuple[FloatArray, IntArray, BoolArray]:
    """Return the boxes of objects, the index of their class, and whether that is known.

    Parameters
    ----------
    truth : ndarray, shape (Y, X), int32, or Objects
        Where no classes are told apart, all are of the first.

    Returns
    -------
    corners : ndarray, shape (N, 4), float32
        As of `boxes_around`.
    kinds : ndarray, shape (N,), int64
        From 0; 0 where it is unknown.
    known : ndarray, shape (N,), bool
    """
    if not isinstance(truth, Objects):
        corners = boxes_around(truth)
        return corners, np.zeros(len(corners), np.int64), np.ones(len(corners), np.bool_)
    kinds = truth.kinds[np.unique(truth.labels[truth.labels > 0])]
    return boxes_around(truth.labels), np.maximum(kinds - 1, 0), kinds > 0


def middles_in(corners: AnyArray, mask: BoolArray) -> BoolArray:
    """Return of each box (N, 4), in px, whether its middle lies in a mask of shape (Y, X)."""
    middles = (corners[:, :2] + corners[:, 2:]) / 2
    y, x = np.clip(middles.astype(np.int64), 0, np.array(mask.shape) - 1).T
    inside: BoolArray = mask[y, x]
    return inside


@njit(cache=True)
def owners_of(
    corners: FloatArray, known: BoolArray, shape: tuple[int, int]
) -> tuple[LabelArray, FloatArray]:
    """Say for every pixel whose it is: of the box in which it lies most centrally.

    Where boxes overlap each keeps its middle: small ones on large ones, and of two cells that
    touch, both. Of boxes in which a pixel lies equally, the first has it.

    Parameters
    ----------
    corners : ndarray, shape (N, 4), float32
        Boxes ``min_row, min_col, max_row, max_col`` in px.
    known : ndarray, shape (N,), bool
        Whether one knows what is inside; if not, what no other box has is not known.
    shape : tuple of int
        Size (Y, X).

    Returns
    -------
    owners : ndarray, shape (Y, X), int32
        Number of the box, from 1; 0 outside all, -1 where not known.
    centrality : ndarray, shape (Y, X), float32
        How central the middle of the pixel lies in its box: 1 in the middle, falling to 0 at the
        sides; 0 without a box.

    References
    ----------
    Tian et al. (2019), "FCOS: fully convolutional one-stage object detection", ICCV (centre-ness).
    """
    owners = np.zeros(shape, np.int32)
    centrality = np.zeros(shape, np.float32)
    for n in range(len(corners)):
        top, left, bottom, right = corners[n]
        for y in range(max(0, int(np.floor(top))), min(shape[0], int(np.ceil(bottom)))):
            above, below = y + 0.5 - top, bottom - y - 0.5
            if min(above, below) <= 0:
                continue
            for x in range(max(0, int(np.floor(left))), min(shape[1], int(np.ceil(right)))):
                before, behind = x + 0.5 - left, right - x - 0.5
                if min(before, behind) <= 0:
                    continue
                if not known[n]:
                    if owners[y, x] == 0:
                        owners[y, x] = NOT_KNOWN
                    continue
                down = min(above, below) / max(above, below)
                along = min(before, behind) / max(before, behind)
                central = np.float32(np.sqrt(down * along))
                if central > centrality[y, x]:
                    owners[y, x], centrality[y, x] = n + 1, central
    return owners, centrality


@njit(cache=True)
def distances_to_sides(owners: LabelArray, corners: FloatArray) -> FloatArray:
    """Return how far the sides of its box are from the middle of every pixel.

    Parameters
    ----------
    owners : ndarray, shape (Y, X), int32
        See `owners_of`.
    corners : ndarray, shape (N, 4), float32

    Returns
    -------
    ndarray, shape (4, Y, X), float32
        To the top, left, bottom and right side in px; 0 without a box.
    """
    rows, columns = owners.shape
    distances = np.zeros((4, rows, columns), np.float32)
    for y in range(rows):
        for x in range(columns):
            if owners[y, x] > 0:
                top, left, bottom, right = corners[owners[y, x] - 1]
                distances[0, y, x] = y + 0.5 - top
                distances[1, y, x] = x + 0.5 - left
                distances[2, y, x] = bottom - y - 0.5
                distances[3, y, x] = right - x - 0.5
    return distances


@njit(cache=True)
def proposals(
    maps: FloatArray, places: IntArray, kinds: int, unit: float, longest: float
) -> tuple[DoubleArray, FloatArray]:
    """Return what pixels say about the object around them.

    Parameters
    ----------
    maps : ndarray, shape (kinds + 5, Y, X), float32
        Logits of the classes; logarithms of four distances over `unit`; logit of the quality.
    places : ndarray, shape (N, 2), int64
    kinds : int
        Number of classes.
    unit, longest : float
        Distance that the network writes as 0, and the longest that counts, in px.

    Returns
    -------
    chances : ndarray, shape (N, kinds + 1), float64
        Probabilities of the classes, and the quality.
    distances : ndarray, shape (N, 4), float32
        To the top, left, bottom and right side in px.
    """
    chances = np.empty((len(places), kinds + 1))
    distances = np.empty((len(places), 4), np.float32)
    for n in range(len(places)):
        y, x = places[n]
        for k in range(kinds):
            chances[n, k] = probability(maps[k, y, x])
        chances[n, kinds] = probability(maps[kinds + 4, y, x])
        for side in range(4):
            told = np.exp(min(max(maps[kinds + side, y, x], -30.0), 30.0)) * unit
            distances[n, side] = min(max(told, _SHORTEST), longest)
    return chances, distances


@njit(cache=True)
def mean_in_middle(
    maps: FloatArray, kinds: IntArray, places: IntArray, distances: FloatArray
) -> DoubleArray:
    """Return the mean probability of the class of each object over the middle half of its box.

    Parameters
    ----------
    maps : ndarray, shape (at least number of classes, Y, X), float32
        Logits of the classes.
    kinds : ndarray, shape (N,), int64
    places : ndarray, shape (N, 2), int64
    distances : ndarray, shape (N, 4), float32
        Of the sides from the places.
    """
    means = np.zeros(len(places))
    for n in range(len(places)):
        y, x = places[n]
        top, left, bottom, right = distances[n]
        quarter_y, quarter_x = (top + bottom) / 4, (left + right) / 4
        total, count = 0.0, 0
        for i in range(y - int(max(top - quarter_y, 0)), y + int(max(bottom - quarter_y, 0)) + 1):
            for j in range(
                x - int(max(left - quarter_x, 0)), x + int(max(right - quarter_x, 0)) + 1
            ):
                if 0 <= i < maps.shape[1] and 0 <= j < maps.shape[2]:
                    total += probability(maps[kinds[n], i, j])
                    count += 1
        means[n] = total / count
    return means
