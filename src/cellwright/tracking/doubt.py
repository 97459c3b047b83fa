"""Which links to look at first: those that are least certain."""

from __future__ import annotations

from math import ceil

import numpy as np

from cellwright._types import IntArray, Table
from cellwright.tracking.tracks import PROBABILITY, Tracks, check_tracks

SHARE = 0.02
"""Share of all links that a person can be asked to look at."""
_SURE = 0.99
KINDS = ("link", "gap", "division", "merger", "separation")


def doubtful_links(tracks: Tracks, share: float = SHARE) -> IntArray:
    """Return the rows of the least certain edges, the most doubtful first.

    Parameters
    ----------
    tracks : Tracks
        With the edge column `PROBABILITY`; without it no link is doubtful.
    share : float
        At most so many of all edges; certain ones (above 0.99) are left out.
    """
    check_tracks(tracks, "tracks")
    if PROBABILITY not in tracks.edge_properties:
        return np.zeros(0, np.int64)
    probability = tracks.edge_properties[PROBABILITY]
    order = np.argsort(probability, kind="stable")[: ceil(share * len(probability))]
    return np.asarray(order[probability[order] < _SURE])


def link_kinds(tracks: Tracks) -> IntArray:
    """Return of which of `KINDS` each edge is, shape (E,).

    Where two cells become one object, and where they come apart again, are a merger and a
    separation.
    """
    source, target = tracks.edges.T
    kinds: IntArray = (tracks.frame[target] - tracks.frame[source] > 1).astype(np.int64)
    kinds[tracks.out_degree()[source] > 1] = KINDS.index("separation")
    kinds[tracks.divides()[source]] = KINDS.index("division")
    kinds[tracks.in_degree()[target] > 1] = KINDS.index("merger")
    return kinds


def doubt_table(tracks: Tracks, edges: IntArray) -> Table:
    """Return a table of some edges, to be looked at or to become pins.

    Returns
    -------
    Table
        ``source_frame``, ``source_label``, ``target_frame``, ``target_label``, ``kind``,
        ``probability``, and where the source is: ``[z,] y, x`` in px.
    """
    source, target = tracks.edges[edges].T
    axes = "zyx"[-tracks.dimensions :]
    return {
        "source_frame": tracks.frame[source],
        "source_label": tracks.label[source],
        "target_frame": tracks.frame[target],
        "target_label": tracks.label[target],
        "kind": np.array(KINDS)[link_kinds(tracks)[edges]],
        PROBABILITY: tracks.edge_properties.get(PROBABILITY, np.ones(len(tracks.edges)))[edges],
        **{axis: tracks.position[source, index] for index, axis in enumerate(axes)},
    }
