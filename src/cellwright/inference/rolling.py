"""What rolls down a plane: maps come in at the bottom, settled labels leave at the top."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import DTypeLike

from cellwright._types import AnyArray, BoolArray, FloatArray, IntArray, LabelArray
from cellwright.inference.resample import Grid, resample_labels
from cellwright.methods.readout import Readout


class LabelSink(Protocol):
    """What takes labels: an array, or something that writes rows to a file."""

    def __setitem__(self, key: tuple[slice, slice], value: LabelArray, /) -> None:
        """Write the labels of full-width rows; every row comes once, from top to bottom."""


class RowBuffer:
    """The rows of a tall array of which only a moving part is held.

    Parameters
    ----------
    leading : tuple of int
        Sizes of the axes before the rows.
    columns : int
        Size of the axis after the rows.
    dtype : dtype
        Type of an element.
    """

    def __init__(self, leading: tuple[int, ...], columns: int, dtype: DTypeLike) -> None:
        self.start = 0
        self._held: AnyArray = np.zeros((*leading, 0, columns), dtype)

    @property
    def stop(self) -> int:
        """First row that was not added yet."""
        return self.start + int(self._held.shape[-2])

    def extend(self, stop: int) -> None:
        """Add rows of zeros up to `stop`."""
        if stop <= self.stop:
            return
        leading, columns = self._held.shape[:-2], self._held.shape[-1]
        grown = np.zeros((*leading, stop - self.start, columns), self._held.dtype)
        grown[..., : self._held.shape[-2], :] = self._held
        self._held = grown

    def rows(self, start: int, stop: int) -> AnyArray:
        """Return a view of rows that are held."""
        return self._held[..., start - self.start : stop - self.start, :]

    def drop(self, before: int) -> None:
        """Forget the rows above `before`."""
        if before > self.start:
            # A copy, so that the memory of the others is free before the next rows come.
            self._held = self.rows(before, self.stop).copy()
            self.start = before


class RollingDecoder:
    """Decodes maps window by window and numbers the objects from 1 in raster order of anchors.

    Parameters
    ----------
    readout : Readout
        Decodes one window.
    shape : tuple of int
        Rows and columns of the whole plane on the network grid.
    window_pixels : int
        About how many pixels to decode at once.

    Attributes
    ----------
    labels : RowBuffer
        Labels of the rows that are not yet dropped.
    """

    def __init__(self, readout: Readout, shape: tuple[int, int], window_pixels: int) -> None:
        self.labels = RowBuffer((), shape[1], np.int32)
        self._readout = readout
        self._shape = shape
        window = window_pixels // shape[1]
        self._height = max(window - 2 * readout.margin, readout.margin, 1)
        self._decoded = 0
        self._count = 0
        self._anchors: list[IntArray] = [np.zeros((0, 2), np.int64)]
        self._evidence: list[FloatArray] = [np.zeros((0, len(readout.evidence_names)), np.float32)]

    @property
    def anchors(self) -> IntArray:
        """Row and column of the anchor of every object so far, shape (N, 2)."""
        return np.concatenate(self._anchors)

    @property
    def evidence(self) -> FloatArray:
        """Evidence of every object so far, shape (N, F)."""
        return np.concatenate(self._evidence)

    def advance(self, maps: RowBuffer) -> Iterator[int]:
        """Decode what `maps` allow piece by piece, and drop the maps not needed any more.

        Yields
        ------
        int
            The labels above this row are settled: they will not change any more.
        """
        for core in self._cores(maps):
            self._decode(maps, core)
            self._decoded = core.stop
            at_end = core.stop == self._shape[0]
            yield core.stop if at_end else max(0, core.stop - self._readout.reach)
        maps.drop(max(0, self._decoded - self._readout.margin))

    def _cores(self, maps: RowBuffer) -> list[slice]:
        """Return the rows that can be decoded now, in pieces of bounded height."""
        known = maps.stop if maps.stop == self._shape[0] else maps.stop - self._readout.margin
        todo = known - self._decoded
        if todo <= 0:
            return []
        pieces = math.ceil(todo / self._height)
        edges = [self._decoded + todo * i // pieces for i in range(pieces + 1)]
        return [slice(start, stop) for start, stop in pairwise(edges)]

    def _decode(self, maps: RowBuffer, core: slice) -> None:
        """Add the objects whose anchors lie in the rows of `core`."""
        margin = self._readout.margin
        top, bottom = max(0, core.start - margin), min(self._shape[0], core.stop + margin)
        found = self._readout.decode(maps.rows(top, bottom))
        anchors = found.anchors + np.array([top, 0])
        inside = np.flatnonzero((anchors[:, 0] >= core.start) & (anchors[:, 0] < core.stop))
        order = inside[np.lexsort((anchors[inside, 1], anchors[inside, 0]))]
        lut = np.zeros(len(anchors) + 1, np.int32)
        lut[order + 1] = np.arange(self._count + 1, self._count + 1 + len(order))
        self.labels.extend(bottom)
        here = self.labels.rows(max(top, self.labels.start), bottom)
        new = lut[found.labels[-here.shape[0] :]]
        np.copyto(here, new, where=new > 0)
        self._count += len(order)
        self._anchors.append(anchors[order])
        self._evidence.append(found.evidence[order])


class RollingWriter:
    """Brings settled labels to the image grid, writes them, and counts the objects' pixels.

    Parameters
    ----------
    sink : LabelSink
        Takes the labels.
    grids : tuple of Grid
        Of the rows and the columns.
    """

    def __init__(self, sink: LabelSink, grids: tuple[Grid, Grid]) -> None:
        self._sink = sink
        self._grids = grids
        self._written = 0
        self._areas: list[tuple[int, IntArray]] = []
        self._at_border: list[LabelArray] = []

    def write(self, labels: RowBuffer, settled: int) -> None:
        """Write what the network rows above `settled` decide, and drop them."""
        rows, columns = self._grids
        ready = rows.ready(settled)
        if ready <= self._written:
            return
        window = labels.rows(labels.start, settled)
        done = resample_labels(window, labels.start, self._grids, (self._written, ready))
        self._sink[self._written : ready, 0 : columns.image] = done
        self._count(done)
        self._written = ready
        labels.drop(min(settled, int(rows.neighbours(ready, ready + 1)[0][0])))

    def areas(self, count: int) -> IntArray:
        """Return the pixels of objects 1..count, shape (count,)."""
        total = np.zeros(count + 1, np.int64)
        for first, pixels in self._areas:
            total[first : first + len(pixels)] += pixels
        return total[1:]

    def at_border(self, count: int) -> BoolArray:
        """Return whether objects 1..count touch the edge of the image, shape (count,)."""
        touching = np.zeros(count + 1, np.bool_)
        for labels in self._at_border:
            touching[labels] = True
        return touching[1:]

    def _count(self, labels: LabelArray) -> None:
        self._at_border += [labels[:, 0].copy(), labels[:, -1].copy()]
        if self._written == 0:
            self._at_border.append(labels[0].copy())
        if self._written + len(labels) == self._grids[0].image:
            self._at_border.append(labels[-1].copy())
        present = labels[labels > 0]
        if present.size:
            first = int(present.min())
            self._areas.append((first, np.bincount(present - first)))
