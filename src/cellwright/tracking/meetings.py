"""Objects that may hold two cells, and the cells apart right before and right after them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log, pi

import numpy as np

from cellwright._types import BoolArray, DoubleArray, IntArray, LabelArray
from cellwright.tracking.candidates import Edges, make_grid, neighbours
from cellwright.tracking.costs import limited, link_costs, unlikeness
from cellwright.tracking.frames import Movie
from cellwright.tracking.links import NONE
from cellwright.tracking.loose import Course
from cellwright.tracking.model import FEATURE_TAIL, LinkModel, t_constant
from cellwright.tracking.pins import Pins
from cellwright.tracking.splits import split_costs

SEPARATES = 0.3
"""Probability that two cells that are one object are apart in the next frame."""
_LARGER = log(1.2)  # that an object is than one of the two cells in it
_NEAR = 4  # objects around an end, or a beginning, that may hold two cells
_SPREAD = 0.4  # of the logarithm of the distance of two cells that touch


@dataclass(frozen=True, slots=True)
class Meetings:
    """Objects that may hold two cells, and the cells apart right before, or right after, K of them.

    Attributes
    ----------
    host : array of int, shape (K,)
        The object.
    own : array of int, shape (K,)
        The cell that is linked to it, or that would be.
    other : array of int, shape (K,)
        The cell that ends, or begins, beside it.
    gain : array of float, shape (K,)
        What is gained by that explanation, rates of merging left out.
    """

    host: IntArray
    own: IntArray
    other: IntArray
    gain: DoubleArray


@dataclass(frozen=True, slots=True)
class Graph:
    """Links as arrays, and what ends and begins; one value per detection.

    Attributes
    ----------
    parent, child : array of int
        -1 for none; the child of a mother is the smaller one of her daughters.
    sister : array of int
        -1 where there is none.
    area : array of float
        Logarithm of the size; NaN where it is not known.
    usable : array of bool
        Which detections no pin names, and have a known size.
    """

    parent: LabelArray
    child: LabelArray
    sister: LabelArray
    area: DoubleArray
    usable: BoolArray

    @classmethod
    def of(cls, movie: Movie, parent: LabelArray, pins: Pins) -> Graph:
        """Return it from the links between neighbouring frames."""
        child, sister = np.full_like(parent, NONE), np.full_like(parent, NONE)
        target = np.flatnonzero(parent != NONE)
        source = parent[target]
        child[source] = target
        twin = child[source] != target
        sister[target[twin]] = child[source[twin]]
        sister[child[source[twin]]] = target[twin]
        area = _areas(movie)
        daughter = np.flatnonzero(sister != NONE)
        smaller = daughter[~(area[daughter] > area[sister[daughter]])]
        child[parent[smaller]] = smaller
        usable = np.isfinite(area)
        usable[np.concatenate([pins.forced.ravel(), pins.forbidden.ravel()])] = False
        return cls(parent, child, sister, area, usable)


def meetings(
    graph: Graph, movie: Movie, course: Course, model: LinkModel, *, forward: bool
) -> Meetings:
    """Return objects that two cells of the frame before (or, backward, after) may have become."""
    frame, area, usable = movie.frame_of, graph.area, graph.usable
    if forward:
        linked, step = graph.parent, 1
        loose = usable & (graph.child < 0) & (frame < len(movie) - 1)
        hosts = usable & (frame > 0) & (graph.sister < 0)  # a daughter is a single cell
    else:
        linked, step = graph.child, -1
        loose = usable & (frame > 0) & ((graph.parent < 0) | (graph.sister >= 0))
        hosts = usable & (frame < len(movie) - 1)
    larger = (linked < 0) | (area > area[linked] + _LARGER)
    other, host = _beside(
        np.flatnonzero(loose), np.flatnonzero(hosts & larger), movie, course, model, step
    )
    own = linked[host].astype(np.int64)
    if not forward:
        divided = (graph.parent[other] == host) & (graph.sister[other] >= 0)
        own = np.where(divided, graph.sister[other], own)
    idle = own < 0
    pairs = _both_loose(other[idle], host[idle])
    host, own, other = (
        np.concatenate([one[~idle], more])
        for one, more in zip((host, own, other), pairs, strict=True)
    )
    kept = (own != other) & usable[own]
    if not forward:  # of two that divide elsewhere, one has to stay with its mother
        kept &= (graph.sister[own] < 0) | (graph.sister[own] == other)
    host, own, other = host[kept], own[kept], other[kept]
    nearer = area[host] > 0.5 * (area[own] + _sum(area, own, other))
    found = Meetings(host[nearer], own[nearer], other[nearer], np.zeros(int(nearer.sum())))
    return _valued(found, graph, movie, course, model, forward=forward)


def _areas(movie: Movie) -> DoubleArray:
    """Return the logarithm of the size of each detection, shape (N,)."""
    column = movie.feature_names.index("area")
    area = np.empty(len(movie.frame_of))
    for number in range(len(movie)):
        rows = movie.rows(number)
        area[rows] = movie.features(rows)[:, column]
    return area


def _sum(area: DoubleArray, one: IntArray, other: IntArray) -> DoubleArray:
    """Return the logarithm of the size of two together."""
    return np.asarray(np.logaddexp(area[one], area[other]))


def _beside(
    queries: IntArray, hosts: IntArray, movie: Movie, course: Course, model: LinkModel, step: int
) -> tuple[IntArray, IntArray]:
    """Return pairs of a query and one of the hosts nearest to it, `step` frames later."""
    if not len(hosts) or not len(queries):
        return queries[:0], hosts[:0]
    frame = movie.frame_of
    here, there = course.still(movie, queries), course.still(movie, hosts)
    radius = 1.5 * (movie.typical_diameter or 0.0) + 3 * model.step
    near = neighbours(here, make_grid(there, frame[hosts]), radius, _NEAR, frame[queries] + step)
    return queries[near.rows], hosts[near.columns]


def _both_loose(other: IntArray, host: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return host, own and other for all two of the cells beside each host."""
    order = np.argsort(host, kind="stable")
    other, host = other[order], host[order]
    found = [np.zeros((3, 0), np.int64)]
    for behind in range(1, _NEAR):
        same = np.flatnonzero(host[behind:] == host[:-behind])
        found.append(np.stack([host[same], other[same], other[same + behind]]))
    hosts, own, others = np.concatenate(found, axis=1)
    return hosts, own, others


