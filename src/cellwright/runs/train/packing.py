"""Truths of patches as arrays of one shape, which batches need."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cellwright._errors import DatasetError
from cellwright._types import AnyArray, DoubleArray
from cellwright._words import option
from cellwright.datasets.objects import Layers, Objects
from cellwright.datasets.points import Points
from cellwright.metrics.points import by_class

MOST_POINTS = 4096
"""Of one patch."""


def packed_points(classes: Sequence[str], points: Points) -> AnyArray:
    """Return the points in a patch with their classes, as one array.

    Parameters
    ----------
    classes : sequence of str
        All that there are.
    points : Points
        In and around a patch.

    Returns
    -------
    ndarray, shape (MOST_POINTS, 1 + D), float64
        What `by_class` makes of those in the patch; NaN in the rows that are left.

    Raises
    ------
    DatasetError
        If there are too many.
    """
    assert points.known is not None  # a patch says what is known
    end = np.array(points.known.shape) - 0.5
    inside = ((points.positions >= -0.5) & (points.positions < end)).all(1)
    if (count := int(inside.sum())) > MOST_POINTS:
        raise DatasetError(
            f"A patch holds {count:,} points, more than {MOST_POINTS:,}: choose a smaller value "
            f"for {option('patch')}."
        )
    numbers = np.array([classes.index(name) for name in points.names[inside]], np.int64)
    packed = np.full((MOST_POINTS, 1 + points.positions.shape[1]), np.nan)
    packed[:count] = by_class(points.positions[inside], numbers)
    return packed


def unpacked_points(packed: AnyArray) -> DoubleArray:
    """Return the rows that hold a point."""
    rows: DoubleArray = packed[np.isfinite(packed[:, 0])]
    return rows


def packed_layers(truth: Layers) -> AnyArray:
    """Return the objects of a patch as an array, shape (L, [Z,] Y, X), int32."""
    return truth.labels


def packed_objects(truth: Objects) -> AnyArray:
    """Return the objects of a patch and their classes as one array.

    Returns
    -------
    ndarray, shape (2, [L,] [Z,] Y, X), int32
        The label of every pixel, and the number of the class of its object; 0 where unknown.
        In layers, where objects may overlap.
    """
    labels = truth.labels if truth.layers is None else truth.layers.labels
    kinds = truth.kinds[np.maximum(labels, 0)]
    return np.stack([labels, kinds.astype(np.int32)])


def unpacked_objects(packed: AnyArray) -> Objects:
    """Return the objects of a patch, as `packed_objects` took them: labels in layers, or not."""
    labels, kinds = packed
    own = np.zeros(int(labels.max(initial=0)) + 1, np.int64)
    own[labels[labels > 0]] = kinds[labels > 0]
    return Objects(labels, own)
