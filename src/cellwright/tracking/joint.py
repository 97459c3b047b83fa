"""Links and divisions chosen together, at the least total cost."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit

from cellwright._types import BoolArray, DoubleArray, IntArray
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

    def turned(self) -> Problem:
        """Return the same problem with rows for columns."""
        edges = self.edges
        order = np.argsort(edges.columns, kind="stable")
        counts = np.bincount(edges.columns, minlength=len(self.column_alone))
        turned = Edges(
            np.concatenate([[0], np.cumsum(counts)]), edges.rows[order], edges.weights[order]
        )
        return Problem(turned, self.costs[order], self.column_alone, self.row_alone)


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
        size = len(solved.column_of)
        among = np.zeros(size + len(solved.row_of), np.bool_)
        among[splits.mother] = among[size + edges.columns[splits.edges]] = True
        _connect(solved.starts, solved.columns, np.arange(len(among)), among)
        rows, columns = np.flatnonzero(among[:size]), np.flatnonzero(among[size:])
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
def _connect(starts: IntArray, columns: IntArray, group: IntArray, among: BoolArray) -> None:
    """Mark all rows, and the columns after them, that edges connect to what is marked.

    `group` points from each to itself at first, and in the end to the first one connected to it.
    """
    size = len(starts) - 1
    for row in range(size):
        for e in range(starts[row], starts[row + 1]):
            join(group, row, size + columns[e])
    for node in range(len(among)):
        if among[node]:
            among[root(group, node)] = True
    for node in range(len(among)):
        among[node] = among[root(group, node)]


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
    order = np.argsort(proposed.price, kind="stable")
    daughters = problem.edges.columns[proposed.edges[order]]
    return proposed.where(order[_first_claims(daughters, len(problem.column_alone))])


@njit(cache=True)
def _first_claims(daughters: IntArray, count: int) -> BoolArray:
    """Return which pairs, one after the other, hold nobody whom an earlier one of them holds."""
    taken, first = np.zeros(count, np.bool_), np.zeros(len(daughters), np.bool_)
    for split in range(len(daughters)):
        one, other = daughters[split]
        first[split] = not taken[one] and not taken[other]
        if first[split]:
            taken[one] = taken[other] = True
    return first


def _instead(problem: Problem, solved: Assignment, splits: Splits) -> DoubleArray:
    """Return what the detections of each division would cost at least without it."""
    edges = problem.edges
    prices: DoubleArray = _alternatives(
        edges.starts, edges.columns, problem.costs, problem.row_alone, problem.column_alone,
        solved.least_row_duals(), solved.column_duals, splits.mother, splits.edges,
    )  # fmt: skip
    return prices


@njit(cache=True)
def _alternatives(
    starts: IntArray,
    columns: IntArray,
    costs: DoubleArray,
    row_alone: DoubleArray,
    column_alone: DoubleArray,
    least: DoubleArray,
    column_duals: DoubleArray,
    mothers: IntArray,
    pairs: IntArray,
) -> DoubleArray:
    """Return what mother and daughters of each division cost alone, or with a single link."""
    row, column = row_alone.copy(), column_alone.copy()
    divides, born = np.zeros(len(row), np.bool_), np.zeros(len(column), np.bool_)
    for split in range(len(mothers)):
        divides[mothers[split]] = True
        born[columns[pairs[split, 0]]] = born[columns[pairs[split, 1]]] = True
    for i in range(len(row)):
        for e in range(starts[i], starts[i + 1]):
            j = columns[e]
            if born[j] and not divides[i]:  # the daughter goes to someone else
                column[j] = min(column[j], costs[e] - least[i])
            elif divides[i] and not born[j]:  # the mother goes on elsewhere
                row[i] = min(row[i], costs[e] - column_duals[j])
    prices = np.empty(len(mothers))
    for split in range(len(mothers)):
        one, other = pairs[split]
        first, second = column[columns[one]], column[columns[other]]
        single = min(costs[one] + second, costs[other] + first)
        prices[split] = min(row[mothers[split]] + first + second, single)
    return prices


def split_worth(problem: Problem, without: Assignment, splits: Splits) -> DoubleArray:
    """Return what mother and daughters of each division cost at least without it, shape (S,)."""
    daughters = problem.edges.columns[splits.edges]
    own = without.column_of[splits.mother]
    worth = without.row_duals[splits.mother] + without.column_duals[daughters].sum(axis=1)
    left = problem.column_alone[own] - without.column_duals[own]
    leaves = (own >= 0) & (daughters != own[:, None]).all(axis=1)
    return np.asarray(worth - np.where(leaves, left, 0.0))


def split_shares(
    problem: Problem, without: Assignment, splits: Splits
) -> tuple[DoubleArray, DoubleArray]:
    """Return how probable each proposed division is, and that each detection begins a track.

    Only divisions that explain a detection which else begins a track count, and several that
    claim the same one share it.
    """
    daughters = problem.edges.columns[splits.edges]
    begins = without.row_of == ALONE
    odds = np.exp(-np.clip(splits.price, -50, 50)) * begins[daughters].any(axis=1)
    weight, alone = _shared(daughters, odds, begins)
    return weight, alone


@njit(cache=True)
def _shared(
    daughters: IntArray, odds: DoubleArray, begins: BoolArray
) -> tuple[DoubleArray, DoubleArray]:
    """Return how probable divisions of such odds are, and how probable beginnings remain."""
    claims, alone = np.zeros(len(begins)), begins.astype(np.float64)
    for side in range(2):
        for split in range(len(odds)):
            claims[daughters[split, side]] += odds[split]
    weight = np.empty(len(odds))
    for split in range(len(odds)):
        one, other = daughters[split]
        weight[split] = odds[split] / (1 + max(claims[one], claims[other]))
    for side in range(2):
        for split in range(len(odds)):
            if begins[daughters[split, side]]:
                alone[daughters[split, side]] -= weight[split]
    return weight, np.maximum(alone, 0.0)


def chosen_links(
    problem: Problem, column_of: IntArray, chosen: Splits, temperature: float
) -> tuple[IntArray, IntArray, DoubleArray]:
    """Return all links and how probable each is: sources, targets and probabilities.

    `column_of` has the column of each row that does not divide; see `solve_with_splits`.
    For `temperature` see `LinkModel`.
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
        temperature,
    )
    division = 1 / (1 + np.exp(np.clip(chosen.price, -50, 50)))
    return (
        np.concatenate([rows, np.repeat(chosen.mother, 2)]),
        np.concatenate([columns, daughters.ravel()]),
        np.concatenate([probable[rows], np.repeat(division, 2)]),
    )
