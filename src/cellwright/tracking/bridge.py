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
from cellwright.tracking.candidates import Edges
from cellwright.tracking.frames import Movie
from cellwright.tracking.joint import NO_SPLITS, Problem, chosen_links, solve, solve_with_splits
from cellwright.tracking.links import Links, Parents
from cellwright.tracking.loose import CANDIDATES, Course, Loose, loosen
from cellwright.tracking.model import LinkModel
from cellwright.tracking.onward import OpenStates
from cellwright.tracking.options import LinkOptions
from cellwright.tracking.pins import NO_PINS, PINNED, Pins
from cellwright.tracking.splits import Splits, split_costs

_ROUNDS = 3  # of estimating how often cells are missed


@dataclass(frozen=True, slots=True)
class Rates:
    """How often cells are not seen.

    Attributes
    ----------
    missed : float
        Of tracks that end for no visible reason, those that go on after a gap.
    again : float
        Of missed detections, those that are missed in the next frame, too.
    late : float
        Of divisions, those with a daughter that is seen late.
    explained : float
        Of tracks that begin for no visible reason, those that continue others.
    """

    missed: float = 0.5
    again: float = 0.3
    late: float = 0.1
    explained: float = 0.0

    def waiting(self, missed: DoubleArray, lag: IntArray) -> DoubleArray:
        """Return what it costs to be missed, with such probabilities, for `lag` - 1 frames."""
        return np.asarray(-np.log(missed * (1 - self.again)) - (lag - 2) * np.log(self.again))

    def fresh(self, model: LinkModel) -> LinkModel:
        """Return a model of beginnings that continue no other track."""
        return replace(model, start_rate=model.start_rate * (1 - self.explained))


def ends_inside(movie: Movie, rows: IntArray, model: LinkModel) -> DoubleArray:
    """Return how probable it is that detections which end do not leave the field."""
    ending = model.end_rate * np.exp(model.end_costs(movie.border(rows), model.step))
    return np.asarray(np.minimum(ending, 1.0))


def bridge(
    movie: Movie,
    parents: Parents,
    shared: Links,
    beside: IntArray,
    course: Course,
    model: LinkModel,
    options: LinkOptions,
    pins: Pins = NO_PINS,
    states: OpenStates | None = None,
) -> tuple[Links, Rates]:
    """Link ends and beginnings of tracks over frames in which cells were not seen.

    Parameters
    ----------
    movie : Movie
    parents : Parents
        Links between neighbouring frames.
    shared : Links
        Into and out of objects of other cells.
    beside : array of int, shape (K, 2)
        Rows of detections that begin a track, with detections near them in the same frame.
    course : Course
    model : LinkModel
    options : LinkOptions
    pins : Pins
        By rows of detections; those between neighbouring frames do not matter here.
    states : OpenStates, optional
        What is known of the motion of detections that end, where the model has one.

    Returns
    -------
    links : Links
        New ones only.
    rates : Rates
        How often cells are missed, by the first pass.

    Notes
    -----
    How often cells are missed is estimated from what is found, in a few rounds. Where a gap was
    closed, a second pass may find that it also was a division.

    References
    ----------
    Jaqaman et al., Robust single-particle tracking in live-cell time-lapse sequences, Nature
    Methods 5 (2008).
    """
    found, present, first = Links.none(), parents, None
    for _ in range(2 if options.divisions or pins else 1):
        loose = loosen(movie, present, shared, beside, course, model, options, pins, states)
        if not len(loose.row):
            break
        new, rates = _assigned(loose, movie, course, model, options.divisions)
        first = first or rates
        found = found.joined(new)
        if not len(new.edges):
            break
        present = present.copy()
        present.put(new)
    return found, first or Rates()


def _assigned(
    loose: Loose, movie: Movie, course: Course, model: LinkModel, divisions: bool
) -> tuple[Links, Rates]:
    """Return the best links of what is loose, and how often cells are missed."""
    order = np.argsort(loose.row, kind="stable")
    loose = replace(
        loose,
        row=loose.row[order], column=loose.column[order],
        cost=loose.cost[order], lag=loose.lag[order],
    )  # fmt: skip
    splits = _double_births(loose, movie, course, model) if divisions else NO_SPLITS
    inside = _inside(movie, loose, model)
    rates = Rates()
    for _ in range(_ROUNDS):
        problem = _priced(loose, movie, model, rates, inside)
        waiting = problem.costs - loose.cost
        without = solve(problem, NO_SPLITS)
        solved, chosen = solve_with_splits(
            problem, without, _proposed(splits, waiting, problem, without)
        )
        source, target, probability = chosen_links(problem, solved, chosen, model.temperature)
        rates = _counted(loose, source, target, inside, model, movie)
    rows = np.concatenate([loose.ends, loose.mothers])
    edges = np.stack([rows[source], loose.starts[target]], axis=1)
    return Links(edges, probability), rates


