"""Families: which cells come from which, and how a family is drawn as a tree."""

from __future__ import annotations

import numpy as np

from cellwright._types import IntArray, Table
from cellwright.tracking.tracklets import Tracklets, find_tracklets, track_numbers
from cellwright.tracking.tracks import Tracks, check_tracks


def lineage_table(tracks: Tracks) -> Table:
    """Return which cell each detection is of, and where that one comes from.

    A cell lives from one division (or merger) to the next, also over frames that it is missing
    from; there the tracks of `tracks_to_tables` end, and go on as their own children.

    Returns
    -------
    Table
        One row per detection, in their order, to be joined with other tables by the first two:

        ``frame``, ``label``
            Of the detection.
        ``cell``
            Number of the cell: as a track, that of its first part (``tracks_motion.csv`` has one
            row for each).
        ``mother``
            The cell that it comes from, 0 for none; the first of a merger's.
        ``family``
            The cell that its family begins with.
        ``generation``
            How many cells came before it in its family.

    Examples
    --------
    >>> from cellwright.tracking.tracks import make_tracks
    >>> division = make_tracks(
    ...     frame=[0, 1, 1], position=[[5, 5], [3, 5], [7, 5]], edges=[[0, 1], [0, 2]]
    ... )
    >>> table = lineage_table(division)
    >>> table["cell"].tolist(), table["mother"].tolist(), table["family"].tolist()
    ([1, 2, 3], [0, 1, 1], [1, 1, 1])
    """
    check_tracks(tracks, "tracks")
    cells, numbers = find_cells(tracks.unshared())
    mothers = cells.parents()
    first, generation = _origins(mothers)
    mother = np.append(numbers, 0)[mothers]
    return {
        "frame": tracks.frame,
        "label": tracks.label,
        "cell": numbers[cells.of],
        "mother": mother[cells.of],
        "family": numbers[first][cells.of],
        "generation": generation[cells.of],
    }


def find_cells(tracks: Tracks) -> tuple[Tracklets, IntArray]:
    """Cut tracks without shared links into cells, from one division or merger to the next.

    Returns
    -------
    cells : Tracklets
    numbers : array of int, shape (K,)
        Of each, in the table of detections that of its first part.
    """
    cells, parts = find_tracklets(tracks, cut=tracks.branches()), find_tracklets(tracks)
    return cells, track_numbers(tracks, parts)[parts.of[cells.first]]


def _origins(mothers: IntArray) -> tuple[IntArray, IntArray]:
    """Return the first cell of each one's family, and how many generations lie between."""
    first = np.where(mothers < 0, np.arange(len(mothers)), mothers)
    steps = (mothers >= 0).astype(np.int64)
    while ((farther := first[first]) != first).any():  # twice as far each time
        steps += steps[first]
        first = farther
    return first, steps


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
