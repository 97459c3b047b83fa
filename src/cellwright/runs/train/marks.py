"""Points as rings and boxes as frames, for pictures."""

from __future__ import annotations

import math

import numpy as np

from cellwright._types import AnyArray, LabelArray
from cellwright.datasets.boxes import Boxes
from cellwright.datasets.points import Points
from cellwright.reports.drawing import draw_frames

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
        return {"labels": drawn_marks(truth.positions, size, _RADIUS)}
    return {"labels": truth}


def drawn_marks(positions: AnyArray, size: tuple[int, ...], radius: float) -> LabelArray:
    """Return numbered discs, or balls, around points; their borders are rings.

    Parameters
    ----------
    positions : ndarray, shape (N, D)
        ([z,] y, x) in px.
    size : tuple of int
        ([Z,] Y, X).
    radius : float
        In px; at least 2, so that a ring has a middle.

    Returns
    -------
    ndarray, shape `size`, int32
    """
    radius = max(radius, 2.0)
    drawn = np.zeros(size, np.int32)
    offsets = np.indices((2 * math.ceil(radius) + 1,) * len(size)) - math.ceil(radius)
    disc = offsets[:, (offsets**2).sum(0) <= radius**2].T
    for number, centre in enumerate(np.rint(np.asarray(positions)).astype(int), 1):
        pixels = centre + disc
        inside = ((pixels >= 0) & (pixels < np.array(size))).all(1)
        drawn[tuple(pixels[inside].T)] = number
    return drawn
