"""What links and divisions of competing objects gain, over objects that stand alone."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np

from cellwright._types import DoubleArray, IntArray
from cellwright.tracking.candidates import Edges, neighbours
from cellwright.tracking.costs import commonness, link_costs
from cellwright.tracking.frames import Movie
from cellwright.tracking.joint import NO_SPLITS, Problem, solve
from cellwright.tracking.model import LinkModel
from cellwright.tracking.motion import FramePair
from cellwright.tracking.options import LinkOptions
from cellwright.tracking.pair import NEIGHBOURS
from cellwright.tracking.splits import split_costs

_MARGIN = 12.0  # reduced cost above which a link is not looked at
_MORE = 2  # times as many candidates as where nothing competes
_DIVISIONS = 4  # of each mother that are looked at
_FARTHEST = 6.0  # of the middle between daughters from their mother, in usual ones
_MISSED = 0.01  # probability that a cell that goes on is not seen in the next frame


@dataclass(frozen=True, slots=True)
class Gains:
    """Candidates of a movie of N objects, and what they save beside objects that stand alone.

    Attributes
    ----------
    alone : array of float, shape (N, 2)
        What it costs that a track begins, and that it ends, with an object.
    usual : float
        What a usual link costs.
    links : array of int, shape (E, 2)
        Rows (source, target).
    link_gain : array of float, shape (E,)
    divisions : array of int, shape (S, 3)
        Rows (mother, daughter, daughter).
    division_gain : array of float, shape (S,)
    """

    alone: DoubleArray
    usual: float
    links: IntArray
    link_gain: DoubleArray
    divisions: IntArray
    division_gain: DoubleArray


def find_gains(movie: Movie, model: LinkModel, options: LinkOptions, rivals: IntArray) -> Gains:
    """Return all candidates that could gain, with what they gain.

    Parameters
    ----------
    movie : Movie
        Of all objects, whether they exclude each other or not.
    model : LinkModel
    options : LinkOptions
        Gaps of one frame are looked at, if any are allowed.
    rivals : array of int, shape (R, 2)
        Objects that exclude each other: they are no daughters of one mother.

    Notes
    -----
    Every explanation of an object costs as much less as its features are common, so that an odd
    outline is worth no more than a usual one. That changes nothing between given objects, but the
    choice of objects.
    """
    every = slice(None)
    common = np.nan_to_num(commonness(movie.features(every), model))
    start = model.start_costs(movie.border(every), model.step) + common
    end = model.end_costs(movie.border(every), model.step)
    alone = np.stack([start, end], axis=1)
    links, gains, costs = [np.zeros((0, 2), np.int64)], [np.zeros(0)], [np.zeros(0)]
    divisions, division_gains = [np.zeros((0, 3), np.int64)], [np.zeros(0)]
    for number in range(len(movie) - 1):
        pair = _Pair.of(movie, model, options, number, 1)
        kept, best = _worthwhile(pair, common, alone)
        rows, cost = pair.rows[kept], pair.costs[kept] + common[pair.rows[kept, 1]]
        links.append(rows)
        gains.append(end[rows[:, 0]] + start[rows[:, 1]] - cost)
        costs.append((pair.costs + common[pair.rows[:, 1]])[best])
        if options.divisions:
            found, gain = _divisions(pair, movie, model, rivals, common, alone)
            divisions.append(found)
            division_gains.append(gain)
    for number in range(len(movie) - 2 if options.max_gap else 0):
        pair = _Pair.of(movie, model, options, number, 2)
        cost = pair.costs + common[pair.rows[:, 1]] - log(_MISSED)
        gain = end[pair.rows[:, 0]] + start[pair.rows[:, 1]] - cost
        links.append(pair.rows[gain > 0])
        gains.append(gain[gain > 0])
    chosen = np.concatenate(costs)
    return Gains(
        alone,
        float(np.median(chosen)) if len(chosen) else 0.0,
        np.concatenate(links),
        np.concatenate(gains),
        np.concatenate(divisions),
        np.concatenate(division_gains),
    )


@dataclass(frozen=True, slots=True)
class _Pair:
    """Candidate links of two frames.

    `edges` are by their places in the two frames, whose detections are `earlier` and `later`;
    `rows` are the same by rows of the movie. `carried` is where the field carries the earlier ones.
    """

    edges: Edges
    earlier: IntArray
    later: IntArray
    rows: IntArray
    costs: DoubleArray
    carried: DoubleArray

    @classmethod
    def of(
        cls, movie: Movie, model: LinkModel, options: LinkOptions, number: int, lag: int
    ) -> _Pair:
        pair = FramePair.of(movie.frame(number), movie.frame(number + lag))
        earlier, later = pair.earlier, pair.later
        step = model.step * lag**0.5
        radius = min(model.reach(2 * step), options.reach * lag)
        most = _MORE * NEIGHBOURS[model.dimensions]
        carried = earlier.position + pair.carried
        edges = neighbours(carried, later.grid, radius, most)
        steps = np.full(len(earlier), step)
        costs = link_costs(edges, earlier.features, later.features, model, steps)
        rows = np.stack([earlier.rows[edges.rows], later.rows[edges.columns]], axis=1)
        return cls(edges, earlier.rows, later.rows, rows, costs, carried)


def _worthwhile(pair: _Pair, common: DoubleArray, alone: DoubleArray) -> tuple[IntArray, IntArray]:
    """Return the links that could be chosen, and those that would be if nothing competed."""
    costs = pair.costs + common[pair.rows[:, 1]]
    problem = Problem(pair.edges, costs, alone[pair.earlier, 1], alone[pair.later, 0])
    solved = solve(problem, NO_SPLITS)
    edges = pair.edges
    reduced = costs - solved.row_duals[edges.rows] - solved.column_duals[edges.columns]
    gains = alone[pair.rows[:, 0], 1] + alone[pair.rows[:, 1], 0] - costs
    best = np.flatnonzero(solved.column_of[edges.rows] == edges.columns)
    return np.flatnonzero((reduced < _MARGIN) & (gains > 0)), best


def _divisions(
    pair: _Pair,
    movie: Movie,
    model: LinkModel,
    rivals: IntArray,
    common: DoubleArray,
    alone: DoubleArray,
) -> tuple[IntArray, DoubleArray]:
    """Return the best divisions of each mother, rows (mother, daughter, daughter), and gains."""
    rows, found = pair.rows, [np.zeros((4, 0), np.int64)]
    before = pair.edges.rows
    for behind in range(1, _MORE * NEIGHBOURS[model.dimensions]):
        same = np.flatnonzero(rows[behind:, 0] == rows[:-behind, 0])
        found.append(np.stack([rows[same, 0], rows[same, 1], rows[same + behind, 1], before[same]]))
    mother, one, other, at = np.concatenate(found, axis=1)
    middle = 0.5 * (movie.position(one) + movie.position(other)) - pair.carried[at]
    near = (middle**2).sum(axis=1) < (_FARTHEST * model.division.midpoint) ** 2
    count = len(movie.frame_of)
    key = np.minimum(one, other) * count + np.maximum(one, other)
    near &= ~np.isin(key, rivals[:, 0] * count + rivals[:, 1])
    mother, one, other, at = mother[near], one[near], other[near], at[near]
    costs = split_costs(
        (pair.carried[at], movie.position(one), movie.position(other)),
        (movie.features(mother), movie.features(one), movie.features(other)),
        model,
        np.zeros(len(mother)),
    )
    gain = alone[mother, 1] + alone[one, 0] + alone[other, 0]
    gain -= costs + common[one] + common[other]
    order = np.lexsort((-gain, mother))
    _, first, counts = np.unique(mother[order], return_index=True, return_counts=True)
    place_of = np.arange(len(order)) - np.repeat(first, counts)
    kept = order[(place_of < _DIVISIONS) & (gain[order] > 0)]
    return np.stack([mother[kept], one[kept], other[kept]], axis=1), gain[kept]
