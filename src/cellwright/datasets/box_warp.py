"""Where boxes come to lie when a patch is cut out of an image and warped."""

from __future__ import annotations

import numpy as np

from cellwright._types import AnyArray, DoubleArray
from cellwright.datasets.boxes import Boxes
from cellwright.datasets.warp import Warp

_VISIBLE = 0.25  # share of its area from which on a cut object can be told
_SLIVER = 4.0  # px; what is left of an object is at least so wide
_COPIES = (-1, 0, 1)  # of a source that is mirrored at its sides


def warp_boxes(boxes: Boxes, warp: Warp, source: tuple[int, int]) -> Boxes:
    """Return the boxes of a patch, those of mirrored objects beyond the source included.

    A turned box is not the box of the turned object. Objects are taken for ellipses that fill
    their boxes, which makes it exact for those and closer than corners are for cells.

    Parameters
    ----------
    boxes : Boxes
        Of the source.
    warp : Warp
        From patch to source.
    source : tuple of int
        Size (Y, X) of the source.

    Returns
    -------
    Boxes
        Cut at the sides of the patch. Of which less than a quarter is left, or less than 4 px, it
        is not known what they are.
    """
    mirrored = [_mirrored(boxes.corners, source, row, col) for row in _COPIES for col in _COPIES]
    corners = np.concatenate(mirrored).astype(np.float64)
    names, known = np.tile(boxes.names, len(mirrored)), np.tile(boxes.known, len(mirrored))

    size = np.array(warp.shape[1:], np.float64)
    whole = _moved(corners, warp, size)
    cut = np.clip(whole, 0, np.tile(size, 2))
    sides = cut[:, 2:] - cut[:, :2]
    share = sides.prod(1) / (whole[:, 2:] - whole[:, :2]).prod(1)
    told = (share >= _VISIBLE) & ((sides >= _SLIVER).all(1) | (share == 1))
    there = (sides > 0).all(1)
    known = (known & told)[there]
    return Boxes(cut[there].astype(np.float32), names[there], known, warp.shape[1:])


def _mirrored(corners: AnyArray, source: tuple[int, int], row: int, col: int) -> AnyArray:
    """Return the boxes of the copy of the source that is so many sizes away."""
    result = corners.copy()
    for axis, copy in enumerate((row, col)):
        if copy:
            across = 2 * source[axis] * (copy > 0)
            result[:, axis], result[:, 2 + axis] = (
                across - corners[:, 2 + axis],
                across - corners[:, axis],
            )
    return result


def _moved(corners: DoubleArray, warp: Warp, size: DoubleArray) -> DoubleArray:
    """Return the boxes, in the patch, of ellipses that fill boxes of the source."""
    inverse = np.linalg.inv(warp.matrix)
    middle = (corners[:, :2] + corners[:, 2:]) / 2 - 0.5 - warp.centre[1:]
    middle = middle @ inverse.T + size / 2
    if warp.bend.size:
        rows, columns = np.clip(middle, 0, size - 1).astype(int).T
        middle = middle - warp.bend[:, rows, columns].T
    half = np.sqrt(((corners[:, 2:] - corners[:, :2]) / 2) ** 2 @ (inverse**2).T)
    return np.concatenate([middle - half, middle + half], 1)
