"""A small, evenly spread sample of a plane, enough to judge an image by."""

from __future__ import annotations

import numpy as np

from cellwright._types import AnyArray, FloatArray
from cellwright.images.image import PixelSource

BLOCKS = 6
"""Blocks along each axis."""
SIDE = 160
"""Greatest side of a block in px; with 6 × 6 blocks, planes up to 960 × 960 are sampled whole."""


def sample_blocks(plane: PixelSource | AnyArray, side: int = SIDE) -> FloatArray:
    """Read equally large blocks on an even grid over a plane.

    Parameters
    ----------
    plane : array or lazy source, shape (Y, X)
        Only the blocks are read.
    side : int
        Greatest side of a block, in px.

    Returns
    -------
    ndarray, shape (rows of blocks, columns of blocks, y, x), float32
        Up to 6 × 6 blocks; fewer where the plane has fewer pixels. NaN and
        infinite pixels are replaced by the median.
    """
    spans = [_spans(size, side) for size in plane.shape]
    blocks = np.array(
        [[np.asarray(plane[y, x], np.float32) for x in spans[1]] for y in spans[0]], np.float32
    )
    finite = np.isfinite(blocks)
    if not finite.all():
        blocks[~finite] = np.median(blocks[finite]) if finite.any() else 0
    return blocks


def _spans(size: int, side: int) -> list[slice]:
    count = min(BLOCKS, size)
    side = min(side, size // count)
    starts = np.linspace(0, size - side, count).astype(int).tolist()
    return [slice(start, start + side) for start in starts]
