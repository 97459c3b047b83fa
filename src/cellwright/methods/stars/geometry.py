"""From labels to stars: how far the outline is along every ray."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import DoubleArray, FloatArray, LabelArray

_STEP = 0.5  # px along a ray


@njit(cache=True)
def distances_along(labels: LabelArray, squared: DoubleArray, directions: FloatArray) -> FloatArray:
    """Return for every pixel of an object how far its outline is along rays.

    A ray is walked in steps of 0.5 px until it leaves the object or the array. The distance to the
    nearest pixel of anything else says how many steps cannot leave it, which are skipped.

    Parameters
    ----------
    labels : ndarray, shape (Z, Y, X), int32
        -1 is unknown, 0 background.
    squared : ndarray, shape (Z, Y, X), float64
        Squared distance of object pixels to the nearest pixel that is not of the object, in
        units of which no step along a ray of 1 px is longer than 1.
    directions : ndarray, shape (R, 3), float32
        Step for a distance of 1 px.

    Returns
    -------
    ndarray, shape (R, Z, Y, X), float32
        In px; 0 outside objects, and -1 where a ray runs into what is not known.
    """
    planes, rows, columns = labels.shape
    result = np.zeros((len(directions), planes, rows, columns), np.float32)
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                label = labels[z, y, x]
                if label < 1:
                    continue
                for ray in range(len(directions)):
                    dz, dy, dx = directions[ray]
                    steps = 0
                    at_z, at_y, at_x = z, y, x
                    end = 0
                    while True:
                        free = np.sqrt(squared[at_z, at_y, at_x]) - 1.8  # rounded at both ends
                        steps += max(1, int(free / _STEP))
                        new_z, new_y, new_x = _place(z, y, x, dz, dy, dx, steps)
                        while not _within(new_z, new_y, new_x, labels.shape):
                            end = 1
                            steps -= 1
                            new_z, new_y, new_x = _place(z, y, x, dz, dy, dx, steps)
                        if end == 1:
                            steps += 1
                            break
                        at_z, at_y, at_x = new_z, new_y, new_x
                        if labels[at_z, at_y, at_x] != label:
                            break
                    unknown = end == 0 and labels[at_z, at_y, at_x] < 0
                    # The outline was crossed in the middle of the last step, on average.
                    result[ray, z, y, x] = -1.0 if unknown else (steps - 0.5) * _STEP
    return result


@njit(cache=True)
def _place(
    z: int, y: int, x: int, dz: float, dy: float, dx: float, steps: int
) -> tuple[int, int, int]:
    """Return the pixel so many steps along a ray."""
    t = steps * _STEP
    return (
        int(np.floor(z + t * dz + 0.5)),
        int(np.floor(y + t * dy + 0.5)),
        int(np.floor(x + t * dx + 0.5)),
    )


@njit(cache=True)
def _within(z: int, y: int, x: int, shape: tuple[int, int, int]) -> bool:
    return 0 <= z < shape[0] and 0 <= y < shape[1] and 0 <= x < shape[2]
