"""Cells that are seen as one object with another for some frames.

A segmentation may take two cells that touch for one object, and part them again later. Then one
track ends beside an object that suddenly is as large as both, and a track begins where that object
becomes smaller. Such a pair of events is looked for wherever a track ends, before gaps are
closed: the cell that ended shares the object, and place, size and light say which of the two cells
that come out is which.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np

from cellwright.tracking.frames import Movie
from cellwright.tracking.links import Links, Parents
from cellwright.tracking.loose import Course
from cellwright.tracking.meetings import SEPARATES, Costs, Graph, Meetings, meetings
from cellwright.tracking.model import LinkModel
from cellwright.tracking.pins import NO_PINS, Pins

_LONGEST = 20  # frames that two cells may be one object
_ROUNDS = 3
_RATE = 0.001  # of merges per detection, as a first guess
_PRIOR = 1000.0  # detections that it counts for
_ALONE = 3.0  # log odds above which a merge is believed that is not seen to come apart


@dataclass(frozen=True, slots=True)
class Merges:
    """Links of a movie with the objects that hold two cells.

    Attributes
    ----------
    parents : Parents
        One way for each object: through objects that hold two cells, that of one of them.
    shared : Links
        The ways of the other cells into and out of these objects.
    """

    parents: Parents
    shared: Links


@dataclass(frozen=True, slots=True)
class _Episode:
    """A merge, the objects that hold both cells, and their separation if it is seen.

    `left` are the cells that come out: that of the end's partner first.
    """

    gain: float
    sure: float  # probability that the cells that come out are not exchanged
    cells: tuple[int, int]  # the partner, then the cell whose track ended
    path: tuple[int, ...]
    left: tuple[int, int] | None


def find_merges(
    movie: Movie, parents: Parents, course: Course, model: LinkModel, pins: Pins = NO_PINS
) -> Merges:
    """Find objects that hold two cells for some frames.

    Parameters
    ----------
    movie : Movie
        Sizes of the detections must be known; else nothing is found.
    parents : Parents
        Those between neighbouring frames. Some may be changed: a division may turn out to be two
        cells that part again.
    course : Course
    model : LinkModel
    pins : Pins
        Detections that they name take no part.

    Notes
    -----
    An object may hold two cells if it is nearer in size to both together than to one of them, and
    every merge has to explain more than the end, the beginning or the division in its place. How
    often cells merge is estimated from what is found, in a few rounds. Those that explain most
    come first; an object holds two cells at most.

    References
    ----------
    Jaqaman et al., Robust single-particle tracking in live-cell time-lapse sequences, Nature
    Methods 5 (2008).
    """
    none = Merges(parents, Links.none())
    if "area" not in movie.feature_names:
        return none
    graph = Graph.of(movie, parents.row, pins)
    if not graph.usable.any():  # all may be cut off by the border, as in volumes of few planes
        return none
    meeting = meetings(graph, movie, course, model, forward=True)
    parting = meetings(graph, movie, course, model, forward=False)
    if not len(meeting.host):
        return none
    candidates = _episodes(meeting, parting, graph, movie, Costs(movie, course, model, graph.area))
    rate, chosen = _RATE, list[_Episode]()
    for _ in range(_ROUNDS):
        chosen = _compatible(candidates, -log(rate))
        rate = (len(chosen) + _RATE * _PRIOR) / (len(movie.frame_of) + _PRIOR)
    return _changed(parents, chosen, -log(rate)) if chosen else none


def _episodes(
    meeting: Meetings, parting: Meetings, graph: Graph, movie: Movie, costs: Costs
) -> list[_Episode]:
    """Return merges, each with every separation that may end it, and without one."""
    partings: dict[int, list[int]] = {}
    for row, host in enumerate(parting.host.tolist()):
        partings.setdefault(host, []).append(row)
    found: list[_Episode] = []
    last = len(movie) - 1
    for row in np.flatnonzero(meeting.gain > 0).tolist():
        host, cells = int(meeting.host[row]), (int(meeting.own[row]), int(meeting.other[row]))
        gain = float(meeting.gain[row])
        path = [host]
        while len(path) <= _LONGEST:
            for other in partings.get(path[-1], ()):
                left = int(parting.own[other]), int(parting.other[other])
                found.append(_paired(gain + float(parting.gain[other]), cells, path, left, costs))
            after = int(graph.child[path[-1]])
            if after < 0 or graph.sister[after] >= 0:
                break
            path.append(after)
            gain += log(1 - SEPARATES)
        if movie.frame_of[path[-1]] == last or len(path) > _LONGEST:
            found.append(_Episode(float(meeting.gain[row]) - _ALONE, 1.0, cells, tuple(path), None))
    return found


def _paired(
    gain: float,
    cells: tuple[int, int],
    path: list[int],
    left: tuple[int, int],
    costs: Costs,
) -> _Episode:
    """Return an episode with the more probable of the two ways to tell who is who."""
    straight, crossed = (costs.unlike(cells, order) for order in (left, left[::-1]))
    order = left if straight <= crossed else left[::-1]
    doubt = float(np.exp(-abs(straight - crossed)))
    evidence = gain - min(straight, crossed) + log((1 + doubt) / 2)
    return _Episode(evidence, 1 / (1 + doubt), cells, tuple(path), order)


def _compatible(episodes: list[_Episode], cost: float) -> list[_Episode]:
    """Return those that pay, the best first, as far as they do not contradict each other."""
    ends, starts, hosts, single = (set[int]() for _ in range(4))
    chosen = []
    for one in sorted(episodes, key=lambda episode: -episode.gain):
        if one.gain <= cost:
            break
        left, path = one.left or (), set(one.path)
        ending = {*one.cells, *one.path[-1:]} if left else set(one.cells)
        starting, alone = {one.path[0], *left}, {*one.cells, *left}
        if (
            ends.isdisjoint(ending)
            and starts.isdisjoint(starting)
            and hosts.isdisjoint(path | alone)
            and single.isdisjoint(path)
        ):
            ends, starts = ends | ending, starts | starting
            hosts, single = hosts | path, single | alone
            chosen.append(one)
    return chosen


def _changed(parents: Parents, chosen: list[_Episode], cost: float) -> Merges:
    """Return the links as merges say."""
    own: dict[tuple[int, int], float] = {}
    shared: dict[tuple[int, int], float] = {}
    for one in chosen:
        probable = float(1 / (1 + np.exp(cost - one.gain)))
        partner, other = one.cells
        own[partner, one.path[0]] = shared[other, one.path[0]] = probable
        if one.left is not None:
            own[one.path[-1], one.left[0]] = probable * one.sure
            shared[one.path[-1], one.left[1]] = probable * one.sure
    targets = np.array([target for pair in (own, shared) for _, target in pair], np.int64)
    changed = parents.copy()
    changed.forget(targets)
    changed.put(_links(own))
    return Merges(changed, _links(shared))


def _links(probability: dict[tuple[int, int], float]) -> Links:
    edges = np.array(list(probability), np.int64).reshape(-1, 2)
    return Links(edges, np.array(list(probability.values()), np.float64))
