"""The scores of the particle tracking challenge: α, β, JSC, JSCθ, RMSE.

References
----------
.. [1] N. Chenouard et al. (2014) Objective comparison of particle tracking methods. Nature
   Methods 11, 281–289.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellwright._errors import InputError
from cellwright._types import DoubleArray, IntArray
from cellwright.tracking.metrics.assignment import best_pairs
from cellwright.tracking.tracklets import find_tracklets
from cellwright.tracking.tracks import Tracks

GATE = 5.0
"""Greatest distance in the challenge, in px."""


@dataclass(frozen=True, slots=True)
class ParticleScores:
    """How near found tracks come to true ones, under the best pairing of tracks.

    Attributes
    ----------
    alpha : float
        1 minus the distance of the true tracks to their partners, in parts of the greatest one.
    beta : float
        The same with a penalty for found tracks without a partner.
    jsc : float
        Jaccard index of positions: those in paired tracks and within the gate.
    jsc_theta : float
        Jaccard index of tracks.
    rmse : float
        Root mean squared distance of the matched positions, in px; NaN where there is none.
    """

    alpha: float
    beta: float
    jsc: float
    jsc_theta: float
    rmse: float


def particle_scores(truth: Tracks, result: Tracks, gate: float = GATE) -> ParticleScores:
    """Score particle tracks by distance.

    Two positions of a frame are `gate` apart at most, a position that only one of two tracks has
    counts as much, and true and found tracks are paired one to one such that the sum of the
    distances is least. A track reaches from one branching to the next, over gaps.

    Parameters
    ----------
    truth, result : Tracks
    gate : float
        Greatest distance, in px.

    Raises
    ------
    InputError
        If the gate is not above 0, or the dimensions differ.
    """
    if not gate > 0:
        raise InputError(f"The gate {gate} within which positions match is not above 0 px.")
    if truth.dimensions != result.dimensions:
        raise InputError(
            f"The true tracks have {truth.dimensions} dimensions, the found {result.dimensions}."
        )
    true_of, found_of = (find_tracklets(t, t.branches()).of for t in (truth, result))
    rows, columns, distance = _near(truth, result, gate)
    true, found = true_of[rows], found_of[columns]
    sizes, found_sizes = np.bincount(true_of), np.bincount(found_of)
    pairs, which = np.unique(np.column_stack([true, found]), axis=0, return_inverse=True)
    which = which.reshape(-1)
    # What a pair gains over leaving the true track alone: nearness where both are, minus the
    # found positions in frames where the true track is not.
    alone = found_sizes[pairs[:, 1]] - _common_frames(truth, result, true_of, found_of, pairs)
    gain = np.bincount(which, gate - distance, minlength=len(pairs)) - gate * alone
    chosen = best_pairs(pairs[:, 0], pairs[:, 1], gain)
    near = chosen[which] & (distance < gate)
    positions, tracks = int(near.sum()), int(chosen.sum())
    paired_sizes = int(found_sizes[pairs[chosen, 1]].sum())
    worst, gained = gate * len(truth), float(gain[chosen].sum())
    spurious = gate * (len(result) - paired_sizes)
    return ParticleScores(
        alpha=_ratio(gained, worst),
        beta=_ratio(gained, worst + spurious),
        jsc=_ratio(positions, len(truth) + len(result) - positions),
        jsc_theta=_ratio(tracks, len(sizes) + len(found_sizes) - tracks),
        rmse=float(np.sqrt(np.mean(distance[near] ** 2))) if positions else float("nan"),
    )


def _near(truth: Tracks, result: Tracks, gate: float) -> tuple[IntArray, IntArray, DoubleArray]:
    """Return all pairs of detections of a frame within the gate, and their distances."""
    from scipy.spatial import KDTree

    none = np.zeros(0, np.int64)
    if not len(truth) or not len(result):
        return none, none, np.zeros(0)
    # Frames are as far apart as no two positions within the gate: one tree serves the movie.
    places = [
        np.column_stack([2 * gate * one.frame.astype(np.float64), one.position])
        for one in (truth, result)
    ]
    near = KDTree(places[0]).sparse_distance_matrix(KDTree(places[1]), gate, output_type="ndarray")
    return near["i"].astype(np.int64), near["j"].astype(np.int64), near["v"]


def _common_frames(
    truth: Tracks, result: Tracks, true_of: IntArray, found_of: IntArray, pairs: IntArray
) -> IntArray:
    """Return in how many frames both tracks of each pair are."""
    order = np.argsort(true_of, kind="stable")
    sizes = np.bincount(true_of)
    lengths = sizes[pairs[:, 0]]
    ends = np.cumsum(lengths)
    starts = (np.cumsum(sizes) - sizes)[pairs[:, 0]]
    within = np.arange(lengths.sum()) - np.repeat(ends - lengths, lengths)
    detections = order[np.repeat(starts, lengths) + within]
    frames = max(truth.frame_count, result.frame_count)
    wanted = np.repeat(pairs[:, 1], lengths) * frames + truth.frame[detections]
    there = np.isin(wanted, found_of * frames + result.frame)
    return np.bincount(np.repeat(np.arange(len(pairs)), lengths)[there], minlength=len(pairs))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
