"""From the shapes that are kept to labels, and what speaks for each of them."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import FloatArray, IntArray, LabelArray
from cellwright.methods.logits import probability


@njit(cache=True)
def paint(
    runs: LabelArray, first: IntArray, centres: IntArray, shape: tuple[int, int, int]
) -> LabelArray:
    """Return the labels of shapes; where they overlap, of the earlier one.

    Parameters
    ----------
    runs, first : ndarray
        Of shapes, the best first; see `shapes.runs_of`.
    centres : ndarray, shape (N, 3), int64
    shape : tuple of int
        Of the volume; what lies beyond it is left out.

    Returns
    -------
    ndarray, shape (Z, Y, X), int32
    """
    labels = np.zeros(shape, np.int32)
    for n in range(len(centres) - 1, -1, -1):
        for i in range(first[n], first[n + 1]):
            z, y = centres[n, 0] + runs[i, 0], centres[n, 1] + runs[i, 1]
            if 0 <= z < shape[0] and 0 <= y < shape[1]:
                left = max(centres[n, 2] + runs[i, 2], 0)
                right = min(centres[n, 2] + runs[i, 3], shape[2] - 1)
                for x in range(left, right + 1):
                    labels[z, y, x] = n + 1
    return labels


@njit(cache=True)
def covered(runs: LabelArray, first: IntArray, centres: IntArray, labels: LabelArray) -> IntArray:
    """Return the pixels of shapes that belong to others in the labels.

    Parameters
    ----------
    runs, first : ndarray
        Of the shapes of objects 1..N; see `shapes.runs_of`.
    centres : ndarray, shape (N, 3), int64
    labels : ndarray, shape (Z, Y, X), int32

    Returns
    -------
    ndarray, shape (M, 4), int64
        Index of the object from 0, plane, row and column.
    """
    planes, rows, columns = labels.shape
    found = []
    for n in range(len(centres)):
        for i in range(first[n], first[n + 1]):
            z, y = centres[n, 0] + runs[i, 0], centres[n, 1] + runs[i, 1]
            if 0 <= z < planes and 0 <= y < rows:
                left = max(centres[n, 2] + runs[i, 2], 0)
                right = min(centres[n, 2] + runs[i, 3], columns - 1)
                for x in range(left, right + 1):
                    if labels[z, y, x] > 0 and labels[z, y, x] != n + 1:
                        found.append((n, z, y, x))
    result = np.empty((len(found), 4), np.int64)
    for m in range(len(found)):
        result[m, 0], result[m, 1], result[m, 2], result[m, 3] = found[m]
    return result


@njit(cache=True)
def describe(
    labels: LabelArray,
    logits: FloatArray,
    scores: FloatArray,
    distances: FloatArray,
    facets: LabelArray,
    whole: IntArray,
) -> FloatArray:
    """Return evidence about objects.

    Parameters
    ----------
    labels : ndarray, shape (Z, Y, X), int32
    logits : ndarray, shape (Z, Y, X), float32
        Of the object probability.
    scores : ndarray, shape (N,), float32
        Logit at the centre of each object.
    distances : ndarray, shape (N, R), float32
        Of its outline, in px.
    facets : ndarray, shape (F, D), int32
        See `rays.star`.
    whole : ndarray, shape (N,), int64
        Pixels within its outline.

    Returns
    -------
    ndarray, shape (N, 5), float32
        Probability at the centre; mean probability inside; share of the outline's pixels that are
        the object's; mean difference of neighbouring distances over the mean distance; logarithm
        of the number of pixels.
    """
    count = len(scores)
    pixels, inside = np.zeros(count), np.zeros(count)
    for label, logit in zip(labels.ravel(), logits.ravel()):  # noqa: B905 - unknown to numba
        if label > 0:
            pixels[label - 1] += 1
            inside[label - 1] += probability(logit)
    evidence = np.empty((count, 5), np.float32)
    for n in range(count):
        change = 0.0
        for facet in range(len(facets)):
            change += abs(distances[n, facets[facet, 0]] - distances[n, facets[facet, 1]])
        evidence[n, 0] = probability(scores[n])
        evidence[n, 1] = inside[n] / pixels[n]
        evidence[n, 2] = pixels[n] / max(whole[n], 1)
        evidence[n, 3] = change / len(facets) / distances[n].mean()
        evidence[n, 4] = np.log(pixels[n])
    return evidence
