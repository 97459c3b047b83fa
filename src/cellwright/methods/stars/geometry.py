"""From labels to stars: how far the outline is along every ray."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import FloatArray, LabelArray


@njit(cache=True)
def distances_along(labels: LabelArray, directions: FloatArray) -> FloatArray:
    """Return for every pixel of an object how far its outline is along rays.

    The pixels are parted into parallel lines along each direction, one pixel per step of its
    main axis, and every line is walked once, backwards: linear in the number of pixels, however
    large the objects are.

    Parameters
    ----------
    labels : ndarray, shape (Z, Y, X), int32
        -1 is unknown, 0 background.
    directions : ndarray, shape (R, 3), float32
        Step for a distance of 1 px.

    Returns
    -------
    ndarray, shape (R, Z, Y, X), float32
        In px; 0 outside objects, and -1 where a ray runs into what is not known. A ray that
        leaves the array ends there.
    """
    planes, rows, columns = labels.shape
    result = np.zeros((len(directions), planes, rows, columns), np.float32)
    for ray in range(len(directions)):
        main = np.argmax(np.abs(directions[ray]))
        length = np.float32(1 / np.abs(directions[ray, main]))  # px per step
        starts, stops = np.zeros(3, np.int64), np.array(labels.shape)
        for along in range(stops[main]):
            forward = directions[ray, main] > 0
            at = labels.shape[main] - 1 - along if forward else along
            starts[main], stops[main] = at, at + 1
            dz, dy, dx = _step(directions[ray] * length, main, at)
            for z in range(starts[0], stops[0]):
                for y in range(starts[1], stops[1]):
                    for x in range(starts[2], stops[2]):
                        label = labels[z, y, x]
                        if label < 1:
                            continue
                        k, i, j = z + dz, y + dy, x + dx
                        value = np.float32(0.5) * length
                        if 0 <= k < planes and 0 <= i < rows and 0 <= j < columns:
                            if labels[k, i, j] == label:
                                rest = result[ray, k, i, j]
                                value = rest + length if rest > 0 else rest
                            elif labels[k, i, j] < 0:
                                value = np.float32(-1)
                        result[ray, z, y, x] = value
            stops[main] = labels.shape[main]
    return result


@njit(cache=True)
def _step(slope: FloatArray, main: int, at: int) -> tuple[int, int, int]:
    """Return the step from a pixel at `at` on the main axis to the next one of its line."""
    step = np.zeros(3, np.int64)
    sign = 1 if slope[main] > 0 else -1
    for axis in range(3):
        drift = slope[axis] * sign  # per pixel of the main axis, in its rising direction
        there, here = np.floor(drift * (at + sign) + 0.5), np.floor(drift * at + 0.5)
        step[axis] = sign if axis == main else int(there - here)
    return step[0], step[1], step[2]
