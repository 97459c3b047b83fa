"""Cutting a plane into tiles: pure planning, no pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

from cellwright._errors import UsageError


@dataclass(frozen=True, slots=True)
class Tile:
    """One piece of a plane: what it yields and what must be read for it.

    Parameters
    ----------
    core : tuple of slice
        Rows and columns of the plane that this tile yields.
    read : tuple of slice
        Rows and columns that the network must see for the core to be exact. Starts and stops are
        multiples of the stride, and the stop may lie beyond the plane by less than one stride.
    crop : tuple of slice
        Where the core lies within what is read.
    """

    core: tuple[slice, slice]
    read: tuple[slice, slice]
    crop: tuple[slice, slice]


def plan_tiles(
    shape: tuple[int, int], tile: tuple[int, int], halo: int, stride: int
) -> tuple[Tile, ...]:
    """Cut a plane into tiles whose cores cover every pixel exactly once.

    Every tile reads `halo` pixels around its core, but never beyond the plane, so that a network
    pads zeros exactly where it would in one run over the whole plane. Tiles begin at multiples
    of the stride, so that pooling grids agree.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the plane.
    tile : tuple of int
        Greatest rows and columns of a core; the cores are made about equally large.
    halo : int
        Radius of the network's receptive field, in px.
    stride : int
        Sizes that the network accepts are multiples of this.

    Returns
    -------
    tuple of Tile
        In raster order.

    Raises
    ------
    UsageError
        If a tile is smaller than the stride.
    """
    if min(tile) < stride:
        raise UsageError(
            f"A tile of {tile[0]} × {tile[1]} pixels is too small for this network; "
            f"choose at least {stride}."
        )
    rows, columns = (
        _plan_axis(size, side, halo, stride) for size, side in zip(shape, tile, strict=True)
    )
    return tuple(
        Tile(core=(y[0], x[0]), read=(y[1], x[1]), crop=(y[2], x[2]))
        for y, x in product(rows, columns)
    )


def _plan_axis(size: int, side: int, halo: int, stride: int) -> list[tuple[slice, slice, slice]]:
    """Return core, read and crop of every tile along one axis."""
    blocks = math.ceil(size / stride)
    pieces = math.ceil(blocks / (side // stride))
    step = math.ceil(blocks / pieces) * stride
    plan = []
    for start in range(0, size, step):
        stop = min(start + step, size)
        first = max(0, (start - halo) // stride * stride)
        last = min(blocks, math.ceil((stop + halo) / stride)) * stride
        plan.append((slice(start, stop), slice(first, last), slice(start - first, stop - first)))
    return plan
