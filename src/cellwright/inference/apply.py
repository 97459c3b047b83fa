"""The tiled prediction path: regions of a source → network → maps → result in a sink.

Maps and labels roll down the image, along its first spatial axis: only the rows (of a plane) or
planes (of a volume) still needed are held, and each is written once, in order. The result does
not depend on the tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol

import numpy as np

from cellwright._errors import ModelError
from cellwright._progress import progress
from cellwright._types import AnyArray, FloatArray, IntArray, Table
from cellwright.inference.budget import tile_sides, window_pixels
from cellwright.inference.overlaps import Covered, on_image_grid
from cellwright.inference.resample import Grid, resample_region
from cellwright.inference.rolling import (
    RollingDecoder,
    RollingWriter,
    RowBuffer,
    RowSink,
    Windows,
    owned,
)
from cellwright.inference.runtime import MapNetwork
from cellwright.inference.tiles import plan_tiles
from cellwright.inference.view import View
from cellwright.methods.readout import MapReader

MEMORY = 1_400_000_000
"""Bytes that network, maps and readout may take together, by default."""

ANCHOR = ("plane", "row", "column")
"""Columns of a table that say where an object's anchor lies, as far as there are such axes."""


def find_instances(
    view: View,
    network: MapNetwork,
    readout: MapReader,
    *,
    sink: RowSink,
    covered: Covered | None = None,
    tile: int | None = None,
    memory: int = MEMORY,
) -> Table:
    """Find the objects of a plane or a volume, reading and writing it piece by piece.

    Labels are numbered from 1 in raster order of the objects' anchors. They do not depend on the
    tiles, except that a network may round differently on inputs of another size (about 1e-6 of
    its maps), which can change a pixel that lies exactly at a threshold.

    Parameters
    ----------
    view : View
        The image as the network sees it; read region by region.
    network : MapNetwork
        Turns normalised pixels into maps.
    readout : MapReader
        Turns maps into objects.
    sink : array or label sink, shape ([Z,] Y, X)
        Takes the int32 labels, in whole rows or planes from first to last.
    covered : Covered, optional
        Takes the pixels of objects that others hide.
    tile : int, optional
        Side of a tile on the network grid, in px; chosen to fit `memory` when not given.
    memory : int
        Bytes that network, maps and readout may take together.

    Returns
    -------
    Table
        One row per object: ``label``; ``plane`` (of a volume), ``row`` and ``column`` of its
        anchor and ``area``, in px of the image (0 where a tiny object falls between the pixels of
        a coarser image); ``at_border``, whether it touches the edge of the image; and the
        readout's evidence.

    Raises
    ------
    ModelError
        If the network and the readout do not fit, or the network fails.
    UsageError
        If the tile is too small for the network.
    """
    sides = _sides(view, network, len(readout.outputs), readout.margin, tile, memory)
    rolling = _rolling_maps(view, network, len(readout.outputs), sides)
    return _read(rolling, readout, view.grids, sink, memory, covered)


@dataclass(frozen=True, slots=True)
class Maps:
    """What a network says of a plane or a volume, kept to be read more than once.

    Parameters
    ----------
    values : ndarray, shape (K, [Z,] Y, X), float32
        On the network grid.
    grids : tuple of Grid
        The network grid beside that of the image, one per spatial axis.
    """

    values: FloatArray
    grids: tuple[Grid, ...]


def find_maps(view: View, network: MapNetwork, *, maps: int, memory: int = MEMORY) -> Maps:
    """Return what a network says of a plane or a volume that fits into memory.

    Parameters, Raises
    ------------------
    As for `find_instances`, and `maps`, their number K.
    """
    kept = np.empty((maps, *view.shape), np.float32)
    for held in _rolling_maps(view, network, maps, _sides(view, network, maps, 0, None, memory)):
        kept[:, held.start : held.stop] = held.rows(held.start, held.stop)
        held.drop(held.stop)
    return Maps(kept, view.grids)


