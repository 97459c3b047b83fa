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


class RowSink(Protocol):
    """What takes labels: an array, or a `cellwright.images.sink.LabelSink`."""

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
        About how many pixels to decode at once; at least a core as large as the margin.

    Attributes
    ----------
    labels : RowBuffer
        Labels of the rows that are not yet dropped.
    """

    def __init__(self, readout: Readout, shape: tuple[int, int], window_pixels: int) -> None:
        self.labels = RowBuffer((), shape[1], np.int32)
        self._readout = readout
        self._shape = shape
        self._window_pixels = window_pixels
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
        margin = self._readout.margin
        known = maps.stop if maps.stop == self._shape[0] else maps.stop - margin
        height = math.isqrt(self._window_pixels) - 2 * margin
        for rows in _pieces(self._decoded, known, max(height, margin, 1)):
            self._decode(maps, rows)
            self._decoded = rows.stop
            at_end = rows.stop == self._shape[0]
            yield rows.stop if at_end else max(0, rows.stop - self._readout.reach)
        maps.drop(max(0, self._decoded - margin))

    def _decode(self, maps: RowBuffer, rows: slice) -> None:
        """Add the objects whose anchors lie in `rows`."""
        before, margin = self._count, self._readout.margin
        seen = _widened(rows, margin, self._shape[0])
        self.labels.extend(seen.stop)
        found = maps.rows(seen.start, seen.stop)
        width = self._window_pixels // found.shape[-2] - 2 * margin
        anchors, evidence = [], []
        for columns in _pieces(0, self._shape[1], max(width, margin, 1)):
            window_anchors, window_evidence = self._add(found, seen.start, rows, columns)
            anchors.append(window_anchors)
            evidence.append(window_evidence)
        joined = np.concatenate(anchors)
        order = np.lexsort((joined[:, 1], joined[:, 0]))
        self._renumber(seen, before, order)
        self._anchors.append(joined[order])
        self._evidence.append(np.concatenate(evidence)[order])

    def _add(
        self, maps: FloatArray, top: int, rows: slice, columns: slice
    ) -> tuple[IntArray, FloatArray]:
        """Paste the objects anchored in rows × columns; return their anchors and evidence.

        `maps` begin at row `top` and span the full width.
        """
        seen = _widened(columns, self._readout.margin, self._shape[1])
        found = self._readout.decode(maps[..., seen])
        anchors = found.anchors + np.array([top, seen.start])
        row, column = anchors.T
        own = np.flatnonzero(
            (row >= rows.start)
            & (row < rows.stop)
            & (column >= columns.start)
            & (column < columns.stop)
        )
        lut = np.zeros(len(anchors) + 1, np.int32)
        lut[own + 1] = np.arange(self._count + 1, self._count + 1 + len(own))
        self._count += len(own)
        # What was written already is out of the objects' reach.
        first = max(top, self.labels.start)
        new = lut[found.labels[first - top :]]
        target = self.labels.rows(first, top + len(found.labels))[:, seen]
        np.copyto(target, new, where=new > 0)
        return anchors[own], found.evidence[own]

    def _renumber(self, seen: slice, before: int, order: IntArray) -> None:
        """Bring labels above `before` into the given order."""
        rank = np.empty(len(order), np.int32)
        rank[order] = np.arange(before + 1, before + 1 + len(order))
        if np.array_equal(order, np.arange(len(order))):
            return
        labels = self.labels.rows(max(seen.start, self.labels.start), seen.stop)
        new = labels > before
        labels[new] = rank[labels[new] - before - 1]


def _pieces(start: int, stop: int, longest: int) -> list[slice]:
    """Cut start..stop into about equal pieces; none when there is nothing to cut."""
    count = max(0, math.ceil((stop - start) / longest))
    edges = [start + (stop - start) * i // count for i in range(count + 1)] if count else []
    return [slice(*edge) for edge in pairwise(edges)]


def _widened(part: slice, margin: int, size: int) -> slice:
    return slice(max(0, part.start - margin), min(size, part.stop + margin))


class RollingWriter:
    """Brings settled labels to the image grid, writes them, and counts the objects' pixels.

    Parameters
    ----------
    sink : RowSink
        Takes the labels.
    grids : tuple of Grid
        Of the rows and the columns.
    """

    def __init__(self, sink: RowSink, grids: tuple[Grid, Grid]) -> None:
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
