"""Points to maps of heat and back: the compiled kernels behind targets and readout."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import BoolArray, DoubleArray, FloatArray, IntArray
from cellwright.methods.logits import probability

REACH = 3.0
"""Where the heat around a point ends, in standard deviations."""


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
def crowd(points: DoubleArray, shape: tuple[int, int, int], widths: DoubleArray) -> FloatArray:
    """Return how many points there are per pixel, each smeared to a Gaussian.

    Parameters
    ----------
    points, shape, widths
        As for `warm`.

    Returns
    -------
    ndarray, shape (Z, Y, X), float32
        Every point adds up to 1, with what lies beyond the sides of a volume, or of a plane where
        Z is 1.
    """
    density = np.zeros(shape, np.float32)
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    for n in range(len(points)):
        for axis in range(3):
            low[axis] = int(np.ceil(points[n, axis] - REACH * widths[axis]))
            high[axis] = int(np.floor(points[n, axis] + REACH * widths[axis])) + 1
        if shape[0] == 1:
            low[0], high[0] = 0, 1
        for adding in (False, True):
            if not adding:
                total = 0.0
            for z in range(low[0], high[0]):
                for y in range(low[1], high[1]):
                    for x in range(low[2], high[2]):
                        exponent = ((z - points[n, 0]) / widths[0]) ** 2
                        exponent += ((y - points[n, 1]) / widths[1]) ** 2
                        exponent += ((x - points[n, 2]) / widths[2]) ** 2
                        if not adding:
                            total += np.exp(-exponent / 2)
                        elif 0 <= z < shape[0] and 0 <= y < shape[1] and 0 <= x < shape[2]:
                            density[z, y, x] += np.exp(-exponent / 2) / total
    return density


@njit(cache=True)
def distinct(
    scores: FloatArray, anchors: IntArray, ways: FloatArray, apart: DoubleArray, farthest: int
) -> BoolArray:
    """Return which points have no better one within `apart` px along each axis.

    Of equals the first in raster order is better.

    Parameters
    ----------
    scores : ndarray, shape (Z, Y, X), float32
    anchors : ndarray, shape (N, 3), int64
        In raster order.
    ways : ndarray, shape (N, 3), float32
        From the anchors to the points, in px.
    apart : ndarray, shape (3,), float64
        In px.
    farthest : int
        No way is longer than this along either axis, in px.

    Returns
    -------
    ndarray, shape (N,), bool
    """
    planes, rows, columns = scores.shape
    number = np.full(scores.shape, -1, np.int32)
    for n in range(len(anchors)):
        number[anchors[n, 0], anchors[n, 1], anchors[n, 2]] = n
    around = int(np.ceil(apart.max())) + 2 * farthest
    best = np.ones(len(anchors), np.bool_)
    for n in range(len(anchors)):
        z, y, x = anchors[n]
        for k in range(max(z - around, 0), min(z + around + 1, planes)):
            for i in range(max(y - around, 0), min(y + around + 1, rows)):
                for j in range(max(x - around, 0), min(x + around + 1, columns)):
                    m = number[k, i, j]
                    if m < 0 or m == n:
                        continue
                    here, other = scores[z, y, x], scores[k, i, j]
                    near = (
                        abs(k - z + ways[m, 0] - ways[n, 0]) <= apart[0]
                        and abs(i - y + ways[m, 1] - ways[n, 1]) <= apart[1]
                        and abs(j - x + ways[m, 2] - ways[n, 2]) <= apart[2]
                    )
                    if near and (other > here or (other == here and m < n)):
                        best[n] = False
    return best


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
                    p = probability(logits[z, y, x])
                    dz = z - z0 + shifts[0, z, y, x] - ways[n, 0]
                    dy = y - y0 + shifts[1, z, y, x] - ways[n, 1]
                    dx = x - x0 + shifts[2, z, y, x] - ways[n, 2]
                    total += p
                    miss += p * np.sqrt(dz * dz + dy * dy + dx * dx)
        evidence[n, 0] = probability(logits[z0, y0, x0])
        evidence[n, 1] = total
        evidence[n, 2] = miss / total
    return evidence
