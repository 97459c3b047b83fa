"""The second stage: tracks that go on after a gap, and daughters that are seen late.

What the frame pairs left over, ends and beginnings of tracks, is assigned once more over the whole
movie: an end may be continued by a beginning some frames later, divide into two of them, or a track
that goes on may turn out to be one daughter of a division whose other one was not seen at first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cellwright._types import DoubleArray, IntArray
from cellwright.tracking.assignment import Assignment
from cellwright.tracking.candidates import Edges, make_grid, neighbours
from cellwright.tracking.costs import Splits, link_costs, split_costs
from cellwright.tracking.frames import Movie
from cellwright.tracking.joint import (
    NO_SPLITS,
    Problem,
    chosen_links,
    solve,
    solve_with_splits,
)
from cellwright.tracking.model import LinkModel
from cellwright.tracking.pins import NO_PINS, PINNED, Pins

_CANDIDATES = 6
_ROUNDS = 3  # of estimating how often cells are missed


@dataclass(frozen=True, slots=True)
class Course:
    """How the field and the cells of a movie of T frames moved.

    Attributes
    ----------
    drift : array of float, shape (T, D)
        Of the field since the first frame.
    spread : array of float, shape (T,)
        Sum of the squared scales of steps since the first frame.
    """

    drift: DoubleArray
    spread: DoubleArray

    @classmethod
    def of(cls, shifts: DoubleArray, steps: DoubleArray) -> Course:
        """Return it from the shift and the scale of steps of each frame pair."""
        still = np.zeros((1, shifts.shape[1]))
        return cls(
            np.concatenate([still, np.cumsum(shifts, axis=0)]),
            np.concatenate([[0.0], np.cumsum(steps**2)]),
        )

    def step(self, begin: IntArray, end: IntArray) -> DoubleArray:
        """Return the scale of steps from one frame to another."""
        return np.asarray(np.sqrt(self.spread[end] - self.spread[begin]))


@dataclass(frozen=True, slots=True)
class Links:
    """Links of the detections of a movie.

    Attributes
    ----------
    edges : array of int, shape (E, 2)
        Rows (source, target) of detections.
    probability : array of float, shape (E,)
    """

    edges: IntArray
    probability: DoubleArray

    def joined(self, others: Links) -> Links:
        """Return both."""
        return Links(
            np.concatenate([self.edges, others.edges]),
            np.concatenate([self.probability, others.probability]),
        )


@dataclass(frozen=True, slots=True)
class _Rates:
    """How often cells are not seen.

    `missed`: of tracks that end for no visible reason, those that go on after a gap; `again`: of
    missed detections, those that are missed in the next frame, too; `late`: of divisions, those
    with a daughter that is seen late; `explained`: of tracks that begin for no visible reason,
    those that continue others.
    """

    missed: float = 0.5
    again: float = 0.3
    late: float = 0.1
    explained: float = 0.0


@dataclass(frozen=True, slots=True)
class _Loose:
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


def bridge(
    movie: Movie,
    links: Links,
    beside: IntArray,
    course: Course,
    model: LinkModel,
    *,
    divisions: bool,
    max_gap: int,
    max_distance: float,
    pins: Pins = NO_PINS,
) -> Links:
    """Link ends and beginnings of tracks over frames in which cells were not seen.

    Parameters
    ----------
    movie : Movie
    links : Links
        Those between neighbouring frames.
    beside : array of int, shape (K, 2)
        Rows of detections that begin a track, with detections near them in the same frame.
    course : Course
    model : LinkModel
    divisions : bool
        Whether cells divide.
    max_gap : int
        Frames in a row that a cell may be missing from.
    max_distance : float
        Longest way between two frames.
    pins : Pins
        By rows of detections; those between neighbouring frames do not matter here.

    Returns
    -------
    Links
        New ones only.

    Notes
    -----
    How often cells are missed is estimated from what is found, in a few rounds. Where a gap was
    closed, a second pass may find that it also was a division.

    References
    ----------
    Jaqaman et al., Robust single-particle tracking in live-cell time-lapse sequences, Nature
    Methods 5 (2008).
    """
    found = Links(np.zeros((0, 2), np.int64), np.zeros(0))
    for _ in range(2 if divisions or pins else 1):
        loose = _loosen(
            movie, links.joined(found), beside, course, model,
            divisions=divisions, max_gap=max_gap, max_distance=max_distance, pins=pins,
        )  # fmt: skip
        if not len(loose.row):
            break
        new = _assigned(loose, movie, course, model, divisions)
        found = found.joined(new)
        if not len(new.edges):
            break
    return found


def _loosen(
    movie: Movie,
    links: Links,
    beside: IntArray,
    course: Course,
    model: LinkModel,
    *,
    divisions: bool,
    max_gap: int,
    max_distance: float,
    pins: Pins,
) -> _Loose:
    """Return what is loose, and which of it may belong together."""
    frame, count = movie.frame_of, len(movie.frame_of)
    source, target = links.edges.T
    children = np.bincount(source, minlength=count)
    parent = np.full(count, -1)
    parent[target] = source
    ends = np.flatnonzero((children == 0) & (frame < len(movie) - 1))
    starts = np.flatnonzero((parent < 0) & (frame > 0))
    parts = [
        _gaps(movie, ends, starts, course, model, lag, max_distance * lag)
        for lag in range(2, max_gap + 2)
    ]
    mothers = np.zeros(0, np.int64)
    if divisions and max_gap:
        late = _late_daughters(movie, beside, parent, children, course, model, max_gap)
        mothers, of = np.unique(late[0], return_inverse=True)
        column = np.searchsorted(starts, late[1])
        parts.append((len(ends) + of, column, late[2], late[3]))
    row, column, cost, lag = (
        (np.concatenate(part) for part in zip(*parts, strict=True))
        if parts
        else (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64))
    )
    loose = _Loose(ends, starts, mothers, row, column, cost, lag)
    return _pinned(loose, frame, pins, children)


def _gaps(
    movie: Movie,
    ends: IntArray,
    starts: IntArray,
    course: Course,
    model: LinkModel,
    lag: int,
    longest: float,
) -> tuple[IntArray, IntArray, DoubleArray, IntArray]:
    """Return candidate links from ends to the beginnings `lag` frames later."""
    frame, features = movie.frame_of, movie.features
    later = np.minimum(frame[ends] + lag, len(movie) - 1)
    steps = course.step(frame[ends], later)
    place = movie.position - course.drift[frame]
    radius = min(model.reach(float(steps.max(initial=model.step))), longest)
    # Frames lie side by side, too far apart to be confused, so that one search is enough.
    apart = np.zeros(movie.dimensions)
    apart[0] = float(np.ptp(place[:, 0])) + 2 * radius if len(place) else 0.0
    grid = make_grid(place[starts] + frame[starts, None] * apart)
    queries = place[ends] + (frame[ends] + lag)[:, None] * apart
    edges = neighbours(queries, grid, radius, _CANDIDATES)
    costs = link_costs(edges, features[ends], features[starts], model, steps)
    return edges.rows, edges.columns, costs, np.full(len(costs), lag)


def _late_daughters(
    movie: Movie,
    beside: IntArray,
    parent: IntArray,
    children: IntArray,
    course: Course,
    model: LinkModel,
    max_gap: int,
) -> tuple[IntArray, IntArray, DoubleArray, IntArray]:
    """Return mothers of tracks that go on beside beginnings, as if these were late daughters."""
    frame, features = movie.frame_of, movie.features
    place = movie.position - course.drift[frame]
    start, sister = beside[parent[beside[:, 0]] < 0].T
    ancestor, rows = sister, []
    for _ in range(max_gap + 1):
        ancestor = np.where(ancestor >= 0, parent[ancestor], -1)
        ancestor = np.where((ancestor >= 0) & (children[ancestor] == 1), ancestor, -1)
        lag = frame[start] - frame[ancestor]
        fits = np.flatnonzero((ancestor >= 0) & (lag <= max_gap + 1))
        rows.append(np.stack([ancestor[fits], start[fits], sister[fits], lag[fits]]))
    mother, start, sister, lag = np.concatenate(rows, axis=1)
    alone = Edges(
        np.arange(len(mother) + 1),
        np.arange(len(mother)),
        ((place[sister] - place[mother]) ** 2).sum(axis=1),
    )
    steps = course.step(frame[mother], frame[start])
    wander = course.step(frame[mother] + 1, frame[start])
    costs = split_costs(
        (place[mother], place[sister], place[start]),
        (features[mother], features[sister], features[start]),
        model,
        wander,
    )
    costs = costs - link_costs(alone, features[mother], features[sister], model, steps)
    return mother, start, costs, lag


def _pinned(loose: _Loose, frame: IntArray, pins: Pins, children: IntArray) -> _Loose:
    """Add links that were asked for to the candidates, and leave out what pins exclude."""
    if not pins:
        return loose
    rows = np.concatenate([loose.ends, loose.mothers])
    key = rows[loose.row] * len(frame) + loose.starts[loose.column]
    gap = frame[pins.forced[:, 1]] - frame[pins.forced[:, 0]] > 1
    forced = pins.forced[gap & np.isin(pins.forced[:, 1], loose.starts)]
    kept = ~np.isin(key, pins.forbidden[:, 0] * len(frame) + pins.forbidden[:, 1])
    kept &= ~np.isin(loose.starts[loose.column], forced[:, 1])
    source, target = forced.T
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


def _assigned(
    loose: _Loose, movie: Movie, course: Course, model: LinkModel, divisions: bool
) -> Links:
    """Return the best links of what is loose, and estimate how often cells are missed."""
    order = np.argsort(loose.row, kind="stable")
    loose = replace(
        loose,
        row=loose.row[order], column=loose.column[order],
        cost=loose.cost[order], lag=loose.lag[order],
    )  # fmt: skip
    splits = _double_births(loose, movie, course, model) if divisions else NO_SPLITS
    inside = _inside(movie, loose, model)
    rates = _Rates()
    for _ in range(_ROUNDS):
        problem = _priced(loose, movie, model, rates, inside)
        waiting = problem.costs - loose.cost
        without = solve(problem, NO_SPLITS)
        solved, chosen = solve_with_splits(
            problem, without, _proposed(splits, waiting, problem, without)
        )
        source, target, probability = chosen_links(problem, solved, chosen)
        rates = _counted(loose, source, target, inside, model, movie)
    rows = np.concatenate([loose.ends, loose.mothers])
    edges = np.stack([rows[source], loose.starts[target]], axis=1)
    return Links(edges, probability)


def _double_births(loose: _Loose, movie: Movie, course: Course, model: LinkModel) -> Splits:
    """Return ends that could have divided unseen: two candidates each with the same lag.

    Costs leave out how often cells are missed; prices are not known yet.
    """
    same: list[IntArray] = []
    order = np.lexsort((loose.lag, loose.row))
    row, lag = loose.row[order], loose.lag[order]
    for behind in range(1, _CANDIDATES):
        first = np.flatnonzero((row[behind:] == row[:-behind]) & (lag[behind:] == lag[:-behind]))
        first = first[row[first] < len(loose.ends)]
        same.append(np.stack([order[first], order[first + behind]], axis=1))
    edges = np.concatenate(same)
    if not len(edges):
        return NO_SPLITS
    of = loose.row[edges[:, 0]]
    mother, one, other = loose.ends[of], *loose.starts[loose.column[edges]].T
    place = movie.position - course.drift[movie.frame_of]
    wander = course.step(movie.frame_of[mother] + 1, movie.frame_of[one])
    costs = split_costs(
        (place[mother], place[one], place[other]),
        (movie.features[mother], movie.features[one], movie.features[other]),
        model,
        wander,
    )
    costs += np.where(loose.cost[edges] <= -PINNED / 2, loose.cost[edges], 0.0).sum(axis=1)
    return Splits(of, edges, costs, np.zeros(len(of)))


def _inside(movie: Movie, loose: _Loose, model: LinkModel) -> tuple[DoubleArray, DoubleArray]:
    """Return how probable it is that ends, and beginnings, are not due to the border."""
    border, step = movie.border, model.step
    ending = model.end_rate * np.exp(model.end_costs(border[loose.ends], step))
    density = model.density * model.start_rate
    starting = density * np.exp(model.start_costs(border[loose.starts], step))
    return np.minimum(ending, 1.0), np.minimum(starting, 1.0)


def _priced(
    loose: _Loose,
    movie: Movie,
    model: LinkModel,
    rates: _Rates,
    inside: tuple[DoubleArray, DoubleArray],
) -> Problem:
    """Return the problem with the costs of not being seen."""
    ending, _ = inside
    missed = np.full(len(loose.ends) + len(loose.mothers), rates.late)
    missed[: len(loose.ends)] = rates.missed * ending
    waiting = -np.log(missed * (1 - rates.again))[loose.row]
    waiting -= (loose.lag - 2) * np.log(rates.again)
    waiting[loose.lag == 1] = -np.log1p(-rates.late)
    fresh = replace(model, start_rate=model.start_rate * (1 - rates.explained))
    count = np.bincount(loose.row, minlength=len(missed))
    return Problem(
        Edges(np.concatenate([[0], np.cumsum(count)]), loose.column, np.zeros(len(loose.column))),
        loose.cost + waiting,
        np.concatenate([-np.log1p(-rates.missed * ending), np.zeros(len(loose.mothers))]),
        fresh.start_costs(movie.border[loose.starts], model.step),
    )


def _proposed(
    splits: Splits, waiting: DoubleArray, problem: Problem, without: Assignment
) -> Splits:
    """Return the best division of each end, with its price."""
    if not len(splits.mother):
        return splits
    costs = splits.cost + waiting[splits.edges[:, 0]]
    worth = without.row_duals[splits.mother]
    worth = worth + without.column_duals[problem.edges.columns[splits.edges]].sum(axis=1)
    priced = replace(splits, cost=costs, price=costs - worth)
    order = np.lexsort((priced.price, priced.mother))
    _, first = np.unique(priced.mother[order], return_index=True)
    return priced.where(order[first])


def _counted(
    loose: _Loose,
    source: IntArray,
    target: IntArray,
    inside: tuple[DoubleArray, DoubleArray],
    model: LinkModel,
    movie: Movie,
) -> _Rates:
    """Estimate how often cells are missed, as if a few more had been seen that are usual."""
    usual = _Rates()
    ending, starting = inside
    rows = np.concatenate([loose.ends, loose.mothers])
    frame = movie.frame_of
    lag = frame[loose.starts[target]] - frame[rows[source]]
    closed = source < len(loose.ends)
    gaps = len(np.unique(source[closed]))
    late = int(np.count_nonzero(~closed & (lag > 1)))
    again = float(np.maximum(lag - 2, 0).sum())
    divisions = model.division.rate * len(frame) + late
    return _Rates(
        missed=min((gaps + 2 * usual.missed) / (float(ending.sum()) + 2), 0.95),
        again=(again + 4 * usual.again) / (again + gaps + late + 4),
        late=(late + 5 * usual.late) / (divisions + 5),
        explained=min(len(target) / (float(starting.sum()) + 2), 0.95),
    )
