"""The boxes of patches as arrays of one shape, which batches need."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cellwright._types import AnyArray, DoubleArray, IntArray, LabelArray
from cellwright.datasets.boxes import Boxes
from cellwright.datasets.objects import Objects
from cellwright.methods.boxes.geometry import boxes_of

MOST_BOXES = 4096
"""Of one patch; more do not count."""


def packed_boxes(classes: Sequence[str], truth: Boxes | Objects | LabelArray) -> AnyArray:
    """Return the boxes of a patch, or those around its objects, as one array.

    Parameters
    ----------
    classes : sequence of str
        All that there are; numbered objects are of the first, if nothing else is told.
    truth : Boxes, or Objects, or ndarray, shape (Y, X), int32

    Returns
    -------
    ndarray, shape (MOST_BOXES, 6), float64
        The box, the number of its class, and whether it is known; NaN in the rows that are left.
    """
    packed = np.full((MOST_BOXES, 6), np.nan)
    if isinstance(truth, Boxes):
        kinds = [classes.index(name) if name in classes else 0 for name in truth.names.tolist()]
        rows = np.column_stack((truth.corners, kinds, truth.known))
    else:
        rows = np.column_stack(boxes_of(truth))
    packed[: len(rows)] = rows[:MOST_BOXES]
    return packed


def unpacked_boxes(packed: AnyArray) -> tuple[DoubleArray, IntArray, AnyArray]:
    """Return boxes (N, 4), the numbers of their classes, and whether they are known."""
    rows = packed[np.isfinite(packed[:, 0])]
    return rows[:, :4], rows[:, 4].astype(np.int64), rows[:, 5] > 0
