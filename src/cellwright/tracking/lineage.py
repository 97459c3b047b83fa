"""Families: which tracks come from which, and how a family is drawn as a tree."""

from __future__ import annotations

from cellwright.tracking.tracklets import Tracklets


def children_of(tracklets: Tracklets) -> list[list[int]]:
    """Return the daughters of each tracklet; each has one mother, the first of a merger's."""
    parents = tracklets.parents()
    children: list[list[int]] = [[] for _ in range(len(tracklets))]
    for parent, child in tracklets.links.tolist():
        if parents[child] == parent:
            children[parent].append(child)
    return children


def tree_rows(root: int, children: list[list[int]]) -> dict[int, float]:
    """Return a row for each tracklet of a tree, in the order from mothers to daughters.

    Leaves have rows of their own, 0, 1, 2 and so on; mothers stand in the middle of their
    daughters.
    """
    order, waiting = [], [root]
    while waiting:
        one = waiting.pop()
        order.append(one)
        waiting.extend(reversed(children[one]))
    leaves = [one for one in order if not children[one]]
    rows = {one: float(row) for row, one in enumerate(leaves)}
    for one in reversed(order):
        if children[one]:
            rows[one] = sum(rows[child] for child in children[one]) / len(children[one])
    return {one: rows[one] for one in order}
