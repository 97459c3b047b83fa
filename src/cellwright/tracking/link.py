"""From detections to tracks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cellwright._errors import InputError, UsageError
from cellwright._progress import progress
from cellwright._types import IntArray, Table
from cellwright.tracking.bridge import bridge
from cellwright.tracking.candidates import neighbours
from cellwright.tracking.cycles import hurried_links
from cellwright.tracking.fit import fit_model
from cellwright.tracking.fit_motion import fit_motion
from cellwright.tracking.flow import Drift
from cellwright.tracking.frames import Frame, Movie
from cellwright.tracking.kalman import States, first_states
from cellwright.tracking.lapses import mend_lapses
from cellwright.tracking.links import Links, Parents
from cellwright.tracking.loose import Course
from cellwright.tracking.merges import find_merges
from cellwright.tracking.model import LinkModel
from cellwright.tracking.motion import FramePair
from cellwright.tracking.onward import OpenStates, follow, link_onward, open_states
from cellwright.tracking.options import LinkOptions, check_options, check_scorer
from cellwright.tracking.pair import MovieScorer, PairLinks, Scorer
from cellwright.tracking.pins import NO_PAIR_PINS, NO_PINS, PairPins, Pins, make_pins, without
from cellwright.tracking.plain import NO_OUTLINES, by_distance
from cellwright.tracking.tracks import PROBABILITY, SHARED, Tracks, check_tracks

_SISTERS = 4
"""Detections near one that begins a track, of which it could be the sister."""

_TEMPERATURE = 1.6
"""Of a model that is estimated, in simulated movies of many kinds: what it says of places, features
and neighbours is taken for independent, which it is not. What a scorer says is learned."""


def link(
    detections: Tracks,
    options: LinkOptions | None = None,
    *,
    model: LinkModel | None = None,
    scorer: MovieScorer | None = None,
) -> Tracks:
    """Link the detections of a movie to tracks with divisions.

    Frame pairs are linked one after the other, each exactly; then, in a second assignment, ends of
    tracks are continued by beginnings within a few frames, and beginnings become daughters that
    were seen late. How far cells go, how they change and divide, come and go is estimated from the
    movie beforehand.

    Parameters
    ----------
    detections : Tracks
        Links that it has already are not used.
    options : LinkOptions, optional
    model : LinkModel, optional
        In place of one estimated from the detections, as `fit_model` returns it.
    scorer : callable, optional
        Tells how probable links and divisions of neighbouring frames are, in place of the model;
        see `cellwright.tracking.learned` and `cellwright.tracking.plain.Overlaps`.

    Returns
    -------
    Tracks
        The same detections with links; the edge column ``probability`` says how probable each is.

    Raises
    ------
    InputError
        If there are no detections at all.
    UsageError
        If `detections` or `options` are something else, or links are to be told by overlap and
        there is no scorer that does.

    References
    ----------
    Jaqaman et al., Robust single-particle tracking in live-cell time-lapse sequences, Nature
    Methods 5 (2008). Magnusson et al., Global linking of cell tracks using the Viterbi algorithm,
    IEEE TMI 34 (2015).

    Examples
    --------
    >>> from cellwright.tracking.tracks import make_tracks
    >>> walk = make_tracks(frame=[0, 0, 1, 1], position=[[0, 0], [9, 9], [9, 8], [1, 0]])
    >>> link(walk).edges.tolist()
    [[0, 3], [1, 2]]
    """
    return start_linking(detections, options, model=model, scorer=scorer).tracks()


def start_linking(
    detections: Tracks,
    options: LinkOptions | None = None,
    *,
    model: LinkModel | None = None,
    scorer: MovieScorer | None = None,
) -> Linking:
    """Link the detections of a movie, to be corrected: see `link` and `Linking.pinned`.

    Raises
    ------
    InputError
        If there are no detections at all.
    UsageError
        If `detections` or `options` are something else.
    """
    check_tracks(detections, "detections")
    if not len(detections):
        raise InputError("There is nothing to track: no frame has a detection.")
    options = LinkOptions() if options is None else options
    check_options(options)
    scorer = _teller(options, scorer)
    movie = Movie(detections)
    if model is None:
        model = fit_model(movie, divisions=options.divisions, max_distance=options.reach)
        if options.by != "distance":
            model = fit_motion(movie, model, options)
    score = None if scorer is None else scorer(movie)
    model = replace(model, temperature=_TEMPERATURE if score is None else 1.0)
    pairs: list[_Pair] = []
    parents = Parents.none(len(detections))
    opened: list[OpenStates] = []
    later = movie.frame(0)
    states = None if model.motion is None else first_states(later.position, model.motion)
    for number in progress(range(1, len(movie)), "Linking", unit="frame"):
        earlier, later = later, movie.frame(number)
        pair, links, after = _link_frames(
            earlier, later, model, options, NO_PAIR_PINS, states, score
        )
        pairs.append(pair)
        parents.put(links)
        if states is not None and model.motion is not None:
            opened.append(open_states(earlier.rows, states, links))
            states = after or first_states(later.position, model.motion)
    known = OpenStates.joined(opened) if opened else None
    return Linking(detections, options, model, movie, parents, tuple(pairs), NO_PINS, score, known)


def _teller(options: LinkOptions, scorer: MovieScorer | None) -> MovieScorer | None:
    """Return what tells links in place of the model of a movie."""
    if options.by == "distance":
        check_scorer(options, scorer)
        return by_distance
    if options.by == "overlap" and scorer is None:
        raise UsageError(NO_OUTLINES)
    return scorer


@dataclass(frozen=True, slots=True)
class Linking:
    """A movie with its links, which corrections change where they have to.

    Attributes
    ----------
    detections : Tracks
        Links that it has do not matter.
    options : LinkOptions
    model : LinkModel
    movie : Movie
    parents : Parents
        Links between neighbouring frames.
    pairs : tuple
        What else became of each frame pair.
    pins : Pins
    scorer : Scorer, optional
    states : OpenStates, optional
        What was known of the motion of detections when their frame was linked to the next one:
        of those that end or divide, and once there are pins, of all.
    """

    detections: Tracks
    options: LinkOptions
    model: LinkModel
    movie: Movie
    parents: Parents
    pairs: tuple[_Pair, ...]
    pins: Pins
    scorer: Scorer | None = None
    states: OpenStates | None = None

    def tracks(self) -> Tracks:
        """Return the detections with all links; `PROBABILITY` says how probable each is.

        Divisions that follow each other too soon are given up one after the other, and the frame
        pairs that they touch linked anew.
        """
        linking, tracks, fewest = self, self._linked(), self.options.min_cycle
        while len(hurried := hurried_links(tracks, fewest, self.pins.forced)):
            linking = linking.pinned(hurried[:0], hurried)
            tracks = linking._linked()
        return tracks

    def _linked(self) -> Tracks:
        course, parents, shared = self._course(), self.parents, Links.none()
        if self.options.merges:
            merges = find_merges(self.movie, parents, course, self.model, self.pins)
            parents, shared = merges.parents, merges.shared
        if self.options.max_gap or len(self.pins.forced):
            parents = self._with_gaps(parents.copy(), shared, course)
        links = shared.joined(parents.links())
        del parents  # which may be a copy
        columns: Table = {PROBABILITY: links.probability}
        if len(shared.edges):
            columns[SHARED] = np.arange(len(links.edges)) < len(shared.edges)
        return self.detections.with_edges(links.edges, columns)

    def pinned(self, forced: IntArray, forbidden: IntArray) -> Linking:
        """Return the linking with links that a person asks for, or forbids.

        Only the frame pairs that a pin touches are linked anew. Earlier pins stay, unless they
        contradict the new ones.

        Parameters
        ----------
        forced, forbidden : array of int, shape (P, 2)
            Rows (source, target) of detections.

        Raises
        ------
        InputError
            See `make_pins`.
        """
        frame = self.movie.frame_of
        new = make_pins(frame, forced, forbidden)
        joined = self.pins.joined(new)
        divisions = self.options.divisions
        pins = make_pins(frame, joined.forced, joined.forbidden, divisions=divisions)
        touched = np.concatenate(
            [new.forced, new.forbidden, without(self.pins.forced, pins.forced)]
        )
        first, last = frame[touched].T
        pairs, parents, states = list(self.pairs), self.parents.copy(), self._all_states()
        for number in np.unique(np.concatenate([first, last - 1])).tolist():
            earlier, later = self.movie.frame(number), self.movie.frame(number + 1)
            here = pins.between(earlier.rows, later.rows, frame)
            known = None if states is None else states.of(earlier.rows)
            pairs[number], links, _ = _link_frames(
                earlier, later, self.model, self.options, here, known, self.scorer
            )
            parents.forget(later.rows)
            parents.put(links)
        return replace(self, parents=parents, pairs=tuple(pairs), pins=pins, states=states)

    def _all_states(self) -> OpenStates | None:
        """Return what is known of the motion of all detections, whatever was kept of it."""
        motion, known = self.model.motion, self.states
        if motion is None or known is None or len(known.rows) == len(self.detections):
            return known
        drifts = [pair.drift for pair in self.pairs]
        return OpenStates.joined(list(follow(self.movie, self.parents.row, drifts, motion)))

    def _course(self) -> Course:
        drifts = [pair.drift for pair in self.pairs]
        filled = np.flatnonzero(self.movie.counts)
        lags = np.diff(filled)
        for at in np.flatnonzero((lags > 1) & (lags <= self.options.max_gap + 1)).tolist():
            # The field goes on while nothing is seen of it.
            first, after = filled[at : at + 2].tolist()
            pair = FramePair.of(self.movie.frame(first), self.movie.frame(after))
            unseen = Drift(pair.drift.shift / (after - first))
            drifts[first:after] = [unseen] * (after - first)
        steps = np.array([pair.step for pair in self.pairs])
        return Course.of(tuple(drifts), steps, self.movie.dimensions)

    def _with_gaps(self, parents: Parents, shared: Links, course: Course) -> Parents:
        """Add links over frames in which cells were not seen."""
        beside = [np.zeros((0, 2), np.int64), *(pair.beside for pair in self.pairs)]
        starts = np.concatenate(beside)
        fixed = (shared, starts, course, self.model, self.options, self.pins)
        links, rates = bridge(self.movie, parents, *fixed, self.states)
        parents.put(links)
        if not self.options.max_gap or self.scorer is not None:
            return parents
        held = np.zeros(len(self.detections), np.bool_)
        for edges in (shared.edges, self.pins.forced, self.pins.forbidden):
            held[edges] = True
        model, reach, known = self.model, self.options.reach, None
        if model.motion is not None:
            known = follow(self.movie, self.parents.row, course.drifts, model.motion)
        changed, ends = mend_lapses(self.movie, parents, course, model, rates, held, reach, known)
        if changed:
            parents.put(bridge(self.movie, parents, *fixed, ends)[0])
        return parents


@dataclass(frozen=True, slots=True)
class _Pair:
    """What became of a frame pair, besides its links.

    `beside` has rows of detections that begin a track and of those near them, which may be their
    sisters.
    """

    drift: Drift
    step: float
    beside: IntArray


def _link_frames(
    earlier: Frame,
    later: Frame,
    model: LinkModel,
    options: LinkOptions,
    pins: PairPins,
    states: States | None,
    scorer: Scorer | None,
) -> tuple[_Pair, Links, States | None]:
    if not len(earlier) or not len(later):
        none = Links.none()
        return _Pair(Drift(np.zeros(model.dimensions)), model.step, none.edges), none, None
    pair = FramePair.of(earlier, later)
    found, after = link_onward(
        pair,
        model,
        states,
        divisions=options.divisions,
        max_distance=options.reach,
        pins=pins,
        scorer=scorer,
    )
    edges = np.stack([earlier.rows[found.source], later.rows[found.target]], axis=1)
    beside = _beside(later, found, model)
    return _Pair(pair.drift, found.step, beside), Links(edges, found.probability), after


def _beside(later: Frame, found: PairLinks, model: LinkModel) -> IntArray:
    """Return the rows of detections that begin a track, with those of the nearest others."""
    starts = np.flatnonzero(np.bincount(found.target, minlength=len(later)) == 0)
    division = model.division
    radius = float(np.exp(division.separation + 2 * division.separation_spread)) + 2 * found.step
    near = neighbours(later.position[starts], later.grid, radius, _SISTERS + 1)
    start = starts[near.rows]
    others = near.columns != start
    return np.stack([later.rows[start[others]], later.rows[near.columns[others]]], axis=1)
