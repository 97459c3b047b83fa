"""Disjoint sets, such as pixels or runs, each named by its first member."""

from __future__ import annotations

from numba import njit

from cellwright._types import IntArray, LabelArray


@njit(cache=True)
def root(parent: LabelArray | IntArray, i: int) -> int:
    """Return the first member of the set of `i`, and shorten the way to it."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(cache=True)
def join(parent: LabelArray | IntArray, i: int, j: int) -> None:
    """Make one set of those of `i` and `j`."""
    first, second = root(parent, i), root(parent, j)
    parent[max(first, second)] = min(first, second)
