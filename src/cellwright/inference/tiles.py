"""Cutting a plane or a volume into tiles: pure planning, no pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

from cellwright._errors import UsageError

Region = tuple[slice, ...]
"""One slice per spatial axis, ([Z,] Y, X)."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One piece of a plane or a volume: what it yields and what must be read for it.

    Parameters
    ----------
    core : tuple of slice
        The part that this tile yields.
    read : tuple of slice
        The part that the network must see for the core to be exact. Starts and stops are
        multiples of the stride, and the stop may lie beyond the end by less than one stride.
    crop : tuple of slice
        Where the core lies within what is read.
    """

    core: Region
    read: Region
    crop: Region


def plan_tiles(
    shape: tuple[int, ...],
    tile: tuple[int, ...],
    halo: tuple[int, ...],
    stride: tuple[int, ...],
) -> tuple[Tile, ...]:
    """Cut a plane or a volume into tiles whose cores cover every pixel exactly once.

    Every tile reads `halo` pixels around its core, but never beyond the end, so that a network
    pads zeros exactly where it would in one run over the whole. Tiles begin at multiples
    of the stride, so that pooling grids agree.

    Parameters
    ----------
    shape : tuple of int
        Size of the whole, ([Z,] Y, X) in px, as the other arguments.
    tile : tuple of int
        Greatest size of a core; the cores are made about equally large.
    halo : tuple of int
        Radius of the network's receptive field.
    stride : tuple of int
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
    if any(side < step for side, step in zip(tile, stride, strict=True)):
        raise UsageError(
            f"A tile of {' × '.join(map(str, tile))} pixels is too small for this network; "
            f"choose at least {max(stride)}."
        )
    axes = [_plan_axis(*axis) for axis in zip(shape, tile, halo, stride, strict=True)]
    return tuple(
        Tile(*(tuple(part[kind] for part in parts) for kind in range(3)))
        for parts in product(*axes)
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
