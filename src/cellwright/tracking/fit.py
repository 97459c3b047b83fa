"""Estimating from a movie how its cells move, change, divide, come and go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import log

import numpy as np

from cellwright._types import DoubleArray
from cellwright.tracking.candidates import neighbours
from cellwright.tracking.costs import unlikeness
from cellwright.tracking.frames import Movie
from cellwright.tracking.model import FEATURE_TAIL, DivisionModel, LinkModel
from cellwright.tracking.motion import FramePair, mutual
from cellwright.tracking.pair import PairLinks, link_pair, nearest_candidates
from cellwright.tracking.strides import refined_strides, with_strides

_SAMPLE = 20_000  # detections looked at
_WINDOW = 4_000  # of a single frame
_PAIRS = 40
_ROUNDS = 5
_SETTLED = 0.05  # change of the logarithm of a number of the model
_TAILS = (2.0, 3.0, 5.0, 10.0, 30.0)
_PRIOR = 10.0  # divisions that the first guess about divisions counts for
_WIDEST = 0.6  # logarithm; daughters that differ more than that are none
_FEWEST_DIAMETERS = 4.0  # of an object in the width of a field
_SURPRISE = 0.03  # how often features change beyond recognition, as a first guess
_CONFIDENT = 0.95  # probability of links that tell about it
_SURPRISE_PRIOR = 100.0  # links that it counts for
_MAD = 1.4826  # deviation of a normal distribution in units of its median absolute deviation


def fit_model(movie: Movie, *, divisions: bool = True, max_distance: float = np.inf) -> LinkModel:
    """Estimate the model of a movie from a sample of its frame pairs.

    The first guess comes from detections that are nearest to each other; then links are made with
    the present model and the model is estimated from the links, a few times. Divisions count as
    much as they are probable, and the first guess about them counts like a few more.

    Parameters
    ----------
    movie : Movie
    divisions : bool
        Whether cells divide.
    max_distance : float
        Longest link that may be made.
    """
    pairs = _sample(movie)
    guess = _first_guess(pairs, movie)
    if not pairs:
        return guess
    nearest = [nearest_candidates(pair) for pair in pairs]

    def linked(model: LinkModel, divisions: bool) -> list[PairLinks]:
        return [
            link_pair(pair, model, divisions=divisions, max_distance=max_distance, nearest=near)
            for pair, near in zip(pairs, nearest, strict=True)
        ]

    def settled(model: LinkModel) -> tuple[LinkModel, list[PairLinks]]:
        for _ in range(_ROUNDS):
            links = linked(model, divisions)
            before, model = model, refined(model, guess.division, pairs, links)
            if _settled(before, model):
                break
        return model, links

    model, links = settled(guess)
    striding = with_strides(model, pairs, links, max_distance)
    if not striding.strides.share and model.tail == min(_TAILS):
        # The heaviest tail may hide strides: they were linked to what is near, or as daughters.
        calm = _calm(model)
        striding = with_strides(calm, pairs, linked(calm, False), max_distance)
    if not striding.strides.share:
        return model
    # Strides that looked like daughters were learned as divisions: these are learned anew.
    return settled(replace(striding, division=guess.division))[0]


def _calm(model: LinkModel) -> LinkModel:
    """Return a model of the usual steps alone, so that strides are not linked to what is near."""
    tail, dimensions = max(_TAILS), model.dimensions
    step = model.typical_step / _median_of_t(tail, dimensions)
    return replace(model, tail=tail, step=max(step, _least_step(model.density, dimensions)))


def _settled(before: LinkModel, after: LinkModel) -> bool:
    """Return whether another round would hardly change a model."""
    change = np.log(_numbers(after) / _numbers(before))
    return bool(np.abs(change).max() < _SETTLED)


def _numbers(model: LinkModel) -> DoubleArray:
    division = model.division
    return np.array(
        [
            model.step, model.end_rate, model.start_rate,
            division.rate, division.midpoint, division.separation_spread,
        ]
    )  # fmt: skip


def _sample(movie: Movie) -> list[FramePair]:
    """Return frame pairs spread over the movie, and of large frames only their middle."""
    counts = np.minimum(movie.counts, _WINDOW)
    usable = np.flatnonzero((counts[:-1] > 0) & (counts[1:] > 0))
    if not len(usable):
        return []
    most = int(np.clip(_SAMPLE / max(counts[usable].mean(), 1), 2, _PAIRS))
    chosen = np.unique(np.linspace(0, len(usable) - 1, min(most, len(usable))).round().astype(int))
    firsts = usable[chosen]
    numbers = np.unique([firsts, firsts + 1]).tolist()
    frames = {number: movie.frame(number, _WINDOW) for number in numbers}
    return [FramePair.of(frames[first], frames[first + 1]) for first in firsts.tolist()]


def _first_guess(pairs: Sequence[FramePair], movie: Movie) -> LinkModel:
    dimensions, count = movie.dimensions, len(movie.feature_names)
    density = _density(movie)
    steps, changes, own = [], [], [np.zeros((0, count))]
    for pair in pairs:
        a, b = pair.earlier, pair.later
        edges = neighbours(a.position + pair.carried, b.grid, np.inf, 1)
        both = mutual(edges, len(b))
        rows, columns = edges.rows[both], edges.columns[both]
        steps.append(np.sqrt(edges.weights[both]))
        changes.append(b.features[columns] - a.features[rows])
        own.append(a.features)
    lengths = np.concatenate(steps) if steps else np.zeros(0)
    change = np.concatenate(changes) if changes else np.zeros((0, count))
    population = _known(np.concatenate(own))
    spacing = density ** (-1 / dimensions)
    typical = float(np.median(lengths)) if len(lengths) else 0.1 * spacing
    near = lengths <= typical
    centre = np.median(population, axis=0) if len(population) else np.zeros(count)
    spread = np.maximum(_spread(population - centre), 0.02)
    changes_near = _known(change[near])
    scale = np.clip(_spread(changes_near), 0.1 * spread, spread) if len(changes_near) else spread
    return LinkModel(
        dimensions=dimensions,
        step=max(typical / _median_of_t(5.0, dimensions), _least_step(density, dimensions)),
        tail=5.0,
        typical_step=typical,
        change=scale,
        surprise=_SURPRISE,
        centre=centre,
        spread=spread,
        density=density,
        end_rate=0.03,
        start_rate=0.03,
        division=_guessed_division(movie, typical, spacing, spread),
    )


def _guessed_division(
    movie: Movie, typical: float, spacing: float, spread: DoubleArray
) -> DivisionModel:
    """Return what is usual: daughters of half the size, side by side where the mother was."""
    names = movie.feature_names
    size = np.array([name == "area" for name in names])
    diameter = movie.typical_diameter
    apart = 0.9 * diameter if diameter is not None else 0.5 * spacing
    return DivisionModel(
        rate=0.01,
        midpoint=max(0.6 * typical, 0.1 * apart),
        separation=log(apart),
        separation_spread=0.4 if diameter is not None else 0.5,
        mother=np.zeros(len(names)),
        mother_spread=np.ones(len(names)),
        change=np.where(size, -0.65, 0.0),
        change_spread=np.where(size, 0.3, np.maximum(0.3, spread)),
        difference=np.where(size, 0.25, np.minimum(0.25, spread)),
    )


def refined(
    model: LinkModel,
    guess: DivisionModel,
    pairs: Sequence[FramePair],
    links: Sequence[PairLinks],
) -> LinkModel:
    """Estimate the model again from the links that it led to."""
    seen = _collect(model, pairs, links)
    steps, change = seen.steps, _known(seen.change)
    tail, step = model.tail, model.step
    strides, usual = refined_strides(model, steps)
    steps = steps[usual > 0.5]
    if len(steps) >= 20:
        tail, step = _fit_t(steps, model.dimensions)
    elif len(steps):
        step = float(np.median(steps)) / _median_of_t(tail, model.dimensions)
    if len(change):
        scale = np.median(np.abs(change), axis=0) / _median_of_t(FEATURE_TAIL, 1)
        scale = np.clip(scale, 0.05 * model.spread, 2 * model.spread)
    else:
        scale = model.change
    return replace(
        model,
        step=max(step, _least_step(model.density, model.dimensions)),
        tail=tail,
        change=scale,
        surprise=_surprise(seen.unlike, model.surprise),
        end_rate=seen.ends / seen.detections,
        start_rate=seen.starts / seen.detections,
        division=_refined_division(model, guess, seen),
        strides=strides,
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the sampled pairs show."""

    steps: DoubleArray
    change: DoubleArray
    unlike: DoubleArray
    ends: float
    starts: float
    detections: float
    weight: DoubleArray
    middle: DoubleArray
    apart: DoubleArray
    mother: DoubleArray
    daughters: DoubleArray
    difference: DoubleArray


