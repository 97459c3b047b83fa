"""What linking looks at: places and features of the detections of one frame."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from cellwright._types import BoolArray, DoubleArray, IntArray, Table
from cellwright.tracking.candidates import Grid, make_grid
from cellwright.tracking.tracks import Tracks

Rows: TypeAlias = IntArray | BoolArray | slice
"""Which detections of a movie."""
_HOLLOW = 0.5  # of what is looked for: less is in the middle where there is a hole
_SIDE = 0.75  # share of all that lies before the place that is looked at then, along one axis


@dataclass(frozen=True, slots=True)
class Frame:
    """The N detections of one frame, sorted by place, so that neighbours lie close in memory.

    Attributes
    ----------
    rows : array of int, shape (N,)
        Which detections of the movie they are.
    position : array of float, shape (N, D)
        In µm, or in px where the pixel size is not known.
    features : array of float, shape (N, F)
        Logarithms of sizes and intensities: what two frames of one cell have in common. NaN where
        they are not known.
    border : array of float, shape (N,)
        Distance to the border of the field, in the unit of `position`.
    grid : Grid
        Of the positions.
    """

    rows: IntArray
    position: DoubleArray
    features: DoubleArray
    border: DoubleArray
    grid: Grid

    def __len__(self) -> int:
        return len(self.rows)


class Movie:
    """The detections of a movie, frame by frame.

    What linking looks at is told of some detections at a time, so that nothing is kept of all of
    them besides the tracks.

    Parameters
    ----------
    tracks : Tracks
        Their links do not matter.

    Attributes
    ----------
    dimensions : int
    feature_names : tuple of str
        Features that the detections have and that differ between them.
    typical_diameter : float or None
        Of the disk (ball) of the median area (volume), in the unit of positions; None when the
        detections have no area.
    extent : array of float, shape (D,)
        Greatest distance between detections of any frames along each axis.
    frame_of : array of int, shape (N,)
        Frame of each detection.
    """

    def __init__(self, tracks: Tracks) -> None:
        self.dimensions = tracks.dimensions
        self.frame_of = tracks.frame
        self.typical_diameter = _typical_diameter(tracks)
        self._places = tracks.position
        self._scale = tracks.pixel_size
        low, high = map(self._scaled, bounds(tracks.position))
        self.extent = high - low
        self._offsets = tracks.frame_offsets()
        wide = self.extent >= _spacing(self.extent, len(tracks) / max(len(self), 1))
        self._cut_off = cut_off(tracks)
        beyond = self._unseen()
        self._low = np.where(wide, low - beyond, -np.inf)
        self._high = np.where(wide, high + beyond, np.inf)
        self._columns = _numbers(tracks)
        self._usual = _usual(_positive(self._columns, slice(None)))
        self.feature_names = tuple(self._usual)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def _unseen(self) -> DoubleArray | float:
        """Return how far a field reaches beyond its outermost detections, as far as is known.

        Few that are spread evenly leave as much on each side as there is between them.
        """
        if self._cut_off.any():
            return 0.0
        count = float(np.median(self.counts[self.counts > 0]))
        return self.extent / (count - 1) if count > 1 else np.inf

    def with_features(self, names: tuple[str, ...]) -> Movie:
        """Return the same movie with only some of its features."""
        other = copy(self)
        other.feature_names = names
        return other

    @property
    def counts(self) -> IntArray:
        """Detections in each frame, shape (T,)."""
        return np.diff(self._offsets)

    def rows(self, number: int) -> IntArray:
        """Return which detections are in a frame."""
        return np.arange(self._offsets[number], self._offsets[number + 1])

    def position(self, rows: Rows) -> DoubleArray:
        """Return where some detections are, shape (N, D); see `Frame`."""
        return self._scaled(self._places[rows])

    def _scaled(self, places: DoubleArray) -> DoubleArray:
        return places if self._scale is None else np.asarray(places * np.asarray(self._scale))

    def features(self, rows: Rows) -> DoubleArray:
        """Return the features of some detections, shape (N, F); see `Frame`."""
        columns = _positive(self._columns, rows)
        features = np.empty((len(self._cut_off[rows]), len(self.feature_names)))
        for place, name in enumerate(self.feature_names):
            features[:, place] = np.log(np.maximum(columns[name], 0.01 * self._usual[name]))
        # What is cut off by the border has neither the size nor the shape of the whole.
        if not self.feature_names:
            return features
        features[self._cut_off[rows]] = np.nan
        features[~np.isfinite(features).all(axis=1)] = np.nan
        return features

    def border(self, rows: Rows) -> DoubleArray:
        """Return how far some detections are from the border of the field, shape (N,)."""
        return self._border(self.position(rows), rows)

    def _border(self, position: DoubleArray, rows: Rows) -> DoubleArray:
        border = _border(position, self._low, self._high)
        # Of what is cut off, as much is left to leave as is seen: twice as deep as its centre.
        border[self._cut_off[rows]] *= 2.0
        return border

    def spans(self, number: int) -> DoubleArray:
        """Return how far the detections of a frame reach along each axis, shape (D,)."""
        low, high = bounds(self.position(self.rows(number)))
        return high - low

    def frame(self, number: int, window: int | None = None) -> Frame:
        """Return one frame, or the `window` detections of it that are next to its middle."""
        every = slice(self._offsets[number], self._offsets[number + 1])
        rows, position = self.rows(number), self.position(every)
        if window is None or len(rows) <= window:
            border = self._border(position, every)
        else:
            kept = _central(position, window)
            rows, position = rows[kept], position[kept]
            # Cells that cross the border of the window do not end or begin there.
            low, high = bounds(position)
            wide = np.isfinite(self._low)
            edge = _border(position, np.where(wide, low, -np.inf), np.where(wide, high, np.inf))
            border = np.minimum(self._border(position, rows), edge)
        grid = make_grid(position)
        order = grid.order
        return Frame(
            rows=rows[order],
            position=position[order],
            features=self.features(rows[order]),
            border=border[order],
            grid=replace(grid, order=np.arange(len(rows))),
        )


def _positive(columns: Table, rows: Rows) -> Table:
    """Return what the features are logarithms of, of some detections."""
    chosen = {
        name: column[rows]
        for name, column in columns.items()
        if name == "area" or name.startswith(("intensity_mean", "intensity_std"))
    }
    if {"axis_major_length", "axis_minor_length"} <= columns.keys():
        thinnest = np.maximum(columns["axis_minor_length"][rows], 1.0)
        longest = np.maximum(columns["axis_major_length"][rows], thinnest)
        chosen["elongation"] = longest / thinnest
    return chosen


def _usual(columns: Table) -> dict[str, float]:
    """Return the median of each column that tells detections apart."""
    usual = {}
    for name, column in columns.items():
        positive = column[np.isfinite(column) & (column > 0)]
        if len(positive) and positive.min() < positive.max():
            usual[name] = float(np.median(positive))
    return usual


def _numbers(tracks: Tracks) -> Table:
    """Return the columns that hold numbers: in tables from elsewhere, others are texts."""
    return {name: one for name, one in tracks.properties.items() if one.dtype.kind in "iuf"}


def cut_off(tracks: Tracks) -> BoolArray:
    """Return which detections are cut off by the border of the image, as far as known."""
    touches = tracks.properties.get("touches_border", np.zeros(len(tracks), np.bool_))
    # Tables from elsewhere may have 0 and 1, or nothing where it is not known.
    return np.asarray(touches == 1 if touches.dtype.kind in "biuf" else touches == "True")


def _typical_diameter(tracks: Tracks) -> float | None:
    areas = _numbers(tracks).get("area", np.zeros(0))
    areas = areas[np.isfinite(areas) & (areas > 0)]  # tables may not know all of them
    if not len(areas):
        return None
    size = float(np.median(areas)) * float(np.prod(tracks.pixel_size or (1.0,)))
    flat = tracks.dimensions == 2
    return float(2 * np.sqrt(size / np.pi) if flat else np.cbrt(6 * size / np.pi))


def bounds(position: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """Return the least and the greatest position along each axis; 0 where there is none."""
    if not len(position):
        return np.zeros(position.shape[1]), np.zeros(position.shape[1])
    # One axis after the other: all at once takes ten times longer.
    return np.array([axis.min() for axis in position.T]), np.array(
        [one.max() for one in position.T]
    )


def _spacing(extent: DoubleArray, count: float) -> float:
    """Return how far so many detections are apart, seen along the shortest axis of their box.

    A field that is no deeper than that has no border there. Few detections do not make it so.
    """
    wide = np.sort(extent[extent > 0])[-2:]
    return float((np.prod(wide) / max(count, 4.0)) ** (1 / len(wide))) if len(wide) else 0.0


def _border(position: DoubleArray, low: DoubleArray, high: DoubleArray) -> DoubleArray:
    """Return how far each detection is from the border of a box, shape (N,)."""
    nearest = np.full(len(position), np.inf)
    for axis, first, last in zip(position.T, low, high, strict=True):
        if last > first:  # a single plane has no upper and lower border
            nearest = np.minimum(nearest, np.minimum(axis - first, last - axis))
    return nearest


def _central(places: DoubleArray, count: int) -> BoolArray:
    """Return which places lie in a box around the middle that holds about `count` of them."""
    share = (count / len(places)) ** (1 / places.shape[1])
    kept = np.ones(len(places), np.bool_)
    for axis in places.T:  # all at once takes longer, as in `bounds`
        low, high = np.quantile(axis, (0.5 - share / 2, 0.5 + share / 2))
        kept &= (low <= axis) & (axis <= high)
    return kept if kept.sum() > _HOLLOW * count else _nearest_to_a_side(places, count)


def _nearest_to_a_side(places: DoubleArray, count: int) -> BoolArray:
    """Return which places lie in a cube that holds `count`, where the middle is hollow.

    As that of an embryo whose nuclei lie in a shell. The cube is around a place on the side, found
    alike in all frames: far along the last axis, of those near the middle of the axes before.
    """
    rows, side = np.arange(len(places)), np.zeros(places.shape[1])
    for number, axis in enumerate(places.T):
        last = number == places.shape[1] - 1
        side[number] = np.quantile(axis[rows], _SIDE if last else 0.5)
        near = np.argsort(np.abs(axis[rows] - side[number]), kind="stable")
        rows = rows[near[: max(len(rows) // 10, 1)]]
    anchor = places[np.abs(places - side).max(axis=1).argmin()]
    kept = np.zeros(len(places), np.bool_)
    kept[np.abs(places - anchor).max(axis=1).argsort(kind="stable")[:count]] = True
    return kept
