"""Truths of patches as arrays of one shape, which batches need."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cellwright._errors import DatasetError
from cellwright._types import AnyArray, DoubleArray
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
            f"A patch holds {count:,} points, more than {MOST_POINTS:,}: choose a smaller --patch."
        )
    numbers = np.array([classes.index(name) for name in points.names[inside]], np.int64)
    packed = np.full((MOST_POINTS, 1 + points.positions.shape[1]), np.nan)
    packed[:count] = by_class(points.positions[inside], numbers)
    return packed


def unpacked_points(packed: AnyArray) -> DoubleArray:
    """Return the rows that hold a point."""
    rows: DoubleArray = packed[np.isfinite(packed[:, 0])]
    return rows
