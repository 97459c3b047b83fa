"""Points to maps of heat and back: the compiled kernels behind targets and readout."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import DoubleArray, FloatArray, IntArray, LabelArray

REACH = 3.0
"""Where the heat around a point ends, in standard deviations."""


@njit(cache=True)
def centroids(labels: LabelArray) -> DoubleArray:
    """Return the centroids of objects, in the order of their labels.

    Parameters
    ----------
    labels : ndarray, shape (Z, Y, X), int32
        Values below 1 are no object; numbers may be missing.

    Returns
    -------
    ndarray, shape (N, 3), float64
        Plane, row and column in px.
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
    present = np.flatnonzero(sums[:, 3] > 0)
    result = np.empty((len(present), 3))
    for i in range(len(present)):
        result[i] = sums[present[i], :3] / sums[present[i], 3]
    return result


@njit(cache=True)
def warm(
    points: DoubleArray, shape: tuple[int, int, int], widths: DoubleArray
) -> tuple[FloatArray, FloatArray]:
    """Return how near pixels are to the nearest point, and the way there.

    Parameters
    ----------
    points : ndarray, shape (N, 3), float64
        In px.
    shape : tuple of int
        (Z, Y, X).
    widths : ndarray, shape (3,), float64
        Standard deviation of the heat along each axis in px.

    Returns
    -------
    heat : ndarray, shape (Z, Y, X), float32
        The height at each pixel of a Gaussian around the nearest point, 1 at the point; 0 beyond
        `REACH`.
    shifts : ndarray, shape (3, Z, Y, X), float32
        From each pixel to this point in px; 0 where there is no heat.
    """
    heat, shifts = np.zeros(shape, np.float32), np.zeros((3, *shape), np.float32)
    nearest = np.full(shape, REACH**2)
    low, high, away = np.empty(3, np.int64), np.empty(3, np.int64), np.empty(3)
    for n in range(len(points)):
        for axis in range(3):
            radius = REACH * widths[axis]
            low[axis] = max(int(np.ceil(points[n, axis] - radius)), 0)
            high[axis] = min(int(np.floor(points[n, axis] + radius)) + 1, shape[axis])
        for z in range(low[0], high[0]):
            for y in range(low[1], high[1]):
                for x in range(low[2], high[2]):
                    away[0], away[1], away[2] = (
                        points[n, 0] - z,
                        points[n, 1] - y,
                        points[n, 2] - x,
                    )
                    squared = 0.0
                    for axis in range(3):
                        squared += (away[axis] / widths[axis]) ** 2
                    if squared < nearest[z, y, x]:
                        nearest[z, y, x] = squared
                        heat[z, y, x] = np.exp(-squared / 2)
                        for axis in range(3):
                            shifts[axis, z, y, x] = away[axis]
    return heat, shifts


@njit(cache=True)
def summits(logits: FloatArray, floor: float, apart: int) -> IntArray:
    """Return the pixels above `floor` that none within `apart` px along each axis exceeds.

    Of equals the first in raster order counts.

    Parameters
    ----------
    logits : ndarray, shape (Z, Y, X), float32
    floor : float
    apart : int
        In px.

    Returns
    -------
    ndarray, shape (N, 3), int64
        In raster order.
    """
    planes, rows, columns = logits.shape
    found = []
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                if logits[z, y, x] > floor and _is_summit(logits, z, y, x, apart):
                    found.append((z, y, x))
    result = np.empty((len(found), 3), np.int64)
    for n in range(len(found)):
        result[n, 0], result[n, 1], result[n, 2] = found[n]
    return result


@njit(cache=True)
def _is_summit(logits: FloatArray, z: int, y: int, x: int, apart: int) -> bool:
    planes, rows, columns = logits.shape
    here = logits[z, y, x]
    for k in range(max(z - apart, 0), min(z + apart + 1, planes)):
        for i in range(max(y - apart, 0), min(y + apart + 1, rows)):
            for j in range(max(x - apart, 0), min(x + apart + 1, columns)):
                other = logits[k, i, j]
                if other > here or (other == here and (k, i, j) < (z, y, x)):
                    return False
    return True


@njit(cache=True)
def describe(
    logits: FloatArray, shifts: FloatArray, anchors: IntArray, ways: FloatArray, radius: int
) -> FloatArray:
    """Return evidence about points.

    Parameters
    ----------
    logits : ndarray, shape (Z, Y, X), float32
    shifts : ndarray, shape (3, Z, Y, X), float32
        In px.
    anchors : ndarray, shape (N, 3), int64
    ways : ndarray, shape (N, 3), float32
        From the anchors to the points, in px.
    radius : int
        How far around an anchor pixels are looked at, in px.

    Returns
    -------
    ndarray, shape (N, 3), float32
        Probability at the anchor; sum of the probabilities around it; how far from the point
        the pixels around point to, weighted by their probability, in px.
    """
    planes, rows, columns = logits.shape
    evidence = np.empty((len(anchors), 3), np.float32)
    for n in range(len(anchors)):
        z0, y0, x0 = anchors[n]
        total, miss = 0.0, 0.0
        for z in range(max(z0 - radius, 0), min(z0 + radius + 1, planes)):
            for y in range(max(y0 - radius, 0), min(y0 + radius + 1, rows)):
                for x in range(max(x0 - radius, 0), min(x0 + radius + 1, columns)):
                    p = 1 / (1 + np.exp(-min(max(logits[z, y, x], -30.0), 30.0)))
                    dz = z - z0 + shifts[0, z, y, x] - ways[n, 0]
                    dy = y - y0 + shifts[1, z, y, x] - ways[n, 1]
                    dx = x - x0 + shifts[2, z, y, x] - ways[n, 2]
                    total += p
                    miss += p * np.sqrt(dz * dz + dy * dy + dx * dx)
        logit = min(max(logits[z0, y0, x0], -30.0), 30.0)
        evidence[n, 0] = 1 / (1 + np.exp(-logit))
        evidence[n, 1] = total
        evidence[n, 2] = miss / total
    return evidence
