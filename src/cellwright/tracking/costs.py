"""Costs of links: negative log odds against two detections of their own."""

from __future__ import annotations

from dataclasses import replace
from math import log
from typing import NamedTuple

import numpy as np
from numba import njit

from cellwright._types import DoubleArray, IntArray
from cellwright.tracking.candidates import Edges
from cellwright.tracking.kalman import STAY, Forecast, log_density
from cellwright.tracking.model import (
    FEATURE_TAIL,
    STRIDE_TAIL,
    LinkModel,
    Strides,
    stride_costs,
    t_constant,
)

_NEVER = 20.0
"""Log odds against alternatives that do not count: one in a few hundred millions."""


class _Ways(NamedTuple):
    """What a displacement costs: by Student's t, of a scale of its own for each row.

    A few may be strides, by another one that is wider than the steps by a factor.
    """

    offsets: DoubleArray  # (N,); the cost of a link whose ends are in one place
    steps: DoubleArray  # (N,); scale of the displacement, in the unit of positions
    tail: float
    dimensions: int
    strides: DoubleArray  # (N,); as `offsets`, if it is a stride; none where there are no strides
    length: float


class _Changes(NamedTuple):
    """What a change of features costs, against a detection that is any of the population."""

    before: DoubleArray  # (N, F)
    after: DoubleArray  # (M, F)
    common: DoubleArray  # (M,); see `commonness`
    scales: DoubleArray  # (F,)
    constant: float
    surprise: float


def commonness(features: DoubleArray, model: LinkModel) -> DoubleArray:
    """Return the negative log density of each detection's features in the population."""
    squares = ((features - model.centre) / model.spread) ** 2
    costs = (FEATURE_TAIL + 1) / 2 * np.log1p(squares / FEATURE_TAIL)
    return np.asarray(costs.sum(axis=1) + tail_constants(model.spread))


def unlikeness(before: DoubleArray, after: DoubleArray, model: LinkModel) -> DoubleArray:
    """Return how unlike pairs of detections are, as a negative log odds; arrays of shape (K, F)."""
    z = (after - before) / model.change
    costs = (FEATURE_TAIL + 1) / 2 * np.log1p(z**2 / FEATURE_TAIL).sum(axis=1)
    return np.asarray(costs + tail_constants(model.change) - commonness(after, model))


def link_costs(
    edges: Edges, before: DoubleArray, after: DoubleArray, model: LinkModel, steps: DoubleArray
) -> DoubleArray:
    """Return the cost of each link.

    Parameters
    ----------
    edges : Edges
        With squared distances as weights.
    before, after : array of float, shapes (N, F) and (M, F)
        Features of the two sides.
    model : LinkModel
    steps : array of float, shape (N,)
        Scale of the displacement of each detection of the earlier side.
    """
    division = model.division.rate
    stays = -log(max(1 - division - model.end_rate, 0.05))
    at_centre = np.array([t_constant(1.0, model.tail, model.dimensions)])
    offsets = stays + at_centre + model.dimensions * np.log(steps)
    strides = np.zeros(0)
    if model.strides.share:
        offsets -= log(1 - model.strides.share)
        strides = stays + stride_costs(np.zeros(len(steps)), steps, model)
    ways = _Ways(offsets, steps, model.tail, model.dimensions, strides, model.strides.length)
    constant = tail_constants(model.change)
    changes = _Changes(
        before, after, commonness(after, model), model.change, constant, model.surprise
    )
    costs: DoubleArray = _link_costs(edges.starts, edges.columns, edges.weights, ways, changes)
    return costs


def expected_costs(
    edges: Edges,
    before: DoubleArray,
    after: DoubleArray,
    model: LinkModel,
    ahead: Forecast,
    places: DoubleArray,
) -> DoubleArray:
    """Return the cost of each link, as `link_costs` does, by where detections are expected.

    Parameters
    ----------
    edges : Edges
    before, after : array of float, shapes (N, F) and (M, F)
        Features of the two sides.
    model : LinkModel
    ahead : Forecast
        Of the earlier side.
    places : array of float, shape (M, D)
        Of the later side.
    """
    # Student's t of scale 1 at its centre costs a constant, in place of which comes the forecast.
    still = replace(edges, weights=np.zeros(len(edges.columns)))
    ones = np.ones(len(before))
    costs = link_costs(still, before, after, replace(model, strides=Strides()), ones)
    costs -= t_constant(1.0, model.tail, model.dimensions)
    there = places[edges.columns]
    density = log_density(ahead, edges.rows, there)
    if model.strides.share:
        way = there - ahead.centre[edges.rows, STAY]
        steps = np.full(len(way), model.step)
        wide = stride_costs((way**2).sum(axis=1), steps, model)
        density = np.logaddexp(density + log(1 - model.strides.share), -wide)
    return np.asarray(costs - density)


