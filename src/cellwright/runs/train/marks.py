"""Points as rings and boxes as frames, for pictures."""

from __future__ import annotations

import numpy as np

from cellwright._types import AnyArray, LabelArray
from cellwright.datasets.boxes import Boxes
from cellwright.datasets.points import Points
from cellwright.reports.drawing import draw_frames, draw_marks

_RADIUS = 4.0  # px


def as_labels(pixels: AnyArray, truth: LabelArray | Boxes | Points) -> dict[str, LabelArray]:
    """Return what is annotated in a patch as ``labels`` that can be outlined.

    Parameters
    ----------
    pixels : ndarray, shape (C, [Z,] Y, X)
    truth : ndarray, Boxes or Points
    """
    size = pixels.shape[1:]
    if isinstance(truth, Boxes):
        corners = truth.corners[truth.known]
        return {"labels": draw_frames(corners, np.arange(1, len(corners) + 1), size)}
    if isinstance(truth, Points):
        return {"labels": draw_marks(truth.positions, size, _RADIUS)}
    return {"labels": truth}
