"""Which objects are on which plane, how large and where; counted anew only where it changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numba import njit

from cellwright._types import DoubleArray, IntArray, LabelArray
from cellwright.studio.canvas import CHUNK, LabelCanvas

_AREA, _TOP, _LEFT, _BOTTOM, _RIGHT, _SUM_Y, _SUM_X = range(7)
_Found = tuple[LabelArray, IntArray]


@dataclass(frozen=True, slots=True)
class PlaneObjects:
    """The objects of one plane, by label.

    Parameters
    ----------
    label : ndarray, shape (N,), int32
        In rising order.
    area : ndarray, shape (N,), int64
        In px.
    box : ndarray, shape (N, 4), int64
        First row and column, and those after the last: ``y0, x0, y1, x1``.
    centre : ndarray, shape (N, 2), float64
        Mean position of the centres of their pixels, (y, x) in px; pixel i is from i to i + 1.
    """

    label: LabelArray
    area: IntArray
    box: IntArray
    centre: DoubleArray

    def row(self, label: int) -> int | None:
        """Return where an object stands; None where there is none of that label."""
        at = int(np.searchsorted(self.label, label))
        return at if at < len(self.label) and self.label[at] == label else None


class Inventory:
    """The objects of a canvas. Not for several threads at once.

    Parameters
    ----------
    canvas : LabelCanvas
    """

    def __init__(self, canvas: LabelCanvas) -> None:
        self._canvas = canvas
        self._chunks: dict[tuple[int, ...], _Found] = {}
        self._planes: dict[tuple[int, ...], PlaneObjects] = {}

    def forget(self, place: tuple[int, ...], y: int, x: int) -> None:
        """Say that something has changed in the chunk that holds a pixel."""
        self._chunks.pop((*place, y // CHUNK, x // CHUNK), None)
        self._planes.pop(place, None)

    def plane(self, place: tuple[int, ...]) -> PlaneObjects:
        """Return the objects of a plane."""
        if place not in self._planes:
            self._planes[place] = _joined(self._parts(place))
        return self._planes[place]

    def places(self, label: int) -> list[tuple[int, ...]]:
        """Return the planes on which an object is, in order."""
        planes = np.ndindex(*self._canvas.shape[:-2])
        return [place for place in planes if self.plane(place).row(label) is not None]

    def labels(self) -> LabelArray:
        """Return the labels of all objects, in rising order."""
        found = [self.plane(place).label for place in np.ndindex(*self._canvas.shape[:-2])]
        return np.unique(np.concatenate(found))

    def _parts(self, place: tuple[int, ...]) -> list[_Found]:
        height, width = self._canvas.shape[-2:]
        found = []
        for index, rows, columns in self._canvas.blocks((place, slice(0, height), slice(0, width))):
            key = (*place, rows.start // CHUNK, columns.start // CHUNK)
            if key not in self._chunks:
                self._chunks[key] = _measured(
                    self._canvas[(*index, rows, columns)], rows.start, columns.start
                )
            found.append(self._chunks[key])
        return found


def _measured(block: LabelArray, y: int, x: int) -> _Found:
    flat = block.ravel()
    starts = flat[np.flatnonzero(np.diff(flat, prepend=0))]
    labels = np.unique(starts[starts > 0])
    found = _looked_at(np.ascontiguousarray(block), labels)
    area = found[:, _AREA]
    found[:, [_TOP, _BOTTOM]] += y
    found[:, [_LEFT, _RIGHT]] += x
    found[:, _SUM_Y] += y * area
    found[:, _SUM_X] += x * area
    return labels, found


@njit(cache=True)
def _looked_at(block: LabelArray, labels: LabelArray) -> IntArray:
    """Return area, box and sums of positions of each of some sorted labels."""
    found = np.zeros((len(labels), 7), np.int64)
    found[:, 1:3] = np.iinfo(np.int64).max
    label, row = 0, 0
    for y in range(block.shape[0]):
        for x in range(block.shape[1]):
            value = block[y, x]
            if value <= 0:
                continue
            if value != label:
                label, row = value, np.searchsorted(labels, value)
            one = found[row]
            one[0] += 1
            one[1] = min(one[1], y)
            one[2] = min(one[2], x)
            one[3] = max(one[3], y + 1)
            one[4] = max(one[4], x + 1)
            one[5] += y
            one[6] += x
    return found


def _joined(parts: Iterable[_Found]) -> PlaneObjects:
    """Join what was found in the chunks of a plane."""
    parts = [part for part in parts if len(part[0])]
    if not parts:
        return PlaneObjects(
            np.zeros(0, np.int32),
            np.zeros(0, np.int64),
            np.zeros((0, 4), np.int64),
            np.zeros((0, 2)),
        )
    several = np.concatenate([labels for labels, _ in parts])
    values = np.concatenate([values for _, values in parts])
    order = np.argsort(several, kind="stable")
    labels, first = np.unique(several[order], return_index=True)
    values = values[order]
    total = np.add.reduceat(values, first, axis=0)
    low, high = (
        np.minimum.reduceat(values, first, axis=0),
        np.maximum.reduceat(values, first, axis=0),
    )
    box = np.stack([low[:, _TOP], low[:, _LEFT], high[:, _BOTTOM], high[:, _RIGHT]], axis=1)
    area = total[:, _AREA]
    centre = total[:, [_SUM_Y, _SUM_X]] / area[:, None] + 0.5
    return PlaneObjects(labels, area, box, centre)
