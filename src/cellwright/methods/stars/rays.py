"""The directions of the rays, and how the points on them join to an outline."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from cellwright._types import AnyArray, FloatArray, LabelArray


@lru_cache(maxsize=8)
def star(dimensions: int, count: int, anisotropy: float) -> tuple[FloatArray, LabelArray]:
    """Return rays in all directions and the facets of the outline through their ends.

    Parameters
    ----------
    dimensions : int
        2 for polygons, with rays at equal angles; 3 for polyhedra, with rays on a golden spiral.
    count : int
        Number of rays; at least 3, or 4.
    anisotropy : float
        Distance of planes over distance of pixels within a plane.

    Returns
    -------
    directions : ndarray, shape (count, 3), float32
        Steps (z, y, x) in px for a distance of 1 px within the plane.
    facets : ndarray, shape (F, dimensions), int32
        Numbers of the rays whose ends are the corners of each edge, or triangle.
    """
    order = np.arange(count)
    if dimensions == 2:
        angle: AnyArray = 2 * math.pi * order / count
        directions: AnyArray = np.stack([np.zeros(count), np.sin(angle), np.cos(angle)], 1)
        facets: AnyArray = np.stack([order, (order + 1) % count], 1)
    else:
        from scipy.spatial import ConvexHull

        height = (2 * order + 1) / count - 1
        angle = order * math.pi * (3 - math.sqrt(5))
        width = np.sqrt(1 - height**2)
        directions = np.stack([height, width * np.sin(angle), width * np.cos(angle)], 1)
        facets = ConvexHull(directions).simplices
        directions[:, 0] /= anisotropy
    fixed = directions.astype(np.float32), np.sort(facets, 1).astype(np.int32)
    for array in fixed:
        array.flags.writeable = False
    return fixed


@lru_cache(maxsize=8)
def fullness(dimensions: int, count: int) -> float:
    """Return the share of a disc, or ball, within the outline through points on its surface."""
    directions, facets = star(dimensions, count, 1.0)
    corners = directions[:, 3 - dimensions :].astype(np.float64)[facets]
    simplices = np.abs(np.linalg.det(corners)).sum() / math.factorial(dimensions)
    return float(simplices / (math.pi if dimensions == 2 else 4 / 3 * math.pi))
