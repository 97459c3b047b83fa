"""Links and divisions chosen together, at the least total cost."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit

from cellwright._types import DoubleArray, IntArray
from cellwright.methods.union import join, root
from cellwright.tracking.assignment import ALONE, Assignment, assign
from cellwright.tracking.candidates import Edges
from cellwright.tracking.costs import link_probabilities
from cellwright.tracking.splits import Splits

NO_SPLITS = Splits(np.zeros(0, np.int64), np.zeros((0, 2), np.int64), np.zeros(0), np.zeros(0))


@dataclass(frozen=True, slots=True)
class Problem:
    """Candidate links with all costs.

    Attributes
    ----------
    edges : Edges
        From N rows to M columns.
    costs : array of float, shape (E,)
    row_alone, column_alone : array of float, shapes (N,) and (M,)
        Costs of ending and of beginning.
    """

    edges: Edges
    costs: DoubleArray
    row_alone: DoubleArray
    column_alone: DoubleArray


def solve(problem: Problem, splits: Splits) -> Assignment:
    """Assign all detections that take no part in the divisions `splits`, which are given."""
    edges = problem.edges
    row_alone, column_alone = problem.row_alone.copy(), problem.column_alone.copy()
    row_alone[splits.mother] = column_alone[edges.columns[splits.edges]] = -np.inf
    starts, columns, costs = _worthwhile(
        edges.starts, edges.columns, problem.costs, row_alone, column_alone
    )
    row_alone[splits.mother] = column_alone[edges.columns[splits.edges]] = 0.0
    return assign(starts, columns, costs, row_alone, column_alone)


@njit(cache=True)
def _worthwhile(
    starts: IntArray,
    columns: IntArray,
    costs: DoubleArray,
    row_alone: DoubleArray,
    column_alone: DoubleArray,
) -> tuple[IntArray, IntArray, DoubleArray]:
    """Return the edges that cost less than that both of their ends stay alone."""
    kept_starts = np.zeros_like(starts)
    kept_columns, kept_costs = np.empty_like(columns), np.empty_like(costs)
    count = 0
    for row in range(len(starts) - 1):
        for e in range(starts[row], starts[row + 1]):
            if costs[e] < row_alone[row] + column_alone[columns[e]]:
                kept_columns[count], kept_costs[count] = columns[e], costs[e]
                count += 1
        kept_starts[row + 1] = count
    return kept_starts, kept_columns[:count], kept_costs[:count]


def solve_with_splits(
    problem: Problem, without: Assignment, proposed: Splits
) -> tuple[IntArray, Splits]:
    """Accept divisions that lower the cost, cheapest first, and link all else anew.

    Several may explain the same detection, one of them by taking a daughter from somebody else who
    then takes that detection. None of them pays beside the others, so the worst are given up first.

    Parameters
    ----------
    problem : Problem
    without : Assignment
        The solution without divisions.
    proposed : Splits

    Returns
    -------
    column_of : array of int, shape (N,)
        Column of each row that does not divide, or -1.
    accepted : Splits
    """
    accepted = _without_conflicts(problem, proposed.where(proposed.price < 0))
    column_of = without.column_of.copy()
    if not len(accepted.mother):
        return column_of, accepted
    part = _Part.around(problem, without, accepted)
    splits = part.splits
    while len(splits.mother):
        solved = solve(part.problem, splits)
        price = splits.cost - _instead(part.problem, solved, splits)
        splits = replace(splits, price=price)
        worst = float(price.max())
        if worst < 0:
            own = solved.column_of
            column_of[part.rows] = np.where(own == ALONE, ALONE, part.columns[own])
            break
        splits = splits.where(price < worst / 2)
    return column_of, replace(
        splits, mother=part.rows[splits.mother], edges=part.edges[splits.edges]
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """The part of a problem that some divisions can change anything in.

    `rows`, `columns` and `edges` say which ones of the whole problem those of `problem` are.
    """

    problem: Problem
    splits: Splits
    rows: IntArray
    columns: IntArray
    edges: IntArray

    @classmethod
    def around(cls, whole: Problem, solved: Assignment, splits: Splits) -> _Part:
        """Return whatever is connected to the divisions by edges that are worthwhile."""
        edges = whole.edges
        rows, columns = _connected(
            solved.starts,
            solved.columns,
            len(solved.row_of),
            splits.mother,
            edges.columns[splits.edges].ravel(),
        )
        place = np.full(len(solved.row_of), ALONE)
        place[columns] = np.arange(len(columns))
        starts, kept = _edges_among(edges.starts, edges.columns, rows, place)
        problem = Problem(
            Edges(starts, place[edges.columns[kept]], edges.weights[kept]),
            whole.costs[kept],
            whole.row_alone[rows],
            whole.column_alone[columns],
        )
        here = replace(
            splits,
            mother=np.searchsorted(rows, splits.mother),
            edges=np.searchsorted(kept, splits.edges),
        )
        return cls(problem, here, rows, columns, kept)


@njit(cache=True)
def _connected(
    starts: IntArray, columns: IntArray, count: int, rows: IntArray, others: IntArray
) -> tuple[IntArray, IntArray]:
    """Return all rows and columns that edges connect to some rows and to some columns."""
    size = len(starts) - 1
    group = np.arange(size + count)  # points to another member, and in the end to the first
    for row in range(size):
        for e in range(starts[row], starts[row + 1]):
            join(group, row, size + columns[e])
    wanted = np.zeros(size + count, np.bool_)
    for row in rows:
        wanted[root(group, row)] = True
    for column in others:
        wanted[root(group, size + column)] = True
    for node in range(size + count):
        wanted[node] = wanted[root(group, node)]
    return np.flatnonzero(wanted[:size]), np.flatnonzero(wanted[size:])


@njit(cache=True)
def _edges_among(
    starts: IntArray, columns: IntArray, rows: IntArray, place: IntArray
) -> tuple[IntArray, IntArray]:
    """Return the edges of some rows to columns that have a place: where rows begin, and which."""
    kept_starts = np.zeros(len(rows) + 1, np.int64)
    kept = []
    for i in range(len(rows)):
        for e in range(starts[rows[i]], starts[rows[i] + 1]):
            if place[columns[e]] >= 0:
                kept.append(e)
        kept_starts[i + 1] = len(kept)
    return kept_starts, np.array(kept)


def _without_conflicts(problem: Problem, proposed: Splits) -> Splits:
    """Return the cheapest divisions that share no daughter."""
    daughters = problem.edges.columns[proposed.edges].tolist()
    taken: set[int] = set()
    kept = []
    for split in np.argsort(proposed.price, kind="stable").tolist():
        if taken.isdisjoint(daughters[split]):
            taken.update(daughters[split])
            kept.append(split)
    return proposed.where(np.array(kept, np.int64))


def _instead(problem: Problem, solved: Assignment, splits: Splits) -> DoubleArray:
    """Return what the detections of each division would cost at least without it."""
    edges, costs = problem.edges, problem.costs
    rows, columns = edges.rows, edges.columns
    involved = np.zeros(len(problem.column_alone), bool)
    involved[columns[splits.edges]] = True
    mothers = np.zeros(len(problem.row_alone), bool)
    mothers[splits.mother] = True
    row, column = problem.row_alone.copy(), problem.column_alone.copy()
    least = solved.least_row_duals()
    elsewhere = np.flatnonzero(involved[columns] & ~mothers[rows])
    np.minimum.at(column, columns[elsewhere], costs[elsewhere] - least[rows[elsewhere]])
    elsewhere = np.flatnonzero(mothers[rows] & ~involved[columns])
    np.minimum.at(row, rows[elsewhere], costs[elsewhere] - solved.column_duals[columns[elsewhere]])
    one, other = splits.edges.T
    none = row[splits.mother] + column[columns[one]] + column[columns[other]]
    single = np.minimum(costs[one] + column[columns[other]], costs[other] + column[columns[one]])
    return np.asarray(np.minimum(none, single))


def split_shares(
    problem: Problem, without: Assignment, splits: Splits
) -> tuple[DoubleArray, DoubleArray]:
    """Return how probable each proposed division is, and that each detection begins a track.

    Only divisions that explain a detection which else begins a track count, and several that
    claim the same one share it.
    """
    daughters = problem.edges.columns[splits.edges]
    begins = without.row_of == ALONE
    new = begins[daughters]
    odds = np.exp(-np.clip(splits.price, -50, 50)) * new.any(axis=1)
    claims = np.zeros(len(begins))
    for side in daughters.T:
        np.add.at(claims, side, odds)
    weight = odds / (1 + claims[daughters].max(axis=1, initial=0.0))
    alone = begins.astype(np.float64)
    for side, explained in zip(daughters.T, new.T, strict=True):
        np.subtract.at(alone, side, weight * explained)
    return np.asarray(weight), np.maximum(alone, 0.0)


def chosen_links(
    problem: Problem, column_of: IntArray, chosen: Splits
) -> tuple[IntArray, IntArray, DoubleArray]:
    """Return all links and how probable each is: sources, targets and probabilities.

    `column_of` has the column of each row that does not divide; see `solve_with_splits`.
    """
    edges = problem.edges
    rows = np.flatnonzero(column_of != ALONE)
    columns, daughters = column_of[rows], edges.columns[chosen.edges]
    row_of = np.full(len(problem.column_alone), ALONE)
    row_of[columns] = rows
    row_of[daughters] = len(column_of)  # not to be had
    probable = link_probabilities(
        edges.starts,
        edges.columns,
        problem.costs,
        problem.row_alone,
        problem.column_alone,
        column_of,
        row_of,
    )
    division = 1 / (1 + np.exp(np.clip(chosen.price, -50, 50)))
    return (
        np.concatenate([rows, np.repeat(chosen.mother, 2)]),
        np.concatenate([columns, daughters.ravel()]),
        np.concatenate([probable[rows], np.repeat(division, 2)]),
    )
