"""How large tiles and windows may be for the work to fit into memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cellwright.inference.runtime import MapNetwork

# Measured by benchmarks/bench_memory.py, per pixel on the network grid.
_PIXEL_BYTES = 60  # read, resampled and normalised, and what the network takes beside its maps
_DECODE_BYTES = 48


def window_pixels(memory: int) -> int:
    """Return how many pixels may be decoded at once: a quarter of the memory is for that."""
    return memory // 4 // _DECODE_BYTES


def tile_sides(
    shape: tuple[int, ...], network: MapNetwork, maps: int, margin: int, memory: int
) -> tuple[int, ...]:
    """Choose the size of a tile's core that wastes least on halos within the memory.

    A quarter of the memory is for decoding. The maps of one band of tiles over the full width and
    the network share the rest.

    Parameters
    ----------
    shape : tuple of int
        Size of the plane or volume on the network grid, ([Z,] Y, X).
    network : MapNetwork
        Its halo, stride and memory count.
    maps : int
        That the network returns.
    margin : int
        How many rows before and after a band are held, too.
    memory : int
        In bytes.

    Returns
    -------
    tuple of int
        At least as large as the halo and the stride, even where that takes more memory.
    """
    first, *others = (
        _Axis(size, 2 * halo, stride)
        for size, halo, stride in zip(shape, network.halo, network.stride, strict=True)
    )
    row_bytes = math.prod(shape[1:]) * maps * np.dtype(np.float32).itemsize
    best = tuple(axis.least for axis in (first, *others))
    least_read = math.inf
    for pieces in range(1, first.most_pieces + 1):
        side = first.share(pieces)
        held = min(side + 2 * margin, first.size + first.stride) * row_bytes
        room = (memory * 3 // 4 - held) // (network.bytes_per_pixel + _PIXEL_BYTES)
        found = _fitting(others, room // min(side + first.halo, first.size))
        if found is not None and found[1] * first.read(pieces) < least_read:
            best, least_read = (side, *found[0]), found[1] * first.read(pieces)
    return tuple(max(side, axis.least) for side, axis in zip(best, (first, *others), strict=True))


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis to be cut: its size, what tiles share at a cut, and what they are multiples of."""

    size: int
    halo: int
    stride: int

    @property
    def least(self) -> int:
        return max(self.stride, self.halo // 2)

    @property
    def most_pieces(self) -> int:
        return max(1, self.size // self.least)

    def share(self, pieces: int) -> int:
        """Return the length of each of so many equal pieces."""
        return math.ceil(self.size / pieces / self.stride) * self.stride

    def read(self, pieces: int) -> int:
        """Return how many pixels are read in so many pieces."""
        return self.size + self.halo * (pieces - 1)


def _fitting(axes: Sequence[_Axis], room: int) -> tuple[tuple[int, ...], int] | None:
    """Return sides of at most `room` pixels, halo included, and how much is read with them."""
    axis, *others = axes
    if not others:
        if room < min(axis.size, axis.least + axis.halo):
            return None
        pieces = 1 if room >= axis.size else math.ceil(axis.size / (room - axis.halo))
        return (axis.share(pieces),), axis.read(pieces)
    best: tuple[tuple[int, ...], int] | None = None
    for pieces in range(1, axis.most_pieces + 1):
        side = axis.share(pieces)
        found = _fitting(others, room // min(side + axis.halo, axis.size))
        if found is not None and (best is None or found[1] * axis.read(pieces) < best[1]):
            best = (side, *found[0]), found[1] * axis.read(pieces)
    return best
