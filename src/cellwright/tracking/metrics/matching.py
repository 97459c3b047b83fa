"""Which true detection is which found one: the start of every score."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cellwright._errors import InputError
from cellwright._types import BoolArray, DoubleArray, IntArray
from cellwright.metrics.overlap import OverlapTable
from cellwright.metrics.points import match_points
from cellwright.tracking.tracks import Tracks, find_rows

COVERED = 0.5
"""A true object is found by the object that covers more than this part of it."""


@dataclass(frozen=True)
class MatchedTracks:
    """True and found tracks, and which found detection each true one is.

    A true detection has one partner at most; a found one can be the partner of several, when it
    should have been split.

    Parameters
    ----------
    truth, result : Tracks
        N true and M found detections.
    partner : array of int64, shape (N,)
        The found detection of each true one, or -1.
    """

    truth: Tracks
    result: Tracks
    partner: IntArray

    @cached_property
    def found(self) -> BoolArray:
        """Whether each true detection has a partner, shape (N,)."""
        return np.asarray(self.partner >= 0)

    @cached_property
    def uses(self) -> IntArray:
        """How many true detections each found one is the partner of, shape (M,)."""
        return np.bincount(self.partner[self.found], minlength=len(self.result))

    @cached_property
    def sole_partner(self) -> IntArray:
        """The partner of each true detection that shares it with no other, or -1, shape (N,)."""
        alone = np.append(self.uses == 1, False)[self.partner]
        return np.where(alone, self.partner, -1)

    @cached_property
    def sole_origin(self) -> IntArray:
        """The true detection of each found one that has exactly one, or -1, shape (M,)."""
        origin = np.full(len(self.result), -1, np.int64)
        rows = np.flatnonzero(self.sole_partner >= 0)
        origin[self.sole_partner[rows]] = rows
        return origin


def covering(table: OverlapTable) -> tuple[IntArray, IntArray, DoubleArray]:
    """Match the objects of one frame as the Cell Tracking Challenge does.

    Parameters
    ----------
    table : OverlapTable
        Of the true and the found label image.

    Returns
    -------
    truth_labels, result_labels : array of int, shape (P,)
        Pairs in which the found object covers more than half of the true one.
    iou : array of float, shape (P,)
        Intersection over union of each pair.
    """
    area = table.truth_areas[np.searchsorted(table.truth_labels, table.truth)]
    most = table.pixels > COVERED * area
    return table.truth[most], table.prediction[most], table.iou[most]


def match_labels(
    truth: Tracks, result: Tracks, frame: IntArray, true_label: IntArray, found_label: IntArray
) -> MatchedTracks:
    """Match detections by pairs of labels in frames, such as those from `covering`.

    Parameters
    ----------
    truth, result : Tracks
    frame, true_label, found_label : array of int, shape (P,)

    Raises
    ------
    InputError
        If there is no detection of such a label in such a frame.
    """
    partner = np.full(len(truth), -1, np.int64)
    partner[_rows(truth, frame, true_label)] = _rows(result, frame, found_label)
    return MatchedTracks(truth, result, partner)


def match_same(truth: Tracks, result: Tracks) -> MatchedTracks:
    """Match detections of the same frame and label: for tracks of the same detections."""
    return MatchedTracks(truth, result, find_rows(result, truth.frame, truth.label))


def match_near(truth: Tracks, result: Tracks, radius: float) -> MatchedTracks:
    """Match detections one to one that are at most `radius` away from each other.

    In every frame there are as many pairs as possible and, among those, of the least sum of
    distances.

    Parameters
    ----------
    truth, result : Tracks
    radius : float
        In px.
    """
    frames = max(truth.frame_count, result.frame_count)
    true_rows = np.searchsorted(truth.frame, np.arange(frames + 1))
    rows = np.searchsorted(result.frame, np.arange(frames + 1))
    partner = np.full(len(truth), -1, np.int64)
    for frame in range(frames):
        pairs = match_points(
            truth.position[true_rows[frame] : true_rows[frame + 1]],
            result.position[rows[frame] : rows[frame + 1]],
            radius,
        )
        partner[true_rows[frame] + pairs.truth] = rows[frame] + pairs.prediction
    return MatchedTracks(truth, result, partner)


def _rows(tracks: Tracks, frame: IntArray, label: IntArray) -> IntArray:
    rows = find_rows(tracks, frame, label)
    if (rows < 0).any():
        at = int(np.flatnonzero(rows < 0)[0])
        raise InputError(f"There is no detection of label {label[at]} in frame {frame[at]}.")
    return rows
