"""Cells that were not seen in one frame, and for which a neighbour was taken.

Where a cell is missed, the best links of each frame pair may lead it to a neighbour, which then
seems to end or to begin. The second stage cannot mend that: only one side of the true gap is loose.
Here a loose end may take over a detection two frames later that goes on from another one, and a
beginning one that goes on to another; who loses it finds the best of what is left around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cellwright._types import BoolArray, DoubleArray, IntArray, LabelArray
from cellwright.tracking.assignment import Assignment
from cellwright.tracking.bridge import Rates, ends_inside
from cellwright.tracking.candidates import Grid, make_grid, neighbours
from cellwright.tracking.costs import expected_costs, link_costs
from cellwright.tracking.frames import Movie
from cellwright.tracking.joint import NO_SPLITS, Problem, chosen_links, solve
from cellwright.tracking.kalman import forecast, moved, scaled
from cellwright.tracking.links import NONE, Links, Parents, child_counts
from cellwright.tracking.loose import CANDIDATES, Course, gaps
from cellwright.tracking.model import LinkModel
from cellwright.tracking.onward import OpenStates
from cellwright.tracking.pair import NEIGHBOURS

_TAKEN = -2
_LAG = 2  # frames that such a gap spans
_AROUND = 24  # detections of each frame that may find another link
_MOST = 20_000  # detections of a block of more than two frame pairs


def mend_lapses(
    movie: Movie,
    parents: Parents,
    course: Course,
    model: LinkModel,
    rates: Rates,
    held: BoolArray,
    max_distance: float = np.inf,
    known: Iterator[OpenStates] | None = None,
) -> tuple[bool, OpenStates | None]:
    """Link over frames in which cells were missed for which neighbours were taken.

    Parameters
    ----------
    movie : Movie
    parents : Parents
        All links so far, those over gaps included; changed in place.
    course : Course
    model : LinkModel
    rates : Rates
        How often cells are missed.
    held : array of bool, shape (N,)
        Detections whose links stay: of pins, and of objects that several cells share.
    max_distance : float
        Longest link between neighbouring frames, in the unit of positions.
    known : iterator of OpenStates, optional
        What is known of the motion of all detections of each frame, where the model has one.

    Returns
    -------
    changed : bool
        Whether anything changed.
    ends : OpenStates or None
        What is known of the motion of those that do not simply go on now.

    Notes
    -----
    What a change gains is told by the duals of the best links around it, as for divisions. It is a
    local form of the swap arcs with which Viterbi's algorithm adds tracks.

    References
    ----------
    Magnusson et al., Global linking of cell tracks using the Viterbi algorithm, IEEE TMI 34 (2015).
    """
    look = _Look(
        movie, parents, _Chain.of(movie, parents, held), course, model, rates, max_distance
    )
    changed, ends, states = False, [], dict[int, OpenStates]()
    for block in _blocks(movie.counts):
        if known is not None:
            states.update(zip(block, known, strict=False))
        window = _Window.of(movie, course, block, states)
        for first in (0, 1):  # every other pair: those in between are not concerned
            changed |= _mend_pairs(look, window, np.array(block[first::2]))
        for number in [number for number in states if number < block[-1]]:
            ends.append(look.ends(states.pop(number)))
    ends += [look.ends(one) for one in states.values()]
    return changed, OpenStates.joined(ends) if ends else None


def _blocks(counts: IntArray) -> Iterator[range]:
    """Yield which frame pairs to look at together, by how many detections their frames have.

    In the look at one pair there are many calls, each of which is about a few detections only.
    """
    first = total = 0
    for pair, count in enumerate(counts[:-1].tolist()):
        if pair > first + 1 and total + count > _MOST:
            yield range(first, pair)
            first, total = pair, 0
        total += count
    if len(counts) > 1:
        yield range(first, len(counts) - 1)


@dataclass(frozen=True, slots=True)
class _Chain:
    """What goes before and after each of N detections.

    Attributes
    ----------
    before, after : array of int32, shape (N,)
        The detection of the frame beside it, where both have no other link there; `NONE` where
        there is none though there could be; `_TAKEN` where that is not to be touched: divisions,
        gaps, what is held, the first and the last frame.
    """

    before: LabelArray
    after: LabelArray

    @classmethod
    def of(cls, movie: Movie, parents: Parents, held: BoolArray) -> _Chain:
        frame, parent = movie.frame_of, parents.row
        before = np.where((frame == 0) | held, _TAKEN, parent).astype(np.int32)
        after = np.where((frame == len(movie) - 1) | held, _TAKEN, NONE).astype(np.int32)
        linked = np.flatnonzero(parent != NONE)
        source = parent[linked]
        simple = (child_counts(parent)[source] == 1) & (frame[linked] - frame[source] == 1)
        simple &= ~(held[linked] | held[source])
        before[linked[~simple]] = after[source[~simple]] = _TAKEN
        after[source[simple]] = linked[simple]
        return cls(before, after)

    def relink(self, rows: IntArray, columns: IntArray, edges: IntArray) -> None:
        """Put other links in place of all those between some detections of a frame pair."""
        self.after[rows] = self.before[columns] = NONE
        self.after[edges[:, 0]], self.before[edges[:, 1]] = edges[:, 1], edges[:, 0]


@dataclass(frozen=True, slots=True)
class _Lapses:
    """Links over one frame that may be right, K of them, by what they change in a frame pair.

    Attributes
    ----------
    source, target : array of int, shape (K,)
    loose : array of float, shape (K,)
        What each costs more than that both of its ends are loose.
    goes_on : array of bool, shape (K,)
        Whether the source has a link in the pair that is taken from it; else the target has.
    """

    source: IntArray
    target: IntArray
    loose: DoubleArray
    goes_on: BoolArray

    def __len__(self) -> int:
        return len(self.source)

    def where(self, chosen: IntArray | BoolArray) -> _Lapses:
        """Return some of them."""
        return _Lapses(
            self.source[chosen], self.target[chosen], self.loose[chosen], self.goes_on[chosen]
        )

    def joined(self, others: _Lapses) -> _Lapses:
        """Return both."""
        return _Lapses(
            np.concatenate([self.source, others.source]),
            np.concatenate([self.target, others.target]),
            np.concatenate([self.loose, others.loose]),
            np.concatenate([self.goes_on, others.goes_on]),
        )

    @property
    def edges(self) -> IntArray:
        """Sources and targets, shape (K, 2)."""
        return np.stack([self.source, self.target], axis=1)


_NO_LAPSES = _Lapses(
    np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.bool_)
)


class _Groups(NamedTuple):
    """Number of the group of each row and each column of a part."""

    rows: IntArray
    columns: IntArray


@dataclass(frozen=True, slots=True)
class _Part:
    """Detections of a frame pair that may be linked anew."""

    rows: IntArray
    columns: IntArray
    problem: Problem

    def worth(self, solved: Assignment, lapses: _Lapses) -> tuple[DoubleArray, DoubleArray]:
        """Return what the detections that lapses take cost alone, and are worth at most."""
        on, problem = lapses.goes_on, self.problem
        row = np.searchsorted(self.rows, lapses.source[on])
        column = np.searchsorted(self.columns, lapses.target[~on])
        alone, worth = np.empty(len(lapses)), np.empty(len(lapses))
        alone[on], worth[on] = problem.row_alone[row], solved.least_row_duals()[row]
        if not on.all():
            turned = solve(problem.turned(), NO_SPLITS)
            alone[~on], worth[~on] = problem.column_alone[column], turned.least_row_duals()[column]
        return alone, worth

    def groups(self, solved: Assignment, after: LabelArray) -> _Groups:
        """Return which detections can change each other's links.

        `after` has the detection that each row goes on to now, below 0 for none.
        """
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        count, goes = len(self.rows), np.flatnonzero(after >= 0)
        rows = np.repeat(np.arange(count), np.diff(solved.starts))
        now = np.searchsorted(self.columns, after[goes])
        sides = np.concatenate([rows, goes]), count + np.concatenate([solved.columns, now])
        size = count + len(self.columns)
        joined = coo_array((np.ones(len(sides[0]), np.int8), sides), (size, size))
        group = connected_components(joined, directed=False)[1].astype(np.int64)
        return _Groups(group[:count], group[count:])

    def group_of(self, groups: _Groups, lapses: _Lapses) -> IntArray:
        """Return the group of the detection that each lapse takes."""
        row = np.searchsorted(self.rows, lapses.source).clip(max=len(self.rows) - 1)
        column = np.searchsorted(self.columns, lapses.target).clip(max=len(self.columns) - 1)
        return np.asarray(np.where(lapses.goes_on, groups.rows[row], groups.columns[column]))

    def without(self, lapses: _Lapses) -> Problem:
        """Return the problem without the detections that lapses take."""
        problem, edges = self.problem, self.problem.edges
        gone_rows = np.isin(self.rows, lapses.source[lapses.goes_on])
        gone_columns = np.isin(self.columns, lapses.target[~lapses.goes_on])
        kept = ~(gone_rows[edges.rows] | gone_columns[edges.columns])
        return Problem(
            edges.where(kept),
            problem.costs[kept],
            np.where(gone_rows, 0.0, problem.row_alone),
            np.where(gone_columns, 0.0, problem.column_alone),
        )


@dataclass(frozen=True, slots=True)
class _Look:
    """What a look at lapses needs; see `mend_lapses`."""

    movie: Movie
    parents: Parents
    chain: _Chain
    course: Course
    model: LinkModel
    rates: Rates
    max_distance: float

    def ends(self, states: OpenStates) -> OpenStates:
        """Return the states of what does not simply go on."""
        return states.where(self.chain.after[states.rows] < 0)

    def lapses(self, window: _Window, firsts: IntArray, goes_on: bool) -> _Lapses:
        """Return links from some frames to the next but one of which one side is loose.

        `goes_on`: the sources have links that are taken from them; else the targets have.
        """
        movie, chain, course, frame = self.movie, self.chain, self.course, self.movie.frame_of
        firsts = firsts[(firsts >= 0) & (firsts < len(movie) - _LAG)]
        if goes_on:
            target = _rows(movie, firsts + _LAG)
            target = target[chain.before[target] == NONE]
            source = window.near(course.still(movie, target), frame[target] - _LAG, CANDIDATES)
            source = source[chain.after[source] >= 0]
        else:
            source = _rows(movie, firsts)
            source = source[chain.after[source] == NONE]
            target = window.near(course.still(movie, source), frame[source] + _LAG, CANDIDATES)
            target = target[chain.before[target] >= 0]
        if not len(source) or not len(target):
            return _NO_LAPSES
        longest = _LAG * self.max_distance
        row, column, cost, _ = gaps(
            movie, source, target, course, self.model, _LAG, longest, window.states
        )
        source, target = source[row], target[column]
        missed = self.rates.missed * ends_inside(movie, source, self.model)
        waiting = self.rates.waiting(missed, np.full(len(source), _LAG))
        loose = cost + waiting - self.lost(source) - self.begins(target)
        lapses = _Lapses(source, target, loose, np.full(len(loose), goes_on))
        return lapses.where(loose < 0)  # what is taken from others makes it no better

    def part(self, window: _Window, around: IntArray) -> _Part:
        """Return what of some frame pairs is around detections of their later frames, with them."""
        movie, model, chain, frame = self.movie, self.model, self.chain, self.movie.frame_of
        places, later = self.course.still(movie, around), frame[around]
        columns = np.union1d(around, window.near(places, later, _AROUND))
        came = chain.before[columns]
        rows = np.union1d(window.near(places, later - 1, _AROUND), came[came >= 0])
        rows = rows[np.isin(chain.after[rows], columns) | (chain.after[rows] == NONE)]
        columns = columns[np.isin(came, rows) | (came == NONE)]
        carried = self.course.carried(movie, rows, np.ones(len(rows), np.int64))
        places = self.course.still(movie, columns)
        radius = min(model.reach(2 * model.step), self.max_distance)
        grid, there = make_grid(places, frame[columns]), frame[rows] + 1
        edges = neighbours(carried, grid, radius, NEIGHBOURS[movie.dimensions], there)
        before, after = movie.features(rows), movie.features(columns)
        steps = self.course.step(frame[rows], there)
        if window.states is None or model.motion is None:
            costs = link_costs(edges, before, after, model, steps)
        else:
            ahead = forecast(window.states.of(rows), model.motion)
            ahead = scaled(moved(ahead, carried - movie.position(rows)), steps / model.step)
            costs = expected_costs(edges, before, after, model, ahead, places)
        ends = model.end_costs(movie.border(rows), steps) + self.lost(rows)
        return _Part(rows, columns, Problem(edges, costs, ends, self.begins(columns)))

    def lost(self, rows: IntArray) -> DoubleArray:
        """Return what it costs that detections which end are not seen again."""
        missed = self.rates.missed * ends_inside(self.movie, rows, self.model)
        return np.asarray(-np.log1p(-missed))

    def begins(self, rows: IntArray) -> DoubleArray:
        """Return what it costs that detections begin, and continue no others."""
        model, frame = self.rates.fresh(self.model), self.movie.frame_of[rows]
        return model.start_costs(self.movie.border(rows), self.course.step(frame - 1, frame))


@dataclass(frozen=True, slots=True)
class _Window:
    """The frames that some frame pairs are between.

    Attributes
    ----------
    rows : array of int, shape (N,)
        Their detections.
    grid : Grid
        Of these, as if the field had not moved.
    states : OpenStates or None
        What is known of the motion of those that are followed by others.
    """

    rows: IntArray
    grid: Grid
    states: OpenStates | None

    @classmethod
    def of(
        cls, movie: Movie, course: Course, pairs: range, states: dict[int, OpenStates]
    ) -> _Window:
        rows = _rows(movie, np.arange(pairs[0], pairs[-1] + 2))
        grid = make_grid(course.still(movie, rows), movie.frame_of[rows])
        known = OpenStates.joined(list(states.values())) if states else None
        return cls(rows, grid, known)

    def near(self, places: DoubleArray, frame: LabelArray, count: int) -> IntArray:
        """Return those detections that are nearest to places in frames, in order."""
        found = neighbours(places, self.grid, np.inf, count, frame)
        return np.unique(self.rows[found.columns])


def _rows(movie: Movie, frames: IntArray) -> IntArray:
    """Return which detections are in some frames, in order."""
    return np.concatenate([np.zeros(0, np.int64), *map(movie.rows, frames.tolist())])


def _mend_pairs(look: _Look, window: _Window, pairs: IntArray) -> bool:
    """Link over one frame where that is worth what it changes in some frame pairs.

    Of two of them, neither may be the next one of the other.
    """
    chain, changed = look.chain, False
    lapses = look.lapses(window, pairs - 1, False).joined(look.lapses(window, pairs, True))
    while len(lapses):
        after = np.where(lapses.goes_on, chain.after[lapses.source], lapses.target)
        part = look.part(window, np.unique(after))
        solved = solve(part.problem, NO_SPLITS)
        alone, worth = part.worth(solved, lapses)
        price = lapses.loose + alone - worth
        order = np.argsort(price, kind="stable")
        order = order[price[order] < 0]
        if not len(order):
            break
        lapses, costs = lapses.where(order), (lapses.loose + alone)[order]
        groups = part.groups(solved, chain.after[part.rows])
        best = _apart(lapses, part.group_of(groups, lapses))
        fine, price = _relinked(look, part, solved, groups, lapses.where(best), costs[best])
        done = lapses.where(best[fine])
        sure = 1 / (1 + np.exp(np.maximum(price[fine], -50) / look.model.temperature))
        look.parents.put(Links(done.edges, sure))
        chain.after[done.source] = chain.before[done.target] = _TAKEN
        changed |= len(done) > 0
        lapses = lapses.where(np.delete(np.arange(len(lapses)), best))
        lapses = lapses.where(_still_open(chain, lapses))
    return changed


def _apart(lapses: _Lapses, group: IntArray) -> IntArray:
    """Return which of some lapses, best first, have nothing in common with better ones."""
    known: set[tuple[str, int]] = set()
    apart = []
    for place in range(len(lapses)):
        own = {
            ("source", int(lapses.source[place])),
            ("target", int(lapses.target[place])),
            ("group", int(group[place])),
        }
        if not own & known:
            apart.append(place)
            known |= own
    return np.array(apart, np.int64)


def _still_open(chain: _Chain, lapses: _Lapses) -> BoolArray:
    """Return which lapses are as they were: one side loose, the other one linked."""
    after, before = chain.after[lapses.source], chain.before[lapses.target]
    linked = np.where(lapses.goes_on, after, before)
    loose = np.where(lapses.goes_on, before, after)
    return np.asarray((linked >= 0) & (loose == NONE))


def _relinked(
    look: _Look,
    part: _Part,
    solved: Assignment,
    groups: _Groups,
    lapses: _Lapses,
    costs: DoubleArray,
) -> tuple[BoolArray, DoubleArray]:
    """Give those that lose a link to lapses the best of what is left, where that is worth it.

    Only what the loss changes is changed, and nothing where it would change links that are not
    those of `solved`. `costs` are those of the lapses, beside what those pay who lose a link.

    Returns
    -------
    fine : array of bool, shape (K,)
        Where it was done.
    price : array of float, shape (K,)
        What the movie costs more.
    """
    chain, of = look.chain, part.group_of(groups, lapses)
    rest = part.without(lapses)
    new = solve(rest, NO_SPLITS)
    price = costs + (_group_costs(groups, new) - _group_costs(groups, solved))[of]
    after, before = chain.after[part.rows], chain.before[part.columns]
    now = np.where(after >= 0, np.searchsorted(part.columns, after), NONE)
    had = np.where(before >= 0, np.searchsorted(part.rows, before), NONE)
    rows, columns = new.column_of != solved.column_of, new.row_of != solved.row_of
    # What a lapse takes may be linked though `solved` left it alone; its link is lost all the same.
    taken = np.isin(part.rows, lapses.source[lapses.goes_on])
    odd_rows = groups.rows[(rows | taken) & (now != solved.column_of)]
    taken = np.isin(part.columns, lapses.target[~lapses.goes_on])
    odd_columns = groups.columns[(columns | taken) & (had != solved.row_of)]
    fine = (price < 0) & ~np.isin(of, odd_rows) & ~np.isin(of, odd_columns)
    rows &= np.isin(groups.rows, of[fine])
    columns &= np.isin(groups.columns, of[fine])
    source, target, probability = chosen_links(
        rest, new.column_of, NO_SPLITS, look.model.temperature
    )
    kept = rows[source]
    edges = np.stack([part.rows[source], part.columns[target]], axis=1)[kept]
    look.parents.forget(part.columns[columns])
    look.parents.put(Links(edges, probability[kept]))
    chain.relink(part.rows[rows], part.columns[columns], edges)
    return fine, price


def _group_costs(groups: _Groups, solved: Assignment) -> DoubleArray:
    """Return what each group costs: the sum of its duals."""
    count = 1 + max(one.max(initial=0) for one in groups)
    return np.asarray(
        np.bincount(groups.rows, solved.row_duals, count)
        + np.bincount(groups.columns, solved.column_duals, count)
    )
