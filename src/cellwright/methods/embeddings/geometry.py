"""From labels to centres and rivals: the compiled kernels behind the targets."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import FloatArray, LabelArray


@njit(cache=True)
def centres(objects: LabelArray, count: int) -> FloatArray:
    """Return the centres of objects 1..count: of the pixels of each, that nearest to its centroid.

    Where the centroid lies on the object, it is the centre itself.

    Parameters
    ----------
    objects : ndarray, shape (Z, Y, X), int32
        Numbered without gaps.
    count : int

    Returns
    -------
    ndarray, shape (count, 3), float32
        Plane, row and column in px.
    """
    planes, rows, columns = objects.shape
    mean = np.zeros((count, 3))
    size = np.zeros(count)
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                i = objects[z, y, x] - 1
                if i >= 0:
                    mean[i, 0] += z
                    mean[i, 1] += y
                    mean[i, 2] += x
                    size[i] += 1
    for i in range(count):
        mean[i] /= size[i]
    result = np.zeros((count, 3), np.float32)
    nearest = np.full(count, np.inf)
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                i = objects[z, y, x] - 1
                if i < 0:
                    continue
                away = (z - mean[i, 0]) ** 2 + (y - mean[i, 1]) ** 2 + (x - mean[i, 2]) ** 2
                if away < nearest[i]:
                    nearest[i] = away
                    result[i, 0], result[i, 1], result[i, 2] = z, y, x
    for i in range(count):
        if nearest[i] < 1:
            result[i] = mean[i]
    return result


@njit(cache=True)
def nearest_two(layers: LabelArray, ways: FloatArray, count: int) -> tuple[LabelArray, LabelArray]:
    """Return for every pixel the two of its objects whose centres are nearest.

    Near is meant in sizes of the objects, so that small ones are not lost in large ones.

    Parameters
    ----------
    layers : ndarray, shape (L, Z, Y, X), int32
        Objects 1..count, each whole in one layer; -1, in all layers, is unknown.
    ways : ndarray, shape (L, 3, Z, Y, X), float32
        From each pixel to the centre of the object of that layer, in px.
    count : int

    Returns
    -------
    nearest, second : ndarray, shape (Z, Y, X), int32
        0 where there is none, and -1 in `nearest` where nothing is known. An object that is
        nowhere the nearest is nowhere the second either.
    """
    depth, planes, rows, columns = layers.shape
    nearest = np.zeros((planes, rows, columns), np.int32)
    second = np.zeros((planes, rows, columns), np.int32)
    size = np.zeros(count + 1)
    for label in layers.ravel():
        if label > 0:
            size[label] += 1
    size = size ** (2 / 3 if planes > 1 else 1.0)
    there = np.zeros(count + 1, np.bool_)
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                least, next_least = np.inf, np.inf
                for n in range(depth):
                    label = layers[n, z, y, x]
                    if label < 0:
                        nearest[z, y, x] = -1
                    if label < 1:
                        continue
                    away = 0.0
                    for axis in range(3):
                        away += ways[n, axis, z, y, x] ** 2
                    away /= size[label]
                    if away < least:
                        second[z, y, x], next_least = nearest[z, y, x], least
                        nearest[z, y, x], least = label, away
                    elif away < next_least:
                        second[z, y, x], next_least = label, away
                if nearest[z, y, x] > 0:
                    there[nearest[z, y, x]] = True
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                if not there[second[z, y, x]]:
                    second[z, y, x] = 0
    return nearest, second


@njit(cache=True)
def rivals(objects: LabelArray) -> LabelArray:
    """Return for every pixel the nearest object that it is not part of.

    Nearest by steps along the axes. Each pixel keeps its two nearest objects, and learns of those
    of its neighbours in a sweep from the first pixel to the last and another one back.

    Parameters
    ----------
    objects : ndarray, shape (Z, Y, X), int32
        Values below 1 are no object.

    Returns
    -------
    ndarray, shape (Z, Y, X), int32
        0 where there is no other object.
    """
    planes, rows, columns = objects.shape
    flat = objects.ravel()
    near = np.zeros((flat.size, 2), np.int32)
    steps = np.zeros((flat.size, 2), np.int32)
    for i in range(flat.size):
        if flat[i] > 0:
            near[i, 0] = flat[i]
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                i = (z * rows + y) * columns + x
                if x > 0:
                    _learn(near, steps, i, i - 1)
                if y > 0:
                    _learn(near, steps, i, i - columns)
                if z > 0:
                    _learn(near, steps, i, i - rows * columns)
    for z in range(planes - 1, -1, -1):
        for y in range(rows - 1, -1, -1):
            for x in range(columns - 1, -1, -1):
                i = (z * rows + y) * columns + x
                if x + 1 < columns:
                    _learn(near, steps, i, i + 1)
                if y + 1 < rows:
                    _learn(near, steps, i, i + columns)
                if z + 1 < planes:
                    _learn(near, steps, i, i + rows * columns)
    result = np.empty(flat.size, np.int32)
    for i in range(flat.size):
        result[i] = near[i, 1] if near[i, 0] == flat[i] else near[i, 0]
    return result.reshape(objects.shape)


@njit(cache=True)
def _learn(near: LabelArray, steps: LabelArray, i: int, j: int) -> None:
    """Let pixel i know the objects that are near to its neighbour j."""
    for rank in range(2):
        other, away = near[j, rank], steps[j, rank] + 1
        if other == 0:
            return
        if other == near[i, 0]:
            steps[i, 0] = min(steps[i, 0], away)
        elif near[i, 0] == 0 or away < steps[i, 0]:
            near[i, 1], steps[i, 1] = near[i, 0], steps[i, 0]
            near[i, 0], steps[i, 0] = other, away
        elif near[i, 1] == 0 or away < steps[i, 1]:
            near[i, 1], steps[i, 1] = other, away


@njit(cache=True)
def ways(objects: LabelArray, centre: FloatArray) -> FloatArray:
    """Return the vectors from pixels to the centres of objects.

    Parameters
    ----------
    objects : ndarray, shape (Z, Y, X), int32
        Which object each pixel is asked about; below 1 none.
    centre : ndarray, shape (N, 3), float32

    Returns
    -------
    ndarray, shape (3, Z, Y, X), float32
        In px along planes, rows and columns; 0 where there is no object.
    """
    planes, rows, columns = objects.shape
    result = np.zeros((3, planes, rows, columns), np.float32)
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                i = objects[z, y, x] - 1
                if i >= 0:
                    result[0, z, y, x] = centre[i, 0] - z
                    result[1, z, y, x] = centre[i, 1] - y
                    result[2, z, y, x] = centre[i, 2] - x
    return result
