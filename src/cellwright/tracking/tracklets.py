"""Tracklets: the runs of a track between its divisions, mergers and gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from cellwright._types import BoolArray, IntArray, LabelArray
from cellwright.tracking.tracks import Tracks


@dataclass(frozen=True, slots=True)
class Tracklets:
    """Maximal runs of detections that do not branch; K tracklets.

    They are numbered in the order of their first detections: by frame, then label.

    Attributes
    ----------
    of : array of int64, shape (N,)
        Tracklet of each detection, 0 to K - 1.
    first, last : array of int64, shape (K,)
        First and last detection of each tracklet.
    begin, end : array of int32, shape (K,)
        Their frames.
    links : array of int64, shape (P, 2)
        Rows (parent, child) of tracklets: one for each edge that was cut, sorted.
    """

    of: IntArray
    first: IntArray
    last: IntArray
    begin: LabelArray
    end: LabelArray
    links: IntArray

    def __len__(self) -> int:
        return len(self.first)

    def parent_counts(self) -> IntArray:
        """Return how many tracklets lead into each, shape (K,); above 1 for mergers."""
        return np.bincount(self.links[:, 1], minlength=len(self))

    def child_counts(self) -> IntArray:
        """Return how many tracklets begin at the end of each, shape (K,)."""
        return np.bincount(self.links[:, 0], minlength=len(self))

    def parents(self) -> IntArray:
        """Return one parent of each tracklet, the lowest of a merger's; -1 for none, shape (K,)."""
        parents = np.full(len(self), -1, np.int64)
        parents[self.links[::-1, 1]] = self.links[::-1, 0]
        return parents


def find_tracklets(tracks: Tracks, cut: BoolArray | None = None) -> Tracklets:
    """Cut tracks into tracklets.

    Parameters
    ----------
    tracks : Tracks
    cut : array of bool, shape (E,), optional
        The edges to cut at. By default the parent links (`Tracks.parent_links`). With
        `Tracks.branches` tracklets continue over gaps: from one division to the next.
    """
    cut = tracks.parent_links() if cut is None else cut
    before = np.full(len(tracks), -1, np.int32)
    of, first, last = _chains(tracks.edges, cut, before)
    links = of[tracks.edges[cut]]
    return Tracklets(
        of=of,
        first=first,
        last=last,
        begin=tracks.frame[first],
        end=tracks.frame[last],
        links=links[np.lexsort((links[:, 1], links[:, 0]))],
    )


def track_numbers(tracks: Tracks, tracklets: Tracklets) -> IntArray:
    """Return a number above 0 for each tracklet, shape (K,).

    Where labels name tracklets, as in the Cell Tracking Challenge, those labels; else 1 to K.
    """
    names = tracks.label[tracklets.first].astype(np.int64)
    if _named(tracks.label, names, tracklets.of) and len(np.unique(names)) == len(names):
        return names
    return np.arange(1, len(tracklets) + 1)


@njit(cache=True)
def _chains(
    edges: IntArray, cut: BoolArray, before: LabelArray
) -> tuple[IntArray, IntArray, IntArray]:
    """Return the chain of each detection, and the first and the last one of each chain.

    `before` is -1 everywhere, and is filled with the detection before each one in its chain.
    """
    count = len(before)
    for e in range(len(edges)):
        if not cut[e]:
            before[edges[e, 1]] = edges[e, 0]
    chains = 0
    for detection in range(count):
        chains += before[detection] < 0
    of = np.empty(count, np.int64)
    first, last = np.empty(chains, np.int64), np.empty(chains, np.int64)
    chains = 0
    for detection in range(count):
        if before[detection] < 0:
            of[detection] = chains
            first[chains] = detection
            chains += 1
        else:
            of[detection] = of[before[detection]]
        last[of[detection]] = detection
    return of, first, last


@njit(cache=True)
def _named(label: LabelArray, names: IntArray, of: IntArray) -> bool:
    """Return whether every detection has the label that is the name of its chain."""
    same = True
    for detection in range(len(label)):
        same &= label[detection] == names[of[detection]]
    return same
