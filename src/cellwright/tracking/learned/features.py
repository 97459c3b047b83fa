"""What a scorer looks at: numbers about candidate links and divisions in a window of four frames.

All of them are the same when a movie is shifted, turned, or seen at another scale or gain: lengths
are in units of the usual step, of the objects or of the distance between them, sizes and
intensities are logarithms and come in as differences. What is not known is 0; of ways, areas and
mean intensities a number beside it says so. Only what is told by the duals of an assignment, which
are not unique, may differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from cellwright._types import BoolArray, DoubleArray, FloatArray, IntArray
from cellwright.tracking.candidates import neighbours
from cellwright.tracking.frames import Frame, Movie
from cellwright.tracking.motion import FramePair, mutual
from cellwright.tracking.pair import Draft

VERSION = 1
"""Of these numbers: a network that learned from others is of no use here."""
KINDS = ("area", "intensity_mean", "intensity_std", "elongation")
"""Features of detections that are looked at; of several channels, the first."""
LINK_FEATURES = 49
DIVISION_FEATURES = 52
"""How many numbers there are about each candidate."""
_AROUND = 4  # links nearby that tell how the field moves there
_MOST = 15.0  # log odds beyond which more does not matter
_ODDS = 5.0  # unit of log odds
_FARTHEST = 1e3  # from the border, in steps: it does not matter any more


@dataclass(frozen=True, slots=True)
class Beside:
    """What the detections of a frame most likely were, or will be, one frame farther.

    Attributes
    ----------
    way : array of float, shape (N, D)
        How far it is, forward in time and without the drift of the field.
    change : array of float, shape (N, K)
        Of `KINDS`, forward in time.
    known : array of bool, shape (N,)
        Whether there is one that is nearest and has it as its own nearest.
    """

    way: DoubleArray
    change: DoubleArray
    known: BoolArray

    @classmethod
    def none(cls, frame: Frame) -> Beside:
        """Return what is known of the first and the last frame: nothing."""
        count, dimensions = frame.position.shape
        return cls(
            np.zeros((count, dimensions)), np.zeros((count, len(KINDS))), np.zeros(count, bool)
        )

    @classmethod
    def before(cls, pair: FramePair, movie: Movie) -> Beside:
        """Return it for the later one of two frames."""
        return cls._of(pair, movie, later=True)

    @classmethod
    def after(cls, pair: FramePair, movie: Movie) -> Beside:
        """Return it for the earlier one of two frames."""
        return cls._of(pair, movie, later=False)

    @classmethod
    def _of(cls, pair: FramePair, movie: Movie, *, later: bool) -> Beside:
        a, b = pair.earlier, pair.later
        found = cls.none(b if later else a)
        if not len(a) or not len(b):
            return found
        edges = neighbours(a.position + pair.carried, b.grid, np.inf, 1)
        both = mutual(edges, len(b))
        source, target = edges.rows[both], edges.columns[both]
        own = target if later else source
        found.way[own] = b.position[target] - a.position[source] - pair.carried[source]
        found.change[own] = of_kinds(b, movie)[target] - of_kinds(a, movie)[source]
        found.known[own] = True
        return found


def of_kinds(frame: Frame, movie: Movie) -> DoubleArray:
    """Return the features `KINDS` of detections, shape (N, K); NaN where they are not known."""
    return _columns(frame.features, movie, np.nan)


def _columns(values: DoubleArray, movie: Movie, missing: float) -> DoubleArray:
    """Return those columns of a row per detection, or of one row, that `KINDS` have."""
    table = np.atleast_2d(values)
    chosen = np.full((len(table), len(KINDS)), missing)
    for place, kind in enumerate(KINDS):
        for column, name in enumerate(movie.feature_names):
            if name.startswith(kind):
                chosen[:, place] = table[:, column]
                break
    return chosen


@dataclass(frozen=True, slots=True)
class View:
    """Two frames with a draft of their links, and what lies around them in time."""

    draft: Draft
    movie: Movie
    before: Beside
    after: Beside


def link_features(view: View) -> FloatArray:
    """Return the numbers about all candidate links, shape (LINK_FEATURES, E)."""
    draft, before, after = view.draft, view.before, view.after
    problem, pair, step = draft.problem, draft.pair, draft.step
    edges = problem.edges
    rows, columns = edges.rows, edges.columns
    odds = link_odds(draft)
    row_rival, column_rival = _rivals(edges.starts, columns, odds, len(pair.later))
    reduced = problem.costs - draft.without.row_duals[rows] - draft.without.column_duals[columns]
    way = pair.later.position[columns] - pair.earlier.position[rows] - pair.carried[rows]
    past, future = before.way[rows] / step, after.way[columns] / step
    flow = _flow(draft) / step
    first, second = of_kinds(pair.earlier, view.movie), of_kinds(pair.later, view.movie)
    scale = _columns(draft.model.change, view.movie, 1.0)
    spread = _columns(draft.model.spread, view.movie, 1.0)
    centre = _columns(draft.model.centre, view.movie, 0.0)
    change = (second[columns] - first[rows]) / scale
    division = np.full(len(pair.earlier), _MOST)
    division[draft.splits.mother] = draft.splits.price
    numbers = [
        _limited(odds),
        _limited(odds - row_rival),
        _limited(odds - column_rival),
        _limited(reduced),
        draft.without.column_of[rows] == columns,
        draft.without.column_of[rows] < 0,
        draft.without.row_of[columns] < 0,
        _limited(division)[rows],
        *_ways(way / step, past, before.known[rows]),
        *_ways(way / step, future, after.known[columns]),
        _length(way / step - flow[rows]),
        _length(flow[rows]),
        *_signed(change).T,
        *_signed(before.change[rows] / scale).T,
        *_signed(after.change[columns] / scale).T,
        *_signed((first[rows] - centre) / spread).T,
        *_signed((second[columns] - centre) / spread).T,
        _inward(pair.earlier.border[rows] / step),
        _inward(pair.later.border[columns] / step),
        np.isfinite(change[:, 0]),
        np.isfinite(change[:, 1]),
        *_of_model(view, len(rows)),
    ]
    return _stacked(numbers)


def division_features(view: View) -> FloatArray:
    """Return the numbers about all proposed divisions, shape (DIVISION_FEATURES, S)."""
    draft, before, after = view.draft, view.before, view.after
    pair, step, splits, without = draft.pair, draft.step, draft.splits, draft.without
    division, edges = draft.model.division, draft.problem.edges
    mother, (one, other) = splits.mother, edges.columns[splits.edges].T
    a, b = (pair.earlier.position + pair.carried)[mother], pair.later.position
    apart, middle = b[one] - b[other], 0.5 * (b[one] + b[other]) - a
    length = np.exp(division.separation)
    grown = apart + after.way[one] - after.way[other]
    flow = _flow(draft)[mother]
    first, second = of_kinds(pair.earlier, view.movie), of_kinds(pair.later, view.movie)
    spread = _columns(draft.model.spread, view.movie, 1.0)
    centre = _columns(draft.model.centre, view.movie, 0.0)
    scale = _columns(draft.model.change, view.movie, 1.0)
    change = 0.5 * (second[one] + second[other]) - first[mother]
    odds = link_odds(draft)
    _, rival = _rivals(edges.starts, edges.columns, odds, len(pair.later))
    to_one, to_other = odds[splits.edges].T
    rivals = np.sort(np.stack([rival[splits.edges[:, 0]], rival[splits.edges[:, 1]]]), axis=0)
    own = without.column_of[mother]
    both_after = after.known[one] & after.known[other]
    numbers = [
        _limited(splits.price),
        _limited(np.minimum(to_one, to_other)),
        _limited(np.maximum(to_one, to_other)),
        *_limited(rivals),
        (without.row_of[one] < 0) * 1.0 + (without.row_of[other] < 0),
        (own == one) | (own == other),
        own < 0,
        _length(middle / division.midpoint),
        _length((middle - flow) / division.midpoint),
        _length(middle / length),
        (np.log(np.maximum(_norm(apart), 1e-9)) - division.separation),
        *_ways(middle / step, before.way[mother] / step, before.known[mother]),
        _cosine(middle, apart, True),
        np.where(both_after, np.log(np.maximum(_norm(grown) / length, 1e-3)), 0.0),
        both_after,
        _cosine(grown, apart, False) * both_after,
        *np.sort(np.where([after.known[one], after.known[other]], 1.0, 0.0), axis=0),
        *_signed(change / 0.3).T,
        *_signed(np.abs(second[one] - second[other]) / 0.3).T,
        *_signed((first[mother] - centre) / spread).T,
        *_signed(before.change[mother] / scale).T,
        *_signed((0.5 * (after.change[one] + after.change[other])) / scale).T,
        _inward(pair.earlier.border[mother] / length),
        _inward(np.minimum(pair.later.border[one], pair.later.border[other]) / length),
        np.isfinite(change[:, 0]),
        np.isfinite(change[:, 1]),
        *_of_model(view, len(mother)),
    ]
    return _stacked(numbers)


def link_odds(draft: Draft) -> DoubleArray:
    """Return the log odds of candidate links by the draft, against two that stand alone."""
    problem = draft.problem
    alone = problem.row_alone[problem.edges.rows] + problem.column_alone[problem.edges.columns]
    return np.asarray(alone - problem.costs)


def _of_model(view: View, count: int) -> list[DoubleArray]:
    """Return numbers about the whole movie, the same for each of `count` candidates."""
    model, step = view.draft.model, view.draft.step
    spacing = model.density ** (-1 / model.dimensions)
    numbers = (
        np.log(step / spacing),
        np.log(np.exp(model.division.separation) / spacing),
        np.log(model.division.rate),
        np.log(model.end_rate),
        model.dimensions - 2.0,
    )
    return [np.full(count, number) for number in numbers]


def _ways(way: DoubleArray, other: DoubleArray, known: BoolArray) -> list[DoubleArray]:
    """Return how a way goes on another one: lengths and angle, where the other is known."""
    return [
        _length(way),
        _length(other) * known,
        _length(way - other) * known,
        _cosine(way, other, False) * known,
        known.astype(float),
    ]


def _flow(draft: Draft) -> DoubleArray:
    """Return how far the links around each detection of the earlier frame go, shape (N, D)."""
    pair, column_of = draft.pair, draft.without.column_of
    place = pair.earlier.position
    way = np.full(place.shape, np.nan)
    linked = np.flatnonzero(column_of >= 0)
    way[linked] = pair.later.position[column_of[linked]] - (place + pair.carried)[linked]
    near = neighbours(place, pair.earlier.grid, np.inf, _AROUND + 1)
    counted = np.isfinite(way[near.columns, 0]) & (near.columns != near.rows)
    rows, ways = near.rows[counted], way[near.columns[counted]]
    count = np.maximum(np.bincount(rows, minlength=len(place)), 1)
    sums = [np.bincount(rows, axis, minlength=len(place)) for axis in ways.T]
    return np.stack(sums, axis=1) / count[:, None]


@njit(cache=True)
def _rivals(
    starts: IntArray, columns: IntArray, odds: DoubleArray, count: int
) -> tuple[DoubleArray, DoubleArray]:
    """Return the best odds, at least 0, of the other edges in the row and column of each edge."""
    best, second = np.zeros(count), np.zeros(count)
    for e in range(len(columns)):
        column = columns[e]
        if odds[e] > best[column]:
            best[column], second[column] = odds[e], best[column]
        elif odds[e] > second[column]:
            second[column] = odds[e]
    in_row, in_column = np.zeros(len(columns)), np.zeros(len(columns))
    for row in range(len(starts) - 1):
        for e in range(starts[row], starts[row + 1]):
            for g in range(starts[row], starts[row + 1]):
                if g != e and odds[g] > in_row[e]:
                    in_row[e] = odds[g]
            column = columns[e]
            in_column[e] = second[column] if odds[e] == best[column] else best[column]
    return in_row, in_column


def _limited(odds: DoubleArray) -> DoubleArray:
    return np.asarray(np.clip(odds, -_MOST, _MOST) / _ODDS)


def _signed(values: DoubleArray) -> DoubleArray:
    """Return values on a scale on which large ones differ little; what is not known is 0."""
    return np.asarray(np.nan_to_num(np.sign(values) * np.log1p(np.abs(values))))


def _norm(vectors: DoubleArray) -> DoubleArray:
    return np.asarray(np.sqrt((vectors**2).sum(axis=1)))


def _length(vectors: DoubleArray) -> DoubleArray:
    return np.asarray(np.log1p(_norm(vectors)))


def _inward(border: DoubleArray) -> DoubleArray:
    """Return how far from the border something is: anywhere, if all lie at one place."""
    return np.asarray(np.log1p(np.minimum(border, _FARTHEST)))


def _cosine(one: DoubleArray, other: DoubleArray, either_way: bool) -> DoubleArray:
    """Return the cosine between vectors; `either_way`, of the smaller angle between the lines."""
    cosine = (one * other).sum(axis=1) / np.maximum(_norm(one) * _norm(other), 1e-12)
    return np.asarray(np.abs(cosine) if either_way else cosine)


def _stacked(numbers: list[DoubleArray]) -> FloatArray:
    return np.stack(numbers).astype(np.float32)
