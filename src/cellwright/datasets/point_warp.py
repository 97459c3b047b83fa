"""Where points come to lie when a patch is cut out of an image and warped."""

from __future__ import annotations

from itertools import product

import numpy as np

from cellwright._types import BoolArray, DoubleArray
from cellwright.datasets.points import Points
from cellwright.datasets.warp import Warp

_BEYOND = 16.0  # px around a patch in which points may still matter to its pixels
_COPIES = (-1, 0, 1)  # of a source that is mirrored at its sides
_STEPS = 4  # to undo a bend; each makes the error several times smaller


def warp_points(
    points: Points, warp: Warp, source: tuple[int, int, int], known: BoolArray
) -> Points:
    """Return the points of a patch, those of mirrored objects beyond the source included.

    Parameters
    ----------
    points : Points
        Of the source.
    warp : Warp
        From patch to source.
    source : tuple of int
        Size (Z, Y, X) of the source.
    known : ndarray, shape ([Z,] Y, X), bool
        Of the patch, as in `Points`.

    Returns
    -------
    Points
        Those up to 16 px outside of the patch, too.
    """
    dimensions = points.positions.shape[1]
    whole = np.zeros((len(points), 3))
    whole[:, 3 - dimensions :] = points.positions
    copies = list(product(*([_COPIES] * dimensions)))
    mirrored = [_mirrored(whole, source, (0,) * (3 - dimensions) + copy) for copy in copies]
    moved, names = _moved(np.concatenate(mirrored), warp), np.tile(points.names, len(copies))
    around = (moved > -_BEYOND) & (moved < np.array(warp.shape) - 1 + _BEYOND)
    near = around[:, 3 - dimensions :].all(1)
    return Points(moved[near, 3 - dimensions :], names[near], known)


def _mirrored(
    positions: DoubleArray, source: tuple[int, int, int], copy: tuple[int, ...]
) -> DoubleArray:
    """Return the points of the copy of the source that is so many sizes away."""
    result = positions.copy()
    for axis, number in enumerate(copy):
        if number:
            across = 2 * source[axis] - 1 if number > 0 else -1
            result[:, axis] = across - positions[:, axis]
    return result


def _moved(positions: DoubleArray, warp: Warp) -> DoubleArray:
    """Return where positions in the source lie in the patch."""
    from scipy.ndimage import map_coordinates

    middle = (np.array(warp.shape) - 1) / 2
    offsets = positions - warp.centre
    straight = offsets[:, 1:] @ np.linalg.inv(warp.matrix).T + middle[1:]
    place = straight
    for _ in range(_STEPS if warp.bend.size else 0):
        bend = [map_coordinates(b, place.T, order=1, mode="nearest") for b in warp.bend]
        place = straight - np.stack(bend, 1)
    depth = offsets[:, :1] / warp.depth_step + middle[0]
    return np.concatenate([depth, place], 1)
