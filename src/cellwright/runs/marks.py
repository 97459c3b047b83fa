"""Points as rings, for pictures."""

from __future__ import annotations

import math

import numpy as np

from cellwright._types import AnyArray, LabelArray


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
