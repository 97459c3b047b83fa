"""From annotated images to the pixels that a forest learns from."""

from __future__ import annotations

import numpy as np

from cellwright._types import AnyArray, LabelArray
from cellwright.methods.boundary import geometry

UNKNOWN = -1
"""Class of pixels that are not annotated."""
_SEAM = 1  # px; pixels this near to two objects are boundary


def object_parts(labels: LabelArray) -> LabelArray:
    """Return what each pixel is to the numbered objects: background, inside or boundary.

    Parameters
    ----------
    labels : ndarray, shape ([Z,] Y, X), int32
        -1 unknown, 0 background, 1..N objects.

    Returns
    -------
    ndarray, shape ([Z,] Y, X), int32
        0, 1, 2; -1 where it is unknown, or would be if one knew what lies beside it.
    """
    volume = np.ascontiguousarray(labels.reshape((-1, *labels.shape[-2:])))
    classes: LabelArray = geometry.classes_of(volume, _SEAM).astype(np.int32)
    parts = classes.reshape(labels.shape)
    parts[geometry.undecided(labels)] = UNKNOWN
    return parts


def some_pixels(classes: AnyArray, most: int, rng: np.random.Generator) -> LabelArray:
    """Return the annotation of at most so many pixels, drawn by chance; all others are unknown.

    Parameters
    ----------
    classes : ndarray of int, shape ([Z,] Y, X)
        -1 unknown; 0, 1, … classes.
    most : int
    rng : Generator
    """
    known = np.flatnonzero(classes >= 0)
    if len(known) > most:
        known = rng.choice(known, most, replace=False)
    some = np.full(classes.size, UNKNOWN, np.int32)
    some[known] = classes.ravel()[known]
    return some.reshape(classes.shape)