def tail_constants(scales: DoubleArray) -> float:
    """Return what features cost that are just as expected, by the scales of their changes."""
    return float(sum(t_constant(scale, FEATURE_TAIL, 1) for scale in scales.tolist()))


@njit(cache=True)
def limited(unlike: float, surprise: float) -> float:
    """Return a cost of features that does not grow beyond all bounds.

    Now and then features say nothing, as when a nucleus condenses or two objects touch: the
    density is a mixture with a small share of the population's. Features that are not known
    (NaN) cost nothing.
    """
    if np.isnan(unlike):
        return 0.0
    if unlike < -30.0:
        return unlike
    return float(-np.log((1 - surprise) * np.exp(-unlike) + surprise))


@njit(cache=True)
def _link_costs(
    starts: IntArray, columns: IntArray, squares: DoubleArray, ways: _Ways, changes: _Changes
) -> DoubleArray:
    """Return the cost of each edge, from the squared distance that it spans."""
    costs = np.empty(len(columns))
    power = (ways.tail + ways.dimensions) / 2
    for row in range(len(starts) - 1):
        scale = ways.tail * ways.steps[row] ** 2
        for e in range(starts[row], starts[row + 1]):
            costs[e] = ways.offsets[row] + power * np.log1p(squares[e] / scale)
            if len(ways.strides):
                wide = squares[e] / (STRIDE_TAIL * (ways.length * ways.steps[row]) ** 2)
                stride = (STRIDE_TAIL + ways.dimensions) / 2 * np.log1p(wide) + ways.strides[row]
                costs[e] = -np.logaddexp(-costs[e], -stride)
            if len(changes.scales):
                costs[e] += _changed(changes, row, columns[e])
    return costs


@njit(cache=True)
def _changed(changes: _Changes, row: int, column: int) -> float:
    """Return what it costs that features changed so much on a link."""
    unlike = changes.constant - changes.common[column]
    for f in range(len(changes.scales)):
        change = (changes.after[column, f] - changes.before[row, f]) / changes.scales[f]
        unlike += (FEATURE_TAIL + 1) / 2 * np.log1p(change * change / FEATURE_TAIL)
    return float(limited(unlike, changes.surprise))


@njit(cache=True)
def link_probabilities(
    starts: IntArray,
    columns: IntArray,
    costs: DoubleArray,
    row_alone: DoubleArray,
    column_alone: DoubleArray,
    column_of: IntArray,
    row_of: IntArray,
    temperature: float,
) -> DoubleArray:
    """Return how probable the link of each row is, against what one change would make of it.

    The alternatives of a link are that both detections stay alone, that the row takes another
    column, and that two rows exchange their columns; all else stays as it is. Log odds against
    such rivals are divided by `temperature`.

    Returns
    -------
    array of float, shape (N,)
        NaN for rows without a link.
    """
    rows = len(starts) - 1
    probability = np.full(rows, np.nan)
    own = np.zeros(rows)
    spare = -column_alone  # what it costs at least that a column is taken from what it has
    for row in range(rows):
        least = row_alone[row]
        for e in range(starts[row], starts[row + 1]):
            least = min(least, costs[e] - column_alone[columns[e]])
            if columns[e] == column_of[row]:
                own[row] = costs[e]
        if column_of[row] >= 0:
            spare[column_of[row]] = least - own[row]
    for row in range(rows):
        mine = column_of[row]
        if mine < 0:
            continue
        others = np.exp(min(own[row] - row_alone[row] - column_alone[mine], 50.0))
        for e in range(starts[row], starts[row + 1]):
            column = columns[e]
            given = costs[e] + column_alone[mine] - own[row]
            if column == mine or given + spare[column] > _NEVER:
                continue
            rival = row_of[column]
            if rival < 0:
                worse = given - column_alone[column]
            elif rival >= rows:
                continue
            else:
                instead = row_alone[rival]
                for g in range(starts[rival], starts[rival + 1]):
                    if columns[g] == mine:
                        instead = min(instead, costs[g] - column_alone[mine])
                worse = given + instead - own[rival]
            if worse <= _NEVER:
                others += np.exp(min(-worse / temperature, 50.0))
        probability[row] = 1 / (1 + others)
    return probability
