"""What rolls down an image: maps come in at the bottom, settled labels leave at the top."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise, product
from typing import Protocol

import numpy as np
from numba import njit
from numpy.typing import DTypeLike

from cellwright._types import AnyArray, BoolArray, FloatArray, IntArray, LabelArray
from cellwright.inference.resample import Grid, resample_labels
from cellwright.methods.readout import Instances, MapReader


class RowSink(Protocol):
    """What takes labels: an array, or a `cellwright.images.sink.LabelSink`."""

    def __setitem__(self, key: tuple[slice, ...], value: AnyArray, /) -> None:
        """Write whole rows; every row comes once, in order."""


class RowBuffer:
    """The rows of a long array of which only a moving part is held.

    A row is what lies at one position of the first spatial axis: a line of a plane, or a plane of
    a volume.

    Parameters
    ----------
    leading : tuple of int
        Sizes of the axes before the first spatial axis.
    row : tuple of int
        Size of a row.
    dtype : dtype
        Type of an element.
    """

    def __init__(self, leading: tuple[int, ...], row: tuple[int, ...], dtype: DTypeLike) -> None:
        self.start = 0
        self._axis = len(leading)
        self._held: AnyArray = np.zeros((*leading, 0, *row), dtype)

    @property
    def stop(self) -> int:
        """First row that was not added yet."""
        return self.start + int(self._held.shape[self._axis])

    def extend(self, stop: int) -> None:
        """Add rows of zeros up to `stop`."""
        if stop <= self.stop:
            return
        shape = list(self._held.shape)
        shape[self._axis] = stop - self.start
        grown = np.zeros(shape, self._held.dtype)
        grown[self._part(0, self.stop - self.start)] = self._held
        self._held = grown

    def append(self, rows: AnyArray) -> None:
        """Add rows; the first ones are taken as they are, uncopied."""
        if self.start == self.stop:
            self._held = rows
            return
        start = self.stop
        self.extend(start + rows.shape[self._axis])
        self.rows(start, self.stop)[...] = rows

    def rows(self, start: int, stop: int) -> AnyArray:
        """Return a view of the rows from `start` to `stop`, which are held."""
        return self._held[self._part(start - self.start, stop - self.start)]

    def drop(self, before: int) -> None:
        """Forget the rows above `before`."""
        if before > self.start:
            # A copy, so that the memory of the others is free before the next rows come.
            self._held = self.rows(before, self.stop).copy()
            self.start = before

    def _part(self, start: int, stop: int) -> tuple[slice, ...]:
        return (*(slice(None),) * self._axis, slice(start, stop))


class Windows:
    """The windows in which maps that roll by are decoded.

    Every pixel lies in one core. A window is a core with the `margin` around it, from which all
    that the core owns can be told.

    Parameters
    ----------
    shape : tuple of int
        Of the whole plane or volume on the network grid, ([Z,] Y, X).
    margin : int
        Of the readout, see `Readout`.
    pixels : int
        About how many pixels to decode at once; at least a core as large as the margin.
    """

    def __init__(self, shape: tuple[int, ...], margin: int, pixels: int) -> None:
        self.shape = shape
        self._margin = margin
        self._pixels = pixels
        self._done = 0

    def bands(self, maps: RowBuffer) -> Iterator[slice]:
        """Yield the rows of the next cores that `maps` allow, and drop the maps not needed."""
        margin = self._margin
        known = maps.stop if maps.stop == self.shape[0] else maps.stop - margin
        side = _side(self._pixels, len(self.shape))
        for rows in _pieces(self._done, known, max(side - 2 * margin, margin, 1)):
            yield rows
            self._done = rows.stop
        at_end = self._done == self.shape[0]
        maps.drop(self._done if at_end else max(0, self._done - margin))

    def cores(self, rows: slice) -> Iterator[tuple[slice, ...]]:
        """Cut a band of rows, such as `bands` yields, into cores: one slice per spatial axis."""
        seen = self.around((rows,))[0]
        margin, room = self._margin, self._pixels // (seen.stop - seen.start)
        axes = []
        for axis, size in enumerate(self.shape[1:], 1):
            side = _side(room, len(self.shape) - axis)
            axes.append(_pieces(0, size, max(side - 2 * margin, margin, 1)))
            room //= min(max(side, 1), size)
        return ((rows, *others) for others in product(*axes))

    def around(self, core: tuple[slice, ...]) -> tuple[slice, ...]:
        """Return the window of a core."""
        return tuple(
            _widened(part, self._margin, size) for part, size in zip(core, self.shape, strict=False)
        )


def owned(anchors: IntArray, core: tuple[slice, ...]) -> IntArray:
    """Return which anchors (N, D) lie in a core."""
    inside = [
        (place >= part.start) & (place < part.stop)
        for place, part in zip(anchors.T, core, strict=True)
    ]
    return np.flatnonzero(np.logical_and.reduce(inside))


class RollingDecoder:
    """Decodes maps window by window and numbers the objects from 1 in raster order of anchors.

    Parameters
    ----------
    readout : MapReader
        Decodes one window.
    shape : tuple of int
        Of the whole plane or volume on the network grid, ([Z,] Y, X).
    window_pixels : int
        As in `Windows`.
    covered : callable, optional
        Returns the pixels of the objects of a window that others hide; see `OverlapReadout`.

    Attributes
    ----------
    labels : RowBuffer
        Labels of the rows that are not yet dropped.
    """

    def __init__(
        self,
        readout: MapReader,
        shape: tuple[int, ...],
        window_pixels: int,
        covered: Callable[[FloatArray, Instances], IntArray] | None = None,
    ) -> None:
        self.labels = RowBuffer((), shape[1:], np.int32)
        self._readout = readout
        self._windows = Windows(shape, readout.margin, window_pixels)
        self._count = 0
        self._covered_in = covered
        self._covered: list[IntArray] = [np.zeros((0, 1 + len(shape)), np.int64)]
        self._anchors: list[IntArray] = [np.zeros((0, len(shape)), np.int64)]
        self._evidence: list[FloatArray] = [np.zeros((0, len(readout.evidence_names)), np.float32)]

    @property
    def anchors(self) -> IntArray:
        """Position ([z,] y, x) of the anchor of every object so far, shape (N, D)."""
        return np.concatenate(self._anchors)

    @property
    def evidence(self) -> FloatArray:
        """Evidence of every object so far, shape (N, F)."""
        return np.concatenate(self._evidence)

    @property
    def covered(self) -> IntArray:
        """Pixels of the objects so far that others hide: label, [z,] y, x; shape (M, 1 + D)."""
        return np.concatenate(self._covered)

    def advance(self, maps: RowBuffer) -> Iterator[int]:
        """Decode what `maps` allow piece by piece, and drop the maps not needed any more.

        Yields
        ------
        int
            The labels above this row are settled: they will not change any more.
        """
        for rows in self._windows.bands(maps):
            self._decode(maps, rows)
            at_end = rows.stop == self._windows.shape[0]
            yield rows.stop if at_end else max(0, rows.stop - self._readout.reach)

    def _decode(self, maps: RowBuffer, rows: slice) -> None:
        """Add the objects whose anchors lie in `rows`."""
        before = self._count
        (seen,) = self._windows.around((rows,))
        self.labels.extend(seen.stop)
        anchors, evidence = [], []
        for core in self._windows.cores(rows):
            window_anchors, window_evidence = self._add(maps, core)
            anchors.append(window_anchors)
            evidence.append(window_evidence)
        joined = np.concatenate(anchors)
        order = np.lexsort(joined.T[::-1])
        self._renumber(seen, before, order, len(self._covered) - len(anchors))
        self._anchors.append(joined[order])
        self._evidence.append(np.concatenate(evidence)[order])

    def _add(self, maps: RowBuffer, core: tuple[slice, ...]) -> tuple[IntArray, FloatArray]:
        """Paste the objects anchored in `core`; return their anchors and evidence."""
        seen, *others = self._windows.around(core)
        part = (slice(None), slice(None), *others)
        window = maps.rows(seen.start, seen.stop)[part]
        found = self._readout.decode(window)
        origin = np.array([seen.start, *(other.start for other in others)])
        anchors = found.anchors + origin
        own = owned(anchors, core)
        own = own[np.lexsort(anchors[own].T[::-1])]
        lut = np.zeros(len(anchors) + 1, np.int32)
        lut[own + 1] = np.arange(self._count + 1, self._count + 1 + len(own))
        self._count += len(own)
        hidden = np.zeros((0, 1 + len(origin)), np.int64)
        if self._covered_in is not None:
            rows = self._covered_in(window, found)
            hidden = np.column_stack([lut[rows[:, 0] + 1], rows[:, 1:] + origin])
        self._covered.append(hidden[hidden[:, 0] > 0])
        # What was written already is out of the objects' reach.
        first = max(seen.start, self.labels.start)
        target = self.labels.rows(first, seen.stop)[(slice(None), *others)]
        _paste(found.labels[first - seen.start :], lut, target)
        return anchors[own], found.evidence[own]

    def _renumber(self, seen: slice, before: int, order: IntArray, first: int) -> None:
        """Bring labels above `before`, also of covered pixels from part `first` on, into order."""
        rank = np.empty(len(order), np.int32)
        rank[order] = np.arange(before + 1, before + 1 + len(order))
        if np.array_equal(order, np.arange(len(order))):
            return
        labels = self.labels.rows(max(seen.start, self.labels.start), seen.stop)
        new = labels > before
        labels[new] = rank[labels[new] - before - 1]
        for part in self._covered[first:]:
            part[:, 0] = rank[part[:, 0] - before - 1]


def _paste(labels: LabelArray, number: LabelArray, target: LabelArray) -> None:
    """Write the objects that have a number into `target`, an array of the same shape."""
    if labels.ndim == 2:
        labels, target = labels[np.newaxis], target[np.newaxis]
    _paste_volume(labels, number, target)


@njit(cache=True)
def _paste_volume(labels: LabelArray, number: LabelArray, target: LabelArray) -> None:
    planes, rows, columns = labels.shape
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                new = number[labels[z, y, x]]
                if new > 0:
                    target[z, y, x] = new


def _pieces(start: int, stop: int, longest: int) -> list[slice]:
    """Cut start..stop into about equal pieces; none when there is nothing to cut."""
    count = max(0, math.ceil((stop - start) / longest))
    edges = [start + (stop - start) * i // count for i in range(count + 1)] if count else []
    return [slice(*edge) for edge in pairwise(edges)]


def _widened(part: slice, margin: int, size: int) -> slice:
    return slice(max(0, part.start - margin), min(size, part.stop + margin))


def _side(pixels: int, axes: int) -> int:
    """Return the side of a square or cube of so many pixels."""
    return math.isqrt(pixels) if axes == 2 else round(pixels ** (1 / axes))


class RollingWriter:
    """Brings settled labels to the image grid, writes them, and counts the objects' pixels.

    Parameters
    ----------
    sink : RowSink
        Takes the labels.
    grids : tuple of Grid
        One per spatial axis.
    """

    def __init__(self, sink: RowSink, grids: tuple[Grid, ...]) -> None:
        self._sink = sink
        self._grids = grids
        self._written = 0
        self._areas: list[tuple[int, IntArray]] = []
        self._at_border: list[LabelArray] = []

    def write(self, labels: RowBuffer, settled: int) -> None:
        """Write what the rows of `labels` above `settled` decide, and drop those.

        Parameters
        ----------
        labels : RowBuffer
            On the network grid.
        settled : int
            Row of that grid.
        """
        rows, *others = self._grids
        ready = rows.ready(settled)
        if ready <= self._written:
            return
        window = labels.rows(labels.start, settled)
        done = resample_labels(window, labels.start, self._grids, (self._written, ready))
        self._sink[(slice(self._written, ready), *(slice(0, grid.image) for grid in others))] = done
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
        for axis in range(1, labels.ndim):
            self._at_border += [labels.take([end], axis) for end in (0, -1)]
        if self._written == 0:
            self._at_border.append(labels[0].copy())
        if self._written + len(labels) == self._grids[0].image:
            self._at_border.append(labels[-1].copy())
        self._areas.append(_areas(labels.ravel()))


@njit(cache=True)
def _areas(labels: LabelArray) -> tuple[int, IntArray]:
    """Return the first object among labels (n,), and how often it and those after it occur."""
    last = 0
    for label in labels:
        last = max(last, label)
    first = last
    for label in labels:
        if 0 < label < first:
            first = label
    pixels = np.zeros(last - first + 1, np.int64)
    for label in labels:
        if label > 0:
            pixels[label - first] += 1
    return first, pixels
