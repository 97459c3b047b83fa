"""From labels to what every pixel should say, and from what pixels say to masks."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import DoubleArray, FloatArray, IntArray, LabelArray
from cellwright.methods.logits import probability

TERMS = 6
"""Of a mask besides the prototypes: 1, dy, dx, dy², dy dx, dx², away from the anchor."""


@njit(cache=True)
def middleness(
    labels: LabelArray, depth: FloatArray, distances: FloatArray, count: int
) -> FloatArray:
    """Return how near every pixel is to the middle of its object: 1 at the nearest, 0 outside.

    The geometric mean of how deep it lies in the object and how central in its box, over the
    greatest of the object: deep alone would be the side of the image for objects that it cuts,
    central alone outside of bent ones.

    Parameters
    ----------
    labels : ndarray, shape (Y, X), int32
        0 or less is no object, 1..count are.
    depth : ndarray, shape (Y, X), float32
        0 outside objects, up to 1.
    distances : ndarray, shape (4, Y, X), float32
        To the top, left, bottom and right side of the box of the object at each pixel, in px.
    count : int

    Returns
    -------
    ndarray, shape (Y, X), float32
    """
    result = np.zeros(labels.shape, np.float32)
    greatest = np.full(count + 1, 1e-6, np.float32)
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            if labels[y, x] > 0:
                top, left = distances[0, y, x], distances[1, y, x]
                bottom, right = distances[2, y, x], distances[3, y, x]
                central = min(top, bottom) / max(top, bottom)
                central *= min(left, right) / max(left, right)
                result[y, x] = np.sqrt(np.sqrt(central) * depth[y, x])
                greatest[labels[y, x]] = max(greatest[labels[y, x]], result[y, x])
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            if labels[y, x] > 0:
                result[y, x] /= greatest[labels[y, x]]
    return result


@njit(cache=True)
def spread_anchors(labels: LabelArray, middle: FloatArray, count: int, most: int) -> IntArray:
    """Choose pixels of objects, whose masks are to be learned.

    The one nearest to the middle of every object comes first, then others at least half as near,
    as far apart in raster order as there is room for; of many objects, some are left out evenly.

    Parameters
    ----------
    labels : ndarray, shape (Y, X), int32
        0 or less is no object, 1..count are.
    middle : ndarray, shape (Y, X), float32
        See `middleness`.
    count : int
    most : int

    Returns
    -------
    ndarray, shape (most, 3), int64
        Rows ``y, x, label``; -1 where there are fewer.
    """
    anchors = np.full((most, 3), -1, np.int64)
    if count == 0:
        return anchors
    nearest = np.zeros(count + 1, np.float32)
    place = np.zeros((count + 1, 2), np.int64)
    inner = np.zeros(count + 1, np.int64)
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            label = labels[y, x]
            if label > 0 and middle[y, x] > nearest[label]:
                nearest[label] = middle[y, x]
                place[label] = y, x
    present = np.flatnonzero(nearest > 0)
    used = min(len(present), most)
    chosen = np.zeros(count + 1, np.bool_)
    for n in range(used):
        label = present[n * len(present) // used]
        chosen[label] = True
        anchors[n, 0], anchors[n, 1], anchors[n, 2] = place[label, 0], place[label, 1], label
    more = (most - used) // max(used, 1)  # further pixels of each
    if more == 0:
        return anchors
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            label = labels[y, x]
            if label > 0 and chosen[label] and middle[y, x] >= 0.5:
                inner[label] += 1
    seen = np.zeros(count + 1, np.int64)
    n = used
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            label = labels[y, x]
            if label > 0 and chosen[label] and middle[y, x] >= 0.5:
                before = seen[label] * more // inner[label]
                seen[label] += 1
                if seen[label] * more // inner[label] > before:
                    anchors[n, 0], anchors[n, 1], anchors[n, 2] = y, x, label
                    n += 1
    return anchors


@njit(cache=True)
def paint(
    prototypes: FloatArray,
    weights: FloatArray,
    anchors: IntArray,
    distances: FloatArray,
    unit: float,
) -> tuple[LabelArray, IntArray, DoubleArray]:
    """Give every pixel to the mask that claims it most, within the boxes of the masks.

    Parameters
    ----------
    prototypes : ndarray, shape (P, Y, X), float32
    weights : ndarray, shape (N, P + 6), float32
        Of the prototypes and of the terms (`TERMS`) in the logit of each mask.
    anchors : ndarray, shape (N, 2), int64
    distances : ndarray, shape (N, 4), float32
        Of the top, left, bottom and right side of the box from the middle of the anchor, in px.
    unit : float
        Distance from the anchor that counts as 1 in the terms, in px.

    Returns
    -------
    labels : ndarray, shape (Y, X), int32
        i + 1 where mask i is.
    size : ndarray, shape (N,), int64
        Pixels of each mask, those included that another one claims more.
    certainty : ndarray, shape (N,), float64
        Mean of the probabilities in each mask.
    """
    _, rows, columns = prototypes.shape
    labels = np.zeros((rows, columns), np.int32)
    best = np.zeros((rows, columns), np.float64)
    size = np.zeros(len(anchors), np.int64)
    certainty = np.zeros(len(anchors), np.float64)
    for n in range(len(anchors)):
        y, x = anchors[n]
        top, left, bottom, right = distances[n]
        for i in range(max(y - int(top), 0), min(y + int(bottom) + 1, rows)):
            dy = (i - y) / unit
            for j in range(max(x - int(left), 0), min(x + int(right) + 1, columns)):
                dx = (j - x) / unit
                logit = _claim(prototypes, weights[n], i, j, dy, dx)
                if logit > 0:
                    size[n] += 1
                    certainty[n] += probability(logit)
                    if logit > best[i, j]:
                        best[i, j], labels[i, j] = logit, n + 1
    return labels, size, certainty / np.maximum(size, 1)


@njit(cache=True)
def _claim(
    prototypes: FloatArray, weights: FloatArray, y: int, x: int, dy: float, dx: float
) -> float:
    """Return the logit of a mask at a pixel so far from its anchor, in units of the terms."""
    count = len(prototypes)
    w = weights
    logit: float = float(w[count]) + w[count + 1] * dy + w[count + 2] * dx
    logit += w[count + 3] * dy * dy + w[count + 4] * dy * dx + w[count + 5] * dx * dx
    for k in range(count):
        logit += w[k] * prototypes[k, y, x]
    return logit


@njit(cache=True)
def covered(
    prototypes: FloatArray,
    weights: FloatArray,
    anchors: IntArray,
    distances: FloatArray,
    unit: float,
    labels: LabelArray,
) -> IntArray:
    """Return the pixels of masks that belong to others in the labels.

    Parameters
    ----------
    prototypes, weights, anchors, distances, unit
        As for `paint`, of objects 1..N.
    labels : ndarray, shape (Y, X), int32

    Returns
    -------
    ndarray, shape (M, 3), int64
        Index of the object from 0, row and column.
    """
    _, rows, columns = prototypes.shape
    found = []
    for n in range(len(anchors)):
        y, x = anchors[n]
        top, left, bottom, right = distances[n]
        for i in range(max(y - int(top), 0), min(y + int(bottom) + 1, rows)):
            for j in range(max(x - int(left), 0), min(x + int(right) + 1, columns)):
                if labels[i, j] > 0 and labels[i, j] != n + 1:
                    dy, dx = (i - y) / unit, (j - x) / unit
                    if _claim(prototypes, weights[n], i, j, dy, dx) > 0:
                        found.append((n, i, j))
    result = np.empty((len(found), 3), np.int64)
    for m in range(len(found)):
        result[m, 0], result[m, 1], result[m, 2] = found[m]
    return result


@njit(cache=True)
def sizes_of(labels: LabelArray, count: int) -> IntArray:
    """Return the number of pixels of objects 1..count in `labels` (Y, X)."""
    size = np.zeros(count + 1, np.int64)
    for label in labels.ravel():
        size[label] += 1
    return size[1:]
