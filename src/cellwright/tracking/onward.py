"""Linking frames one after the other, with what is known of the motion so far."""

from __future__ import annotations

import numpy as np

from cellwright.tracking.kalman import States, first_states, forecast, updated
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
    own, seen = single(found), pair.later.position - pair.shift
    after = updated(ahead, seen, found.source[own], found.target[own], motion)
    after.mean[:, :2] += pair.shift
    return found, after
