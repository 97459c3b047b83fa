"""What a biologist counts: complete tracks, track fractions, divisions, cell cycles.

References
----------
.. [1] V. Ulman et al. (2017) An objective comparison of cell-tracking algorithms. Nature Methods
   14, 1141–1152.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellwright._types import BoolArray, DoubleArray, IntArray
from cellwright.tracking.metrics.matching import MatchedTracks
from cellwright.tracking.tracklets import Tracklets, find_tracklets, track_numbers


@dataclass(frozen=True, slots=True)
class MatchedTracklets:
    """The tracklets of truth and result.

    Attributes
    ----------
    truth, result : Tracklets
    order, starts : array of int, shape (N,) and (K + 1,)
        True detections by tracklet, then frame, and where each tracklet begins among them.
    partner : array of int, shape (N,)
        Found tracklet of each true detection, or -1 where there is none, or where several true
        detections share it.
    numbers, found_numbers : array of int, shape (K,)
        What the tracklets are called; see `track_numbers`.
    """

    truth: Tracklets
    result: Tracklets
    order: IntArray
    starts: IntArray
    partner: IntArray
    numbers: IntArray
    found_numbers: IntArray

    def are_same(self, true: int, found: int, frame: int) -> bool:
        """Return whether in a frame a true tracklet's detection is one of a found tracklet."""
        if not self.truth.begin[true] <= frame <= self.truth.end[true]:
            return False
        detection = self.order[self.starts[true] + frame - self.truth.begin[true]]
        return bool(self.partner[detection] == found)


def match_tracklets(matched: MatchedTracks) -> MatchedTracklets:
    """Cut both sides into tracklets and transfer the matching of detections to them."""
    truth, result = find_tracklets(matched.truth), find_tracklets(matched.result)
    partner = matched.sole_partner
    sizes = np.bincount(truth.of, minlength=len(truth))
    return MatchedTracklets(
        truth=truth,
        result=result,
        order=np.argsort(truth.of, kind="stable"),
        starts=np.concatenate([[0], np.cumsum(sizes)]),
        partner=np.where(partner >= 0, np.append(result.of, -1)[partner], -1),
        numbers=track_numbers(matched.truth, truth),
        found_numbers=track_numbers(matched.result, result),
    )


def complete_tracks(pair: MatchedTracklets) -> float:
    """Return CT, the F1 score of tracks found from their first to their last frame.

    A true track is complete when all its detections belong to one found track that begins and
    ends with it.
    """
    both = len(pair.truth) + len(pair.result)
    if not both:
        return float("nan")
    partner = pair.partner[pair.truth.first]
    whole = np.ones(len(pair.truth), np.bool_)
    np.logical_and.at(whole, pair.truth.of, pair.partner == partner[pair.truth.of])
    same_begin = np.append(pair.result.begin, -1)[partner] == pair.truth.begin
    same_end = np.append(pair.result.end, -1)[partner] == pair.truth.end
    return 2 * int((whole & (partner >= 0) & same_begin & same_end).sum()) / both


def track_fraction(pair: MatchedTracklets) -> float:
    """Return TF, the mean part of a detected true track that one found track follows unbroken.

    True tracks of which nothing was found do not count. As in the challenge's own program, a
    found track that follows one true track entirely is not asked how it follows the ones of
    higher numbers.
    """
    found, true, part = _longest_parts(pair)
    best = np.zeros(len(pair.truth))
    served = -1
    for follower, track, fraction in zip(found.tolist(), true.tolist(), part.tolist(), strict=True):
        if follower == served or best[track] == 1:
            continue
        best[track] = max(best[track], fraction)
        if fraction == 1:
            served = follower
    return float(best[best > 0].mean()) if best.any() else 0.0


def _longest_parts(pair: MatchedTracklets) -> tuple[IntArray, IntArray, DoubleArray]:
    """Return (found, true, part) for tracklets that share detections, by number of each.

    The part is that of the longest run of consecutive frames in the true track.
    """
    of, partner = pair.truth.of[pair.order], pair.partner[pair.order]
    if not of.size:
        return of, of, np.zeros(0)
    begins = np.flatnonzero(np.append(True, (np.diff(of) != 0) | (np.diff(partner) != 0)))
    lengths = np.diff(np.append(begins, of.size))
    true, found = of[begins], partner[begins]
    part = lengths / np.diff(pair.starts)[true]
    known = found >= 0
    true, found, part = true[known], found[known], part[known]
    order = np.lexsort((-part, pair.numbers[true], pair.found_numbers[found]))
    true, found, part = true[order], found[order], part[order]
    first = np.append(True, (np.diff(true) != 0) | (np.diff(found) != 0))[: true.size]
    return found[first], true[first], part[first]


