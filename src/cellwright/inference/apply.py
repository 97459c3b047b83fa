"""The tiled prediction path: regions of a source → network → maps → objects → labels in a sink.

Maps and labels roll down the plane: only the rows still needed are held, and every row of the
sink is written once, in order. The result does not depend on the tiles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from cellwright._errors import InputError, ModelError
from cellwright._progress import progress
from cellwright._types import AnyArray, DoubleArray, FloatArray, IntArray, Table
from cellwright.images.image import PixelSource
from cellwright.inference.resample import Grid, resample_region
from cellwright.inference.rolling import RollingDecoder, RollingWriter, RowBuffer, RowSink
from cellwright.inference.runtime import MapNetwork
from cellwright.inference.tiles import Tile, plan_tiles
from cellwright.methods.readout import Readout

Normalise = Callable[[AnyArray, DoubleArray], FloatArray]

MEMORY = 1_400_000_000
"""Bytes that network, maps and readout may take together, by default."""

# Measured by benchmarks/bench_memory.py, per pixel on the network grid.
_PIXEL_BYTES = 60  # read, resampled and normalised, and what the network takes beside its maps
_DECODE_BYTES = 48


def segment_plane(
    source: PixelSource,
    network: MapNetwork,
    readout: Readout,
    *,
    limits: DoubleArray,
    normalise: Normalise,
    sink: RowSink,
    scale: float = 1.0,
    tile: int | None = None,
    memory: int = MEMORY,
) -> Table:
    """Find the objects of a plane, reading and writing it piece by piece.

    Labels are numbered from 1 in raster order of the objects' anchors. They do not depend on the
    tiles, except that a network may round differently on inputs of another size (about 1e-6 of
    its maps), which can change a pixel that lies exactly at a threshold.

    Parameters
    ----------
    source : array or lazy source, shape (C, Y, X)
        Read region by region.
    network : MapNetwork
        Turns normalised pixels into maps.
    readout : Readout
        Turns maps into objects.
    limits : ndarray, shape (C, 2)
        Intensities of the whole image, for `normalise`.
    normalise : callable
        ``normalise(pixels, limits)`` returns float32 pixels (C, Y, X), each from its own value
        and the limits alone.
    sink : array or label sink, shape (Y, X)
        Takes the int32 labels, in full-width rows from top to bottom.
    scale : float
        Pixels that the network sees per pixel of the image.
    tile : int, optional
        Side of a tile on the network grid, in px; chosen to fit `memory` when not given.
    memory : int
        Bytes that network, maps and readout may take together.

    Returns
    -------
    Table
        One row per object: ``label``; ``row`` and ``column`` of its anchor and ``area``, in px of
        the image (0 where a tiny object falls between the pixels of a coarser image);
        ``at_border``, whether it touches the edge of the image; and the readout's evidence.

    Raises
    ------
    InputError
        If the source has no pixels.
    ModelError
        If the network and the readout do not fit, or the network fails.
    UsageError
        If the tile is too small for the network.
    """
    if 0 in source.shape:
        raise InputError(f"The image has no pixels: its shape is {source.shape}.")
    rows, columns = (Grid.at_scale(size, scale) for size in source.shape[1:])
    shape = (rows.network, columns.network)
    sides = (tile, tile) if tile is not None else tile_sides(shape, network, readout, memory)
    tiles = plan_tiles(shape, sides, network.halo, network.stride)
    view = _View(source, (rows, columns), normalise, limits)
    decoder = RollingDecoder(readout, shape, memory // 4 // _DECODE_BYTES)
    writer = RollingWriter(sink, (rows, columns))
    maps = RowBuffer((len(readout.outputs),), shape[1], np.float32)
    done = _run(progress(tiles, "Segmenting", total=len(tiles), unit="tile"), view, network)
    for _, band in groupby(done, key=lambda pair: pair[0].core[0].start):
        for piece, piece_maps in band:
            _paste(maps, piece, piece_maps)
        for settled in decoder.advance(maps):
            writer.write(decoder.labels, settled)
    return _table(readout, decoder, writer, (rows, columns))


def tile_sides(
    shape: tuple[int, int], network: MapNetwork, readout: Readout, memory: int
) -> tuple[int, int]:
    """Choose the rows and columns of a tile's core that waste least on halos within the memory.

    A quarter of the memory is for decoding. The maps of one band of tiles over the full width and
    the network share the rest.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the plane on the network grid.
    network, readout
        Their halo, stride, memory, maps and margin count.
    memory : int
        In bytes.

    Returns
    -------
    tuple of int
        At least as large as the halo and the stride, even where that takes more memory.
    """
    halo, stride = 2 * network.halo, network.stride
    least = max(stride, network.halo)
    tile_bytes = network.bytes_per_pixel + _PIXEL_BYTES
    row_bytes = shape[1] * len(readout.outputs) * np.dtype(np.float32).itemsize
    best, least_read = (least, least), math.inf
    for down in range(1, max(1, shape[0] // least) + 1):
        rows = _share(shape[0], down, stride)
        held = (rows + 2 * readout.margin) * row_bytes
        room = (memory * 3 // 4 - held) // tile_bytes // min(rows + halo, shape[0])
        if room < min(shape[1], least + halo):
            continue
        across = 1 if room >= shape[1] else math.ceil(shape[1] / (room - halo))
        read = (shape[0] + halo * (down - 1)) * (shape[1] + halo * (across - 1))
        if read < least_read:
            best, least_read = (rows, _share(shape[1], across, stride)), read
    return max(best[0], least), max(best[1], least)


def _share(size: int, pieces: int, stride: int) -> int:
    """Return the length of each of so many equal pieces, a multiple of the stride."""
    return math.ceil(size / pieces / stride) * stride


@dataclass(frozen=True, slots=True)
class _View:
    """A plane as the network sees it: resampled, normalised, padded to the stride."""

    source: PixelSource
    grids: tuple[Grid, Grid]
    normalise: Normalise
    limits: DoubleArray

    def __getitem__(self, region: tuple[slice, slice]) -> FloatArray:
        """Return pixels (C, Y, X) of a region on the network grid, or up to a stride beyond."""
        index = [_folded(part, grid) for part, grid in zip(region, self.grids, strict=True)]
        inside = [(int(i.min()), int(i.max()) + 1) for i in index]
        (top, bottom), (left, right) = (
            grid.image_span(*span) for grid, span in zip(self.grids, inside, strict=True)
        )
        window = np.asarray(self.source[:, top:bottom, left:right])
        channels = len(window)
        if window.strides[0] == 0:  # one channel, repeated: once is enough
            window = window[:1]
        seen = resample_region(window, (top, left), self.grids, *inside)
        pixels = self.normalise(seen, self.limits[: len(window)])
        for axis, (wanted, (start, stop)) in enumerate(zip(index, inside, strict=True), 1):
            if len(wanted) != stop - start or wanted[-1] != stop - 1:
                pixels = np.take(pixels, wanted - start, axis=axis)
        return pixels if len(pixels) == channels else np.repeat(pixels, channels, axis=0)


def _folded(part: slice, grid: Grid) -> IntArray:
    """Return the network pixels of `part`; those beyond the end mirror it (or repeat the last)."""
    index = np.arange(part.start, part.stop)
    last = grid.network - 1
    mirror = 2 * last - index if part.stop - grid.network <= last else last
    return np.where(index > last, mirror, index)


def _run(
    tiles: Iterator[Tile], view: _View, network: MapNetwork
) -> Iterator[tuple[Tile, FloatArray]]:
    for tile in tiles:
        yield tile, network(view[tile.read][None])[0][:, tile.crop[0], tile.crop[1]]


def _paste(maps: RowBuffer, tile: Tile, tile_maps: FloatArray) -> None:
    rows, columns = tile.core
    maps.extend(rows.stop)
    target = maps.rows(rows.start, rows.stop)[..., columns]
    if target.shape != tile_maps.shape:
        raise ModelError(
            f"The network returns maps of shape {tile_maps.shape} where its readout needs "
            f"{target.shape} (maps, rows, columns). The model package is inconsistent."
        )
    target[...] = tile_maps


def _table(
    readout: Readout, decoder: RollingDecoder, writer: RollingWriter, grids: tuple[Grid, Grid]
) -> Table:
    anchors, evidence = decoder.anchors, decoder.evidence
    count = len(anchors)
    row, column = (
        ((anchors[:, axis] + 0.5) / grid.scale - 0.5).astype(np.float64)
        for axis, grid in enumerate(grids)
    )
    table: Table = {
        "label": np.arange(1, count + 1, dtype=np.int32),
        "row": row,
        "column": column,
        "area": writer.areas(count),
        "at_border": writer.at_border(count),
    }
    return table | {name: evidence[:, i] for i, name in enumerate(readout.evidence_names)}
