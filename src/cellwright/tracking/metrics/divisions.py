"""Divisions found, missed and invented, with a tolerance in frames."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cellwright._types import IntArray
from cellwright.tracking.metrics.matching import MatchedTracks
from cellwright.tracking.tracks import Tracks


@dataclass(frozen=True, slots=True)
class DivisionScores:
    """Divisions found right, with wrong daughters, invented, and missed.

    Attributes
    ----------
    right : int
        The mother and all of her daughters, mostly two, are right.
    wrong_daughters : int
        The mother divides in truth and result, but not into these cells.
    surplus, missed : int
        Only the found, only the true mother divides.
    """

    right: int
    wrong_daughters: int
    surplus: int
    missed: int

    @property
    def precision(self) -> float:
        """Right divisions in parts of those found; NaN where none was found."""
        found = self.right + self.wrong_daughters + self.surplus
        return self.right / found if found else float("nan")

    @property
    def recall(self) -> float:
        """Right divisions in parts of the true ones; NaN where there is none."""
        true = self.right + self.wrong_daughters + self.missed
        return self.right / true if true else float("nan")

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; NaN where there are no divisions at all."""
        both = 2 * (self.right + self.wrong_daughters) + self.surplus + self.missed
        return 2 * self.right / both if both else float("nan")


def division_scores(matched: MatchedTracks, tolerance: int = 0) -> list[DivisionScores]:
    """Score the divisions at every tolerance from 0 to `tolerance` frames.

    With a tolerance, an invented and a missed division that are at most so many frames apart are
    one right division, when the later mother descends from the earlier one without another
    division and each daughter of the earlier one is, where it is next matched, a descendant of
    the same mother in the other graph.

    Parameters
    ----------
    matched : MatchedTracks
        Detections that share a partner count as not found.
    tolerance : int
        In frames.

    Returns
    -------
    list of DivisionScores
        One for each tolerance, ``tolerance + 1`` in all.
    """
    truth, result = matched.truth, matched.result
    partner = matched.sole_partner
    mothers = np.flatnonzero(truth.out_degree() > 1)
    found_mothers = np.flatnonzero(result.out_degree() > 1)
    both = np.isin(partner[mothers], found_mothers)
    correct = _right_daughters(matched, mothers[both]) == truth.out_degree()[mothers[both]]
    invented = np.setdiff1d(found_mothers, partner[mothers[both]])
    scores = DivisionScores(
        right=int(correct.sum()),
        wrong_daughters=int((~correct).sum()),
        surplus=len(invented),
        missed=int((~both).sum()),
    )
    delays = _delays(matched, mothers[~both], invented, tolerance)
    series = []
    for frames in range(tolerance + 1):
        late = int((delays <= frames).sum())
        shifted = replace(scores, right=scores.right + late, surplus=scores.surplus - late)
        series.append(replace(shifted, missed=scores.missed - late))
    return series


def _right_daughters(matched: MatchedTracks, mothers: IntArray) -> IntArray:
    """Return how many links of each true mother are found, too."""
    partner, truth, result = matched.sole_partner, matched.truth, matched.result
    leaving = np.flatnonzero(np.isin(truth.edges[:, 0], mothers))
    ends = partner[truth.edges[leaving]]
    names = result.edges[:, 0] * len(result) + result.edges[:, 1]
    found = np.isin(ends[:, 0] * len(result) + ends[:, 1], names) & (ends >= 0).all(1)
    counts = np.bincount(truth.edges[leaving[found], 0], minlength=len(truth))
    return np.asarray(counts[mothers])


def _delays(
    matched: MatchedTracks, missed: IntArray, invented: IntArray, tolerance: int
) -> IntArray:
    """Return by how many frames invented divisions differ from missed ones, each used once."""
    truth = _Walk(matched.truth, matched.sole_partner)
    result = _Walk(matched.result, matched.sole_origin)
    missing, extra = set(missed.tolist()), set(invented.tolist())
    delays = []
    for frames in range(1, tolerance + 1):
        for early, mothers, late, later_mothers in (
            (result, extra, truth, missing),
            (truth, missing, result, extra),
        ):
            for later in sorted(later_mothers):
                same = late.back(later, frames)
                mother = int(late.partner[same]) if same >= 0 else -1
                in_time = late.frame[later] - early.frame[mother] == frames
                if mother in mothers and in_time and _is_shifted(early, mother, late, same):
                    mothers.remove(mother)
                    later_mothers.remove(later)
                    delays.append(frames)
    return np.asarray(delays, np.int64)


class _Walk:
    """Steps from detection to detection in one graph, and over to the other."""

    def __init__(self, tracks: Tracks, partner: IntArray) -> None:
        self.frame, self.edges, self.partner = tracks.frame, tracks.edges, partner
        self.offsets = tracks.outgoing()
        self.entering, self.rows = tracks.incoming()

    def after(self, detection: int) -> list[int]:
        leaving: list[int] = self.edges[
            self.offsets[detection] : self.offsets[detection + 1], 1
        ].tolist()
        return leaving

    def before(self, detection: int) -> list[int]:
        rows = self.rows[self.entering[detection] : self.entering[detection + 1]]
        sources: list[int] = self.edges[rows, 0].tolist()
        return sources

    def back(self, detection: int, steps: int) -> int:
        """Return the detection so many links earlier, or -1 where the track begins or merges."""
        for _ in range(steps):
            sources = self.before(detection)
            if len(sources) != 1:
                return -1
            detection = sources[0]
        return detection

    def descends(self, detection: int, ancestor: int) -> bool:
        """Return whether links lead from `ancestor` to `detection`."""
        todo = [detection]
        while todo:
            one = todo.pop()
            if one == ancestor:
                return True
            if one > ancestor:  # detections are in order of frames
                todo += self.before(one)
        return False


def _is_shifted(early: _Walk, mother: int, late: _Walk, same: int) -> bool:
    """Return whether the daughters of a division are where the other graph divides later.

    `same` is the detection of the other graph that the mother is.
    """
    right = 0
    daughters = early.after(mother)
    for daughter in daughters:
        while True:
            partner = int(early.partner[daughter])
            if partner >= 0 and late.descends(partner, same):
                right += 1
                break
            following = early.after(daughter)
            if len(following) != 1:
                break
            daughter = following[0]
    return right == len(daughters)