def _collect(model: LinkModel, pairs: Sequence[FramePair], links: Sequence[PairLinks]) -> _Seen:
    rows: dict[str, list[DoubleArray]] = {name: [] for name in _Seen.__dataclass_fields__}
    ends = starts = 0.5
    detections = 25.0
    for pair, found in zip(pairs, links, strict=True):
        a, b = pair.earlier, pair.later
        single = np.bincount(found.source, minlength=len(a))[found.source] == 1
        source, target = found.source[single], found.target[single]
        way = b.position[target] - a.position[source] - pair.carried[source]
        ratio = model.step / found.step
        rows["steps"].append(np.sqrt((way**2).sum(axis=1)) * ratio)
        rows["change"].append(b.features[target] - a.features[source])
        unlike = unlikeness(a.features[source], b.features[target], model)
        rows["unlike"].append(unlike[found.probability[single] > _CONFIDENT])
        inner_a, inner_b = a.border > 2 * found.step, b.border > 2 * found.step
        ended = np.bincount(found.source, minlength=len(a)) == 0
        ends += np.count_nonzero(ended & inner_a)
        starts += float(found.begins[inner_b].sum())
        detections += (np.count_nonzero(inner_a) + np.count_nonzero(inner_b)) / 2
        splits = found.splits
        one, other = found.edges.columns[splits.edges].T
        mother = splits.mother
        middle = 0.5 * (b.position[one] + b.position[other])
        middle -= a.position[mother] + pair.carried[mother]
        rows["weight"].append(found.weight)
        rows["middle"].append(np.sqrt((middle**2).sum(axis=1)))
        rows["apart"].append(np.sqrt(((b.position[one] - b.position[other]) ** 2).sum(axis=1)))
        own = a.features[mother]
        rows["mother"].append((own - model.centre) / model.spread)
        rows["daughters"].append(0.5 * (b.features[one] + b.features[other]) - own)
        rows["difference"].append(b.features[one] - b.features[other])
    columns = {name: np.concatenate(parts) for name, parts in rows.items() if parts}
    return _Seen(**columns, ends=ends, starts=starts, detections=detections)


