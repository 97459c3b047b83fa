"""Links of the detections of a movie, as linking holds them before they are made into tracks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from cellwright._types import DoubleArray, IntArray, LabelArray

NONE = -1


@dataclass(frozen=True, slots=True)
class Links:
    """Some links.

    Attributes
    ----------
    edges : array of int, shape (E, 2)
        Rows (source, target) of detections.
    probability : array of float, shape (E,)
    """

    edges: IntArray
    probability: DoubleArray

    @classmethod
    def none(cls) -> Links:
        """Return no links."""
        return cls(np.zeros((0, 2), np.int64), np.zeros(0))

    def joined(self, others: Links) -> Links:
        """Return both."""
        if not len(self.edges) or not len(others.edges):
            return others if len(others.edges) else self
        return Links(
            np.concatenate([self.edges, others.edges]),
            np.concatenate([self.probability, others.probability]),
        )


@dataclass(frozen=True, slots=True)
class Parents:
    """Links that lead to each detection but once, by where they lead; N detections.

    Attributes
    ----------
    row : array of int32, shape (N,)
        The detection before each one, or `NONE`.
    probability : array of float, shape (N,)
        Of these links.
    """

    row: LabelArray
    probability: DoubleArray

    @classmethod
    def none(cls, count: int) -> Parents:
        """Return so many detections without links."""
        return cls(np.full(count, NONE, np.int32), np.zeros(count))

    def copy(self) -> Parents:
        """Return the same, to be changed."""
        return Parents(self.row.copy(), self.probability.copy())

    def put(self, links: Links) -> None:
        """Write links, in place of what leads to their targets."""
        source, target = links.edges.T
        self.row[target] = source
        self.probability[target] = links.probability

    def forget(self, rows: IntArray) -> None:
        """Take away the links to some detections."""
        self.row[rows] = NONE

    def links(self) -> Links:
        """Return all of them as rows, by source, then target."""
        edges: IntArray = _by_source(self.row, child_counts(self.row))
        return Links(edges, self.probability[edges[:, 1]])


def child_counts(parent: LabelArray) -> LabelArray:
    """Return how many links leave each detection, shape (N,), from the parent of each."""
    counts: LabelArray = _child_counts(parent)
    return counts


@njit(cache=True)
def _child_counts(parent: LabelArray) -> LabelArray:
    counts = np.zeros(len(parent), np.int32)
    for row in parent:
        if row != NONE:
            counts[row] += 1
    return counts


@njit(cache=True)
def _by_source(parent: LabelArray, children: LabelArray) -> IntArray:
    """Return the links to each detection from its parent, in the order of the parents."""
    place = np.empty(len(parent), np.int32)
    count = 0
    for row in range(len(parent)):
        place[row] = count
        count += children[row]
    edges = np.empty((count, 2), np.int64)
    for target in range(len(parent)):
        source = parent[target]
        if source != NONE:
            edges[place[source], 0], edges[place[source], 1] = source, target
            place[source] += 1
    return edges
