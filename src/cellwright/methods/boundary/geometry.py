"""From labels to three classes of pixels, and from classes to objects: the compiled kernels.

All work on volumes (Z, Y, X); a plane is a volume of one plane.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import AnyArray, BoolArray, FloatArray, LabelArray

BACKGROUND, INSIDE, BOUNDARY = 0, 1, 2


@njit(cache=True)
def classes_of(labels: LabelArray, seam: int) -> AnyArray:
    """Return the class of every pixel.

    The boundary is the outermost pixel of every object (along faces; the side of the volume is
    no boundary) and whatever lies within `seam` px of two objects.

    Parameters
    ----------
    labels : ndarray, shape (Z, Y, X), int32
        Values below 1 are no object.
    seam : int
        In px along each axis, in the plane.

    Returns
    -------
    ndarray, shape (Z, Y, X), uint8
        `BACKGROUND`, `INSIDE` or `BOUNDARY`.
    """
    planes, rows, columns = labels.shape
    classes = np.zeros(labels.shape, np.uint8)
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                own = labels[z, y, x]
                if own > 0:
                    classes[z, y, x] = INSIDE
                    for dz, dy, dx in ((-1, 0, 0), (0, -1, 0), (0, 0, -1)):
                        k, i, j = z + dz, y + dy, x + dx
                        if k >= 0 and i >= 0 and j >= 0 and labels[k, i, j] != own:
                            classes[z, y, x] = BOUNDARY
                    for dz, dy, dx in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
                        k, i, j = z + dz, y + dy, x + dx
                        if k < planes and i < rows and j < columns and labels[k, i, j] != own:
                            classes[z, y, x] = BOUNDARY
                elif _between_two(labels[z], y, x, seam):
                    classes[z, y, x] = BOUNDARY
    return classes


def undecided(labels: LabelArray) -> BoolArray:
    """Return which pixels are unknown, or would be if one knew what lies beside them.

    Parameters
    ----------
    labels : ndarray, shape ([Z,] Y, X), int32
        -1 is unknown, 0 background, 1..N objects.
    """
    from scipy.ndimage import binary_dilation

    unknown: BoolArray = labels < 0
    return binary_dilation(unknown) if unknown.any() else unknown


@njit(cache=True)
def _between_two(labels: LabelArray, y: int, x: int, seam: int) -> bool:
    """Return whether two different objects lie within `seam` px of a pixel of a plane."""
    first = 0
    for i in range(max(0, y - seam), min(labels.shape[0], y + seam + 1)):
        for j in range(max(0, x - seam), min(labels.shape[1], x + seam + 1)):
            other = labels[i, j]
            if other > 0:
                if first == 0:
                    first = other
                elif other != first:
                    return True
    return False


@njit(cache=True)
def probabilities(logits: FloatArray) -> FloatArray:
    """Return the softmax of three maps, shape (3, Z, Y, X), float32."""
    result = np.empty_like(logits)
    _, planes, rows, columns = logits.shape
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                a, b, c = logits[0, z, y, x], logits[1, z, y, x], logits[2, z, y, x]
                top = max(a, b, c)
                ea, eb, ec = np.exp(a - top), np.exp(b - top), np.exp(c - top)
                total = ea + eb + ec
                result[0, z, y, x] = ea / total
                result[1, z, y, x] = eb / total
                result[2, z, y, x] = ec / total
    return result


@njit(cache=True)
def grow(labels: LabelArray, allowed: BoolArray, steps: int) -> None:
    """Let all objects grow at once, face by face, into the pixels that are allowed.

    Parameters
    ----------
    labels : ndarray, shape (Z, Y, X), int32
        Changed in place. A pixel that two objects reach at once goes to the one whose nearest
        pixels come first in raster order.
    allowed : ndarray, shape (Z, Y, X), bool
    steps : int
        How far, in px.
    """
    planes, rows, columns = labels.shape
    front = np.empty((0, 3), np.int32)
    for step in range(steps):
        fresh = np.empty((max(64, 3 * len(front)), 3), np.int32)
        count = 0
        total = labels.size if step == 0 else len(front)
        for n in range(total):
            if step == 0:
                z, y, x = n // (rows * columns), n // columns % rows, n % columns
                if labels[z, y, x] <= 0:
                    continue
            else:
                z, y, x = front[n, 0], front[n, 1], front[n, 2]
            for dz, dy, dx in (
                (-1, 0, 0),
                (0, -1, 0),
                (0, 0, -1),
                (0, 0, 1),
                (0, 1, 0),
                (1, 0, 0),
            ):
                k, i, j = z + dz, y + dy, x + dx
                if not (0 <= k < planes and 0 <= i < rows and 0 <= j < columns):
                    continue
                if labels[k, i, j] != 0 or not allowed[k, i, j]:
                    continue
                labels[k, i, j] = -labels[z, y, x]  # a step of its own: not yet a source
                if count == len(fresh):
                    longer = np.empty((2 * count, 3), np.int32)
                    longer[:count] = fresh
                    fresh = longer
                fresh[count, 0], fresh[count, 1], fresh[count, 2] = k, i, j
                count += 1
        front = fresh[:count]
        for n in range(count):
            labels[front[n, 0], front[n, 1], front[n, 2]] *= -1
        if count == 0:
            break


@njit(cache=True)
def describe(labels: LabelArray, count: int, probability: FloatArray) -> FloatArray:
    """Return evidence about objects 1..count.

    Parameters
    ----------
    labels : ndarray, shape (Z, Y, X), int32
    count : int
    probability : ndarray, shape (3, Z, Y, X), float32
        Of background, inside and boundary.

    Returns
    -------
    ndarray, shape (count, 5), float32
        Mean probability of its pixels to be no background; mean probability of its inside to be
        inside; mean probability of its edge, in the plane, to be boundary; logarithm of its
        pixels; logarithm of the edge's pixels over those of a disc as large.
    """
    planes, rows, columns = labels.shape
    sums = np.zeros((count, 3))
    pixels, core, edge = np.zeros(count), np.zeros(count), np.zeros(count)
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                label = labels[z, y, x]
                if label <= 0:
                    continue
                i = label - 1
                pixels[i] += 1
                background, inside = probability[0, z, y, x], probability[1, z, y, x]
                sums[i, 0] += 1 - background
                if inside > 0.5:
                    core[i] += 1
                    sums[i, 1] += inside
                at_edge = (
                    (y > 0 and labels[z, y - 1, x] != label)
                    or (x > 0 and labels[z, y, x - 1] != label)
                    or (y + 1 < rows and labels[z, y + 1, x] != label)
                    or (x + 1 < columns and labels[z, y, x + 1] != label)
                )
                if at_edge:
                    edge[i] += 1
                    sums[i, 2] += probability[2, z, y, x]
    evidence = np.empty((count, 5), np.float32)
    for i in range(count):
        evidence[i, 0] = sums[i, 0] / max(pixels[i], 1)
        evidence[i, 1] = sums[i, 1] / max(core[i], 1)
        evidence[i, 2] = sums[i, 2] / max(edge[i], 1)
        evidence[i, 3] = np.log(max(pixels[i], 1))
        evidence[i, 4] = np.log(max(edge[i], 1) / np.sqrt(4 * np.pi * max(pixels[i], 1)))
    return evidence


@njit(cache=True)
def two_nearest(labels: LabelArray) -> FloatArray:
    """Return the distances from every pixel to the two nearest different objects of its plane.

    Vectors to the nearest pixels are handed on from neighbour to neighbour in two sweeps, so that
    distances may be too large by a fraction of a pixel.

    Parameters
    ----------
    labels : ndarray, shape (Z, Y, X), int32
        Values below 1 are no object.

    Returns
    -------
    ndarray, shape (2, Z, Y, X), float32
        In px; infinite where there are fewer objects.

    References
    ----------
    Danielsson (1980), "Euclidean distance mapping", Computer Graphics and Image Processing 14:227.
    """
    planes, rows, columns = labels.shape
    distance = np.full((2, planes, rows, columns), np.inf, np.float32)
    owner = np.zeros((2, rows, columns), np.int32)
    away = np.zeros((2, rows, columns, 2), np.int32)
    for z in range(planes):
        owner[:] = 0
        for y in range(rows):
            for x in range(columns):
                if labels[z, y, x] > 0:
                    owner[0, y, x] = labels[z, y, x]
                    away[0, y, x] = 0
                    distance[0, z, y, x] = 0
        for step in (1, -1):
            for n in range(rows):
                y = n if step == 1 else rows - 1 - n
                for m in range(columns):
                    x = m if step == 1 else columns - 1 - m
                    for dx in (-1, 0, 1):
                        _take_over(owner, away, distance[:, z], y, x, -step, dx)
                    _take_over(owner, away, distance[:, z], y, x, 0, -step)
                for m in range(columns):
                    x = columns - 1 - m if step == 1 else m
                    _take_over(owner, away, distance[:, z], y, x, 0, step)
    return distance


@njit(cache=True)
def _take_over(
    owner: LabelArray, away: LabelArray, distance: FloatArray, y: int, x: int, dy: int, dx: int
) -> None:
    """Let a pixel learn from its neighbour at (dy, dx) which two objects are nearest."""
    i, j = y + dy, x + dx
    if not (0 <= i < owner.shape[1] and 0 <= j < owner.shape[2]):
        return
    for rank in range(2):
        other = owner[rank, i, j]
        if other == 0:
            return
        ry, rx = away[rank, i, j, 0] + dy, away[rank, i, j, 1] + dx
        found = np.float32(np.sqrt(ry * ry + rx * rx))
        if owner[0, y, x] == other:
            place = 0
        elif owner[1, y, x] == other or found < distance[1, y, x]:
            place = 1
        else:
            continue
        if found >= distance[place, y, x]:
            continue
        if place == 1 and found < distance[0, y, x]:
            owner[1, y, x] = owner[0, y, x]
            away[1, y, x] = away[0, y, x]
            distance[1, y, x] = distance[0, y, x]
            place = 0
        owner[place, y, x] = other
        away[place, y, x, 0], away[place, y, x, 1] = ry, rx
        distance[place, y, x] = found
