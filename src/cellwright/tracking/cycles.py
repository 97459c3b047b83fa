"""Divisions that follow each other too soon to be those of one cell."""

from __future__ import annotations

import numpy as np

from cellwright._types import IntArray
from cellwright.tracking.tracklets import find_tracklets
from cellwright.tracking.tracks import PROBABILITY, Tracks


def hurried_links(tracks: Tracks, fewest: int, kept: IntArray) -> IntArray:
    """Return links to daughters without which cells live long enough before they divide.

    Of two divisions that follow each other too soon the less probable one is given up, and of its
    daughters the one that is there for fewer frames.

    Parameters
    ----------
    tracks : Tracks
    fewest : int
        Frames from the first one of a cell up to that before its daughters are there.
    kept : array of int, shape (P, 2)
        Links that stay in any case.

    Returns
    -------
    array of int, shape (K, 2)
        Rows (source, target).
    """
    if fewest <= 1:
        return np.zeros((0, 2), np.int64)
    ways = tracks.unshared()
    tracklets = find_tracklets(ways, cut=ways.branches())
    lasted = (tracklets.end - tracklets.begin + 1).astype(np.int64)
    divides, parents = tracklets.child_counts() > 1, tracklets.parents()
    soon = np.flatnonzero(divides & (parents >= 0) & divides[parents] & (lasted < fewest))
    source, target = ways.edges.T
    probability = ways.edge_properties.get(PROBABILITY, np.ones(len(source)))
    sure = np.ones(len(tracklets))  # how sure it is that each divides
    sure[tracklets.of[source]] = np.where(ways.divides()[source], probability, 1.0)
    earlier = parents[soon]
    given_up = np.unique(np.where(sure[earlier] < sure[soon], earlier, soon))
    leaving = np.flatnonzero(ways.divides()[source] & np.isin(tracklets.of[source], given_up))
    order = leaving[np.lexsort((lasted[tracklets.of[target[leaving]]], source[leaving]))]
    first = np.unique(source[order], return_index=True)[1]
    links = ways.edges[order[first]]
    count = len(tracks)
    stays = np.isin(links[:, 0] * count + links[:, 1], kept[:, 0] * count + kept[:, 1])
    return np.asarray(links[~stays])
