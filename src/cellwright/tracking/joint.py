"""Links and divisions chosen together, at the least total cost."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit

from cellwright._types import DoubleArray, IntArray
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
) -> tuple[Assignment, Splits]:
    """Accept divisions that lower the cost, cheapest first, and link all else anew.

    `without` is the solution without divisions.

    Several may explain the same detection, one of them by taking a daughter from somebody else who
    then takes that detection. None of them pays beside the others, so the worst are given up first.
    """
    accepted = _without_conflicts(problem, proposed.where(proposed.price < 0))
    while len(accepted.mother):
        solved = solve(problem, accepted)
        price = accepted.cost - _instead(problem, solved, accepted)
        accepted = replace(accepted, price=price)
        worst = float(price.max())
        if worst < 0:
            return solved, accepted
        accepted = accepted.where(price < worst / 2)
    return without, accepted


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
    problem: Problem, solved: Assignment, chosen: Splits
) -> tuple[IntArray, IntArray, DoubleArray]:
    """Return all links and how probable each is."""
    edges, costs = problem.edges, problem.costs
    count = len(problem.row_alone)
    columns = edges.columns
    divided = np.zeros(count, bool)
    divided[chosen.mother] = True
    single = (solved.column_of[edges.rows] == columns) & ~divided[edges.rows]
    rows = edges.rows[single]
    of = np.full(count, ALONE)
    of[rows] = columns[single]
    row_of = np.full(len(problem.column_alone), ALONE)
    row_of[columns[single]] = rows
    row_of[columns[chosen.edges]] = count  # not to be had
    probable = link_probabilities(
        edges.starts, columns, costs, problem.row_alone, problem.column_alone, of, row_of
    )
    division = 1 / (1 + np.exp(np.clip(chosen.price, -50, 50)))
    return (
        np.concatenate([rows, np.repeat(chosen.mother, 2)]),
        np.concatenate([columns[single], columns[chosen.edges].ravel()]),
        np.concatenate([probable[rows], np.repeat(division, 2)]),
    )
