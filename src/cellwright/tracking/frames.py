"""What linking looks at: places and features of the detections of one frame."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from cellwright._types import BoolArray, DoubleArray, IntArray, Table
from cellwright.tracking.candidates import Grid, make_grid
from cellwright.tracking.tracks import Tracks


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

    Parameters
    ----------
    tracks : Tracks
        Their links do not matter.

    Attributes
    ----------
    dimensions : int
    feature_names : tuple of str
    typical_diameter : float or None
        Of the disk (ball) of the median area (volume), in the unit of positions; None when the
        detections have no area.
    extent : array of float, shape (D,)
        Greatest distance between detections of any frames along each axis.
    position, features, border : array of float, shapes (N, D), (N, F) and (N,)
        Of all detections; see `Frame`.
    frame_of : array of int, shape (N,)
        Their frames.
    """

    def __init__(self, tracks: Tracks) -> None:
        self.dimensions = tracks.dimensions
        self.feature_names, self.features = _features(tracks)
        self.position = tracks.position_um
        self.frame_of = tracks.frame.astype(np.int64)
        self._offsets = tracks.frame_offsets()
        self.border = _border(self.position)
        # Of what is cut off, as much is left to leave as is seen: twice as deep as its centre.
        self.border[cut_off(tracks)] *= 2.0
        self.typical_diameter = _typical_diameter(tracks)
        self.extent = _spans(self.position) if len(tracks) else np.zeros(self.dimensions)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def with_features(self, names: tuple[str, ...]) -> Movie:
        """Return the same movie with only some of its features."""
        other = copy(self)
        kept = [self.feature_names.index(name) for name in names]
        other.feature_names = names
        other.features = np.ascontiguousarray(self.features[:, kept])
        return other

    @property
    def counts(self) -> IntArray:
        """Detections in each frame, shape (T,)."""
        return np.diff(self._offsets)

    def spans(self, number: int) -> DoubleArray:
        """Return how far the detections of a frame reach along each axis, shape (D,)."""
        rows = slice(self._offsets[number], self._offsets[number + 1])
        return _spans(self.position[rows])

    def frame(self, number: int, window: int | None = None) -> Frame:
        """Return one frame, or the `window` detections of it that are next to its middle."""
        rows = np.arange(self._offsets[number], self._offsets[number + 1])
        border = self.border[rows]
        if window is not None and len(rows) > window:
            rows = _central(self.position, rows, window)
            # Cells that cross the border of the window do not end or begin there.
            border = np.minimum(self.border[rows], _border(self.position[rows]))
        grid = make_grid(self.position[rows])
        rows, border = rows[grid.order], border[grid.order]
        return Frame(
            rows=rows,
            position=self.position[rows],
            features=self.features[rows],
            border=border,
            grid=replace(grid, order=np.arange(len(rows))),
        )


def _features(tracks: Tracks) -> tuple[tuple[str, ...], DoubleArray]:
    """Return those features that the detections have and that differ between them."""
    table = _numbers(tracks)
    columns = {
        name: table[name]
        for name in table
        if name == "area" or name.startswith(("intensity_mean", "intensity_std"))
    }
    if {"axis_major_length", "axis_minor_length"} <= table.keys():
        thinnest = np.maximum(table["axis_minor_length"], 1.0)
        columns["elongation"] = np.maximum(table["axis_major_length"], thinnest) / thinnest
    names, logarithms = [], []
    for name, column in columns.items():
        positive = column[np.isfinite(column) & (column > 0)]
        if not len(positive) or positive.min() == positive.max():
            continue
        usual = float(np.median(positive))
        names.append(name)
        logarithms.append(np.log(np.maximum(column, 0.01 * usual)))
    features = np.stack(logarithms, axis=1) if names else np.zeros((len(tracks), 0))
    # What is cut off by the border has neither the size nor the shape of the whole.
    features[cut_off(tracks)] = np.nan
    features[~np.isfinite(features).all(axis=1)] = np.nan
    return tuple(names), np.ascontiguousarray(features)


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


def _spans(position: DoubleArray) -> DoubleArray:
    """Return how far positions reach along each axis, shape (D,)."""
    return np.array([np.ptp(axis) for axis in position.T])  # all at once takes ten times longer


def _border(position: DoubleArray) -> DoubleArray:
    """Return how far each detection is from the border of a box around all, shape (N,)."""
    nearest = np.full(len(position), np.inf)
    for axis in position.T if len(position) else ():
        low, high = axis.min(), axis.max()
        if high > low:  # a single plane has no upper and lower border
            nearest = np.minimum(nearest, np.minimum(axis - low, high - axis))
    return nearest


def _central(position: DoubleArray, rows: IntArray, count: int) -> IntArray:
    """Return the detections in a box around the middle that holds about `count` of them."""
    places = position[rows]
    share = (count / len(rows)) ** (1 / places.shape[1])
    low, high = np.quantile(places, (0.5 - share / 2, 0.5 + share / 2), axis=0)
    return np.asarray(rows[((low <= places) & (places <= high)).all(axis=1)])
