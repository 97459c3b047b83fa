"""The scores of the particle tracking challenge: α, β, JSC, JSCθ, RMSE.

References
----------
.. [1] N. Chenouard et al. (2014) Objective comparison of particle tracking methods. Nature
   Methods 11, 281–289.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from cellwright._errors import InputError
from cellwright._types import DoubleArray, IntArray, LabelArray
from cellwright.tracking.metrics.assignment import best_pairs
from cellwright.tracking.tracklets import Tracklets, find_tracklets
from cellwright.tracking.tracks import Tracks

GATE = 5.0
"""Greatest distance in the challenge, in px."""
_AT_ONCE = 20_000  # true positions whose surroundings are looked at


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
        If the gate is not above 0 and finite, or the dimensions differ.
    """
    if not 0 < gate < np.inf:
        raise InputError(
            f"The gate {gate} within which positions match is not above 0 px and finite."
        )
    if truth.dimensions != result.dimensions:
        raise InputError(
            f"The true tracks have {truth.dimensions} dimensions, the found {result.dimensions}."
        )
    lives, found_lives = (find_tracklets(one, one.branches()) for one in (truth, result))
    pairs = _pairs(_Courses.of_tracks(truth, lives), _Courses.of_tracks(result, found_lives), gate)
    chosen = best_pairs(pairs.true, pairs.found, pairs.gain)
    positions, tracks = int(pairs.positions[chosen].sum()), int(chosen.sum())
    partners = np.isin(found_lives.of, pairs.found[chosen])
    worst, gained = gate * len(truth), float(pairs.gain[chosen].sum())
    spurious = gate * int((~partners).sum())
    squares = float(pairs.squares[chosen].sum())
    return ParticleScores(
        alpha=_ratio(gained, worst),
        beta=_ratio(gained, worst + spurious),
        jsc=_ratio(positions, len(truth) + len(result) - positions),
        jsc_theta=_ratio(tracks, len(lives) + len(found_lives) - tracks),
        rmse=float(np.sqrt(_ratio(squares, positions))),
    )


@dataclass(frozen=True, slots=True)
class _Courses:
    """The positions of a side, by track, then frame.

    Attributes
    ----------
    of : array of int, shape (N,)
        Track of each position.
    starts : array of int, shape (K + 1,)
        Where each track begins.
    frame : array of int32, shape (N,)
    position : array of float, shape (N, D)
    """

    of: IntArray
    starts: IntArray
    frame: LabelArray
    position: DoubleArray

    @classmethod
    def of_tracks(cls, tracks: Tracks, lives: Tracklets) -> _Courses:
        order = np.argsort(lives.of, kind="stable")
        of = lives.of[order]
        starts = np.searchsorted(of, np.arange(len(lives) + 1))
        return cls(of, starts, tracks.frame[order], tracks.position[order])


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Pairs of a true and a found track by which something could be gained; P pairs.

    Attributes
    ----------
    true, found : array of int, shape (P,)
    gain : array of float, shape (P,)
        Over leaving the true track alone.
    positions : array of int, shape (P,)
        How many positions of the two are within the gate of each other.
    squares : array of float, shape (P,)
        Sum of the squared distances of these.
    """

    true: IntArray
    found: IntArray
    gain: DoubleArray
    positions: IntArray
    squares: DoubleArray


def _pairs(truth: _Courses, result: _Courses, gate: float) -> _Pairs:
    """Return all pairs of tracks with a gain, a few true tracks at a time."""
    from scipy.spatial import KDTree

    # Frames are as far apart as no two positions within the gate: one tree serves the movie.
    places, found_places = (
        np.column_stack([2 * gate * one.frame.astype(np.float64), one.position])
        for one in (truth, result)
    )
    tree = KDTree(found_places) if len(found_places) else None
    parts = [_Pairs(*(np.zeros(0, np.int64),) * 2, np.zeros(0), np.zeros(0, np.int64), np.zeros(0))]
    first = 0
    while tree is not None and first < len(truth.of):
        last = np.searchsorted(truth.starts, first + _AT_ONCE, side="right") - 1
        stop = max(int(truth.starts[last]), int(truth.starts[truth.of[first] + 1]))
        near = KDTree(places[first:stop]).sparse_distance_matrix(tree, gate, output_type="ndarray")
        true, found = truth.of[first + near["i"]], result.of[near["j"]]
        parts.append(_with_gain(true, found, near["v"], truth, result, gate))
        first = stop
    return _Pairs(
        *(np.concatenate([getattr(one, name) for one in parts]) for name in _Pairs.__slots__)
    )


def _with_gain(
    true: IntArray,
    found: IntArray,
    distance: DoubleArray,
    truth: _Courses,
    result: _Courses,
    gate: float,
) -> _Pairs:
    """Return the pairs of tracks that gain, from the tracks and distances of near positions."""
    count = len(result.starts)
    names, which = np.unique(true * count + found, return_inverse=True)
    true, found = names // count, names % count
    # What a pair gains over leaving the true track alone: nearness where both are, minus the
    # found positions in frames where the true track is not.
    common = _common_frames(truth.frame, truth.starts, true, result.frame, result.starts, found)
    alone = np.diff(result.starts)[found] - common
    gain = np.bincount(which, gate - distance, minlength=len(names)) - gate * alone
    near = distance < gate
    positions = np.bincount(which[near], minlength=len(names))
    squares = np.bincount(which[near], distance[near] ** 2, minlength=len(names))
    kept = gain > 0
    return _Pairs(true[kept], found[kept], gain[kept], positions[kept], squares[kept])


@njit(cache=True)
def _common_frames(
    frames: LabelArray,
    starts: IntArray,
    tracks: IntArray,
    other_frames: LabelArray,
    other_starts: IntArray,
    others: IntArray,
) -> IntArray:
    """Return in how many frames both tracks of each pair are."""
    common = np.zeros(len(tracks), np.int64)
    for pair in range(len(tracks)):
        i, end = starts[tracks[pair]], starts[tracks[pair] + 1]
        j, other_end = other_starts[others[pair]], other_starts[others[pair] + 1]
        while i < end and j < other_end:
            step = frames[i] - other_frames[j]
            common[pair] += step == 0
            i += step <= 0
            j += step >= 0
    return common


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