def _valued(
    found: Meetings,
    graph: Graph,
    movie: Movie,
    course: Course,
    model: LinkModel,
    *,
    forward: bool,
) -> Meetings:
    """Return them with what each gains over what the links say at present."""
    host, own, other = found.host, found.own, found.other
    costs = Costs(movie, course, model, graph.area)
    if forward:
        linked = graph.parent[host] == own
        ends = costs.end(other)
        present = np.where(linked, costs.link(own, host), costs.end(own) + costs.start(host)) + ends
        instead = costs.middle(host, own, other) + costs.mixture(host, own, other)
    else:
        linked = graph.parent[own] == host
        free, free_own = (costs.freed(graph, one) for one in (other, own))
        present = np.where(linked, costs.link(host, own), costs.end(host) + free_own) + free
        instead = costs.middle(host, own, other) + costs.apart(own, other) - log(SEPARATES)
    return replace(found, gain=present - instead)


@dataclass(frozen=True, slots=True)
class Costs:
    """Costs of what detections may have done; all arguments are rows of detections.

    Attributes
    ----------
    movie : Movie
    course : Course
    model : LinkModel
    area : array of float, shape (N,)
        See `Graph`.
    """

    movie: Movie
    course: Course
    model: LinkModel
    area: DoubleArray

    def place(self, rows: IntArray) -> DoubleArray:
        """Return where they are in the field."""
        return self.course.still(self.movie, rows)

    def end(self, rows: IntArray) -> DoubleArray:
        """Return what it costs that tracks end."""
        return self.model.end_costs(self.movie.border(rows), self.model.step)

    def start(self, rows: IntArray) -> DoubleArray:
        """Return what it costs that tracks begin."""
        return self.model.start_costs(self.movie.border(rows), self.model.step)

    def link(self, source: IntArray, target: IntArray) -> DoubleArray:
        """Return what it costs that one detection is the other one, later."""
        squares = ((self.place(target) - self.place(source)) ** 2).sum(axis=1)
        count = len(source)
        alone = Edges(np.arange(count + 1), np.arange(count), squares)
        before, after = self.movie.features(source), self.movie.features(target)
        frame = self.movie.frame_of
        steps = self.course.step(frame[source], frame[target])
        return link_costs(alone, before, after, self.model, steps)

    def freed(self, graph: Graph, rows: IntArray) -> DoubleArray:
        """Return what it saves that cells need not begin, or be daughters where they are."""
        saved = self.start(rows)
        daughter = np.flatnonzero(graph.sister[rows] >= 0)
        cell = rows[daughter]
        mother, sister = (of[cell].astype(np.int64) for of in (graph.parent, graph.sister))
        places = self.place(mother), self.place(cell), self.place(sister)
        features = self.movie.features
        division = split_costs(
            places,
            (features(mother), features(cell), features(sister)),
            self.model,
            np.zeros(len(cell)),
        )
        saved[daughter] = division - self.link(mother, sister)
        return saved

    def middle(self, host: IntArray, one: IntArray, other: IntArray) -> DoubleArray:
        """Return what it costs that an object lies so far from the middle of two cells."""
        movie, model = self.movie, self.model
        sizes = np.exp(self.area[one]), np.exp(self.area[other])
        share = (sizes[0] / (sizes[0] + sizes[1]))[:, None]
        middle = share * self.place(one) + (1 - share) * self.place(other)
        squares = ((self.place(host) - middle) ** 2).sum(axis=1)
        frame = movie.frame_of
        earlier, later = np.minimum(frame[host], frame[one]), np.maximum(frame[host], frame[one])
        return _t_costs(squares, self.course.step(earlier, later), model)

    def mixture(self, host: IntArray, one: IntArray, other: IntArray) -> DoubleArray:
        """Return what it costs that an object looks so unlike two cells in one."""
        model, area = self.model, self.area
        looks, first, second = (self.movie.features(rows).T for rows in (host, one, other))
        share = np.exp(area[one] - _sum(area, one, other))
        unlike = np.zeros(len(host))
        for column, name in enumerate(self.movie.feature_names):
            values = looks[column]
            if name == "area":
                both = _sum(area, one, other)
            elif name.startswith("intensity_mean"):
                both = np.log(share * np.exp(first[column]) + (1 - share) * np.exp(second[column]))
            else:  # what two cells look like together does not tell what they look like
                continue
            usual = (values - model.centre[column]) / model.spread[column]
            unlike += _tail((values - both) / model.change[column]) - _tail(usual)
            unlike += np.log(model.change[column] / model.spread[column])
        return _limited(unlike, model.surprise)

    def apart(self, one: IntArray, other: IntArray) -> DoubleArray:
        """Return what it costs that two cells that have touched lie as far apart as they do."""
        dimensions = self.model.dimensions
        area = self.area
        spacing = self.movie.typical_diameter or 1.0
        usual = float(np.nanmedian(area))
        radii = [0.5 * spacing * np.exp((area[of] - usual) / dimensions) for of in (one, other)]
        touching = np.log(radii[0] + radii[1])
        squares = ((self.place(one) - self.place(other)) ** 2).sum(axis=1)
        length = 0.5 * np.log(np.maximum(squares, 1e-12))
        sphere = 2 * pi if dimensions == 2 else 4 * pi
        costs = dimensions * length + 0.5 * ((length - touching) / _SPREAD) ** 2
        return np.asarray(costs + log(_SPREAD * np.sqrt(2 * pi) * sphere))

    def unlike(self, before: tuple[int, int], after: tuple[int, int]) -> float:
        """Return how unlike two cells are to two others, and to how they lay beside each other."""
        model = self.model
        one, two = np.array(before), np.array(after)
        features = self.movie.features(one), self.movie.features(two)
        unlike = _limited(unlikeness(*features, model), model.surprise).sum()
        here, there = self.place(one), self.place(two)
        turned = ((here[1] - here[0]) - (there[1] - there[0])) ** 2
        frame = self.movie.frame_of
        step = float(self.course.step(frame[one[:1]], frame[two[:1]])[0])
        power = (model.tail + model.dimensions) / 2
        return float(unlike + power * np.log1p(turned.sum() / (2 * model.tail * step**2)))


def _t_costs(squares: DoubleArray, steps: DoubleArray, model: LinkModel) -> DoubleArray:
    """Return the negative log density of displacements of these squared lengths."""
    power = (model.tail + model.dimensions) / 2
    at_centre = t_constant(1.0, model.tail, model.dimensions)
    costs = power * np.log1p(squares / (model.tail * steps**2))
    return np.asarray(costs + at_centre + model.dimensions * np.log(steps))


def _tail(z: DoubleArray) -> DoubleArray:
    return np.asarray((FEATURE_TAIL + 1) / 2 * np.log1p(z**2 / FEATURE_TAIL))


def _limited(unlike: DoubleArray, surprise: float) -> DoubleArray:
    """Return `cellwright.tracking.costs.limited` of each."""
    return np.asarray([limited(one, surprise) for one in unlike.tolist()], np.float64)
