"""Linking the detections of two frames, divisions included, at the least total cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellwright._types import DoubleArray, IntArray
from cellwright.tracking.candidates import Edges, neighbours
from cellwright.tracking.costs import link_costs
from cellwright.tracking.joint import (
    NO_SPLITS,
    Problem,
    chosen_links,
    solve,
    solve_with_splits,
    split_shares,
)
from cellwright.tracking.model import LinkModel
from cellwright.tracking.motion import FramePair, median_step
from cellwright.tracking.pins import NO_PAIR_PINS, PairPins, pinned_candidates
from cellwright.tracking.splits import Splits, propose_splits

NEIGHBOURS = {2: 6, 3: 8}
"""Candidates of each detection, by the number of spatial axes."""
_PAIRS_OF_PRIOR = 30


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


def link_pair(
    pair: FramePair,
    model: LinkModel,
    *,
    divisions: bool = True,
    max_distance: float = np.inf,
    pins: PairPins = NO_PAIR_PINS,
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

    Notes
    -----
    Without divisions the links are an optimal assignment. Its duals tell what each division would
    gain; those that gain most are accepted, the rest is assigned anew, and a division that does
    not pay any more beside the new links is given up.
    """
    earlier, later, shift = pair.earlier, pair.later, pair.shift
    radius = min(model.reach(model.step * 2), max_distance)
    edges = neighbours(earlier.position + shift, later.grid, radius, NEIGHBOURS[model.dimensions])
    step = _pair_step(edges, len(later), model)
    edges, wishes = pinned_candidates(edges, pins)
    steps = np.full(len(earlier), step)
    problem = Problem(
        edges,
        link_costs(edges, earlier.features, later.features, model, steps) + wishes,
        model.end_costs(earlier.border, step),
        model.start_costs(later.border, step),
    )
    without = solve(problem, NO_SPLITS)
    column_of = without.column_of
    splits = chosen = NO_SPLITS
    if divisions:
        splits = propose_splits(
            edges, earlier, later, shift, model, without, problem.column_alone, wishes
        )
        column_of, chosen = solve_with_splits(problem, without, splits)
    source, target, probability = chosen_links(problem, column_of, chosen)
    weight, begins = split_shares(problem, without, splits)
    return PairLinks(source, target, probability, splits, weight, begins, edges, step)


def _pair_step(edges: Edges, count: int, model: LinkModel) -> float:
    """Return the scale of steps here: frames may follow each other at uneven times."""
    here, pairs = median_step(edges, count)
    usual = model.typical_step
    if usual == 0:
        return model.step
    mixed = (pairs * here + _PAIRS_OF_PRIOR * usual) / (pairs + _PAIRS_OF_PRIOR)
    return float(model.step * np.clip(mixed / usual, 0.5, 2.0))
