"""A scorer: the network that tells links and divisions, in place of the costs of a draft."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from cellwright._types import DoubleArray, FloatArray
from cellwright.tracking.frames import Movie
from cellwright.tracking.joint import NO_SPLITS, solve, split_worth
from cellwright.tracking.learned.features import (
    DIVISION_FEATURES,
    LINK_FEATURES,
    Beside,
    View,
    division_features,
    link_features,
)
from cellwright.tracking.motion import FramePair
from cellwright.tracking.pair import Draft, Scorer
from cellwright.tracking.splits import SURE

CHANNELS = LINK_FEATURES + DIVISION_FEATURES
"""Of the network: the numbers about a link, then those about a division; the others are 0."""
_AT_ONCE = 1 << 15  # candidates

Network: TypeAlias = Callable[[FloatArray], FloatArray]
"""From (1, CHANNELS, 1, P) to (1, 1, 1, P), float32: each candidate is a pixel of its own."""


def make_scorer(network: Network) -> Callable[[Movie], Scorer]:
    """Return what scores the links and divisions of a movie; see `cellwright.tracking.link.link`.

    Parameters
    ----------
    network : callable
        From (1, CHANNELS, 1, P) to (1, 1, 1, P), both float32.
    """

    def of_movie(movie: Movie) -> Scorer:
        views = Views(movie)

        def scored(draft: Draft) -> Draft:
            return rescored(views(draft), network)

        return scored

    return of_movie


class Views:
    """Looks at drafts of frame pairs together with the frames before and after them.

    Parameters
    ----------
    movie : Movie
    """

    def __init__(self, movie: Movie) -> None:
        self._movie = movie
        self._pairs: dict[int, FramePair] = {}  # of those around the last one, by their first frame

    def __call__(self, draft: Draft) -> View:
        """Return a draft with what lies around it."""
        movie, (earlier, later) = self._movie, (draft.pair.earlier, draft.pair.later)
        number = int(movie.frame_of[earlier.rows[0]])
        around = {one: self._pairs.get(one) or self._pair(one) for one in (number - 1, number + 1)}
        self._pairs = {one: pair for one, pair in around.items() if pair}
        self._pairs[number] = draft.pair
        before, after = around[number - 1], around[number + 1]
        return View(
            draft,
            movie,
            Beside.before(before, movie) if before else Beside.none(earlier),
            Beside.after(after, movie) if after else Beside.none(later),
        )

    def _pair(self, number: int) -> FramePair | None:
        """Return a frame and the next; None where there are none, or one of them is empty."""
        numbers = (number, number + 1)
        if number < 0 or number + 1 >= len(self._movie) or not self._movie.counts[[*numbers]].all():
            return None
        return FramePair.of(*map(self._movie.frame, numbers))


def rescored(view: View, network: Network) -> Draft:
    """Return a draft with the costs that a network tells, solved again without divisions."""
    draft = view.draft
    link, division = corrections(network, link_features(view), division_features(view))
    problem = replace(draft.problem, costs=draft.problem.costs - link)
    without = solve(problem, NO_SPLITS)
    changed = replace(draft, problem=problem, without=without)
    price = draft.splits.price - division
    worth = split_worth(problem, without, draft.splits)
    splits = replace(draft.splits, price=price, cost=price + worth)
    return replace(changed, splits=splits.where(price < SURE))


def corrections(
    network: Network, links: FloatArray, divisions: FloatArray
) -> tuple[DoubleArray, DoubleArray]:
    """Return what a network adds to the log odds of links (E,) and of divisions (S,)."""
    pixels = as_pixels(links, divisions)
    starts = range(0, pixels.shape[-1], _AT_ONCE)
    parts = [network(pixels[..., start : start + _AT_ONCE])[0, 0, 0] for start in starts]
    added = np.concatenate([np.zeros(0), *parts])
    return added[: links.shape[1]], added[links.shape[1] :]


def as_pixels(links: FloatArray, divisions: FloatArray) -> FloatArray:
    """Return numbers about candidates as the network takes them: links, then divisions."""
    count = links.shape[1]
    pixels = np.zeros((1, CHANNELS, 1, count + divisions.shape[1]), np.float32)
    pixels[0, :LINK_FEATURES, 0, :count] = links
    pixels[0, LINK_FEATURES:, 0, count:] = divisions
    return pixels
