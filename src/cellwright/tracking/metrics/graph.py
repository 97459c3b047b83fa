"""How much there is to repair in a graph of tracks: DET, LNK and TRA."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellwright._types import IntArray
from cellwright.tracking.metrics.matching import MatchedTracks

SPLIT, ADD, DELETE = 5.0, 10.0, 1.0
LINK_DELETE, LINK_ADD, LINK_CHANGE = 1.0, 1.5, 1.0


@dataclass(frozen=True, slots=True)
class GraphErrors:
    """The operations that turn the found graph into the true one, and the sizes of the latter.

    Attributes
    ----------
    splits : int
        Found detections to be split: one for each true detection beyond the first (NS).
    missed, surplus : int
        Detections to be added and deleted (FN, FP).
    wrong_links, missed_links, changed_links : int
        Links to be deleted and added, and links to be made those of a parent, or no longer (ED,
        EA, EC). Links of found detections that have no true one, or several, do not count.
    detections, links : int
        Of the truth.

    References
    ----------
    .. [1] P. Matula et al. (2015) Cell tracking accuracy measurement based on comparison of
       acyclic oriented graphs. PLoS ONE 10, e0144959.
    """

    splits: int
    missed: int
    surplus: int
    wrong_links: int
    missed_links: int
    changed_links: int
    detections: int
    links: int

    @property
    def detection_cost(self) -> float:
        """Weighted sum of the operations on detections."""
        return SPLIT * self.splits + ADD * self.missed + DELETE * self.surplus

    @property
    def link_cost(self) -> float:
        """Weighted sum of the operations on links."""
        changes = LINK_ADD * self.missed_links + LINK_CHANGE * self.changed_links
        return LINK_DELETE * self.wrong_links + changes

    @property
    def det(self) -> float:
        """DET: 1 minus the cost of the detections, in parts of that of making all of them."""
        return _score(self.detection_cost, ADD * self.detections)

    @property
    def lnk(self) -> float:
        """LNK: 1 minus the cost of the links, in parts of that of making all of them."""
        return _score(self.link_cost, LINK_ADD * self.links)

    @property
    def tra(self) -> float:
        """TRA: 1 minus the cost of both, in parts of that of making the whole graph.

        Perfect detections without a single division still have a TRA near 1; look at LNK and at
        the divisions.
        """
        whole = ADD * self.detections + LINK_ADD * self.links
        return _score(self.detection_cost + self.link_cost, whole)


def graph_errors(matched: MatchedTracks) -> GraphErrors:
    """Count the operations that turn the found graph into the true one."""
    truth, result = matched.truth, matched.result
    ends = matched.sole_origin[result.edges]
    comparable = (ends >= 0).all(1)
    names, found = _names(truth.edges, len(truth)), _names(ends[comparable], len(truth))
    _, at, at_found = np.intersect1d(names, found, assume_unique=True, return_indices=True)
    changed = truth.parent_links()[at] != result.parent_links()[comparable][at_found]
    return GraphErrors(
        splits=int(np.maximum(matched.uses - 1, 0).sum()),
        missed=int((~matched.found).sum()),
        surplus=int((matched.uses == 0).sum()),
        wrong_links=len(found) - len(at),
        missed_links=len(names) - len(at),
        changed_links=int(changed.sum()),
        detections=len(truth),
        links=len(truth.edges),
    )


def _names(edges: IntArray, detections: int) -> IntArray:
    return np.asarray(edges[:, 0] * detections + edges[:, 1])


def _score(cost: float, whole: float) -> float:
    return 1 - min(cost, whole) / whole if whole else float("nan")
