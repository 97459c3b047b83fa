"""What segmentations make of true objects: some are cut in two, some that touch are joined."""

from __future__ import annotations

import numpy as np

from cellwright._types import BoolArray, IntArray, LabelArray
from cellwright.simulation.movies import touching_pairs


def missegment(labels: LabelArray, cut: float, joined: float, seed: int) -> LabelArray:
    """Return a label image with errors, each object and each pair by chance.

    Parameters
    ----------
    labels : array of int32, shape ([Z,] Y, X)
    cut : float
        Probability that an object falls into two pieces, across its longest axis.
    joined : float
        Probability that two objects that touch become one, if neither is in another pair.
    seed : int

    Returns
    -------
    array of int32, shape ([Z,] Y, X)
        Labels count from 1.
    """
    rng = np.random.default_rng(seed)
    wrong = labels.copy()
    taken: set[int] = set()
    for low, high in sorted(touching_pairs(labels)):
        if rng.random() < joined and taken.isdisjoint((low, high)):
            wrong[labels == high] = low
            taken |= {low, high}
    fresh = int(labels.max(initial=0))
    for label in np.unique(labels[labels > 0]).tolist():
        if rng.random() < cut and label not in taken:
            fresh += 1
            pixels = np.argwhere(labels == label)
            wrong[tuple(pixels[_beyond_middle(pixels)].T)] = fresh
    _, numbers = np.unique(wrong, return_inverse=True)
    first = 0 if (wrong == 0).any() else 1
    return np.asarray(numbers.reshape(wrong.shape) + first, np.int32)


def _beyond_middle(pixels: IntArray) -> BoolArray:
    """Return which pixels lie on one side of the middle of the longest axis."""
    away = pixels - pixels.mean(axis=0)
    _, axes = np.linalg.eigh(away.T @ away)
    return np.asarray(away @ axes[:, -1] > 0)
