"""Filters that know how things went so far, and so where they are expected next.

Each detection of a frame has two filters, as if it wandered and as if it ran, and the probability
that it runs. Wandering is a random walk. Running is a velocity that is kept in part: all of it
makes straight ways, none of it a random walk again. All axes are alike and do not depend on each
other, so that one variance serves them all.

References
----------
Blom & Bar-Shalom, The interacting multiple model algorithm for systems with Markovian switching
coefficients, IEEE Transactions on Automatic Control 33 (1988). Genovesio et al., Multiple particle
tracking in 3-D+t microscopy, IEEE Transactions on Image Processing 15 (2006).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from cellwright._types import DoubleArray, IntArray

STAY, STOP, RUN_ON, BEGIN = range(4)
"""What may become of a detection: go on wandering, stop running, run on, begin to run."""
_NEVER = 1e-9


class Motion(NamedTuple):
    """How things move; lengths in the unit of positions, along each axis.

    Parameters
    ----------
    noise : float
        Standard deviation of positions around what they are.
    wander : float
        Of the steps of those that wander.
    speed : float
        Of the velocity of those that run.
    persistence : float
        Correlation of their velocity with that of the frame before, 0 to 1.
    start, stop : float
        Probability to begin, and to cease, to run from one frame to the next. ``start=1, stop=0``
        for things that always run, ``start=0, stop=1`` for those that always wander.
    tail : float
        Degrees of freedom of Student's t around where things are expected.
    """

    noise: float
    wander: float
    speed: float
    persistence: float
    start: float
    stop: float
    tail: float


class States(NamedTuple):
    """What is known of the motion of the N detections of a frame.

    Parameters
    ----------
    mean : array of float, shape (N, 3, D)
        Place of one that wanders; place and velocity of one that runs.
    variance : array of float, shape (N, 4)
        Of the first; of the second, of the second with the third, of the third.
    running : array of float, shape (N,)
        Probability that each runs.
    """

    mean: DoubleArray
    variance: DoubleArray
    running: DoubleArray


class Forecast(NamedTuple):
    """Where the N detections of a frame are expected in the next one, whatever becomes of them.

    The last axis but that of space says what: `STAY`, `STOP`, `RUN_ON` or `BEGIN`.

    Parameters
    ----------
    centre, velocity : array of float, shape (N, 4, D)
        Expected place and velocity.
    spread : array of float, shape (N, 4, 3)
        Variance of the place, its covariance with the velocity, and variance of that.
    share : array of float, shape (N, 4)
        Probability of each.
    noise : array of float, shape (N,)
        Variance of what is seen around the place.
    tail : float
        Degrees of freedom of Student's t around the centre.
    """

    centre: DoubleArray
    velocity: DoubleArray
    spread: DoubleArray
    share: DoubleArray
    noise: DoubleArray
    tail: float


def first_states(position: DoubleArray, motion: Motion) -> States:
    """Return what is known of detections that are seen for the first time, at `position` (N, D)."""
    count, dimensions = position.shape
    mean = np.zeros((count, 3, dimensions))
    mean[:, :2] = position[:, None]
    noise, speed = motion.noise**2, motion.speed**2
    variance = np.tile(np.array([noise, noise, 0.0, speed]), (count, 1))
    running = motion.start / (motion.start + motion.stop)
    return States(mean, variance, np.full(count, running))


def forecast(states: States, motion: Motion, frames: int = 1) -> Forecast:
    """Return where detections are expected some frames later, if the field does not drift."""
    count, _, dimensions = states.mean.shape
    ahead = _empty(count, dimensions, motion)
    states = States(*(part.copy() for part in states))
    _expect_all(states, motion, ahead, frames)
    return ahead


def updated(
    ahead: Forecast, position: DoubleArray, source: IntArray, target: IntArray, motion: Motion
) -> States:
    """Return what is known of the M detections of the next frame.

    Parameters
    ----------
    ahead : Forecast
        Of the frame before.
    position : array of float, shape (M, D)
    source, target : array of int, shape (L,)
        Links; detections without one are as seen for the first time.
    motion : Motion
    """
    states = first_states(position, motion)
    _learn_all(ahead, position, source, target, states)
    return states


def moved(ahead: Forecast, shift: DoubleArray) -> Forecast:
    """Return a forecast for a field that drifts, by one shift (D,) or one for each row (N, D)."""
    return ahead._replace(centre=ahead.centre + np.atleast_2d(shift)[:, None])


def scaled(ahead: Forecast, factor: float | DoubleArray) -> Forecast:
    """Return a forecast for frames that come later, or sooner, than usual: of all, or of each."""
    square = np.broadcast_to(np.square(factor), len(ahead.noise))
    return ahead._replace(spread=ahead.spread * square[:, None, None], noise=ahead.noise * square)


def log_density(ahead: Forecast, rows: IntArray, places: DoubleArray) -> DoubleArray:
    """Return the log density that some rows of a forecast give to places (K, D), shape (K,)."""
    return np.asarray(_log_density(ahead, rows, places))


def log_evidence(motion: Motion, ways: DoubleArray) -> float:
    """Return how probable some ways are under a model of motion.

    Parameters
    ----------
    motion : Motion
    ways : array of float, shape (W, L, D)
        Positions in frames that follow each other, without the drift of the field; NaN before a
        way begins and after it has ended.

    Returns
    -------
    float
        Sum of the log densities that each position but the first of a way has after those before.
    """
    dimensions = ways.shape[2]
    states = first_states(np.zeros((1, dimensions)), motion)
    return float(_log_evidence(motion, ways, states, _empty(1, dimensions, motion)))


def _empty(count: int, dimensions: int, motion: Motion) -> Forecast:
    return Forecast(
        np.zeros((count, 4, dimensions)),
        np.zeros((count, 4, dimensions)),
        np.zeros((count, 4, 3)),
        np.zeros((count, 4)),
        np.full(count, motion.noise**2),
        motion.tail,
    )


@njit(cache=True)
def _expect_all(states: States, motion: Motion, ahead: Forecast, frames: int) -> None:
    """Fill in the forecast; the states end where they are a frame before it."""
    for row in range(len(states.running)):
        _expect(states, row, motion, ahead)
        for _ in range(frames - 1):
            _merge(ahead, row, states, row)
            _expect(states, row, motion, ahead)


@njit(cache=True)
def _learn_all(
    ahead: Forecast, position: DoubleArray, source: IntArray, target: IntArray, states: States
) -> None:
    """Learn from what was linked; the forecast stays as it is."""
    dimensions = position.shape[1]
    seen = Forecast(
        np.empty((1, 4, dimensions)),
        np.empty((1, 4, dimensions)),
        np.empty((1, 4, 3)),
        np.empty((1, 4)),
        np.empty(1),
        ahead.tail,
    )
    only = len(seen.share) - 1  # see `_log_evidence`
    for link in range(len(source)):
        _copy(ahead, source[link], seen)
        _learn(seen, only, position[target[link]])
        _merge(seen, only, states, target[link])


@njit(cache=True)
def _copy(ahead: Forecast, row: int, seen: Forecast) -> None:
    """Write what is expected of one detection into the first row of another forecast."""
    _, ways, dimensions = seen.centre.shape
    for way in range(ways):
        for axis in range(dimensions):
            seen.centre[0, way, axis] = ahead.centre[row, way, axis]
            seen.velocity[0, way, axis] = ahead.velocity[row, way, axis]
        for moment in range(3):
            seen.spread[0, way, moment] = ahead.spread[row, way, moment]
        seen.share[0, way] = ahead.share[row, way]
    seen.noise[0] = ahead.noise[row]


@njit(cache=True)
def _log_evidence(motion: Motion, ways: DoubleArray, states: States, ahead: Forecast) -> float:
    """Follow one way after the other; `states` and `ahead` have one row, which is written over."""
    total = 0.0
    constant = _log_constant(motion.tail, ways.shape[2])
    row = len(states.running) - 1  # for a plain 0 numba would compile all of it once more
    for way in range(ways.shape[0]):
        fresh = True
        for frame in range(ways.shape[1]):
            place = ways[way, frame]
            if np.isnan(place[0]):
                fresh = True
                continue
            if fresh:
                _first(states, row, place, motion)
                fresh = False
                continue
            _expect(states, row, motion, ahead)
            total += _of_all(ahead, row, place, constant)
            _learn(ahead, row, place)
            _merge(ahead, row, states, row)
    return total


@njit(cache=True)
def _first(states: States, row: int, place: DoubleArray, motion: Motion) -> None:
    """Forget everything but a place."""
    for axis in range(len(place)):
        states.mean[row, 0, axis] = states.mean[row, 1, axis] = place[axis]
        states.mean[row, 2, axis] = 0.0
    states.variance[row, 0] = states.variance[row, 1] = motion.noise**2
    states.variance[row, 2] = 0.0
    states.variance[row, 3] = motion.speed**2
    states.running[row] = motion.start / (motion.start + motion.stop)


@njit(cache=True)
def _expect(states: States, row: int, motion: Motion, ahead: Forecast) -> None:
    """Write where one detection is expected in the next frame."""
    kept, speed, wander = motion.persistence, motion.speed**2, motion.wander**2
    running = states.running[row]
    for axis in range(states.mean.shape[2]):
        resting, place = states.mean[row, 0, axis], states.mean[row, 1, axis]
        velocity = kept * states.mean[row, 2, axis]
        ahead.centre[row, STAY, axis] = ahead.centre[row, BEGIN, axis] = resting
        ahead.centre[row, STOP, axis] = place
        ahead.centre[row, RUN_ON, axis] = place + velocity
        ahead.velocity[row, RUN_ON, axis] = velocity
        ahead.velocity[row, BEGIN, axis] = 0.0
    spread = states.variance[row]
    own = kept**2 * spread[3] + (1 - kept**2) * speed
    ahead.spread[row, STAY, 0] = spread[0] + wander
    ahead.spread[row, STOP, 0] = spread[1] + wander
    ahead.spread[row, RUN_ON, 0] = spread[1] + 2 * kept * spread[2] + own
    ahead.spread[row, RUN_ON, 1] = kept * spread[2] + own
    ahead.spread[row, RUN_ON, 2] = own
    ahead.spread[row, BEGIN, 0] = spread[0] + speed
    ahead.spread[row, BEGIN, 1] = ahead.spread[row, BEGIN, 2] = speed
    ahead.share[row, STAY] = (1 - running) * (1 - motion.start)
    ahead.share[row, BEGIN] = (1 - running) * motion.start
    ahead.share[row, RUN_ON] = running * (1 - motion.stop)
    ahead.share[row, STOP] = running * motion.stop


@njit(cache=True)
def _learn(ahead: Forecast, row: int, place: DoubleArray) -> None:
    """Turn what was expected of one detection into what is known after it was seen at a place."""
    constant = _log_constant(ahead.tail, len(place))
    most = -np.inf
    for h in range(4):
        found = _of_one(ahead, row, h, place, constant)
        whole = ahead.spread[row, h, 0] + ahead.noise[row]
        gain, turn = ahead.spread[row, h, 0] / whole, ahead.spread[row, h, 1] / whole
        for axis in range(len(place)):
            missed = place[axis] - ahead.centre[row, h, axis]
            ahead.centre[row, h, axis] += gain * missed
            ahead.velocity[row, h, axis] += turn * missed
        ahead.spread[row, h, 2] -= turn * ahead.spread[row, h, 1]
        ahead.spread[row, h, 0] *= 1 - gain
        ahead.spread[row, h, 1] *= 1 - gain
        ahead.share[row, h] = found
        most = max(most, found)
    total = 0.0
    for h in range(4):
        ahead.share[row, h] = np.exp(ahead.share[row, h] - most)
        total += ahead.share[row, h]
    for h in range(4):
        ahead.share[row, h] /= total


@njit(cache=True)
def _merge(ahead: Forecast, row: int, states: States, to: int) -> None:
    """Give each filter the mean and the variance of the hypotheses that lead to it."""
    wandering = _portion(ahead.share[row, STOP], ahead.share[row, STAY])
    running = _portion(ahead.share[row, BEGIN], ahead.share[row, RUN_ON])
    dimensions = ahead.centre.shape[2]
    rest = place = both = own = 0.0  # (co)variances that two hypotheses differ by, along all axes
    for axis in range(dimensions):
        away = ahead.centre[row, STOP, axis] - ahead.centre[row, STAY, axis]
        states.mean[to, 0, axis] = ahead.centre[row, STAY, axis] + wandering * away
        rest += away * away / dimensions
        away = ahead.centre[row, BEGIN, axis] - ahead.centre[row, RUN_ON, axis]
        faster = ahead.velocity[row, BEGIN, axis] - ahead.velocity[row, RUN_ON, axis]
        states.mean[to, 1, axis] = ahead.centre[row, RUN_ON, axis] + running * away
        states.mean[to, 2, axis] = ahead.velocity[row, RUN_ON, axis] + running * faster
        place += away * away / dimensions
        both += away * faster / dimensions
        own += faster * faster / dimensions
    spread = ahead.spread[row]
    states.variance[to, 0] = _mixed(spread[STAY, 0], spread[STOP, 0], wandering, rest)
    states.variance[to, 1] = _mixed(spread[RUN_ON, 0], spread[BEGIN, 0], running, place)
    states.variance[to, 2] = _mixed(spread[RUN_ON, 1], spread[BEGIN, 1], running, both)
    states.variance[to, 3] = _mixed(spread[RUN_ON, 2], spread[BEGIN, 2], running, own)
    states.running[to] = ahead.share[row, RUN_ON] + ahead.share[row, BEGIN]


@njit(cache=True)
def _portion(share: float, other: float) -> float:
    """Return the part of one of two shares, none of nothing."""
    return share / (share + other) if share > _NEVER else 0.0


@njit(cache=True)
def _mixed(one: float, other: float, portion: float, between: float) -> float:
    """Return the (co)variance of two together, whose means differ by `between`."""
    return (1 - portion) * one + portion * other + portion * (1 - portion) * between


@njit(cache=True)
def _log_density(ahead: Forecast, rows: IntArray, places: DoubleArray) -> DoubleArray:
    """Return the log density of the hypotheses together, shape (K,)."""
    constant = _log_constant(ahead.tail, places.shape[1])
    found = np.empty(len(rows))
    for k in range(len(rows)):
        found[k] = _of_all(ahead, rows[k], places[k], constant)
    return found


@njit(cache=True)
def _of_all(ahead: Forecast, row: int, place: DoubleArray, constant: float) -> float:
    """Return the log density of a place under all hypotheses about a row together."""
    total = 0.0
    for h in range(4):
        if ahead.share[row, h] > _NEVER:
            total += np.exp(_of_one(ahead, row, h, place, constant))
    return float(np.log(max(total, 1e-300)))


@njit(cache=True)
def _of_one(ahead: Forecast, row: int, h: int, place: DoubleArray, constant: float) -> float:
    """Return the log density of one hypothesis about a row, and of a place under it."""
    dimensions = len(place)
    square = 0.0
    for axis in range(dimensions):
        square += (place[axis] - ahead.centre[row, h, axis]) ** 2
    scale = ahead.spread[row, h, 0] + ahead.noise[row]
    power = (ahead.tail + dimensions) / 2
    density = constant - dimensions / 2 * np.log(scale)
    density += np.log(max(ahead.share[row, h], 1e-300))
    return float(density - power * np.log1p(square / (ahead.tail * scale)))


@njit(cache=True)
def _log_constant(tail: float, dimensions: int) -> float:
    """Return the log density of Student's t of scale 1 at its centre."""
    half = dimensions / 2
    return float(math.lgamma(tail / 2 + half) - math.lgamma(tail / 2) - half * np.log(tail * np.pi))
