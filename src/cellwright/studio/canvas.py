"""Labels that are edited: what a file holds, and over it the parts that have changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np

from cellwright._types import LabelArray
from cellwright.images.image import PixelSource
from cellwright.images.sources import split_index

CHUNK = 512
Chunks = Mapping[tuple[int, ...], LabelArray]
Part = tuple[tuple[int, ...], slice, slice]
"""Index along the leading axes, rows and columns."""


class LabelCanvas:
    """An int32 label image of any size, of which only changed chunks are held.

    It is a `PixelSource`: regions, also with steps, are read by slices. A chunk that has been
    handed out never changes; a new one takes its place.

    Parameters
    ----------
    shape : tuple of int
        ``(..., Y, X)``.
    base : PixelSource, optional
        What lies beneath the changes; background everywhere when not given.
    chunks : mapping, optional
        Changes to begin with.
    """

    def __init__(
        self, shape: tuple[int, ...], base: PixelSource | None = None, chunks: Chunks | None = None
    ) -> None:
        self.shape = shape
        self.dtype = np.dtype(np.int32)
        self._base = base
        self._chunks = dict(chunks or {})

    def __getitem__(self, key: Any) -> LabelArray:
        box, inside = split_index(key, self.shape)
        steps = [part.step or 1 if isinstance(part, slice) else 1 for part in inside[-2:]]
        *leading, rows, columns = box
        sizes = [-(-(p.stop - p.start) // s) for p, s in zip((rows, columns), steps, strict=True)]
        found = np.zeros([*(part.stop - part.start for part in leading), *sizes], np.int32)
        for index in product(*(range(part.start, part.stop) for part in leading)):
            target = found[tuple(i - p.start for i, p in zip(index, leading, strict=True))]
            self._gather(index, (rows, columns), (steps[0], steps[1]), target)
        drop = tuple(0 if not isinstance(entry, slice) else slice(None) for entry in inside)
        taken: LabelArray = found[(*inside[:-2], *drop[-2:])]
        return taken

    def __setitem__(self, key: tuple[slice, ...], values: LabelArray) -> None:
        box, _ = split_index(key, self.shape)
        values = np.asarray(values).reshape([part.stop - part.start for part in box])
        *leading, rows, columns = box
        for index in product(*(range(part.start, part.stop) for part in leading)):
            plane = values[tuple(i - p.start for i, p in zip(index, leading, strict=True))]
            self._scatter(index, rows, columns, plane)

    def snapshot(self) -> LabelCanvas:
        """Return the canvas as it is now; later changes do not reach it."""
        return LabelCanvas(self.shape, self._base, self._chunks)

    def rest_on(self, base: PixelSource, saved: LabelCanvas) -> None:
        """Lay what has changed since `saved` over a `base` that holds the rest."""
        self._base = base
        held = saved._chunks
        self._chunks = {at: c for at, c in self._chunks.items() if held.get(at) is not c}

    @property
    def changed_bytes(self) -> int:
        """Memory that the changes take."""
        return sum(chunk.nbytes for chunk in self._chunks.values())

    def blocks(self, part: Part) -> Iterator[Part]:
        """Cut a part of a plane along the borders of chunks, leaving out what is background."""
        index, rows, columns = part
        for cy, cx in _touched(rows, columns):
            if self._base is not None or (*index, cy, cx) in self._chunks:
                yield index, _cut(rows, cy), _cut(columns, cx)

    def _gather(
        self,
        index: tuple[int, ...],
        box: tuple[slice, slice],
        steps: tuple[int, int],
        target: LabelArray,
    ) -> None:
        """Copy every step-th pixel of a box of a plane into `target`."""
        for cy, cx in _touched(*box):
            chunk = self._chunks.get((*index, cy, cx))
            if chunk is None and self._base is None:
                continue
            source, into = [], []
            for part, number, step in zip(box, (cy, cx), steps, strict=True):
                first = max(0, -(-(number * CHUNK - part.start) // step))
                start, stop = part.start + first * step, min(part.stop, (number + 1) * CHUNK)
                source.append(slice(start, max(start, stop), step))
                into.append(slice(first, first + max(0, -(-(stop - start) // step))))
            if chunk is None:
                assert self._base is not None
                target[tuple(into)] = self._base[(*index, *source)]
            else:
                within = (
                    slice(s.start - n * CHUNK, s.stop - n * CHUNK, s.step)
                    for s, n in zip(source, (cy, cx), strict=True)
                )
                target[tuple(into)] = chunk[tuple(within)]

    def _scatter(
        self, index: tuple[int, ...], rows: slice, columns: slice, values: LabelArray
    ) -> None:
        for cy, cx in _touched(rows, columns):
            own_rows, own_columns = _cut(rows, cy), _cut(columns, cx)
            new = values[
                own_rows.start - rows.start : own_rows.stop - rows.start,
                own_columns.start - columns.start : own_columns.stop - columns.start,
            ]
            at = (*index, cy, cx)
            if at not in self._chunks and self._base is None and not new.any():
                continue
            top, left = cy * CHUNK, cx * CHUNK
            chunk = self[(*index, slice(top, top + CHUNK), slice(left, left + CHUNK))].copy()
            chunk[
                own_rows.start - top : own_rows.stop - top,
                own_columns.start - left : own_columns.stop - left,
            ] = new
            self._chunks[at] = chunk


def _touched(rows: slice, columns: slice) -> Iterator[tuple[int, int]]:
    ys, xs = (range(p.start // CHUNK, -(-p.stop // CHUNK)) for p in (rows, columns))
    return product(ys, xs)


def _cut(part: slice, number: int) -> slice:
    return slice(max(part.start, number * CHUNK), min(part.stop, (number + 1) * CHUNK))
