"""Finding those that go much farther than the rest, as movers among what is stuck.

Their steps are too far for the model of all others, so that they are not linked at first. But what
one frame loses then is nearer to what begins in the next than by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from cellwright._types import DoubleArray, IntArray
from cellwright.tracking.candidates import make_grid, neighbours
from cellwright.tracking.model import STRIDE_TAIL, LinkModel, Strides, stride_costs, t_costs
from cellwright.tracking.motion import FramePair
from cellwright.tracking.pair import PairLinks

_AROUND = 6  # neighbours that tell how dense a place is
_NEAR = (0.3, 0.2, 0.1, 0.02)  # chances to be so near
_DENSER = 2.0  # times as dense as assumed lie at most what nothing strides to: borders gather some
_FEWEST = 4.0  # strides that tell anything
_MOST = 0.99  # of all links may be strides
_CLEAR = 3.0  # standard deviations above what chance explains


def with_strides(
    model: LinkModel,
    pairs: Sequence[FramePair],
    links: Sequence[PairLinks],
    max_distance: float = np.inf,
) -> LinkModel:
    """Return a model that knows the strides that detections without a link tell of.

    The model itself where these lie by chance. Who strides neither ended nor began.

    Parameters
    ----------
    model : LinkModel
        Without strides.
    pairs : sequence of FramePair
    links : sequence of PairLinks
        Of those pairs, by that model.
    max_distance : float
        Longest link that may be made, in the unit of positions.
    """
    made = sum(len(one.source) for one in links)
    clearest, best = _CLEAR, model
    lone = [_nearest_lone(pairs, links, daughters) for daughters in (False, True)]
    for (lengths, chances), chance in product(lone, _NEAR):
        near = (chances < chance) & (lengths <= max_distance)
        count, usual = np.count_nonzero(near), 1 - (1 - chance) ** _DENSER
        clear = (count - usual * len(near)) / np.sqrt(max(usual * (1 - usual) * len(near), 1e-30))
        if count >= _FEWEST and clear >= clearest:
            clearest = clear
            length = float(np.sqrt((lengths[near] ** 2).mean() / model.dimensions))
            rest = 1 - count / (len(near) + 1)
            best = replace(
                model,
                strides=_strides(float(count), float(count + made), length / model.step),
                end_rate=model.end_rate * rest,
                start_rate=model.start_rate * rest,
            )
    return best


def refined_strides(model: LinkModel, lengths: DoubleArray) -> tuple[Strides, DoubleArray]:
    """Return the strides among steps of such lengths (K,), and how probably each is none (K,).

    Lengths are in the unit of positions.
    """
    if not model.strides.share:
        return Strides(), np.ones(len(lengths))
    squares, steps = lengths**2, np.full(len(lengths), model.step)
    usual = t_costs(squares, steps, model.tail, model.dimensions)
    usual -= np.log(1 - model.strides.share)
    wide = stride_costs(squares, steps, model)
    stride = 1 / (1 + np.exp(np.clip(wide - usual, -500.0, 500.0)))
    total = float(stride.sum())
    if total < _FEWEST:
        return Strides(), np.ones(len(lengths))
    # One step towards the likeliest scale of Student's t, which counts far ones less.
    scale = (model.strides.length * model.step) ** 2
    weight = (STRIDE_TAIL + model.dimensions) / (STRIDE_TAIL + squares / scale)
    length = float(np.sqrt((stride * weight) @ squares / (model.dimensions * total)))
    return _strides(total, len(lengths), length / model.step), 1 - stride


def _strides(count: float, made: float, length: float) -> Strides:
    """Return so many strides among the links that were made; some links are none."""
    return Strides(min(count / made, _MOST), max(length, 1.0))


def _nearest_lone(
    pairs: Sequence[FramePair], links: Sequence[PairLinks], daughters: bool
) -> tuple[DoubleArray, DoubleArray]:
    """Return how far it is from each lone detection to the next one, and how probable that is.

    Both of shape (K,), for those that end in the earlier frame of a pair: the distance to the
    nearest that begins in the later one, and the chance that one is so near, by how dense the
    place is. `daughters` begin, too: what strides to beside a still one may look like one.
    """
    found = [_nearest_of(*one, daughters) for one in zip(pairs, links, strict=True)]
    lengths, chances = np.concatenate(found, axis=1) if found else np.zeros((2, 0))
    return lengths, chances


def _nearest_of(
    pair: FramePair, found: PairLinks, daughters: bool
) -> tuple[DoubleArray, DoubleArray]:
    """Return the same for one pair."""
    a, b = pair.earlier, pair.later
    ended = (np.bincount(found.source, minlength=len(a)) == 0) & (a.border > 2 * found.step)
    begun = np.bincount(found.target, minlength=len(b)) == 0
    if daughters:
        begun[_farther_daughters(pair, found)] = True
    begun &= b.border > 2 * found.step
    if not (ended.any() and begun.any()):
        return np.zeros(0), np.zeros(0)
    place = (a.position + pair.carried)[ended]
    nearest = neighbours(place, make_grid(b.position[begun]), np.inf, 1).weights
    around = neighbours(place, b.grid, np.inf, _AROUND)
    farthest = around.weights[around.starts[1:] - 1]
    within = np.diff(around.starts) * np.count_nonzero(begun) / len(b)
    # Where many lie at one place, it is as dense as can be told.
    farthest = np.maximum(np.maximum(farthest, 1e-9 * nearest), 1e-300)
    ratio = (nearest / farthest) ** (place.shape[1] / 2)
    return np.sqrt(nearest), -np.expm1(-within * ratio)


def _farther_daughters(pair: FramePair, found: PairLinks) -> IntArray:
    """Return which of the later frame are the farther daughter of a mother, shape (M,)."""
    place = (pair.earlier.position + pair.carried)[found.source]
    way = np.linalg.norm(pair.later.position[found.target] - place, axis=1)
    order = np.lexsort((way, found.source))
    source = found.source[order]
    farther: IntArray = found.target[order[1:][source[1:] == source[:-1]]]
    return farther
