"""Motion that cells of a frame pair share: the drift of the field, and how its parts flow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from cellwright._types import BoolArray, DoubleArray, IntArray
from cellwright.tracking.candidates import Edges, neighbours
from cellwright.tracking.flow import Drift, local_flow
from cellwright.tracking.frames import Frame
from cellwright.tracking.medians import median, medians

_SAMPLE = 300
_AROUND = 40  # neighbours whose displacements vote for a large shift
_LEAST = 8  # detections that vote; of fewer, all must agree
_FEWEST = 3  # detections that can agree
_BY_CHANCE = 0.01  # probability that they agree so well on any displacement
_CLEARLY = 20.0  # times less probable by chance than that they stay
_FARTHEST_BIN = 2**19  # of votes: twice as many along each of three axes are counted in 64 bits


@dataclass(frozen=True, slots=True)
class FramePair:
    """Two frames that follow each other, and how the field moves between them.

    Attributes
    ----------
    earlier, later : Frame
    drift : Drift
    carried : array of float, shape (N, D)
        How far the field carries each detection of the earlier frame.
    """

    earlier: Frame
    later: Frame
    drift: Drift
    carried: DoubleArray

    @classmethod
    def of(cls, earlier: Frame, later: Frame) -> FramePair:
        """Return two frames with how the field moves; not at all where one of them is empty."""
        shift = common_shift(earlier, later)
        drift = Drift(shift, local_flow(earlier, later, shift))
        return cls(earlier, later, drift, drift.at(earlier.position))


def mutual(edges: Edges, count: int) -> BoolArray:
    """Return which edges join detections that are nearest to each other, shape (E,).

    Parameters
    ----------
    edges : Edges
        Nearest first, with squared distances as weights.
    count : int
        Number of columns.
    """
    found: BoolArray = _mutual(edges.starts, edges.columns, edges.weights, count)
    return found


@njit(cache=True)
def _mutual(starts: IntArray, columns: IntArray, squares: DoubleArray, count: int) -> BoolArray:
    """Return which edges join two detections that are the nearest to each other, shape (E,)."""
    nearest = np.full(count, np.inf)
    for e in range(len(columns)):
        nearest[columns[e]] = min(nearest[columns[e]], squares[e])
    both = np.zeros(len(columns), np.bool_)
    for row in range(len(starts) - 1):
        first = starts[row]
        if first < starts[row + 1]:
            both[first] = squares[first] == nearest[columns[first]]
    return both


def common_shift(earlier: Frame, later: Frame) -> DoubleArray:
    """Estimate how far the field as a whole moved from one frame to the next.

    A vote over the displacements between all detections that are not too far apart finds shifts
    of several distances between cells; the median over nearest neighbours makes it precise. A
    shift that the cells' own motion explains is none.

    The frame with more of them is asked: both daughters have a mother, but of the daughters only
    one is nearest to her, and where all cells divide at once, that looks like a drift.

    Returns
    -------
    array of float, shape (D,)
    """
    if len(later) > len(earlier):
        return -_shift(later, earlier)
    return _shift(earlier, later)


def _shift(earlier: Frame, later: Frame) -> DoubleArray:
    """Return the drift that detections of the earlier frame tell, which are no fewer."""
    if len(later) < _LEAST:
        return _shift_of_few(earlier.position, later.position)
    sample = earlier.position[:: max(1, len(earlier) // _SAMPLE)]
    shift = _voted(sample, later)
    for _ in range(2):
        pairs = neighbours(sample + shift, later.grid, np.inf, 1)
        rest = later.position[pairs.columns] - sample[pairs.rows] - shift
        middle = medians(rest)
        shift = shift + middle
    own = 1.4826 * medians(np.abs(rest - middle))
    uncertain = 1.2533 * own / np.sqrt(len(rest))
    return np.where(np.abs(shift) > 4 * uncertain, shift, 0.0)


def _shift_of_few(earlier: DoubleArray, later: DoubleArray) -> DoubleArray:
    """Return the displacement that brings all later detections onto earlier ones, if any does.

    As many at random would lie so near by chance: each but the one that the displacement is that
    of. That must be improbable in spite of all displacements that were tried, much more so than
    for staying; and where staying is improbable by chance, too, they stay.
    """
    (count, dimensions), tried = later.shape, len(earlier) * len(later)
    still: DoubleArray = np.zeros(dimensions)
    if count < _FEWEST or len(earlier) >= 2 * _LEAST:
        return still
    shifts = np.concatenate([[still], (later[:, None] - earlier).reshape(-1, dimensions)])
    for _ in range(2):
        shifts[1:] += _ways_to_nearest(earlier, later, shifts[1:]).mean(axis=1)
    farthest = (_ways_to_nearest(earlier, later, shifts) ** 2).sum(axis=2).max(axis=1)
    width = np.ptp(earlier, axis=0) * (len(earlier) + 1) / (len(earlier) - 1)
    field = float(np.prod(np.maximum(width, width.max() / len(earlier))))
    balls = {2: np.pi, 3: 4 / 3 * np.pi}[dimensions] * farthest ** (dimensions / 2)
    with np.errstate(over="ignore"):  # infinitely many are to be expected where all lie together
        expected = np.maximum(len(earlier) * balls / max(field, 1e-300), 1e-12)
    chance = (count - 1) * np.log(-np.expm1(-expected)) + np.log(tried)
    best = int(chance.argmin())
    staying = chance[0] - np.log(tried)
    clear = chance[best] < min(np.log(_BY_CHANCE), staying - np.log(_CLEARLY))
    return shifts[best] if clear and staying > np.log(_BY_CHANCE) else still


def _ways_to_nearest(earlier: DoubleArray, later: DoubleArray, shifts: DoubleArray) -> DoubleArray:
    """Return the ways (S, M, D) to M later detections from what is nearest after each shift."""
    between = (later - shifts[:, None])[:, :, None] - earlier
    nearest = (between**2).sum(axis=3).argmin(axis=2)
    return np.asarray(np.take_along_axis(between, nearest[..., None, None], axis=2)[:, :, 0])


def _voted(sample: DoubleArray, later: Frame) -> DoubleArray:
    """Return the displacement that most pairs agree on; none unless it clearly beats staying."""
    dimensions = sample.shape[1]
    winner: DoubleArray = np.zeros(dimensions)
    side = 0.7 * later.grid.side / 2 ** (1 / dimensions)  # of the distance between cells
    displacements = _displacements(sample, later, side / 2 * np.sqrt(dimensions))
    staying = np.count_nonzero((np.abs(displacements) < side / 2).all(axis=1))
    least = max(1.5 * staying, 0.3 * len(sample))
    if least >= len(sample):  # more votes than cells have
        return winner
    displacements = _displacements(sample, later, np.inf)
    if (np.ptp(displacements, axis=0) > _FARTHEST_BIN * side).any():
        # Of what is that far from all others, as a place of -1e9 for "unknown", nothing is told.
        apart = np.abs(displacements - np.median(displacements, axis=0))
        displacements = displacements[(apart <= _FARTHEST_BIN * side).all(axis=1)]
    for offset in (0.0, 0.5):  # a shift may lie where the bins of one grid meet
        cells = np.round(displacements / side + offset).astype(np.int64)
        _, of, votes = np.unique(_keys(cells), return_inverse=True, return_counts=True)
        best = int(np.argmax(votes))
        if votes[best] > max(least, 2 * median(votes)):
            least = votes[best]
            winner = displacements[of == best].mean(axis=0)
    return winner


def _displacements(sample: DoubleArray, later: Frame, radius: float) -> DoubleArray:
    """Return the ways from places to whatever is around them, shape (V, D)."""
    pairs = neighbours(sample, later.grid, radius, _AROUND)
    return np.asarray(later.position[pairs.columns] - sample[pairs.rows])


def _keys(cells: IntArray) -> IntArray:
    """Return one number for each row of whole numbers: sorting those is much quicker."""
    low = cells.min(axis=0)
    sizes = tuple(cells.max(axis=0) - low + 1)
    return np.asarray(np.ravel_multi_index(tuple((cells - low).T), sizes))


def median_step(edges: Edges, count: int) -> tuple[float, int]:
    """Return the median distance of mutual neighbours, and how many there are."""
    steps: DoubleArray = edges.weights[mutual(edges, count)]
    return (float(np.sqrt(median(steps))), len(steps)) if len(steps) else (0.0, 0)