def read_instances(
    maps: Maps,
    readout: MapReader,
    *,
    sink: RowSink,
    covered: Covered | None = None,
    memory: int = MEMORY,
) -> Table:
    """Read objects from maps that were kept; what `find_instances` returns and writes.

    Parameters, Returns
    -------------------
    As for `find_instances`.
    """
    held = RowBuffer(maps.values.shape[:1], maps.values.shape[2:], np.float32)
    held.append(maps.values)
    return _read([held], readout, maps.grids, sink, memory, covered)


class PlaceReadout(Protocol):
    """What `find_places` needs of a readout whose objects have places instead of pixels.

    Attributes
    ----------
    outputs, margin
        As of a `MapReader`.
    """

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the maps, in channel order."""

    @property
    def margin(self) -> int:
        """How far around a window the maps decide about what is anchored in it, in px."""

    def decode(self, maps: FloatArray) -> Any:
        """Return what is found in `maps`, with the ``anchors`` (N, D) that own it, in px."""


@dataclass(frozen=True, slots=True)
class FoundPart:
    """What was found in one window.

    Parameters
    ----------
    found : object
        What the readout returned; positions count from `origin`.
    own : ndarray, shape (N,), int64
        Which of that is owned here; the rest is found again in another window.
    origin : tuple of int
        Where the window begins on the network grid, in px.
    total : ndarray, optional
        What was added up over the maps of the core.
    """

    found: Any
    own: IntArray
    origin: tuple[int, ...]
    total: AnyArray | None = None


def find_places(
    view: View,
    network: MapNetwork,
    readout: PlaceReadout,
    *,
    summed: Callable[[FloatArray], AnyArray] | None = None,
    tile: int | None = None,
    memory: int = MEMORY,
) -> tuple[list[FoundPart], tuple[Grid, ...]]:
    """Find boxes or points in a plane or a volume, reading it piece by piece.

    What is found does not depend on the tiles, but for the rounding of the network, as in
    `find_instances`.

    Parameters, Raises
    ------------------
    As for `find_instances`, and `summed`, which adds something up over the maps (K, [Z,] Y, X) of
    a part.

    Returns
    -------
    parts : list of FoundPart
        Window by window.
    grids : tuple of Grid
        The network grid, on which places are, beside that of the image; one per spatial axis.
    """
    windows = Windows(view.shape, readout.margin, window_pixels(memory))
    sides = _sides(view, network, len(readout.outputs), readout.margin, tile, memory)
    parts = []
    for maps in _rolling_maps(view, network, len(readout.outputs), sides):
        for rows in windows.bands(maps):
            for core in windows.cores(rows):
                seen, *others = windows.around(core)
                window = (slice(None), slice(None), *others)
                found = readout.decode(maps.rows(seen.start, seen.stop)[window])
                origin = (seen.start, *(other.start for other in others))
                own = owned(found.anchors + np.array(origin), core)
                inside = (slice(None), slice(None), *core[1:])
                total = summed(maps.rows(rows.start, rows.stop)[inside]) if summed else None
                parts.append(FoundPart(found, own, origin, total))
    return parts, view.grids


def find_classes(
    view: View,
    network: MapNetwork,
    decode: Callable[[FloatArray], AnyArray],
    *,
    maps: int,
    sink: RowSink,
    tile: int | None = None,
    memory: int = MEMORY,
) -> None:
    """Say of every pixel of a plane or a volume what it is, reading and writing piece by piece.

    Maps are brought to the image grid before they are decoded, so that outlines are smooth.

    Parameters
    ----------
    view, network, tile, memory
        As in `find_instances`.
    decode : callable
        Turns maps (K, [Z,] Y, X) into one value per pixel, each from its own maps alone.
    maps : int
        Number K of maps.
    sink : array or sink, shape ([Z,] Y, X)
        Takes what `decode` returns, in whole rows or planes from first to last.

    Raises
    ------
    ModelError, UsageError
        As `find_instances`.
    """
    back = tuple(grid.back for grid in view.grids)
    others = [(0, grid.network) for grid in back[1:]]
    first, weights = back[0].taps(0, back[0].network)
    last_needed = first + weights.shape[1]  # grows with the row, as `first` does
    written = 0
    for held in _rolling_maps(view, network, maps, _sides(view, network, maps, 0, tile, memory)):
        ready = int(np.searchsorted(last_needed, held.stop, side="right"))
        window = held.rows(held.start, held.stop)
        origin = (held.start, *(0 for _ in others))
        for start, stop in _bands(written, ready, back, maps, memory):
            seen = resample_region(window, origin, back, [(start, stop), *others])
            sink[(slice(start, stop), *(slice(*span) for span in others))] = decode(seen)
        written = ready
        if ready < back[0].network:
            held.drop(min(held.stop, int(first[ready])))


def _bands(
    start: int, stop: int, grids: tuple[Grid, ...], maps: int, memory: int
) -> Iterator[tuple[int, int]]:
    """Cut rows into bands whose maps on the image grid take a quarter of the memory at most."""
    row = maps * np.dtype(np.float32).itemsize
    for grid in grids[1:]:
        row *= grid.network
    step = max(1, memory // 4 // row)
    for top in range(start, stop, step):
        yield top, min(top + step, stop)


def _read(
    rolling: Iterable[RowBuffer],
    readout: MapReader,
    grids: tuple[Grid, ...],
    sink: RowSink,
    memory: int,
    covered: Covered | None = None,
) -> Table:
    """Read objects from maps as they roll by."""
    shape = tuple(grid.network for grid in grids)
    hidden = None if covered is None else covered.of
    decoder = RollingDecoder(readout, shape, window_pixels(memory), hidden)
    writer = RollingWriter(sink, grids)
    for maps in rolling:
        for settled in decoder.advance(maps):
            writer.write(decoder.labels, settled)
    if covered is not None:
        covered.rows = on_image_grid(decoder.covered, grids)
    return _table(readout, decoder, writer, grids)


def _sides(
    view: View, network: MapNetwork, maps: int, margin: int, tile: int | None, memory: int
) -> tuple[int, ...]:
    if tile is not None:
        return (tile,) * len(view.shape)
    return tile_sides(view.shape, network, maps, margin, memory)


def _rolling_maps(
    view: View, network: MapNetwork, maps: int, sides: tuple[int, ...]
) -> Iterator[RowBuffer]:
    """Yield the maps each time that a band of tiles is complete; the caller drops what is done."""
    tiles = plan_tiles(view.shape, sides, network.halo, network.stride)
    held = RowBuffer((maps,), view.shape[1:], np.float32)
    shown = progress(tiles, "Segmenting", total=len(tiles), unit="tile")
    for _, band in groupby(shown, key=lambda tile: tile.core[0].start):
        for tile in band:
            found = network(view[tile.read][None])[0][(slice(None), *tile.crop)]
            _check_maps(found, (maps, *(part.stop - part.start for part in tile.core)))
            rows, *others = tile.core
            if found.shape[2:] == view.shape[1:]:
                held.append(found)
            else:
                held.extend(rows.stop)
                held.rows(rows.start, rows.stop)[(slice(None), slice(None), *others)] = found
        yield held


def _check_maps(found: FloatArray, shape: tuple[int, ...]) -> None:
    if found.shape != shape:
        raise ModelError(
            f"The network returns maps of shape {found.shape} where its readout needs {shape} "
            "(maps, then pixels). The model package is inconsistent."
        )


def _table(
    readout: MapReader, decoder: RollingDecoder, writer: RollingWriter, grids: tuple[Grid, ...]
) -> Table:
    anchors, evidence = decoder.anchors, decoder.evidence
    count = len(anchors)
    places = {
        name: ((place + 0.5) / grid.scale - 0.5).astype(np.float64)
        for name, place, grid in zip(ANCHOR[-len(grids) :], anchors.T, grids, strict=True)
    }
    table: Table = {
        "label": np.arange(1, count + 1, dtype=np.int32),
        **places,
        "area": writer.areas(count),
        "at_border": writer.at_border(count),
    }
    return table | {name: evidence[:, i] for i, name in enumerate(readout.evidence_names)}
