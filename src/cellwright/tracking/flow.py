"""Motion that neighbours share between two frames: of tissue that streams, turns or grows.

Found as in particle image velocimetry: places all over the field vote on how far what is around
them went, what contradicts its neighbours is put right, and what is left is refined by who is
nearest to whom once all are carried along.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numba import njit

from cellwright._types import DoubleArray, IntArray
from cellwright.tracking.candidates import make_grid, neighbours
from cellwright.tracking.frames import Frame

_AROUND = 16  # detections that vote, and those of the later frame that each may have become
_FEWEST = 200  # detections below which nothing is told of parts of a field
_PROBES = 25  # places that tell whether the field moves as a whole
_DEVIATING = 3  # of them, for it not to
_CLEAR = 0.25  # of the distance between detections: who moves less is not mistaken for others
_APART = 6  # detections for each knot
_KNOTS = 2_000  # at most
_ROUNDS = 5  # of votes, and of corrections
_DEGREES = (1, 2, 3)  # of polynomials that the flow may follow
_FITS = 10  # of a trend
_CELL = 0.25  # side of the cells of a vote, in parts of the distance between detections
_WIDEST = 20  # cells that a vote reaches to each side
_CLEARLY = 0.3  # of those that may vote, more than there are for staying
_TRUSTED = 0.5  # a way that is farther from those around it, in the same unit, is theirs
_NEAR = 0.5  # who is nearer than that to where it would be carried tells about the flow
_GAIN = 0.86  # of the way to who is nearest; frames of different cells leave 0.89 of it and more
_AROUND_KNOT = 9  # knots that tell whether one is wrong, and how steeply the flow changes there
_RIDGE = 0.05  # of their scatter; slopes that nothing tells are none
_BETWEEN = {2: 4, 3: 6}  # knots that tell the flow at a place, by the number of spatial axes


@dataclass(frozen=True, slots=True)
class Flow:
    """How far the field moves from one frame to the next, place by place.

    Attributes
    ----------
    places : array of float, shape (K, D)
        In the earlier frame.
    ways : array of float, shape (K, D)
        From there to the later one.
    slopes : array of float, shape (K, D, D)
        How much farther along the last axis for each step along the one before.
    """

    places: DoubleArray
    ways: DoubleArray
    slopes: DoubleArray

    @classmethod
    def of(cls, places: DoubleArray, ways: DoubleArray) -> Flow:
        """Return it with slopes that the knots around each one tell."""
        count, dimensions = places.shape
        near = neighbours(places, make_grid(places), np.inf, _AROUND_KNOT)
        around = near.columns.reshape(count, -1)
        away, more = (one[around] - one[:, None] for one in (places, ways))
        square = np.einsum("kij,kil->kjl", away, away)
        scatter = np.maximum(np.einsum("kjj->k", square), 1e-30)  # knots may be in one place
        square += _RIDGE * scatter[:, None, None] * np.eye(dimensions)
        slopes = np.linalg.solve(square, np.einsum("kij,kil->kjl", away, more))
        return cls(places, ways, slopes)

    def at(self, positions: DoubleArray) -> DoubleArray:
        """Return how far the field moves at some places, shape (N, D)."""
        dimensions = self.places.shape[1]
        near = neighbours(positions, make_grid(self.places), np.inf, _BETWEEN[dimensions])
        carried: DoubleArray = _between(
            positions, near.starts, near.columns, near.weights, self.places, self.ways, self.slopes
        )
        return carried


@dataclass(frozen=True, slots=True)
class Drift:
    """How the field moves from one frame to the next.

    Attributes
    ----------
    shift : array of float, shape (D,)
        Of the field as a whole.
    flow : Flow, optional
        Where parts of it move otherwise than the whole.
    """

    shift: DoubleArray
    flow: Flow | None = None

    def at(self, positions: DoubleArray) -> DoubleArray:
        """Return how far it moves at some places, shape (N, D)."""
        if self.flow is None:
            return np.broadcast_to(self.shift, positions.shape)
        return self.flow.at(positions)


def local_flow(earlier: Frame, later: Frame, shift: DoubleArray) -> Flow | None:
    """Estimate how far the parts of a field move from one frame to the next.

    Parameters
    ----------
    earlier, later : Frame
    shift : array of float, shape (D,)
        Drift of the whole field.

    Returns
    -------
    Flow or None
        None where the field moves as a whole, as far as can be told.

    References
    ----------
    Westerweel & Scarano, Universal outlier detection for PIV data, Experiments in Fluids 39
    (2005). Franke & Nielson, Smooth interpolation of large sets of scattered data, International
    Journal for Numerical Methods in Engineering 15 (1980).
    """
    if min(len(earlier), len(later)) < _FEWEST:
        return None
    if _moves_as_a_whole(earlier, later, shift):
        return None
    # What half of the detections tell has to be true of the others, too.
    some, others = earlier.position[::2], earlier.position[1::2]
    told = _estimated(some, later, shift)
    if _off(others + told.at(others), later) >= _GAIN * _off(others + shift, later):
        return None
    return _estimated(earlier.position, later, shift)


def _estimated(positions: DoubleArray, later: Frame, shift: DoubleArray) -> Flow:
    """Return the flow that detections of the earlier frame tell.

    Where all of a region went astray together, neighbours do not put it right, but the rest of the
    field may: a second try begins with what most of it agrees on.
    """
    places = _spread(positions, min(len(positions) // _APART, _KNOTS))
    around = neighbours(places, make_grid(positions), np.inf, _AROUND).columns
    near = positions[around]

    def refined(flow: Flow) -> Flow:
        for correction in (_voted, _nearest):
            for _ in range(_ROUNDS):
                carried = (near + flow.at(near)).reshape(len(places), -1, near.shape[1])
                flow = _smooth(places, flow.ways + correction(carried, later), later)
        return flow

    best = refined(Flow.of(places, np.broadcast_to(shift, places.shape)))
    least = _off(positions + best.at(positions), later)
    for degree in _DEGREES:
        trend = _trend(places, best.ways, degree)
        if np.linalg.norm(best.ways - trend, axis=1).max() <= _TRUSTED * _spacing(later):
            break  # nobody went astray
        flow = refined(Flow.of(places, trend))
        left = _off(positions + flow.at(positions), later)
        if left < least:
            best, least = flow, left
    return best


def _trend(places: DoubleArray, ways: DoubleArray, degree: int) -> DoubleArray:
    """Return how far each of some places would go by what most of them agree on, shape (K, D).

    A polynomial, so fitted that those that go elsewhere count little.
    """
    middle = places.mean(axis=0)
    away = (places - middle) / np.maximum(np.abs(places - middle).max(axis=0), 1e-30)
    axes = range(places.shape[1])
    powers = [
        some for one in range(degree + 1) for some in combinations_with_replacement(axes, one)
    ]
    basis = np.stack([np.prod(away[:, some], axis=1) for some in powers], axis=1)
    weight = np.ones(len(places))
    for _ in range(_FITS):
        scaled = basis * weight[:, None]
        found = np.linalg.lstsq(scaled.T @ basis, scaled.T @ ways, rcond=None)[0]
        trend: DoubleArray = basis @ found
        rest = np.linalg.norm(ways - trend, axis=1)
        weight = 1 / (1 + (rest / max(float(np.median(rest)), 1e-30)) ** 2)
    return trend


def _moves_as_a_whole(earlier: Frame, later: Frame, shift: DoubleArray) -> bool:
    """Return whether nothing speaks for parts that move otherwise, in a few places."""
    around = neighbours(_spread(earlier.position, _PROBES), earlier.grid, np.inf, _AROUND)
    carried = (earlier.position[around.columns] + shift).reshape(-1, _AROUND, len(shift))
    left = _left(carried, later, np.inf)
    middle = np.median(left, axis=1)
    own = 1.4826 * np.median(np.abs(left - middle[:, None]), axis=1)
    uncertain = 1.2533 * own / np.sqrt(_AROUND)
    if np.count_nonzero((np.abs(middle) > 4 * uncertain).any(axis=1)) >= _DEVIATING:
        return False
    # Half of a field may lie still: each place is asked by itself.
    far = np.median((left**2).sum(axis=2), axis=1) >= (_CLEAR * _spacing(later)) ** 2
    if np.count_nonzero(far) < _DEVIATING:
        return True
    return bool(np.count_nonzero(_voted(carried, later).any(axis=1)) < _DEVIATING)


def _spread(positions: DoubleArray, count: int) -> DoubleArray:
    """Return about so many of the places of detections of a frame, from all over the field."""
    return positions[:: max(1, len(positions) // count)]


def _spacing(later: Frame) -> float:
    """Return about how far detections are from each other."""
    return float(later.grid.side / 2 ** (1 / later.position.shape[1]))


def _left(carried: DoubleArray, later: Frame, radius: float) -> DoubleArray:
    """Return the ways to who is nearest, shape (K, A, D); NaN where nobody is near."""
    places = carried.reshape(-1, carried.shape[2])
    found = neighbours(places, later.grid, radius, 1)
    left = np.full(places.shape, np.nan)
    left[found.rows] = later.position[found.columns] - places[found.rows]
    return left.reshape(carried.shape)


def _voted(carried: DoubleArray, later: Frame) -> DoubleArray:
    """Return how far most of what is around each knot goes beside the flow, shape (K, D)."""
    there = neighbours(carried.reshape(-1, carried.shape[2]), later.grid, np.inf, _AROUND)
    side = _CELL * _spacing(later)
    half = min(int(np.ceil(np.sqrt(there.weights.max(initial=0.0)) / side)) + 2, _WIDEST)
    ways: DoubleArray = _vote(carried, later.position, there.starts, there.columns, side, half)
    return ways


def _nearest(carried: DoubleArray, later: Frame) -> DoubleArray:
    """Return how far those around each knot that find somebody near go to that, shape (K, D)."""
    left = _left(carried, later, _NEAR * _spacing(later))
    ways = np.zeros((len(left), left.shape[2]))
    told = np.count_nonzero(np.isfinite(left[..., 0]), axis=1) >= _AROUND // 4
    ways[told] = np.nanmedian(left[told], axis=1)
    return ways


def _smooth(places: DoubleArray, ways: DoubleArray, later: Frame) -> Flow:
    """Return a flow without ways that contradict those around them."""
    near = neighbours(places, make_grid(places), np.inf, _AROUND_KNOT)
    middle = np.median(ways[near.columns.reshape(len(places), -1)], axis=1)
    wrong = np.linalg.norm(ways - middle, axis=1) > _TRUSTED * _spacing(later)
    return Flow.of(places, np.where(wrong[:, None], middle, ways))


def _off(places: DoubleArray, later: Frame) -> float:
    """Return the mean distance to who is nearest; where nobody is near, that tells nothing.

    Nobody is near to two: a flow that gathers what is not seen again where others are is none.
    """
    found = neighbours(places, later.grid, np.inf, 1)
    away = np.sqrt(found.weights)
    order = np.argsort(away, kind="stable")
    first = order[np.unique(found.columns[order], return_index=True)[1]]
    off = np.full(len(places), _spacing(later))
    off[first] = np.minimum(away[first], off[first])
    return float(off.mean())


@njit(cache=True)
def _between(
    positions: DoubleArray,
    starts: IntArray,
    columns: IntArray,
    squares: DoubleArray,
    places: DoubleArray,
    ways: DoubleArray,
    slopes: DoubleArray,
) -> DoubleArray:
    """Return the mean of what the knots near each position tell; the nearer, the more it counts."""
    count, dimensions = positions.shape
    carried = np.zeros((count, dimensions))
    for row in range(count):
        whole = 0.0
        for e in range(starts[row], starts[row + 1]):
            knot = columns[e]
            weight = 1.0 / (squares[e] + 1e-3 * squares[starts[row + 1] - 1] + 1e-30)
            whole += weight
            for axis in range(dimensions):
                way = ways[knot, axis]
                for along in range(dimensions):
                    away = positions[row, along] - places[knot, along]
                    way += away * slopes[knot, along, axis]
                carried[row, axis] += weight * way
        for axis in range(dimensions):
            carried[row, axis] /= whole
    return carried


@njit(cache=True)
def _vote(
    places: DoubleArray,
    later: DoubleArray,
    starts: IntArray,
    columns: IntArray,
    side: float,
    half: int,
) -> DoubleArray:
    """Return the displacement that most of the places around each knot agree on, shape (K, D).

    0 unless it clearly beats staying. `places` has shape (K, A, D); place ``a`` of knot ``k`` may
    have become ``columns[starts[k * A + a] : starts[k * A + a + 1]]``.
    """
    knots, each, dimensions = places.shape
    size = 2 * half + 1
    layers = size if dimensions == 3 else 1
    level = half if dimensions == 3 else 0
    votes = np.zeros((layers, size, size))
    cell, ways = np.zeros(3, np.int64), np.zeros((knots, dimensions))
    for knot in range(knots):
        for z in range(layers):
            for y in range(size):
                for x in range(size):
                    votes[z, y, x] = 0.0
        for a in range(each):
            for e in range(starts[knot * each + a], starts[knot * each + a + 1]):
                if _cell_of(places[knot, a], later[columns[e]], side, half, cell):
                    votes[cell[0], cell[1], cell[2]] += 1.0
        most = _around(votes, level, half, half) + _CLEARLY * each
        z0, y0, x0 = -9, 0, 0
        for z in range(layers):
            for y in range(1, size - 1):
                for x in range(1, size - 1):
                    found = _around(votes, z, y, x) if votes[z, y, x] > 0 else 0.0
                    if found > most:
                        most, z0, y0, x0 = found, z, y, x
        if z0 < 0:
            continue
        counted = 0
        for a in range(each):
            for e in range(starts[knot * each + a], starts[knot * each + a + 1]):
                inside = _cell_of(places[knot, a], later[columns[e]], side, half, cell)
                away = max(abs(cell[0] - z0), abs(cell[1] - y0), abs(cell[2] - x0))
                if inside and away <= 1:
                    counted += 1
                    for axis in range(dimensions):
                        ways[knot, axis] += later[columns[e], axis] - places[knot, a, axis]
        for axis in range(dimensions):
            ways[knot, axis] /= counted
    return ways


@njit(cache=True)
def _cell_of(
    place: DoubleArray, there: DoubleArray, side: float, half: int, cell: IntArray
) -> bool:
    """Write which cell of a vote a displacement falls into, and return whether there is one."""
    dimensions = len(place)
    inside = True
    for axis in range(dimensions):
        at = int(np.floor((there[axis] - place[axis]) / side + 0.5)) + half
        inside = inside and 0 < at < 2 * half
        cell[3 - dimensions + axis] = at
    return inside


@njit(cache=True)
def _around(votes: DoubleArray, z: int, y: int, x: int) -> float:
    """Return the votes in and around a cell."""
    found = 0.0
    for k in range(max(z - 1, 0), min(z + 2, votes.shape[0])):
        for j in range(y - 1, y + 2):
            for i in range(x - 1, x + 2):
                found += votes[k, j, i]
    return found
