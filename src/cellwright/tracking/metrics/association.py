"""How well identities are kept: HOTA, CHOTA, IDF1 and MOTA.

All of them look at lives: tracks from one division to the next, over gaps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from cellwright._types import DoubleArray, IntArray
from cellwright.tracking.metrics.assignment import best_pairs
from cellwright.tracking.metrics.matching import MatchedTracks
from cellwright.tracking.tracklets import Tracklets, find_tracklets


@dataclass(frozen=True, slots=True)
class SharedLives:
    """How many detections each true life shares with each found one.

    Attributes
    ----------
    truth, result : Tracklets
        The lives; K true and L found.
    true, found, detections : array of int, shape (P,)
        Pairs of lives that share detections, and how many.
    true_sizes, found_sizes : array of int, shape (K,) and (L,)
        Detections of each life. A found detection counts once for every true one it is the
        partner of, and once when it is the partner of none.
    switches : int
        How often a true life goes on as another found one than before.
    """

    truth: Tracklets
    result: Tracklets
    true: IntArray
    found: IntArray
    detections: IntArray
    true_sizes: IntArray
    found_sizes: IntArray
    switches: int

    @property
    def union(self) -> int:
        """Detections that are found, missed or surplus."""
        return int(self.true_sizes.sum() + self.found_sizes.sum() - self.detections.sum())


def share_lives(matched: MatchedTracks) -> SharedLives:
    """Count the detections that true and found lives share."""
    truth = find_tracklets(matched.truth, matched.truth.branches())
    result = find_tracklets(matched.result, matched.result.branches())
    rows = np.flatnonzero(matched.found)
    rows = rows[np.argsort(truth.of[rows], kind="stable")]
    true, found = truth.of[rows], result.of[matched.partner[rows]]
    switches = int(((np.diff(true) == 0) & (np.diff(found) != 0)).sum())
    names, counts = np.unique(true * len(result) + found, return_counts=True)
    return SharedLives(
        truth=truth,
        result=result,
        true=names // max(len(result), 1),
        found=names % max(len(result), 1),
        detections=counts,
        true_sizes=np.bincount(truth.of, minlength=len(truth)),
        found_sizes=np.bincount(
            result.of, np.maximum(matched.uses, 1), minlength=len(result)
        ).astype(np.int64),
        switches=switches,
    )


def hota(shared: SharedLives) -> float:
    """Return HOTA at one localisation threshold, that of the matching.

    References
    ----------
    .. [1] J. Luiten et al. (2021) HOTA: a higher order metric for evaluating multi-object
       tracking. International Journal of Computer Vision 129, 548–578.
    """
    union = shared.true_sizes[shared.true] + shared.found_sizes[shared.found] - shared.detections
    return _higher_order(shared, shared.detections / union)


def chota(shared: SharedLives) -> float:
    """Return CHOTA: HOTA in which a life counts together with its ancestors and descendants.

    References
    ----------
    .. [1] T. Kaiser et al. (2024) CHOTA: a higher order accuracy metric for cell tracking.
       ECCV Workshops, arXiv:2408.11571.
    """
    if not shared.detections.size:
        return _higher_order(shared, np.zeros(0))
    true_kin, found_kin = _kin(shared.truth), _kin(shared.result)
    common = _shared_by_kin(shared, true_kin, found_kin)
    true_sizes, found_sizes = true_kin @ shared.true_sizes, found_kin @ shared.found_sizes
    union = true_sizes[shared.true] + found_sizes[shared.found] - common
    return _higher_order(shared, common / union)


def _shared_by_kin(shared: SharedLives, true_kin: Any, found_kin: Any) -> IntArray:
    """Return how many detections all kin of a true and of a found life share, for each pair.

    Only where lives share something: between all lives of a large family there would be too many.
    """
    from scipy.sparse import csr_array

    shape = (len(shared.truth), len(shared.result))
    counts = csr_array((shared.detections, (shared.true, shared.found)), shape=shape)
    with_found = true_kin @ counts
    summed: IntArray = _summed_over_kin(
        with_found.indptr, with_found.indices, with_found.data,
        found_kin.indptr, found_kin.indices, shared.true, shared.found,
    )  # fmt: skip
    return summed


@njit(cache=True)
def _summed_over_kin(
    starts: IntArray,
    columns: IntArray,
    counts: IntArray,
    kin_starts: IntArray,
    kin: IntArray,
    true: IntArray,
    found: IntArray,
) -> IntArray:
    """Return the sums of rows `true` over the kin of `found`; pairs are sorted by `true`."""
    sums = np.zeros(len(true), np.int64)
    row = np.zeros(len(kin_starts) - 1, np.int64)
    first = 0
    while first < len(true):
        begin, end = starts[true[first]], starts[true[first] + 1]
        for e in range(begin, end):
            row[columns[e]] = counts[e]
        pair = first
        while pair < len(true) and true[pair] == true[first]:
            for e in range(kin_starts[found[pair]], kin_starts[found[pair] + 1]):
                sums[pair] += row[kin[e]]
            pair += 1
        for e in range(begin, end):
            row[columns[e]] = 0
        first = pair
    return sums


def _higher_order(shared: SharedLives, agreement: DoubleArray) -> float:
    if not shared.union:
        return float("nan")
    return float(np.sqrt((shared.detections * agreement).sum() / shared.union))


def _kin(lives: Tracklets) -> Any:
    """Return a sparse matrix: 1 where two lives are the same or one descends from the other."""
    from scipy.sparse import csr_array, eye_array

    count = len(lives)
    ones = np.ones(len(lives.links), np.int64)
    child = csr_array((ones, (lives.links[:, 0], lives.links[:, 1])), shape=(count, count))
    below = eye_array(count, dtype=np.int64, format="csr")
    generation = child
    while generation.nnz:
        below = below + generation
        generation = generation @ child
    related = below + below.T
    related.data[:] = 1
    return related


@dataclass(frozen=True, slots=True)
class Identities:
    """Detections with the right identity, under the best pairing of true and found lives.

    References
    ----------
    .. [1] E. Ristani et al. (2016) Performance measures and a data set for multi-target,
       multi-camera tracking. ECCV Workshops.
    """

    right: int
    surplus: int
    missed: int

    @property
    def f1(self) -> float:
        """IDF1."""
        both = 2 * self.right + self.surplus + self.missed
        return 2 * self.right / both if both else float("nan")


def identities(shared: SharedLives) -> Identities:
    """Pair true and found lives one to one such that they share the most detections."""
    chosen = best_pairs(shared.true, shared.found, shared.detections)
    right = int(shared.detections[chosen].sum())
    return Identities(
        right, int(shared.found_sizes.sum()) - right, int(shared.true_sizes.sum()) - right
    )


def mota(shared: SharedLives, matched: MatchedTracks) -> float:
    """Return MOTA: 1 minus missed, surplus, shared and switched detections per true detection.

    A found detection that is the partner of several true ones counts once for each beyond the
    first.

    References
    ----------
    .. [1] K. Bernardin, R. Stiefelhagen (2008) Evaluating multiple object tracking performance:
       the CLEAR MOT metrics. EURASIP Journal on Image and Video Processing 246309.
    """
    total = len(matched.truth)
    wrong = int((~matched.found).sum() + np.abs(matched.uses - 1).sum()) + shared.switches
    return 1 - wrong / total if total else float("nan")
