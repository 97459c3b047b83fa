"""How far things come in a time: mean squared displacements, and what they say about diffusion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numba import njit

from cellwright._types import DoubleArray, IntArray, LabelArray
from cellwright.tracking.tracklets import Tracklets
from cellwright.tracking.tracks import Tracks

LONGEST_LAG = 50
"""Frames; longer lags are hardly ever seen."""
_LINE = 4  # lags that a diffusion coefficient is read from: later ones vary together
_BLOCK = 1 << 18  # detections that are looked at at a time
_GROUPS = 30  # of tracklets, each of which is left out once
_POWER = 10  # lags that an exponent is read from


@dataclass(frozen=True, slots=True)
class Displacements:
    """Squared displacements over time; L lags, K tracklets.

    Attributes
    ----------
    lags : array of int, shape (L,)
        In frames.
    squares : array of float, shape (L,)
        Mean over all tracklets, in the squared unit of positions.
    pairs : array of int, shape (L,)
        Pairs of positions that each mean is of.
    coefficient : float
        Diffusion coefficient of all together, in the squared unit of positions per frame; NaN
        where tracklets are too short, and below 0 where it is lost in the uncertainty of positions.
    interval : tuple of float
        Its interval of 95 % confidence; NaN where there are too few tracklets.
    coefficients : array of float, shape (K,)
        The same of each tracklet.
    """

    lags: IntArray
    squares: DoubleArray
    pairs: IntArray
    coefficient: float
    interval: tuple[float, float]
    coefficients: DoubleArray

    @property
    def exponent(self) -> float:
        """Power of time that squared displacements grow with, NaN where it is not known.

        1 for free diffusion, 2 for straight ways, below 1 for what is confined.
        """
        return _slope_of_logarithms(self.lags[:_POWER], self.squares[:_POWER])


def displacements(tracks: Tracks, tracklets: Tracklets) -> Displacements:
    """Return squared displacements of all tracklets, up to half of the movie and 50 frames.

    Notes
    -----
    Over short times, the mean squared displacement of free diffusion is a line: twice the number
    of axes times the diffusion coefficient, over an offset that the uncertainty of positions
    makes. The line is fitted to the first four lags, weighted by the pairs behind them. How sure
    that is tells a jackknife that leaves out groups of tracklets, since positions of one are not
    independent.

    References
    ----------
    Michalet, Mean square displacement analysis of single-particle trajectories with localization
    error, Physical Review E 82 (2010). Shao & Tu, The Jackknife and Bootstrap (1995).
    """
    longest = min(LONGEST_LAG, max(tracks.frame_count // 2, 1))
    sums, counts = np.zeros(longest + 1), np.zeros(longest + 1, np.int64)
    own_sums, own_counts = np.zeros((2, _LINE + 1, len(tracklets)))
    for of, frame, place in _parts(tracks, tracklets):
        _add_squares(of, frame, place, sums, counts, own_sums, own_counts)
    seen = np.flatnonzero(counts)
    per_slope = 1 / (2 * tracks.dimensions)
    first = min(longest, _LINE) + 1
    whole = _slopes(sums[:first, None], counts[:first, None].astype(np.float64))
    uncertain = _uncertainty(own_sums, own_counts)
    low, high = (whole[0] + np.array([-uncertain, uncertain])) * per_slope
    return Displacements(
        lags=seen,
        squares=sums[seen] / counts[seen],
        pairs=counts[seen],
        coefficient=float(whole[0]) * per_slope,
        interval=(float(low), float(high)),
        coefficients=_slopes(own_sums, own_counts) * per_slope,
    )


def _parts(
    tracks: Tracks, tracklets: Tracklets
) -> Iterator[tuple[IntArray, LabelArray, DoubleArray]]:
    """Yield tracklet, frame and place of detections, one whole tracklet after the other."""
    order = np.argsort(tracklets.of, kind="stable")  # detections come by frame
    ends = np.append(np.flatnonzero(np.diff(tracklets.of[order])) + 1, len(order))
    cuts = ends[np.searchsorted(ends, np.arange(_BLOCK, len(order), _BLOCK))]
    for rows in np.split(order, np.unique(cuts)):  # a part at a time, which needs less memory
        place = tracks.position[rows] * np.asarray(tracks.pixel_size or 1.0)
        yield tracklets.of[rows], tracks.frame[rows], place


@njit(cache=True)
def _add_squares(
    of: IntArray,
    frame: LabelArray,
    place: DoubleArray,
    sums: DoubleArray,
    counts: IntArray,
    own_sums: DoubleArray,
    own_counts: DoubleArray,
) -> None:
    """Add squared displacements to the sums over lags, and to those of each tracklet."""
    for now in range(len(of)):
        before = now - 1
        while before >= 0 and of[before] == of[now]:
            lag = frame[now] - frame[before]
            if lag >= len(sums):
                break
            square = 0.0
            for axis in range(place.shape[1]):
                square += (place[now, axis] - place[before, axis]) ** 2
            sums[lag] += square
            counts[lag] += 1
            if lag < len(own_sums):
                own_sums[lag, of[now]] += square
                own_counts[lag, of[now]] += 1.0
            before -= 1


def _slopes(sums: DoubleArray, counts: DoubleArray) -> DoubleArray:
    """Return slopes of lines through means over lags, weighted by counts, shape (K,).

    Both arrays have the shape (lags from 0, K).
    """
    lag = np.arange(len(sums), dtype=np.float64)[:, None]
    total = counts.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        middle, height = (counts * lag).sum(axis=0) / total, sums.sum(axis=0) / total
        away = lag - middle
        across = (away * (sums - counts * height)).sum(axis=0)
        return np.asarray(across / (counts * away**2).sum(axis=0))


def _uncertainty(sums: DoubleArray, counts: DoubleArray) -> float:
    """Return half of the interval of 95 % confidence of the slope of all together, or NaN."""
    from scipy.stats import t

    seen = np.flatnonzero(counts.any(axis=0))
    groups = min(_GROUPS, len(seen))
    if groups < 3:
        return float("nan")
    group = np.arange(len(seen)) % groups
    rest = []
    for own in (sums, counts):
        parts = np.array([np.bincount(group, lag[seen], groups) for lag in own])
        rest.append(parts.sum(axis=1, keepdims=True) - parts)
    slopes = _slopes(*rest)
    deviation = np.sqrt((groups - 1) / groups * ((slopes - slopes.mean()) ** 2).sum())
    return float(deviation * t.ppf(0.975, groups - 1))


def _slope_of_logarithms(lags: IntArray, squares: DoubleArray) -> float:
    known = squares > 0
    if np.count_nonzero(known) < 2:
        return float("nan")
    slope, _ = np.polyfit(np.log(lags[known]), np.log(squares[known]), 1)
    return float(slope)