@dataclass(frozen=True, slots=True)
class BranchCounts:
    """Divisions found right, found wrongly, and missed."""

    right: int
    surplus: int
    missed: int

    @property
    def f1(self) -> float | None:
        """F1 score; None where the truth has no division."""
        if not self.right + self.missed:
            return None
        precision = self.right / max(self.right + self.surplus, 1)
        recall = self.right / (self.right + self.missed)
        return 2 * precision * recall / max(precision + recall, 0.0001)


def branches(pair: MatchedTracklets, tolerance: int) -> BranchCounts:
    """Count the divisions that are found at most `tolerance` frames too early or too late: BC(i).

    A division is right when the mother is the same at the last frame of both mothers, there are
    as many daughters, and every true daughter is a found one at the first frame of both.
    """
    mothers = np.flatnonzero(pair.truth.child_counts() > 1)
    found_mothers = np.flatnonzero(pair.result.child_counts() > 1)
    right = 0
    for true, found in _same_mothers(pair, mothers, found_mothers, tolerance):
        right += _same_division(pair, true, found, tolerance)
    return BranchCounts(right, len(found_mothers) - right, len(mothers) - right)


def _same_mothers(
    pair: MatchedTracklets, mothers: IntArray, found_mothers: IntArray, tolerance: int
) -> list[list[int]]:
    """Return rows (true, found) of mothers that end within the tolerance, and may be the same.

    Those are the same at the last frame of both, which is one of the last of the true one.
    """
    rows = []
    for frames in range(tolerance + 1):
        at = pair.truth.end[mothers] - pair.truth.begin[mothers] - frames
        own = mothers[at >= 0]
        found = pair.partner[pair.order[pair.starts[own] + at[at >= 0]]]
        rows.append(np.column_stack([own, found])[np.isin(found, found_mothers)])
    true, found = np.unique(np.concatenate(rows), axis=0).T
    near = np.abs(pair.truth.end[true] - pair.result.end[found]) <= tolerance
    same: list[list[int]] = np.column_stack([true, found])[near].tolist()
    return same


def _same_division(pair: MatchedTracklets, true: int, found: int, tolerance: int) -> bool:
    last = int(min(pair.truth.end[true], pair.result.end[found]))
    if not pair.are_same(true, found, last):
        return False
    daughters, found_daughters = _children(pair.truth, true), _children(pair.result, found)
    if len(daughters) != len(found_daughters):
        return False
    matched = set()
    for daughter in daughters:
        for candidate in found_daughters:
            begins = pair.truth.begin[daughter], pair.result.begin[candidate]
            if abs(int(begins[0]) - int(begins[1])) > tolerance:
                continue
            if pair.are_same(daughter, candidate, int(max(begins))):
                matched.add(candidate)
                break
    return len(matched) == len(daughters)


def _children(tracklets: Tracklets, parent: int) -> list[int]:
    first, stop = np.searchsorted(tracklets.links[:, 0], [parent, parent + 1])
    children: list[int] = tracklets.links[first:stop, 1].tolist()
    return children


def cell_cycle_accuracy(pair: MatchedTracklets) -> float | None:
    """Return CCA: how alike the distributions of true and found cell-cycle times are.

    A cycle is a track from a division to the next. The score is 1 minus the greatest difference
    of the two cumulative distributions; None where the truth has no cycle.
    """
    true, found = _cycle_times(pair.truth), _cycle_times(pair.result)
    if not len(true):
        return None
    if not len(found):
        return 0.0
    times = np.unique(np.concatenate([true, found]))
    below = np.searchsorted(np.sort(true), times, side="right") / len(true)
    found_below = np.searchsorted(np.sort(found), times, side="right") / len(found)
    return float(1 - np.abs(below - found_below).max())


def _cycle_times(tracklets: Tracklets) -> IntArray:
    divides: BoolArray = tracklets.child_counts() > 1
    born = np.zeros(len(tracklets), np.bool_)
    born[tracklets.links[divides[tracklets.links[:, 0]], 1]] = True
    return np.asarray((tracklets.end - tracklets.begin)[divides & born], np.int64)
