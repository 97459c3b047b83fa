"""What the tools do to labels: pure functions from a canvas and a gesture to new pixels.

Positions are ``(y, x)`` in px, with pixel i between i and i + 1. The object under a position is
looked for around it: all pixels of its label in the smallest window, doubled again and again,
whose border it does not cross. Every tool works on one plane.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import BoolArray, LabelArray
from cellwright.studio.canvas import CHUNK, LabelCanvas

Point = tuple[float, float]
UNKNOWN = -1
"""The label of pixels of which the annotator does not say what they are."""
LARGEST_RADIUS = 1024.0  # px
_SMALLEST_PIECE = 4  # px; a line that only grazes an object does not split it
_FIRST_REACH = 64  # px


@dataclass(frozen=True, slots=True)
class Window:
    """New values of a rectangle of one plane.

    Parameters
    ----------
    place : tuple of int
        Index along the leading axes.
    y, x : int
        Upper left pixel.
    values : ndarray, shape (Y, X), int32
    """

    place: tuple[int, ...]
    y: int
    x: int
    values: LabelArray


def label_at(canvas: LabelCanvas, place: tuple[int, ...], point: Point) -> int:
    """Return the object under a position; 0 where there is none, or outside the image."""
    y, x = (math.floor(value) for value in point)
    height, width = canvas.shape[-2:]
    inside = 0 <= y < height and 0 <= x < width
    return max(0, int(canvas[(*place, y, x)])) if inside else 0


def brush(
    canvas: LabelCanvas,
    place: tuple[int, ...],
    points: Sequence[Point],
    radius: float,
    label: int,
    *,
    only_background: bool,
) -> list[Window]:
    """Give `label` to the pixels whose centres lie within `radius` of a line; 0 erases.

    With `UNKNOWN`, what lies there takes part in no training.

    Parameters
    ----------
    canvas, place
        The plane.
    points : sequence of (y, x)
        Corners of the line, in px.
    radius : float
        In px.
    label : int
    only_background : bool
        Leave other objects as they are.

    Raises
    ------
    UsageError
        If there is no point, or the radius is out of range.
    """
    if not points:
        raise UsageError("A stroke needs at least one point.")
    if not 0 < radius <= LARGEST_RADIUS:
        raise UsageError(f"The brush is up to {LARGEST_RADIUS:g} px wide, not {radius}.")
    box = _around(canvas, points, radius)
    mask = _stroke(points, radius, box)
    return _painted(canvas, place, box, mask, label, only_background)


def lasso(
    canvas: LabelCanvas,
    place: tuple[int, ...],
    points: Sequence[Point],
    label: int,
    *,
    only_background: bool,
) -> list[Window]:
    """Give `label` to the pixels whose centres lie inside a polygon.

    Raises
    ------
    UsageError
        If it has fewer than three corners.
    """
    from skimage.draw import polygon2mask

    if len(points) < 3:
        raise UsageError("An outline needs at least three points.")
    box = _around(canvas, points, 1)
    corners = np.array(points) - [box[0].start + 0.5, box[1].start + 0.5]
    mask = polygon2mask(_size(box), corners)
    return _painted(canvas, place, box, mask, label, only_background)


def outlined(
    points: Sequence[Point], size: tuple[int, ...]
) -> tuple[tuple[slice, slice], BoolArray]:
    """Return the pixels of an image that lie inside of a polygon, and where they are.

    Raises
    ------
    UsageError
        If there are none.
    """
    (window,) = lasso(LabelCanvas(size), (), points, 1, only_background=False)
    if not window.values.any():
        raise UsageError("There is no pixel of the image inside of this outline.")
    height, width = window.values.shape
    box = slice(window.y, window.y + height), slice(window.x, window.x + width)
    return box, window.values > 0


def delete(canvas: LabelCanvas, place: tuple[int, ...], point: Point) -> list[Window]:
    """Remove the object under a position."""
    return _relabelled(canvas, place, point, 0)


def merge(canvas: LabelCanvas, place: tuple[int, ...], first: Point, other: Point) -> list[Window]:
    """Make the object under `other` part of the one under `first`."""
    label = label_at(canvas, place, first)
    return _relabelled(canvas, place, other, label) if label else []


def fill_holes(canvas: LabelCanvas, place: tuple[int, ...], point: Point) -> list[Window]:
    """Fill the background that the object under a position encloses."""
    from scipy.ndimage import binary_fill_holes

    found = object_at(canvas, place, point)
    if found is None:
        return []
    box, label = found
    values = canvas[(*place, *box)].copy()
    values[binary_fill_holes(values == label) & (values == 0)] = label
    return [Window(place, box[0].start, box[1].start, values)]


def split(
    canvas: LabelCanvas, place: tuple[int, ...], points: Sequence[Point], next_label: int
) -> list[Window]:
    """Cut objects apart along a line; the largest piece keeps its label.

    Parameters
    ----------
    canvas, place
        The plane.
    points : sequence of (y, x)
        Corners of the line, in px.
    next_label : int
        The new pieces are numbered from here.
    """
    line = _rasterised(points, canvas)
    if not len(line):
        return []
    windows: list[Window] = []
    crossed = canvas[(*place, *_bounds(line))][tuple((line - line.min(axis=0)).T)]
    for label in np.unique(crossed[crossed > 0]):
        y, x = line[np.flatnonzero(crossed == label)[0]]
        found = object_at(canvas, place, (float(y), float(x)))
        assert found is not None  # the label was just read there
        box, _ = found
        values = canvas[(*place, *box)].copy()
        next_label += _cut_apart(values, int(label), line - [p.start for p in box], next_label)
        windows.append(Window(place, box[0].start, box[1].start, values))
    return _joined(canvas, windows)


def _cut_apart(values: LabelArray, label: int, line: LabelArray, next_label: int) -> int:
    """Cut one object of a window along the pixels of a line; returns how many pieces are new."""
    from scipy.ndimage import distance_transform_edt
    from scipy.ndimage import label as components

    mask = values == label
    cut = np.zeros_like(mask)
    inside = np.all((line >= 0) & (line < mask.shape), axis=1)
    cut[tuple(line[inside].T)] = True
    pieces, count = components(mask & ~cut)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    whole = [n for n in np.argsort(-sizes[1:], kind="stable") + 1 if sizes[n] >= _SMALLEST_PIECE]
    if len(whole) < 2:
        return 0
    names = np.zeros(count + 1, np.int32)
    names[whole] = [label, *range(next_label, next_label + len(whole) - 1)]
    named = names[pieces]
    nearest = distance_transform_edt(named == 0, return_distances=False, return_indices=True)
    values[mask] = named[tuple(nearest)][mask]
    return len(whole) - 1


def _joined(canvas: LabelCanvas, windows: list[Window]) -> list[Window]:
    """Return one window in place of several, each of which changed other objects."""
    if len(windows) < 2:
        return windows
    corners = [(w.y, w.x, w.y + w.values.shape[0], w.x + w.values.shape[1]) for w in windows]
    top, left, *_ = np.min(corners, axis=0)
    *_, bottom, right = np.max(corners, axis=0)
    place = windows[0].place
    old = canvas[(*place, slice(int(top), int(bottom)), slice(int(left), int(right)))]
    values = old.copy()
    for window, (y0, x0, y1, x1) in zip(windows, corners, strict=True):
        part = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
        changed = window.values != old[part]
        values[part][changed] = window.values[changed]
    return [Window(place, int(top), int(left), values)]


def _relabelled(
    canvas: LabelCanvas, place: tuple[int, ...], point: Point, label: int
) -> list[Window]:
    found = object_at(canvas, place, point)
    if found is None:
        return []
    box, old = found
    values = canvas[(*place, *box)]
    return [
        Window(place, box[0].start, box[1].start, np.where(values == old, np.int32(label), values))
    ]


def _painted(
    canvas: LabelCanvas,
    place: tuple[int, ...],
    box: tuple[slice, slice],
    mask: BoolArray,
    label: int,
    only_background: bool,
) -> list[Window]:
    values = canvas[(*place, *box)].copy()
    values[mask & (values <= 0) if only_background else mask] = label
    return [Window(place, box[0].start, box[1].start, values)]


def object_at(
    canvas: LabelCanvas, place: tuple[int, ...], point: Point
) -> tuple[tuple[slice, slice], int] | None:
    """Return a window that holds the object under a position, and its label."""
    label = label_at(canvas, place, point)
    if not label:
        return None
    reach = _FIRST_REACH
    while True:
        box = _around(canvas, [point], reach)
        mask = canvas[(*place, *box)] == label
        if not _crosses(mask, box, canvas.shape[-2:]):
            rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
            top, left = box[0].start, box[1].start
            return (
                slice(top + int(rows[0]), top + int(rows[-1]) + 1),
                slice(left + int(columns[0]), left + int(columns[-1]) + 1),
            ), label
        reach *= 2


def _crosses(mask: BoolArray, box: tuple[slice, slice], shape: tuple[int, ...]) -> bool:
    """Whether an object reaches a border of a window that is no border of the image."""
    rows, columns = box
    return bool(
        (rows.start > 0 and mask[0].any())
        or (rows.stop < shape[0] and mask[-1].any())
        or (columns.start > 0 and mask[:, 0].any())
        or (columns.stop < shape[1] and mask[:, -1].any())
    )


def _stroke(points: Sequence[Point], radius: float, box: tuple[slice, slice]) -> BoolArray:
    mask = np.zeros(_size(box), bool)
    origin = np.array([box[0].start + 0.5, box[1].start + 0.5])
    corners = np.array(points, float) - origin
    for start, stop in zip(corners, corners[1:] if len(corners) > 1 else corners, strict=False):
        low = np.maximum(np.floor(np.minimum(start, stop) - radius), 0).astype(int)
        high = np.ceil(np.maximum(start, stop) + radius).astype(int) + 1
        part = mask[low[0] : max(high[0], 0), low[1] : max(high[1], 0)]
        y, x = np.ogrid[low[0] : low[0] + part.shape[0], low[1] : low[1] + part.shape[1]]
        part |= _squared_distance(y, x, start, stop) <= radius**2
    return mask


def _squared_distance(y: object, x: object, start: object, stop: object) -> BoolArray:
    """Return the squared distance of pixels to a line between two points."""
    dy, dx = np.asarray(y) - start[0], np.asarray(x) - start[1]  # type: ignore[index]
    along = np.asarray(stop) - np.asarray(start)
    length = float(along @ along)
    part = np.clip((dy * along[0] + dx * along[1]) / length, 0, 1) if length else 0.0
    found: BoolArray = (dy - part * along[0]) ** 2 + (dx - part * along[1]) ** 2
    return found


def _rasterised(points: Sequence[Point], canvas: LabelCanvas) -> LabelArray:
    """Return the pixels (N, 2) of a line, inside the image, that no path along edges crosses."""
    from skimage.draw import line

    corners = np.floor(np.asarray(points, float)).astype(int)
    corners = np.clip(corners, -CHUNK, np.array(canvas.shape[-2:]) + CHUNK)
    parts = [np.stack(line(*a, *b), axis=1) for a, b in pairwise(corners)]
    pixels = np.concatenate(parts) if parts else np.zeros((0, 2), int)
    inside = np.all((pixels >= 0) & (pixels < canvas.shape[-2:]), axis=1)
    return pixels[inside]


def _bounds(pixels: LabelArray) -> tuple[slice, slice]:
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    return slice(int(low[0]), int(high[0]) + 1), slice(int(low[1]), int(high[1]) + 1)


def _around(canvas: LabelCanvas, points: Sequence[Point], margin: float) -> tuple[slice, slice]:
    """Return the rectangle around points, inside the image."""
    corners = np.asarray(points, float)
    low = np.floor(corners.min(axis=0) - margin).astype(int)
    high = np.ceil(corners.max(axis=0) + margin).astype(int)
    starts = np.clip(low, 0, canvas.shape[-2:])
    stops = np.maximum(starts, np.clip(high, 0, canvas.shape[-2:]))
    return slice(int(starts[0]), int(stops[0])), slice(int(starts[1]), int(stops[1]))


def _size(box: tuple[slice, slice]) -> tuple[int, int]:
    return box[0].stop - box[0].start, box[1].stop - box[1].start
