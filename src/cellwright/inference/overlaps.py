"""Objects that lie over each other: the pixels that labels cannot show, and layers that can."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product

import numpy as np

from cellwright._types import FloatArray, IntArray, LabelArray
from cellwright.inference.resample import Grid
from cellwright.methods.readout import Instances


@dataclass(slots=True)
class Covered:
    """Takes the pixels of objects that others hide, while these are found.

    Parameters
    ----------
    of : callable
        ``of(maps, found)`` returns them for the objects of a window, as `OverlapReadout.covered`.
    rows : ndarray, shape (M, 1 + D), int64
        Label, then ([z,] y, x) in px of the image; complete once all objects are found.
    """

    of: Callable[[FloatArray, Instances], IntArray]
    rows: IntArray = field(default_factory=lambda: np.zeros((0, 3), np.int64))


def on_image_grid(rows: IntArray, grids: Sequence[Grid]) -> IntArray:
    """Return covered pixels of the network's grid as those of the image that lie in them.

    Parameters
    ----------
    rows : ndarray, shape (M, 1 + D), int64
        Label, then ([z,] y, x) on the network's grid.
    grids : sequence of Grid
        One per axis.
    """
    if all(grid.image == grid.network for grid in grids):
        return rows
    spans = [_image_pixels(place, grid) for place, grid in zip(rows[:, 1:].T, grids, strict=True)]
    most = [int((stop - start).max(initial=0)) for start, stop in spans]
    parts = [rows[:0]]
    for shift in product(*map(range, most)):
        places = [start + step for (start, _), step in zip(spans, shift, strict=True)]
        there = np.logical_and.reduce(
            [p < stop for p, (_, stop) in zip(places, spans, strict=True)]
        )
        parts.append(np.stack([rows[:, 0], *places], 1)[there])
    return np.concatenate(parts)


def _image_pixels(network: IntArray, grid: Grid) -> tuple[IntArray, IntArray]:
    """Return the first image pixel, and one beyond the last, that lie in network pixels."""
    edges = (np.ceil((network + end) / grid.scale - 0.5).astype(np.int64) for end in (0, 1))
    first, last = (edge.clip(0, grid.image) for edge in edges)
    return first, last


def layered(labels: LabelArray, covered: IntArray) -> LabelArray:
    """Return labels in as few layers as it takes to show every object whole.

    Parameters
    ----------
    labels : ndarray, shape ([Z,] Y, X), int32
        0 background, 1..N objects.
    covered : ndarray, shape (M, 1 + D), int64
        Label, then ([z,] y, x) of what others hide, in px.

    Returns
    -------
    ndarray, shape (L, [Z,] Y, X), int32
        At least one layer. Every object lies in one of them, with its number; objects that overlap
        lie in different ones.
    """
    layer = _layers(_conflicts(labels, covered), int(labels.max(initial=0)))
    count = int(layer.max(initial=0)) + 1
    result = np.stack([np.where(layer[labels] == number, labels, 0) for number in range(count)])
    result[(layer[covered[:, 0]], *covered[:, 1:].T)] = covered[:, 0]
    return result.astype(np.int32)


def _conflicts(labels: LabelArray, covered: IntArray) -> set[tuple[int, int]]:
    """Return the pairs of objects that share a pixel, the lower label first."""
    pixel = np.ravel_multi_index(tuple(covered[:, 1:].T), labels.shape)
    above = labels.ravel()[pixel]
    shown = np.stack([covered[:, 0], above], 1)[above > 0]
    pairs = {(min(a, b), max(a, b)) for a, b in np.unique(shown, axis=0).tolist() if a != b}
    order = np.argsort(pixel, kind="stable")
    starts = np.flatnonzero(np.diff(pixel[order], prepend=-1))
    sizes = np.diff(starts, append=len(pixel))
    for start, size in zip(starts[sizes > 1].tolist(), sizes[sizes > 1].tolist(), strict=True):
        below = np.unique(covered[order[start : start + size], 0]).tolist()
        pairs.update(combinations(below, 2))
    return pairs


def _layers(conflicts: set[tuple[int, int]], count: int) -> IntArray:
    """Return the layer of objects 0..count: the first that none in conflict with it lies in."""
    against: dict[int, list[int]] = {}
    for lower, higher in conflicts:
        against.setdefault(higher, []).append(lower)
    layer = np.zeros(count + 1, np.int64)
    for label in sorted(against):
        taken = {int(layer[other]) for other in against[label]}
        layer[label] = next(n for n in range(len(taken) + 1) if n not in taken)
    return layer