def _double_births(loose: Loose, movie: Movie, course: Course, model: LinkModel) -> Splits:
    """Return ends that could have divided unseen: two candidates each with the same lag.

    Costs leave out how often cells are missed; prices are not known yet.
    """
    same: list[IntArray] = []
    order = np.lexsort((loose.lag, loose.row))
    row, lag = loose.row[order], loose.lag[order]
    for behind in range(1, CANDIDATES):
        first = np.flatnonzero((row[behind:] == row[:-behind]) & (lag[behind:] == lag[:-behind]))
        first = first[row[first] < len(loose.ends)]
        same.append(np.stack([order[first], order[first + behind]], axis=1))
    edges = np.concatenate(same)
    if not len(edges):
        return NO_SPLITS
    of = loose.row[edges[:, 0]]
    mother, one, other = loose.ends[of], *loose.starts[loose.column[edges]].T
    frame = movie.frame_of
    wander = course.step(frame[mother] + 1, frame[one])
    own = course.carried(movie, mother, frame[one] - frame[mother])
    costs = split_costs(
        (own, course.still(movie, one), course.still(movie, other)),
        (movie.features(mother), movie.features(one), movie.features(other)),
        model,
        wander,
    )
    costs += np.where(loose.cost[edges] <= -PINNED / 2, loose.cost[edges], 0.0).sum(axis=1)
    return Splits(of, edges, costs, np.zeros(len(of)))


def _inside(movie: Movie, loose: Loose, model: LinkModel) -> tuple[DoubleArray, DoubleArray]:
    """Return how probable it is that ends, and beginnings, are not due to the border."""
    density = model.density * model.start_rate
    starting = density * np.exp(model.start_costs(movie.border(loose.starts), model.step))
    return ends_inside(movie, loose.ends, model), np.minimum(starting, 1.0)


def _priced(
    loose: Loose,
    movie: Movie,
    model: LinkModel,
    rates: Rates,
    inside: tuple[DoubleArray, DoubleArray],
) -> Problem:
    """Return the problem with the costs of not being seen."""
    ending, _ = inside
    missed = np.full(len(loose.ends) + len(loose.mothers), rates.late)
    missed[: len(loose.ends)] = rates.missed * ending
    waiting = rates.waiting(missed[loose.row], loose.lag)
    waiting[loose.lag == 1] = -np.log1p(-rates.late)
    count = np.bincount(loose.row, minlength=len(missed))
    return Problem(
        Edges(np.concatenate([[0], np.cumsum(count)]), loose.column, np.zeros(len(loose.column))),
        loose.cost + waiting,
        np.concatenate([-np.log1p(-rates.missed * ending), np.zeros(len(loose.mothers))]),
        rates.fresh(model).start_costs(movie.border(loose.starts), model.step),
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
    loose: Loose,
    source: IntArray,
    target: IntArray,
    inside: tuple[DoubleArray, DoubleArray],
    model: LinkModel,
    movie: Movie,
) -> Rates:
    """Estimate how often cells are missed, as if a few more had been seen that are usual."""
    usual = Rates()
    ending, starting = inside
    rows = np.concatenate([loose.ends, loose.mothers])
    frame = movie.frame_of
    lag = frame[loose.starts[target]] - frame[rows[source]]
    closed = source < len(loose.ends)
    gaps = len(np.unique(source[closed]))
    late = int(np.count_nonzero(~closed & (lag > 1)))
    again = float(np.maximum(lag - 2, 0).sum())
    divisions = model.division.rate * len(frame) + late
    return Rates(
        missed=min((gaps + 2 * usual.missed) / (float(ending.sum()) + 2), 0.95),
        again=(again + 4 * usual.again) / (again + gaps + late + 4),
        late=(late + 5 * usual.late) / (divisions + 5),
        explained=min(len(target) / (float(starting.sum()) + 2), 0.95),
    )
