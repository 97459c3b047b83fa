"""Rectangles of labels that change: cut along the borders of chunks, and taken back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cellwright.studio.canvas import CHUNK, LabelCanvas
from cellwright.studio.facts import Change
from cellwright.studio.journal import Patch
from cellwright.studio.tools import Window


def patches_of(canvas: LabelCanvas, window: Window) -> list[Patch]:
    """Return the rectangles of a window in which something changes, one per chunk."""
    found = []
    height, width = window.values.shape
    for cy in range(window.y // CHUNK, -(-(window.y + height) // CHUNK)):
        for cx in range(window.x // CHUNK, -(-(window.x + width) // CHUNK)):
            top, left = max(window.y, cy * CHUNK), max(window.x, cx * CHUNK)
            bottom = min(window.y + height, (cy + 1) * CHUNK)
            right = min(window.x + width, (cx + 1) * CHUNK)
            part = (
                slice(top - window.y, bottom - window.y),
                slice(left - window.x, right - window.x),
            )
            before = canvas[(*window.place, slice(top, bottom), slice(left, right))]
            after = window.values[part]
            different = before != after
            if not different.any():
                continue
            rows, columns = (np.flatnonzero(different.any(axis=axis)) for axis in (1, 0))
            inner = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
            y, x = top + int(rows[0]), left + int(columns[0])
            found.append(Patch(window.place, y, x, before[inner].copy(), after[inner].copy()))
    return found


def taken_back(patch: Patch) -> Patch:
    """Return the patch that takes a patch back."""
    return Patch(patch.place, patch.y, patch.x, patch.after, patch.before)


def changes_back(changes: Sequence[Change]) -> list[Change]:
    """Return the changes that take changes back."""
    return [Change(c.about, c.number, c.after, c.before) for c in reversed(changes)]


def region_of(patch: Patch) -> tuple[slice, ...]:
    """Return the part of a canvas that a patch is about."""
    height, width = patch.after.shape
    leading = (slice(index, index + 1) for index in patch.place)
    return (*leading, slice(patch.y, patch.y + height), slice(patch.x, patch.x + width))


def chunk_aligned(
    boxes: set[tuple[tuple[int, ...], int, int, tuple[int, ...]]],
) -> list[tuple[tuple[int, ...], int, int, tuple[int, int]]]:
    """Return the chunks that boxes lie in, each box being inside one: no pixel comes twice."""
    chunks: dict[tuple[tuple[int, ...], int, int], tuple[int, int, int, int]] = {}
    for place, y, x, (height, width) in boxes:
        at = place, y // CHUNK, x // CHUNK
        t, le, b, r = chunks.get(at, (y, x, y + height, x + width))
        chunks[at] = min(t, y), min(le, x), max(b, y + height), max(r, x + width)
    return [(place, t, le, (b - t, r - le)) for (place, *_), (t, le, b, r) in chunks.items()]
