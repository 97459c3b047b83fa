"""Linking the detections of two frames, divisions included, at the least total cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from cellwright._types import BoolArray, DoubleArray, IntArray
from cellwright.tracking.assignment import Assignment
from cellwright.tracking.candidates import Edges, neighbours, united
from cellwright.tracking.costs import expected_costs, link_costs
from cellwright.tracking.frames import Frame, Movie
from cellwright.tracking.joint import (
    NO_SPLITS,
    Problem,
    chosen_links,
    solve,
    solve_with_splits,
    split_shares,
)
from cellwright.tracking.kalman import RUN_ON, Forecast, moved, scaled
from cellwright.tracking.model import LinkModel
from cellwright.tracking.motion import FramePair, median_step
from cellwright.tracking.pins import NO_PAIR_PINS, PairPins, pinned_candidates
from cellwright.tracking.splits import SURE, Splits, propose_splits

NEIGHBOURS = {2: 6, 3: 8}
"""Candidates of each detection, by the number of spatial axes."""
_PAIRS_OF_PRIOR = 30
_UNSURE = 15.0
"""Divisions that cost so much more than their alternative are left to a scorer to look at."""


@dataclass(frozen=True, slots=True)
class PairLinks:
    """What became of the detections of two frames.

    Attributes
    ----------
    source, target : array of int, shape (L,)
        Positions of the linked detections in the two frames.
    probability : array of float, shape (L,)
        That the link is right.
    splits : Splits
        Divisions that were chosen or came near it, with their candidate links in `edges`.
    weight : array of float
        How probable each of them is.
    begins : array of float, shape (M,)
        How probable it is that a detection of the later frame has no mother in the earlier one.
    edges : Edges
    step : float
        Scale of displacements in this pair.
    """

    source: IntArray
    target: IntArray
    probability: DoubleArray
    splits: Splits
    weight: DoubleArray
    begins: DoubleArray
    edges: Edges
    step: float


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known of two frames before a scorer has a say.

    Attributes
    ----------
    pair : FramePair
    model : LinkModel
    step : float
        Scale of displacements in this pair.
    problem : Problem
    wishes : array of float, shape (E,)
        What of the costs of candidate links is due to pins.
    pins : PairPins
    max_distance : float
        Longest link, in the unit of positions, drift not counted.
    without : Assignment
        The best links without divisions.
    splits : Splits
        The most promising division of each mother, unlikely ones as well.
    """

    pair: FramePair
    model: LinkModel
    step: float
    problem: Problem
    wishes: DoubleArray
    pins: PairPins
    max_distance: float
    without: Assignment
    splits: Splits


Scorer: TypeAlias = Callable[[Draft], Draft]
"""Puts other costs of links and divisions in place of those of a draft, and solves it again."""
MovieScorer: TypeAlias = Callable[[Movie], Scorer]
"""Returns what tells links and divisions of a movie."""


def single(found: PairLinks) -> BoolArray:
    """Return which links are not those of a division, shape (L,)."""
    return np.asarray(np.bincount(found.source)[found.source] == 1)


def link_pair(
    pair: FramePair,
    model: LinkModel,
    *,
    divisions: bool = True,
    max_distance: float = np.inf,
    pins: PairPins = NO_PAIR_PINS,
    ahead: Forecast | None = None,
    scorer: Scorer | None = None,
    nearest: Edges | None = None,
) -> PairLinks:
    """Link two frames.

    Parameters
    ----------
    pair : FramePair
    model : LinkModel
    divisions : bool
        Whether a detection may have two daughters.
    max_distance : float
        Longest link, in the unit of positions, drift not counted.
    pins : PairPins
    ahead : Forecast, optional
        Where the detections of the earlier frame are expected, but for the drift; by default,
        where they are.
    scorer : Scorer, optional
    nearest : Edges, optional
        What `nearest_candidates` returns, where a pair is linked several times.

    Notes
    -----
    Without divisions the links are an optimal assignment. Its duals tell what each division would
    gain; those that gain most are accepted, the rest is assigned anew, and a division that does
    not pay any more beside the new links is given up.
    """
    earlier, later = pair.earlier, pair.later
    radius = min(model.reach(model.step * 2), max_distance)
    edges = nearest_candidates(pair, radius) if nearest is None else nearest.within(radius)
    step = _pair_step(edges, len(later), model)
    if ahead is not None:
        ahead = scaled(moved(ahead, pair.carried), step / model.step)
        place = earlier.position + pair.carried
        edges = united(edges, _run_on(ahead, place, later, radius, max_distance))
    edges, wishes = pinned_candidates(edges, pins)
    problem = Problem(
        edges,
        _costs(edges, earlier, later, model, step, ahead) + wishes,
        model.end_costs(earlier.border, step),
        model.start_costs(later.border, step),
    )
    without = solve(problem, NO_SPLITS)
    splits = NO_SPLITS
    if divisions:
        sure = SURE if scorer is None else _UNSURE
        splits = propose_splits(
            edges, earlier, later, pair.carried, model, without, problem.column_alone, wishes, sure
        )
    if scorer is not None:
        scored = scorer(
            Draft(pair, model, step, problem, wishes, pins, max_distance, without, splits)
        )
        problem, without, splits = scored.problem, scored.without, scored.splits
    column_of, chosen = solve_with_splits(problem, without, splits)
    source, target, probability = chosen_links(problem, column_of, chosen, model.temperature)
    weight, begins = split_shares(problem, without, splits)
    return PairLinks(source, target, probability, splits, weight, begins, problem.edges, step)


def nearest_candidates(pair: FramePair, radius: float = np.inf) -> Edges:
    """Return the detections of the later frame that are nearest to where those before would be."""
    place = pair.earlier.position + pair.carried
    return neighbours(place, pair.later.grid, radius, NEIGHBOURS[place.shape[1]])


def _run_on(
    ahead: Forecast, place: DoubleArray, later: Frame, radius: float, max_distance: float
) -> Edges:
    """Return candidates near where detections would be that run on."""
    near = neighbours(ahead.centre[:, RUN_ON], later.grid, radius, NEIGHBOURS[place.shape[1]])
    way = np.sqrt(((later.position[near.columns] - place[near.rows]) ** 2).sum(axis=1))
    return near.where(way <= max_distance)


def _costs(
    edges: Edges,
    earlier: Frame,
    later: Frame,
    model: LinkModel,
    step: float,
    ahead: Forecast | None,
) -> DoubleArray:
    """Return the costs of all candidate links."""
    if ahead is None:
        steps = np.full(len(earlier), step)
        return link_costs(edges, earlier.features, later.features, model, steps)
    return expected_costs(edges, earlier.features, later.features, model, ahead, later.position)


def _pair_step(edges: Edges, count: int, model: LinkModel) -> float:
    """Return the scale of steps here: frames may follow each other at uneven times."""
    here, pairs = median_step(edges, count)
    usual = model.typical_step
    if usual == 0:
        return model.step
    mixed = (pairs * here + _PAIRS_OF_PRIOR * usual) / (pairs + _PAIRS_OF_PRIOR)
    return float(model.step * np.clip(mixed / usual, 0.5, 2.0))