def _refined_division(model: LinkModel, guess: DivisionModel, seen: _Seen) -> DivisionModel:
    """Blend what divisions look like with the first guess, by how many were seen."""
    weight = seen.weight
    total = float(weight.sum())

    def blend(value: DoubleArray, before: DoubleArray | float) -> DoubleArray:
        known = np.isfinite(value) if value.ndim == 1 else np.isfinite(value).all(axis=1)
        seen, counted = value[known], weight[known]
        return np.asarray((counted @ seen + _PRIOR * before) / (counted.sum() + _PRIOR))

    lengths = np.log(np.maximum(seen.apart, 1e-9))
    separation = float(blend(lengths, guess.separation))
    separation_spread = float(
        np.sqrt(blend((lengths - separation) ** 2, guess.separation_spread**2))
    )
    # Squares of heavy-tailed values: large ones are cut, so that one error does not open the gate.
    present = model.division.midpoint
    middle = np.minimum(seen.middle, 4 * present) ** 2 / model.dimensions
    mother = blend(seen.mother, guess.mother)
    change = blend(seen.daughters, guess.change)
    midpoint = float(np.sqrt(blend(middle, guess.midpoint**2)))
    return DivisionModel(
        rate=float((total + 0.1) / (seen.detections + 50)),
        midpoint=min(midpoint, max(2 * model.step, 0.5 * np.exp(separation))),
        separation=separation,
        separation_spread=float(np.clip(separation_spread, 0.1, 0.8)),
        mother=mother,
        # Mothers may look alike, but never more varied than everything else.
        mother_spread=np.clip(
            np.sqrt(blend((seen.mother - mother) ** 2, guess.mother_spread**2)), 0.5, 1.0
        ),
        change=change,
        change_spread=np.minimum(
            np.sqrt(blend((seen.daughters - change) ** 2, guess.change_spread**2)), _WIDEST
        ),
        difference=np.minimum(np.sqrt(blend(seen.difference**2, guess.difference**2)), _WIDEST),
    )


