"""What the frame pairs left over, and which of it may belong together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cellwright._types import DoubleArray, IntArray, LabelArray
from cellwright.tracking.candidates import Edges, make_grid, neighbours, united
from cellwright.tracking.costs import expected_costs, link_costs
from cellwright.tracking.flow import Drift
from cellwright.tracking.frames import Movie
from cellwright.tracking.kalman import RUN_ON, forecast, moved
from cellwright.tracking.links import NONE, Links, Parents, child_counts
from cellwright.tracking.model import LinkModel
from cellwright.tracking.onward import OpenStates
from cellwright.tracking.options import LinkOptions
from cellwright.tracking.pins import PINNED, Pins
from cellwright.tracking.splits import split_costs

CANDIDATES = 6
"""Of each end among the beginnings of one frame."""


@dataclass(frozen=True, slots=True)
class Course:
    """How the field and the cells of a movie of T frames moved.

    Attributes
    ----------
    drifts : tuple of Drift
        Of the field from each frame to the next.
    drift : array of float, shape (T, D)
        Of the field since the first frame.
    spread : array of float, shape (T,)
        Sum of the squared scales of steps since the first frame.
    """

    drifts: tuple[Drift, ...]
    drift: DoubleArray
    spread: DoubleArray

    @classmethod
    def of(cls, drifts: tuple[Drift, ...], steps: DoubleArray, dimensions: int) -> Course:
        """Return it from the drift and the scale of steps of each frame pair."""
        shifts = np.array([drift.shift for drift in drifts]).reshape(-1, dimensions)
        still = np.zeros((1, dimensions))
        return cls(
            drifts,
            np.concatenate([still, np.cumsum(shifts, axis=0)]),
            np.concatenate([[0.0], np.cumsum(steps**2)]),
        )

    def step(self, begin: IntArray | LabelArray, end: IntArray | LabelArray) -> DoubleArray:
        """Return the scale of steps from one frame to another."""
        return np.asarray(np.sqrt(self.spread[end] - self.spread[begin]))

    def still(self, movie: Movie, rows: IntArray) -> DoubleArray:
        """Return where detections are in the field, as if it had not moved."""
        return np.asarray(movie.position(rows) - self.drift[movie.frame_of[rows]])

    def carried(self, movie: Movie, rows: IntArray, lag: IntArray) -> DoubleArray:
        """Return where detections are some frames later if they go with the field, as `still`.

        Parameters
        ----------
        movie : Movie
        rows : array of int, shape (K,)
        lag : array of int, shape (K,)
            Frames until then.

        Returns
        -------
        array of float, shape (K, D)
        """
        still, first = self.still(movie, rows), movie.frame_of[rows]
        flowing = [number for number, drift in enumerate(self.drifts) if drift.flow is not None]
        for number in flowing:  # in the order of time
            here = np.flatnonzero((first <= number) & (number < first + lag))
            places = still[here] + self.drift[number]
            still[here] += self.drifts[number].at(places) - self.drifts[number].shift
        return still


@dataclass(frozen=True, slots=True)
class Loose:
    """What the frame pairs left over, and the candidates to link it.

    Rows are `ends`, then `mothers` of tracks that go on; columns are `starts`. `cost` leaves out
    how often cells are missed; `lag` is how many frames a candidate spans.
    """

    ends: IntArray
    starts: IntArray
    mothers: IntArray
    row: IntArray
    column: IntArray
    cost: DoubleArray
    lag: IntArray


def loosen(
    movie: Movie,
    parents: Parents,
    shared: Links,
    beside: IntArray,
    course: Course,
    model: LinkModel,
    options: LinkOptions,
    pins: Pins,
    states: OpenStates | None = None,
) -> Loose:
    """Return what is loose, and which of it may belong together; see `bridge`."""
    frame, children, parent = movie.frame_of, child_counts(parents.row), parents.row.copy()
    source, target = shared.edges.T
    np.add.at(children, source, 1)
    parent[target] = np.where(parent[target] == NONE, source, parent[target])
    ends = np.flatnonzero((children == 0) & (frame < len(movie) - 1))
    starts = np.flatnonzero((parent == NONE) & (frame > 0))
    parts = [
        gaps(movie, ends, starts, course, model, lag, options.reach * lag, states)
        for lag in range(2, options.max_gap + 2)
    ]
    mothers = np.zeros(0, np.int64)
    if options.divisions and options.max_gap:
        forbidden = _keys(pins.forbidden, len(frame))
        late = _late_daughters(movie, beside, parent, children, course, model, options, forbidden)
        mothers, of = np.unique(late[0], return_inverse=True)
        column = np.searchsorted(starts, late[1])
        parts.append((len(ends) + of, column, late[2], late[3]))
    row, column, cost, lag = (
        (np.concatenate(part) for part in zip(*parts, strict=True))
        if parts
        else (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64))
    )
    loose = Loose(ends, starts, mothers, row, column, cost, lag)
    return _pinned(loose, frame, pins, children)


def gaps(
    movie: Movie,
    ends: IntArray,
    starts: IntArray,
    course: Course,
    model: LinkModel,
    lag: int,
    longest: float,
    states: OpenStates | None,
) -> tuple[IntArray, IntArray, DoubleArray, IntArray]:
    """Return candidate links from ends to the beginnings `lag` frames later."""
    frame = movie.frame_of
    before, after = movie.features(ends), movie.features(starts)
    later = np.minimum(frame[ends] + lag, len(movie) - 1)
    steps = course.step(frame[ends], later)
    still, first = course.still(movie, ends), course.still(movie, starts)
    last = course.carried(movie, ends, np.full(len(ends), lag))
    radius = min(model.reach(float(steps.max(initial=model.step))), longest)
    grid = make_grid(first, frame[starts])
    edges = neighbours(last, grid, radius, CANDIDATES, frame[ends] + lag)
    if states is None or model.motion is None:
        costs = link_costs(edges, before, after, model, steps)
    else:
        ahead = forecast(states.of(ends), model.motion, lag)
        ahead = moved(ahead, last - still - course.drift[frame[ends]])
        near = neighbours(ahead.centre[:, RUN_ON], grid, radius, CANDIDATES, frame[ends] + lag)
        edges = united(edges, near)
        way = first[edges.columns] - last[edges.rows]
        edges = edges.where((way**2).sum(axis=1) <= longest**2)
        costs = expected_costs(edges, before, after, model, ahead, first)
    return edges.rows, edges.columns, costs, np.full(len(costs), lag)


def _late_daughters(
    movie: Movie,
    beside: IntArray,
    parent: LabelArray,
    children: LabelArray,
    course: Course,
    model: LinkModel,
    options: LinkOptions,
    forbidden: IntArray,
) -> tuple[IntArray, IntArray, DoubleArray, IntArray]:
    """Return mothers of tracks that go on beside beginnings, as if these were late daughters.

    Who forbids a link to a daughter does not want one from before that, on the same track, either.
    """
    frame = movie.frame_of
    start, sister = beside[parent[beside[:, 0]] < 0].T
    ancestor, rows = sister, []
    for _ in range(options.max_gap + 1):
        ancestor = np.where(ancestor >= 0, parent[ancestor], -1)
        ancestor = np.where((ancestor >= 0) & (children[ancestor] == 1), ancestor, -1)
        ancestor[np.isin(_keys(np.stack([ancestor, start], axis=1), len(frame)), forbidden)] = -1
        lag = frame[start] - frame[ancestor]
        fits = np.flatnonzero((ancestor >= 0) & (lag <= options.max_gap + 1))
        rows.append(np.stack([ancestor[fits], start[fits], sister[fits], lag[fits]]))
    mother, start, sister, lag = np.concatenate(rows, axis=1)
    own, second = course.carried(movie, mother, lag), course.still(movie, start)
    near = ((second - own) ** 2).sum(axis=1) <= (options.reach * lag) ** 2
    mother, start, sister, lag, own, second = (
        one[near] for one in (mother, start, sister, lag, own, second)
    )
    first = course.still(movie, sister)
    alone = Edges(
        np.arange(len(mother) + 1), np.arange(len(mother)), ((first - own) ** 2).sum(axis=1)
    )
    steps = course.step(frame[mother], frame[start])
    wander = course.step(frame[mother] + 1, frame[start])
    before, after = movie.features(mother), movie.features(sister)
    costs = split_costs((own, first, second), (before, after, movie.features(start)), model, wander)
    costs = costs - link_costs(alone, before, after, model, steps)
    return mother, start, costs, lag


def _keys(links: IntArray, count: int) -> IntArray:
    """Return one number for each link (K, 2) between `count` detections."""
    return np.asarray(links[:, 0] * count + links[:, 1])


def _pinned(loose: Loose, frame: LabelArray, pins: Pins, children: LabelArray) -> Loose:
    """Add links that were asked for to the candidates, and leave out what pins exclude."""
    if not pins:
        return loose
    rows = np.concatenate([loose.ends, loose.mothers])
    key = _keys(np.stack([rows[loose.row], loose.starts[loose.column]], axis=1), len(frame))
    gap = frame[pins.forced[:, 1]] - frame[pins.forced[:, 0]] > 1
    forced = pins.forced[gap & np.isin(pins.forced[:, 1], loose.starts)]
    kept = ~np.isin(key, _keys(pins.forbidden, len(frame)))
    kept &= ~np.isin(loose.starts[loose.column], forced[:, 1])
    source, target = forced.T
    kept &= ~np.isin(rows[loose.row], source)  # or two others could leave no place for it
    mothers = np.union1d(loose.mothers, source[children[source] == 1])
    rows = np.concatenate([loose.ends, mothers])
    order = np.argsort(rows, kind="stable")
    place = order[np.searchsorted(rows, source, sorter=order)]
    old = np.concatenate([np.arange(len(loose.ends)),
                          len(loose.ends) + np.searchsorted(mothers, loose.mothers)])  # fmt: skip
    return replace(
        loose,
        mothers=mothers,
        row=np.concatenate([old[loose.row[kept]], place]),
        column=np.concatenate([loose.column[kept], np.searchsorted(loose.starts, target)]),
        cost=np.concatenate([loose.cost[kept], np.full(len(forced), -PINNED)]),
        lag=np.concatenate([loose.lag[kept], frame[target] - frame[source]]),
    )
