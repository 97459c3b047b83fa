"""The integer program behind a window of frames: which objects are there, and how they are linked.

Variables are objects that may or may not be there, links and divisions. Everything begins alone:
what an object costs is its beginning and its end less what it is worth, and a link saves the end of
one and the beginning of the other. Then every object has at most one way in and one way out, and
only if it is there; of objects that exclude each other there is one at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cellwright._types import BoolArray, DoubleArray, IntArray
from cellwright.tracking.coupled.prices import centred_prices
from cellwright.tracking.coupled.rounding import fractional, whole_optimum


@dataclass(frozen=True, slots=True)
class Program:
    """Costs of N objects, E links and S divisions.

    Attributes
    ----------
    alone : array of float, shape (N,)
        What it costs that an object is there and linked to nothing.
    certain : array of bool, shape (N,)
        Objects that are there in any case.
    links : array of int, shape (E, 2)
        Rows (source, target).
    link_gain : array of float, shape (E,)
        What each link saves.
    divisions : array of int, shape (S, 3)
        Rows (mother, daughter, daughter).
    division_gain : array of float, shape (S,)
    cliques : tuple of array of int
        Objects of which one is there at most.
    """

    alone: DoubleArray
    certain: BoolArray
    links: IntArray
    link_gain: DoubleArray
    divisions: IntArray
    division_gain: DoubleArray
    cliques: tuple[IntArray, ...]

    @property
    def size(self) -> int:
        """Number of variables."""
        return len(self.alone) + len(self.links) + len(self.divisions)

    def matrix(self) -> tuple[DoubleArray, Any, DoubleArray, DoubleArray]:
        """Return the program as numbers: objects, then links, then divisions, each 0 or 1.

        Returns
        -------
        costs : array of float, shape (V,)
        rows : sparse array, shape (R, V)
        most : array of float, shape (R,)
            What the sum of each row is at most.
        lowest : array of float, shape (V,)
            1 for what is there in any case.
        """
        from scipy.sparse import coo_array

        count, links, divisions = len(self.alone), len(self.links), len(self.divisions)
        objects = np.arange(count)
        link = count + np.arange(links)
        division = count + links + np.arange(divisions)
        source, target = self.links.T
        mother, one, other = self.divisions.T
        clique = np.repeat(np.arange(len(self.cliques)), [*map(len, self.cliques)])
        members = np.concatenate([np.zeros(0, np.int64), *self.cliques])
        # Ways in, then ways out, each at most the object; then the cliques.
        parts = [
            (objects, objects, -1.0), (target, link, 1.0), (one, division, 1.0),
            (other, division, 1.0), (count + objects, objects, -1.0), (count + source, link, 1.0),
            (count + mother, division, 1.0), (2 * count + clique, members, 1.0),
        ]  # fmt: skip
        rows, columns = (np.concatenate([part[side] for part in parts]) for side in (0, 1))
        signs = np.concatenate([np.full(len(row), sign) for row, _, sign in parts])
        shape = (2 * count + len(self.cliques), self.size)
        return (
            np.concatenate([self.alone, -self.link_gain, -self.division_gain]),
            coo_array((signs, (rows, columns)), shape=shape).tocsr(),
            np.concatenate([np.zeros(2 * count), np.ones(len(self.cliques))]),
            np.concatenate([self.certain, np.zeros(links + divisions)]),
        )


@dataclass(frozen=True, slots=True)
class Solution:
    """Objects that are there, and the links and divisions that were chosen, as arrays of bool.

    Attributes
    ----------
    objects, links, divisions : array of bool, shapes (N,), (E,) and (S,)
    cost : float
    """

    objects: BoolArray
    links: BoolArray
    divisions: BoolArray
    cost: float


def solve_program(program: Program) -> Solution:
    """Solve a program exactly by HiGHS.

    First as a linear program, which most often is whole already; where it is not, what lies near
    is decided in whole numbers, see `whole_optimum`.

    Raises
    ------
    RuntimeError
        If HiGHS does not find the optimum, which is always there.
    """
    if not program.size:
        none = np.zeros(0, bool)
        return Solution(none, none, none, 0.0)
    costs, rows, most, lowest = program.matrix()
    values, prices = _relaxed(costs, rows, most, lowest)
    given = lowest > 0
    if fractional(values).any():
        prices = centred_prices(costs, rows, most, given, prices)
        values = whole_optimum(costs, rows, most, given, values, prices)
    chosen = values > 0.5
    objects, links, divisions = np.split(
        chosen, np.cumsum([len(program.alone), len(program.links)])
    )
    return Solution(objects, links, divisions, float(costs @ chosen))


def _relaxed(
    costs: DoubleArray, rows: Any, most: DoubleArray, lowest: DoubleArray
) -> tuple[DoubleArray, DoubleArray]:
    """Return the optimum in any numbers, and the prices of the rows."""
    from scipy.optimize import linprog

    bounds = np.stack([lowest, np.ones(len(lowest))], axis=1)
    solved = linprog(costs, A_ub=rows, b_ub=most, bounds=bounds, method="highs-ds")
    if solved.x is None:
        raise RuntimeError(f"HiGHS found no solution: {solved.message}")
    return np.asarray(solved.x), np.maximum(-solved.ineqlin.marginals, 0.0)


def cliques(pairs: IntArray) -> tuple[IntArray, ...]:
    """Return groups of objects that all exclude each other, so that every pair is in one.

    Parameters
    ----------
    pairs : array of int, shape (R, 2)
        Objects that exclude each other.
    """
    beside: dict[int, set[int]] = {}
    for one, other in pairs.tolist():
        beside.setdefault(one, set()).add(other)
        beside.setdefault(other, set()).add(one)
    left = {(min(pair), max(pair)) for pair in map(tuple, pairs.tolist())}
    groups = []
    for pair in sorted(left):
        if pair not in left:
            continue
        group = list(pair)
        common = beside[pair[0]] & beside[pair[1]]
        while common:  # the one that leaves most others in the group, then the lowest
            best = max(sorted(common), key=lambda one: len(common & beside[one]))
            group.append(best)
            common &= beside[best]
        left -= {(min(a, b), max(a, b)) for a in group for b in group}
        groups.append(np.array(sorted(group), np.int64))
    return tuple(groups)
