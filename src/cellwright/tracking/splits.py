"""Costs of divisions: negative log odds against three detections of their own."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi
from typing import NamedTuple

import numpy as np
from numba import njit

from cellwright._types import BoolArray, DoubleArray, IntArray
from cellwright.tracking.assignment import Assignment
from cellwright.tracking.candidates import Edges
from cellwright.tracking.costs import commonness, limited, tail_constants
from cellwright.tracking.frames import Frame
from cellwright.tracking.model import FEATURE_TAIL, LinkModel, t_constant

SURE = 5.0
"""Divisions that cost so much more than their alternative are not looked at."""


@dataclass(frozen=True, slots=True)
class Splits:
    """The most promising division of each mother, S of them.

    Attributes
    ----------
    mother : array of int, shape (S,)
    edges : array of int, shape (S, 2)
        Which of the candidate links lead to the two daughters.
    cost : array of float, shape (S,)
    price : array of float, shape (S,)
        What the division costs more than the best without it.
    """

    mother: IntArray
    edges: IntArray
    cost: DoubleArray
    price: DoubleArray

    def where(self, chosen: IntArray | BoolArray) -> Splits:
        """Return some of them."""
        return Splits(
            self.mother[chosen], self.edges[chosen], self.cost[chosen], self.price[chosen]
        )


class _Cells(NamedTuple):
    """The detections of one frame."""

    position: DoubleArray  # (N, D)
    features: DoubleArray  # (N, F)
    unusual: DoubleArray  # (N,); what the features themselves cost


class _Elsewhere(NamedTuple):
    """What detections are worth without divisions; see `Assignment`."""

    row_duals: DoubleArray  # (N,)
    column_duals: DoubleArray  # (M,)
    column_of: IntArray  # (N,)
    column_alone: DoubleArray  # (M,)


class _Births(NamedTuple):
    """How two daughters differ from their mother and from each other; see `DivisionModel`."""

    offset: float  # what every division costs
    midpoint: float
    tail: float
    separation: float
    separation_spread: float
    change: DoubleArray  # (F,)
    change_spread: DoubleArray  # (F,)
    difference: DoubleArray  # (F,)
    surprise: float


def propose_splits(
    edges: Edges,
    earlier: Frame,
    later: Frame,
    carried: DoubleArray,
    model: LinkModel,
    solved: Assignment,
    column_alone: DoubleArray,
    wishes: DoubleArray,
    sure: float = SURE,
) -> Splits:
    """Find for each detection the pair of daughters that would lower the total cost most.

    Parameters
    ----------
    edges : Edges
        Candidate links.
    earlier, later : Frame
    carried : array of float, shape (N, D)
        How far the field carries each detection of the earlier one.
    model : LinkModel
    solved : Assignment
        Of the same frames without divisions; its duals say what the daughters are worth
        elsewhere.
    column_alone : array of float, shape (M,)
        Costs of beginning for the later frame.
    wishes : array of float, shape (E,)
        What each candidate link costs beside what it is worth.
    sure : float
        Divisions that cost so much more than their alternative are not looked at.
    """
    division = model.division
    mothers = _mother_costs(earlier.features, model)
    offset = float(
        _division_constant(model)
        + model.dimensions * log(division.midpoint)
        + log(division.separation_spread)
    )
    births = _Births(
        offset,
        division.midpoint,
        model.tail,
        division.separation,
        division.separation_spread,
        division.change,
        division.change_spread,
        division.difference,
        model.surprise,
    )
    mother, pairs, costs, prices = _propose(
        edges.starts,
        edges.columns,
        _Cells(earlier.position + carried, earlier.features, mothers),
        _Cells(later.position, later.features, -commonness(later.features, model)),
        _Elsewhere(solved.row_duals, solved.column_duals, solved.column_of, column_alone),
        births,
        wishes,
        sure,
    )
    return Splits(mother, pairs, costs, prices)


def split_costs(
    positions: tuple[DoubleArray, DoubleArray, DoubleArray],
    features: tuple[DoubleArray, DoubleArray, DoubleArray],
    model: LinkModel,
    wander: DoubleArray,
) -> DoubleArray:
    """Return the cost of divisions whose daughters are seen some time after their birth.

    Parameters
    ----------
    positions : three arrays of float, shape (S, D)
        Of mothers and both daughters, without the drift of the field.
    features : three arrays of float, shape (S, F)
    model : LinkModel
    wander : array of float, shape (S,)
        How far a daughter has gone since, as a deviation along each axis; 0 right after birth,
        which is what `propose_splits` is about.
    """
    division, dimensions = model.division, model.dimensions
    mother, one, other = positions
    midpoint = np.sqrt(division.midpoint**2 + wander**2 / 2)
    widened = 2 * (wander / np.exp(division.separation)) ** 2
    spread = np.sqrt(division.separation_spread**2 + widened)
    middle = ((0.5 * (one + other) - mother) ** 2).sum(axis=1)
    length = 0.5 * np.log(np.maximum(((one - other) ** 2).sum(axis=1), 1e-12))
    costs = _division_constant(model) + dimensions * np.log(midpoint) + np.log(spread)
    costs += dimensions * length + 0.5 * ((length - division.separation) / spread) ** 2
    power = (model.tail + dimensions) / 2
    costs += power * np.log1p(middle / (model.tail * midpoint**2))
    own, first, second = features
    unlike = _mother_costs(own, model) - commonness(first, model) - commonness(second, model)
    change = (0.5 * (first + second) - own - division.change) / division.change_spread
    for z in (change, (first - second) / division.difference):
        unlike += (FEATURE_TAIL + 1) / 2 * np.log1p(z**2 / FEATURE_TAIL).sum(axis=1)
    return np.asarray(costs + _limited_all(unlike, model.surprise))


def _division_constant(model: LinkModel) -> float:
    """Return what a division costs anywhere, but for the scales of places."""
    sphere = 2 * pi if model.dimensions == 2 else 4 * pi
    return float(
        -log(model.division.rate)
        - log(2)  # which daughter is which does not matter
        + t_constant(1.0, model.tail, model.dimensions)
        + log(sphere * np.sqrt(2 * pi))
    )


def _mother_costs(features: DoubleArray, model: LinkModel) -> DoubleArray:
    """Return what the features of mothers cost, against those of any detection."""
    division = model.division
    z = (features - model.centre) / model.spread
    unusual = ((z - division.mother) / division.mother_spread) ** 2 - z**2
    costs = (0.5 * unusual + np.log(division.mother_spread)).sum(axis=1)
    return np.asarray(
        costs + tail_constants(division.change_spread) + tail_constants(division.difference)
    )


@njit(cache=True)
def _limited_all(unlike: DoubleArray, surprise: float) -> DoubleArray:
    """Return `limited` of each."""
    return np.array([limited(one, surprise) for one in unlike])


@njit(cache=True)
def _propose(
    starts: IntArray,
    columns: IntArray,
    before: _Cells,
    after: _Cells,
    elsewhere: _Elsewhere,
    births: _Births,
    wishes: DoubleArray,
    sure: float,
) -> tuple[IntArray, IntArray, DoubleArray, DoubleArray]:
    """Return mother, edges, cost and price of the best division of each row that has one."""
    rows, dimensions = before.position.shape
    mother = np.empty(rows, np.int64)
    pairs = np.empty((rows, 2), np.int64)
    costs, prices = np.empty(rows), np.empty(rows)
    longest = 0
    for row in range(rows):
        longest = max(longest, starts[row + 1] - starts[row])
    worths = np.empty(longest)
    count = 0
    closest = _closest(dimensions, births)
    for row in range(rows):
        best = sure
        own = elsewhere.column_of[row]
        left = 0.0  # what it costs that the present continuation gets no mother
        if own >= 0:
            left = elsewhere.column_alone[own] - elsewhere.column_duals[own]
        # Bounds that need no logarithm: of the worth of each daughter, and of all else.
        first, highest = starts[row], -np.inf
        for e in range(first, starts[row + 1]):
            j = columns[e]
            worths[e - first] = elsewhere.column_duals[j] - wishes[e] - _least(after.unusual[j])
            if j == own:
                worths[e - first] += left
            highest = max(highest, worths[e - first])
        least = births.offset + closest + _least(before.unusual[row])
        least += left - elsewhere.row_duals[row]
        for e in range(first, starts[row + 1] - 1):
            if least - worths[e - first] - highest >= best:
                continue
            j = columns[e]
            for g in range(e + 1, starts[row + 1]):
                if least - worths[e - first] - worths[g - first] >= best:
                    continue
                k = columns[g]
                worth = elsewhere.row_duals[row]
                worth += elsewhere.column_duals[j] + elsewhere.column_duals[k]
                if j != own and k != own:
                    worth -= left
                wish = wishes[e] + wishes[g]
                unlike = before.unusual[row] + after.unusual[j] + after.unusual[k]
                cost = births.offset + wish
                most = best + worth - cost - _least(unlike)
                cost += _placed(before.position[row], after.position, j, k, births, most)
                if cost + _least(unlike) - worth >= best:
                    continue
                unlike += _changed(before.features[row], after.features, j, k, births)
                cost += limited(unlike, births.surprise)
                if cost - worth < best:
                    best = cost - worth
                    mother[count], costs[count], prices[count] = row, cost, best
                    pairs[count, 0], pairs[count, 1] = e, g
        if best < sure:
            count += 1
    return mother[:count], pairs[:count], costs[:count], prices[:count]


@njit(cache=True)
def _least(unlike: float) -> float:
    """Return a bound of what unlikeness adds to a cost; see `limited`."""
    return unlike if unlike < 0 else 0.0


@njit(cache=True)
def _placed(
    mother: DoubleArray, after: DoubleArray, j: int, k: int, births: _Births, most: float
) -> float:
    """Return what it costs that the daughters `j` and `k` of a mother lie where they lie.

    It is infinite where it is sure to be above `most`.
    """
    dimensions = len(mother)
    middle = apart = 0.0
    for axis in range(dimensions):
        way = 0.5 * (after[j, axis] + after[k, axis]) - mother[axis]
        middle += way * way
        apart += (after[j, axis] - after[k, axis]) ** 2
    power = (births.tail + dimensions) / 2
    middle /= births.tail * births.midpoint**2
    if _closest(dimensions, births) + power * 2 * middle / (2 + middle) >= most:
        return np.inf  # the quotient is below the logarithm of 1 + middle
    length = 0.5 * np.log(max(apart, 1e-12))
    cost = dimensions * length
    cost += 0.5 * ((length - births.separation) / births.separation_spread) ** 2
    return float(cost + power * np.log1p(middle))


@njit(cache=True)
def _closest(dimensions: int, births: _Births) -> float:
    """Return the least that the distance between daughters can cost."""
    spread = births.separation_spread
    return float(dimensions * births.separation - 0.5 * (dimensions * spread) ** 2)


@njit(cache=True)
def _changed(mother: DoubleArray, after: DoubleArray, j: int, k: int, births: _Births) -> float:
    """Return what it costs that the daughters `j` and `k` have such features, by their mother's."""
    cost = 0.0
    for f in range(len(births.change)):
        one, other = after[j, f], after[k, f]
        z = (0.5 * (one + other) - mother[f] - births.change[f]) / births.change_spread[f]
        d = (one - other) / births.difference[f]
        cost += np.log1p(z * z / FEATURE_TAIL) + np.log1p(d * d / FEATURE_TAIL)
    return float((FEATURE_TAIL + 1) / 2 * cost)
