"""Which model of motion a movie speaks for, and with which numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import log

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cellwright._types import DoubleArray, IntArray
from cellwright.tracking.fit import refined
from cellwright.tracking.frames import Movie
from cellwright.tracking.kalman import Motion, States, log_evidence
from cellwright.tracking.model import LinkModel
from cellwright.tracking.motion import FramePair
from cellwright.tracking.onward import link_onward
from cellwright.tracking.options import LinkOptions
from cellwright.tracking.pair import PairLinks, single

_FRAMES = 10  # that are followed in a row
_WINDOW = 500  # detections of a single frame that are looked at
_SAMPLE = 5_000  # detections looked at
_STEPS = 1_000  # that the numbers of a model are fitted to
_ROUNDS = 5
_MOST = 2**20  # detections of a window, at the very most
_SETTLED = 0.98  # share of links that are made again, beyond which all is told
_CONFIDENT = 0.8  # probability of links that tell about motion
_FEWEST = 30  # pairs of steps that tell anything
_STRAIGHT = 0.1  # mean cosine between steps, beyond which there may be more than a random walk
_WORTH = 0.2  # gain of the log density of a step that makes up for a model with more numbers
_EVALUATIONS = 200
_FIRST_TRY = 0.7  # how far numbers without bounds are changed at first


def fit_motion(movie: Movie, model: LinkModel, options: LinkOptions) -> LinkModel:
    """Return the model of a movie with how the ways of its cells go on, if that is not random.

    Frames in a row are linked with the present model, and models of motion are fitted to the
    confident links. The one with the most evidence is used to link the same frames again, a few
    times, since fast ways come out only when they are expected.

    Parameters
    ----------
    movie : Movie
    model : LinkModel
        As `fit_model` returns it.
    options : LinkOptions
        `LinkOptions.motion` says which models come into question.
    """
    runs = _runs(movie)
    if not runs:
        return model
    pairs = [pair for run in runs for pair in run]
    before: IntArray | None = None
    for _ in range(_ROUNDS):
        links = [_followed(run, model, options) for run in runs]
        found = [one for run in links for one in run]
        linked = _linked(found)
        if before is not None and _alike(before, linked):
            break
        before, ways = linked, _ways(runs, links)
        if options.motion == "auto" and not _tells(ways):
            break
        motion = best_motion(ways, _FAMILIES[options.motion], model.step)
        if motion is None:
            break
        seen = refined(model, model.division, pairs, found)
        model = replace(seen, motion=motion, division=model.division)
    return model


def best_motion(ways: DoubleArray, families: Sequence[Family], size: float) -> Motion | None:
    """Return the model of motion that ways speak for; None for a plain random walk.

    Parameters
    ----------
    ways : array of float, shape (W, L, D)
        See `log_evidence`.
    families : sequence of Family
        What comes into question, the simplest first. A later one must be worth its numbers.
    size : float
        Typical length of a step along each axis, where ways do not say.
    """
    ways = _sampled(ways)
    steps = np.diff(ways, axis=1)
    known = steps[np.isfinite(steps).all(axis=2)]
    if not len(known):
        first = families[0]
        return None if first is WALK else first.motion(np.array(first.guess), size)
    size = float(np.sqrt((known**2).mean())) or size
    best: tuple[float, Family, Motion] | None = None
    for family in families:
        motion, evidence = _fitted(family, ways, size)
        evidence -= 0.5 * len(family.guess) * log(len(known))
        if best is None or evidence > best[0] + _WORTH * len(known):
            best = (evidence, family, motion)
    return None if best is None or best[1] is WALK else best[2]


@dataclass(frozen=True, slots=True)
class Family:
    """Models of motion of one kind, by numbers without bounds.

    Parameters
    ----------
    guess : tuple of float
        Usual numbers.
    motion : callable
        Returns the model of some numbers; lengths are in parts of its second argument.
    """

    guess: tuple[float, ...]
    motion: Callable[[DoubleArray, float], Motion]


def _walk(numbers: DoubleArray, size: float) -> Motion:
    return Motion(0.0, _length(numbers[0], size), size, 0.0, 0.0, 1.0, _tail(numbers[1]))


def _brownian(numbers: DoubleArray, size: float) -> Motion:
    return _walk(numbers[1:], size)._replace(noise=_length(numbers[0], size))


def _directed(numbers: DoubleArray, size: float) -> Motion:
    noise, speed = _length(numbers[0], size), _length(numbers[1], size)
    return Motion(noise, size, speed, _share(numbers[2]), 1.0, 0.0, _tail(numbers[3]))


def _switching(numbers: DoubleArray, size: float) -> Motion:
    noise, wander, speed = (_length(one, size) for one in numbers[:3].tolist())
    persistence, start, stop = (_share(one) for one in numbers[3:6].tolist())
    return Motion(noise, wander, speed, persistence, start, stop, _tail(numbers[6]))


def _length(number: float, size: float) -> float:
    return float(size * np.exp(np.clip(number, -5.0, 3.0)))


def _share(number: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(number, -12.0, 12.0))))


def _tail(number: float) -> float:
    return float(np.exp(np.clip(number, 0.7, 5.0)))


WALK = Family((0.0, 2.0), _walk)
_BROWNIAN = Family((-1.0, 0.0, 2.0), _brownian)
_DIRECTED = Family((-1.5, 0.0, 1.0, 2.0), _directed)
_SWITCHING = Family((-1.5, -0.5, 0.5, 3.0, -2.0, -2.0, 2.0), _switching)
_FAMILIES = {
    "auto": (WALK, _BROWNIAN, _DIRECTED, _SWITCHING),
    "brownian": (WALK, _BROWNIAN),
    "directed": (_DIRECTED,),
    "switching": (_SWITCHING,),
}


def _fitted(family: Family, ways: DoubleArray, size: float) -> tuple[Motion, float]:
    """Return the likeliest model of a family, and its log evidence."""
    from scipy.optimize import minimize

    guess = np.array(family.guess)
    done = minimize(
        lambda numbers: -log_evidence(family.motion(numbers, size), ways),
        guess,
        method="Nelder-Mead",
        options={
            "maxfev": _EVALUATIONS, "xatol": 0.05, "fatol": 1.0,
            "initial_simplex": np.vstack([guess, guess + _FIRST_TRY * np.eye(len(guess))]),
        },
    )  # fmt: skip
    return family.motion(done.x, size), -float(done.fun)


def _tells(ways: DoubleArray) -> bool:
    """Return whether steps depend on those before, which is quickly seen."""
    one, other = np.diff(ways, axis=1)[:, :-1], np.diff(ways, axis=1)[:, 1:]
    lengths = np.linalg.norm(one, axis=2) * np.linalg.norm(other, axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines = (one * other).sum(axis=2) / lengths
    cosines = cosines[np.isfinite(cosines)]
    if len(cosines) < _FEWEST:
        return False
    uncertain = 1 / np.sqrt(ways.shape[2] * len(cosines))
    return bool(abs(cosines.mean()) > max(_STRAIGHT, 3 * uncertain))


def _sampled(ways: DoubleArray) -> DoubleArray:
    """Return as many of the ways as have so many steps together as are needed."""
    steps = np.isfinite(np.diff(ways, axis=1)).all(axis=2).sum(axis=1)
    order = np.random.default_rng(0).permutation(len(ways))
    return ways[order[: np.searchsorted(np.cumsum(steps[order]), _STEPS) + 1]]


def _runs(movie: Movie) -> list[list[FramePair]]:
    """Return frames that follow each other, none of them empty, spread over the movie."""
    counts = np.minimum(movie.counts, _WINDOW)
    empty = np.flatnonzero(np.concatenate([[0], counts, [0]]) == 0)
    length = min(_FRAMES, int(np.diff(empty).max()) - 1)
    if length < 2:
        return []
    usable = np.flatnonzero(sliding_window_view(counts, length).all(axis=1))
    typical = float(counts[counts > 0].mean())
    most = int(np.clip(_SAMPLE / (typical * length), 1, (len(usable) + length - 1) // length))
    chosen = np.unique(np.linspace(0, len(usable) - 1, most).round().astype(int))
    runs = []
    for begin in usable[chosen].tolist():
        frames = [movie.frame(number, _WINDOW) for number in range(begin, begin + length)]
        runs.append([FramePair.of(earlier, later) for earlier, later in pairwise(frames)])
    return runs


def _followed(run: Sequence[FramePair], model: LinkModel, options: LinkOptions) -> list[PairLinks]:
    """Link the frames of a run."""
    found: list[PairLinks] = []
    states: States | None = None
    for pair in run:
        links, states = link_onward(
            pair, model, states, divisions=options.divisions, max_distance=options.reach
        )
        found.append(links)
    return found


def _linked(links: Sequence[PairLinks]) -> IntArray:
    """Return one number for each link, by its frame pair, source and target."""
    return np.concatenate(
        [(number * _MOST + one.source) * _MOST + one.target for number, one in enumerate(links)]
    )


def _alike(before: IntArray, after: IntArray) -> bool:
    """Return whether nearly all links are the same as before."""
    common = len(np.intersect1d(before, after, assume_unique=True))
    return common > _SETTLED * (len(before) + len(after) - common)


def _ways(runs: Sequence[Sequence[FramePair]], links: Sequence[list[PairLinks]]) -> DoubleArray:
    """Return the confident ways of all runs that have two steps at least."""
    ways = np.concatenate([_ways_of(*followed) for followed in zip(runs, links, strict=True)])
    return np.asarray(ways[np.isfinite(ways[..., 0]).sum(axis=1) > 2])


def _ways_of(run: Sequence[FramePair], links: Sequence[PairLinks]) -> DoubleArray:
    """Return where each detection of a run went with confidence, but for the drift."""
    first = run[0].earlier
    way, count = np.arange(len(first)), len(first)
    drift = np.zeros(first.position.shape[1])
    still = first.position  # where each is, had the field not moved
    seen = [(way, still)]
    for pair, found in zip(run, links, strict=True):
        sure = single(found) & (found.probability > _CONFIDENT)
        onward = np.arange(count, count + len(pair.later))
        source, target = found.source[sure], found.target[sure]
        onward[target] = way[source]
        way, count, drift = onward, count + len(pair.later), drift + pair.drift.shift
        step = pair.later.position[target] - (pair.earlier.position + pair.carried)[source]
        before, still = still, pair.later.position - drift
        still[target] = before[source] + step
        seen.append((way, still))
    ways = np.full((count, len(seen), len(drift)), np.nan)
    for frame, (names, places) in enumerate(seen):
        ways[names, frame] = places
    return ways