def _fit_t(lengths: DoubleArray, dimensions: int) -> tuple[float, float]:
    """Return tail and scale of Student's t whose lengths have this median and are likeliest."""
    from scipy.special import gammaln

    median = max(float(np.median(lengths)), 1e-12)
    best = (-np.inf, 5.0, median)
    for tail in _TAILS:
        scale = median / _median_of_t(tail, dimensions)
        power = (tail + dimensions) / 2
        likelihood = len(lengths) * (
            gammaln(power) - gammaln(tail / 2) - dimensions / 2 * log(tail * scale**2)
        ) - power * float(np.log1p((lengths / scale) ** 2 / tail).sum())
        best = max(best, (likelihood, tail, scale))
    return best[1], best[2]


@cache
def _median_of_t(tail: float, dimensions: int) -> float:
    """Return the median length of vectors of Student's t with scale 1."""
    from scipy.stats import f

    return float(np.sqrt(dimensions * f.ppf(0.5, dimensions, tail)))


def _least_step(density: float, dimensions: int) -> float:
    """Return the scale of steps of what stays where it is, so that none is impossible."""
    return float(1e-3 * density ** (-1 / dimensions))


def _surprise(unlike: DoubleArray, before: float) -> float:
    """Estimate how often features say nothing, from how unlike linked detections are.

    Links of cells that changed are missing among these, so it is never less than is usual.
    """
    known = np.minimum(unlike[np.isfinite(unlike)], 50.0)
    if not len(known):
        return before
    nothing = before / ((1 - before) * np.exp(-known) + before)
    total = float(nothing.sum()) + _SURPRISE * _SURPRISE_PRIOR
    return float(np.clip(total / (len(known) + _SURPRISE_PRIOR), _SURPRISE, 0.3))


def _known(features: DoubleArray) -> DoubleArray:
    return features[np.isfinite(features).all(axis=1)]


def _spread(values: DoubleArray) -> DoubleArray:
    """Return a deviation that outliers do not widen, but tails of some weight do."""
    if not len(values):
        return np.ones(values.shape[1])
    middle = _MAD * np.median(np.abs(values), axis=0)
    tails = np.quantile(np.abs(values), 0.95, axis=0) / 1.96
    return np.asarray(np.maximum(middle, tails))


def _least_field(movie: Movie) -> DoubleArray | float:
    """Return widths that every field has: a few detections do not show how wide it is.

    Of n in a field, the outermost are 1 / (n + 1) of it away from its borders. Where they lie in
    a line, the field is no narrower than they are apart.
    """
    if movie.typical_diameter is not None:
        return _FEWEST_DIAMETERS * movie.typical_diameter
    count = max(int(movie.counts.max()), 2)
    width = movie.extent * (count + 1) / (count - 1)
    return np.maximum(width, width.max() / count or 1.0)


def _density(movie: Movie) -> float:
    """Return detections per area (volume) of a frame, where the field is covered."""
    least = _least_field(movie)
    filled = np.flatnonzero(movie.counts)
    chosen = filled[np.linspace(0, len(filled) - 1, min(_PAIRS, len(filled))).round().astype(int)]
    spans = [np.maximum(movie.spans(number), least) for number in chosen.tolist()]
    return float(np.median(movie.counts[chosen] / np.prod(spans, axis=1)))
