"""Linking frames one after the other, with what is known of the motion so far."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cellwright._types import BoolArray, DoubleArray, IntArray, LabelArray
from cellwright.tracking.flow import Drift
from cellwright.tracking.frames import Movie
from cellwright.tracking.kalman import (
    Forecast,
    Motion,
    States,
    first_states,
    forecast,
    updated,
)
from cellwright.tracking.links import NONE, Links, child_counts
from cellwright.tracking.model import LinkModel
from cellwright.tracking.motion import FramePair
from cellwright.tracking.pair import PairLinks, Scorer, link_pair, single
from cellwright.tracking.pins import NO_PAIR_PINS, PairPins


def link_onward(
    pair: FramePair,
    model: LinkModel,
    states: States | None,
    *,
    divisions: bool = True,
    max_distance: float = np.inf,
    pins: PairPins = NO_PAIR_PINS,
    scorer: Scorer | None = None,
) -> tuple[PairLinks, States | None]:
    """Link two frames, as `link_pair` does, and return what is known of the motion after them.

    Parameters
    ----------
    pair : FramePair
    model : LinkModel
    states : States, optional
        Of the earlier frame; None at the beginning of a movie, or where the model has no motion.
    divisions, max_distance, pins, scorer
        See `link_pair`.
    """
    motion = model.motion
    if motion is None:
        found = link_pair(
            pair, model, divisions=divisions, max_distance=max_distance, pins=pins, scorer=scorer
        )
        return found, None
    if states is None:
        states = first_states(pair.earlier.position, motion)
    ahead = forecast(states, motion)
    found = link_pair(
        pair,
        model,
        divisions=divisions,
        max_distance=max_distance,
        pins=pins,
        ahead=ahead,
        scorer=scorer,
    )
    own = single(found)
    source, target = found.source[own], found.target[own]
    return found, _after(
        ahead, pair.later.position, source, target, pair.drift, pair.carried, motion
    )


def _after(
    ahead: Forecast,
    position: DoubleArray,
    source: IntArray,
    target: IntArray,
    drift: Drift,
    carried: DoubleArray,
    motion: Motion,
) -> States:
    """Return what is known of the M detections of a frame, at (M, D), by links that lead there."""
    back = drift.at(position).copy()
    back[target] = carried[source]
    after = updated(ahead, position - back, source, target, motion)
    after.mean[:, :2] += back[:, None]
    return after


@dataclass(frozen=True, slots=True)
class OpenStates:
    """What is known of the motion of some detections of a movie.

    Attributes
    ----------
    rows : array of int, shape (K,)
        Which detections, in order.
    states : States
        Of these.
    """

    rows: IntArray
    states: States

    @classmethod
    def joined(cls, parts: Sequence[OpenStates]) -> OpenStates:
        """Return those of several frames, one at least, in their order."""
        states = zip(*(part.states for part in parts), strict=True)
        return cls(
            np.concatenate([part.rows for part in parts]), States(*map(np.concatenate, states))
        )

    def of(self, rows: IntArray) -> States:
        """Return what is known of some of them."""
        places = np.searchsorted(self.rows, rows)
        return States(*(part[places] for part in self.states))

    def where(self, kept: BoolArray) -> OpenStates:
        """Return those of some detections."""
        return OpenStates(self.rows[kept], States(*(part[kept] for part in self.states)))


def open_states(rows: IntArray, states: States, links: Links) -> OpenStates:
    """Return the states of those detections of a frame that do not simply go on.

    Parameters
    ----------
    rows : array of int, shape (N,)
        The detections, in any order.
    states : States
        Of these.
    links : Links
        To the next frame.
    """
    order = np.argsort(rows)
    leaving = np.bincount(np.searchsorted(rows[order], links.edges[:, 0]), minlength=len(rows))
    kept = order[leaving != 1]
    return OpenStates(rows[kept], States(*(part[kept] for part in states)))


def follow(
    movie: Movie, parent: LabelArray, drifts: Sequence[Drift], motion: Motion
) -> Iterator[OpenStates]:
    """Yield what is known of the motion of all detections of each frame of a linked movie.

    Parameters
    ----------
    movie : Movie
    parent : array of int32, shape (N,)
        The detection before each one, or -1.
    drifts : sequence of Drift
        Of the field between neighbouring frames.
    motion : Motion
    """
    single = child_counts(parent) == 1
    earlier = movie.rows(0)
    states = first_states(movie.position(earlier), motion)
    yield OpenStates(earlier, states)
    for number, drift in enumerate(drifts, start=1):
        earlier, later = movie.rows(number - 1), movie.rows(number)
        own = (parent[later] != NONE) & single[parent[later]]
        source, target = parent[later[own]] - earlier[:1], np.flatnonzero(own)
        carried = drift.at(movie.position(earlier))
        ahead = forecast(states, motion)
        states = _after(ahead, movie.position(later), source, target, drift, carried, motion)
        yield OpenStates(later, states)
