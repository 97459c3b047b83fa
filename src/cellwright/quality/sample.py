"""A small, evenly spread sample of a plane, enough to judge an image by."""

from __future__ import annotations

import numpy as np

from cellwright._types import AnyArray, FloatArray
from cellwright.images.image import PixelSource

BLOCKS = 6
"""Blocks along each axis."""
_SIDE = 160  # px; with 6 × 6 blocks, planes up to 960 × 960 are sampled whole


def sample_blocks(plane: PixelSource | AnyArray) -> FloatArray:
    """Read equally large blocks on an even grid over a plane.

    Parameters
    ----------
    plane : array or lazy source, shape (Y, X)
        Only the blocks are read.

    Returns
    -------
    ndarray, shape (rows of blocks, columns of blocks, y, x), float32
        Up to 6 × 6 blocks of up to 160 × 160 px; fewer where the plane has fewer pixels. NaN and
        infinite pixels are replaced by the median.
    """
    spans = [_spans(size) for size in plane.shape]
    blocks = np.array(
        [[np.asarray(plane[y, x], np.float32) for x in spans[1]] for y in spans[0]], np.float32
    )
    finite = np.isfinite(blocks)
    if not finite.all():
        blocks[~finite] = np.median(blocks[finite]) if finite.any() else 0
    return blocks


def _spans(size: int) -> list[slice]:
    count = min(BLOCKS, size)
    side = min(_SIDE, size // count)
    starts = np.linspace(0, size - side, count).astype(int).tolist()
    return [slice(start, start + side) for start in starts]
