"""Objects that go on in the next slice of a volume, or in the next frame of a movie.

Functions from a canvas to new pixels, as the tools of one plane are (`tools.py`); a slice is the
index of a plane along the leading axes of the labels. What is there already is never painted over.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import BoolArray, DoubleArray, LabelArray
from cellwright.studio.canvas import LabelCanvas
from cellwright.studio.inventory import Inventory
from cellwright.studio.tools import Point, Window, brush

Index = tuple[int, ...]
_LEAST_OVERLAP = 0.1  # intersection over union, below which two objects are not the same


def moved(index: Index, axis: int, to: int, shape: tuple[int, ...]) -> Index:
    """Return the plane `to` along an axis.

    Raises
    ------
    UsageError
        If there is no such plane.
    """
    if not 0 <= to < shape[axis]:
        raise UsageError("There is no slice or frame beyond this one.")
    return (*index[:axis], to, *index[axis + 1 :])


def ball(
    canvas: LabelCanvas,
    index: Index,
    axis: int,
    points: Sequence[Point],
    radius: float,
    label: int,
    *,
    distance: float,
    only_background: bool,
) -> list[Window]:
    """Give `label` to what lies within `radius` of a line, in the slices around, too; 0 erases.

    Parameters
    ----------
    canvas, index
        The plane that the line is on.
    axis : int
        Along which slices lie, of the leading axes.
    points : sequence of (y, x)
        Corners of the line, in px.
    radius : float
        In px of a plane.
    label : int
    distance : float
        Of slices, in px of a plane.
    only_background : bool
        Leave other objects as they are.
    """
    reach = math.floor(radius / distance)
    windows = []
    for to in range(max(0, index[axis] - reach), min(canvas.shape[axis], index[axis] + reach + 1)):
        height = (to - index[axis]) * distance
        windows += brush(
            canvas,
            moved(index, axis, to, canvas.shape),
            points,
            max(math.sqrt(radius**2 - height**2), 0.5),
            label,
            only_background=only_background,
        )
    return windows


def copy(
    canvas: LabelCanvas, inventory: Inventory, index: Index, target: Index, labels: Sequence[int]
) -> list[Window]:
    """Copy objects to another plane, all when none is named, but for those that are there."""
    here, there = inventory.plane(index), inventory.plane(target)
    chosen = np.isin(here.label, labels) if len(labels) else np.ones(len(here.label), bool)
    chosen &= ~np.isin(here.label, there.label)
    if not chosen.any():
        return []
    top, left = here.box[chosen, :2].min(axis=0).tolist()
    bottom, right = here.box[chosen, 2:].max(axis=0).tolist()
    box = slice(top, bottom), slice(left, right)
    values = canvas[(*index, *box)]
    values = np.where(np.isin(values, here.label[chosen]), values, np.int32(0))
    return [_on_background(canvas, target, top, left, values)]


def interpolate(
    canvas: LabelCanvas, inventory: Inventory, index: Index, axis: int, label: int
) -> list[Window]:
    """Draw an object in the slices between those that it is on.

    Between two slices its outline is where the mean of both distances to the outline, weighted by
    how near the slices are, is 0; the middle of the object moves on a straight line.

    Parameters
    ----------
    canvas, inventory, index
        One of its planes.
    axis : int
        Along which slices lie, of the leading axes.
    label : int

    References
    ----------
    .. [1] G. T. Herman, J. Zheng, C. A. Bucholtz (1992) Shape-based interpolation. IEEE Computer
       Graphics and Applications 12, 69-79.
    """
    along = [moved(index, axis, to, canvas.shape) for to in range(canvas.shape[axis])]
    seen = [to for to, place in enumerate(along) if inventory.plane(place).row(label) is not None]
    windows = []
    for before, after in pairwise(seen):
        if after - before == 1:
            continue
        shapes = [_shape(canvas, inventory, along[to], label) for to in (before, after)]
        for to in range(before + 1, after):
            part = (to - before) / (after - before)
            windows += _between(canvas, along[to], shapes, part, label)
    return windows


def overlapping(
    found: LabelArray, y: int, x: int, canvas: LabelCanvas, index: Index, label: int
) -> BoolArray | None:
    """Return which of the objects found is most like one that is on another plane.

    Parameters
    ----------
    found : ndarray, shape (Y, X), int32
        What was found on a plane, from its pixel `y`, `x` on.
    canvas, index, label
        The object.

    Returns
    -------
    ndarray, shape (Y, X), bool, or None
        None where nothing that was found overlaps it.
    """
    height, width = found.shape
    mask = canvas[(*index, slice(y, y + height), slice(x, x + width))] == label
    count = int(found.max(initial=0))
    both = np.bincount(found[mask], minlength=count + 1).astype(np.float64)
    union = np.bincount(found.ravel(), minlength=count + 1) + np.count_nonzero(mask) - both
    both[0] = 0
    likeness = both / np.maximum(union, 1)
    best = int(likeness.argmax())
    return found == best if likeness[best] >= _LEAST_OVERLAP else None


def painted(
    canvas: LabelCanvas, index: Index, y: int, x: int, mask: BoolArray, label: int
) -> list[Window]:
    """Give `label` to the background of a plane in a mask that begins at a pixel."""
    return [_on_background(canvas, index, y, x, np.where(mask, np.int32(label), np.int32(0)))]


_Shape = tuple[DoubleArray, DoubleArray]
"""Distance to the outline, above 0 inside, in a window around the middle; and the middle (y, x)."""


def _shape(canvas: LabelCanvas, inventory: Inventory, index: Index, label: int) -> _Shape:
    objects = inventory.plane(index)
    row = objects.row(label)
    assert row is not None  # it was just found there
    top, left, bottom, right = objects.box[row].tolist()
    mask = canvas[(*index, slice(top, bottom), slice(left, right))] == label
    middle = np.floor(objects.centre[row])
    before = middle - [top, left]
    after = [bottom, right] - middle
    reach = np.maximum(before, after).astype(int) + 1
    pad = [
        (int(r - b), int(r - a)) for r, b, a in zip(reach, before, after, strict=True)
    ]  # the middle is in the middle of the window
    return _signed(np.pad(mask, pad)), middle


def _signed(mask: BoolArray) -> DoubleArray:
    """Return the distance of pixels to the outline of a mask in px, above 0 inside."""
    from scipy.ndimage import distance_transform_edt

    inside, outside = (distance_transform_edt(part) for part in (mask, ~mask))
    return np.asarray(np.where(mask, inside - 0.5, 0.5 - outside))


def _between(
    canvas: LabelCanvas, index: Index, shapes: Sequence[_Shape], part: float, label: int
) -> list[Window]:
    first, second = shapes
    size = np.maximum(first[0].shape, second[0].shape)
    distances = [_padded(one, size) for one, _ in (first, second)]
    mask = (1 - part) * distances[0] + part * distances[1] > 0
    middle = np.rint((1 - part) * first[1] + part * second[1]).astype(int)
    top, left = (middle - size // 2).tolist()
    start = max(0, -top), max(0, -left)
    stop = [n - o for n, o in zip(canvas.shape[-2:], (top, left), strict=True)]
    inside = mask[start[0] : max(stop[0], 0), start[1] : max(stop[1], 0)]
    return painted(canvas, index, top + start[0], left + start[1], inside, label)


def _padded(distance: DoubleArray, size: LabelArray) -> DoubleArray:
    """Return distances in a larger window, in whose middle they are."""
    more = [(int(n - s) // 2,) * 2 for n, s in zip(size, distance.shape, strict=True)]
    whole = np.pad(distance > 0, more)
    return distance if distance.shape == whole.shape else _signed(whole)


def _on_background(canvas: LabelCanvas, index: Index, y: int, x: int, values: LabelArray) -> Window:
    height, width = values.shape
    old = canvas[(*index, slice(y, y + height), slice(x, x + width))]
    return Window(index, y, x, np.where((old <= 0) & (values > 0), values, old))
