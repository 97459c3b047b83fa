"""Pins: links that a person asks for or forbids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellwright._errors import InputError
from cellwright._types import DoubleArray, IntArray, LabelArray
from cellwright.tracking.candidates import Edges

PINNED = 1e6
"""What a link that was asked for costs less than others."""
_NONE = np.zeros((0, 2), np.int64)
_DAUGHTERS_OF_NONE = "two daughters, though divisions are switched off,"


@dataclass(frozen=True, slots=True)
class Pins:
    """Links that a person asks for or forbids.

    Parameters
    ----------
    forced, forbidden : array of int, shape (P, 2)
        Rows (source, target) of detections.
    """

    forced: IntArray
    forbidden: IntArray

    def __bool__(self) -> bool:
        return len(self.forced) + len(self.forbidden) > 0

    def joined(self, others: Pins) -> Pins:
        """Return both; where they contradict each other, `others` are right."""
        kept = self.forced[~np.isin(self.forced[:, 1], others.forced[:, 1])]  # one mother each
        return Pins(
            np.unique(np.concatenate([without(kept, others.forbidden), others.forced]), axis=0),
            np.unique(
                np.concatenate([without(self.forbidden, others.forced), others.forbidden]), axis=0
            ),
        )

    def between(self, sources: IntArray, targets: IntArray, frame: LabelArray) -> PairPins:
        """Return what they mean for two frames that follow each other.

        Parameters
        ----------
        sources, targets : array of int, shapes (N,) and (M,)
            Rows of the detections of both frames.
        frame : array of int
            Frame of each detection of the movie.
        """
        if not self:
            return NO_PAIR_PINS
        gap = self.forced[frame[self.forced[:, 1]] - frame[self.forced[:, 0]] > 1]
        return PairPins(
            _among(self.forced, sources, targets),
            _among(self.forbidden, sources, targets),
            np.flatnonzero(np.isin(sources, gap[:, 0])),
            np.flatnonzero(np.isin(targets, gap[:, 1])),
        )


@dataclass(frozen=True, slots=True)
class PairPins:
    """Pins between two frames, by the places of detections in these.

    Attributes
    ----------
    forced, forbidden : array of int, shape (P, 2)
    ends, starts : array of int
        Detections that go on to, or come from, frames farther away: of their links here, only
        forced ones stay.
    """

    forced: IntArray
    forbidden: IntArray
    ends: IntArray
    starts: IntArray


NO_PINS = Pins(_NONE, _NONE)
NO_PAIR_PINS = PairPins(_NONE, _NONE, _NONE[:, 0], _NONE[:, 0])


def make_pins(
    frame: LabelArray, forced: IntArray, forbidden: IntArray, *, divisions: bool = True
) -> Pins:
    """Return pins that can be honoured.

    Parameters
    ----------
    frame : array of int, shape (N,)
        Frame of each detection.
    forced, forbidden : array of int, shape (P, 2)
    divisions : bool
        Whether cells divide.

    Raises
    ------
    InputError
        If a pin names no detection, leads backward, or gives a detection two mothers or more
        daughters than it can have.
    """
    forced, forbidden = (np.asarray(one, np.int64).reshape(-1, 2) for one in (forced, forbidden))
    both = np.concatenate([forced, forbidden])
    if both.size and (both.min() < 0 or both.max() >= len(frame)):
        raise InputError(f"A pin names a detection outside of 0 … {len(frame) - 1}.")
    if (frame[both[:, 0]] >= frame[both[:, 1]]).any():
        row = both[frame[both[:, 0]] >= frame[both[:, 1]]][0]
        raise InputError(
            f"A pin leads from frame {frame[row[0]]} to frame {frame[row[1]]}; "
            "links lead forward in time."
        )
    pins = NO_PINS.joined(Pins(forced, forbidden))
    if len(without(pins.forced, pins.forbidden)) < len(pins.forced):
        raise InputError("The same link is forced and forbidden; decide for one.")
    daughters = (2, "more than two daughters") if divisions else (1, _DAUGHTERS_OF_NONE)
    for side, (most, what) in ((1, (1, "two mothers")), (0, daughters)):
        rows, counts = np.unique(pins.forced[:, side], return_counts=True)
        if (counts > most).any():
            raise InputError(
                f"Forced links give {what} to a detection in frame "
                f"{frame[rows[counts > most][0]]}: leave out those that are wrong."
            )
    return pins


def pinned_candidates(edges: Edges, pins: PairPins) -> tuple[Edges, DoubleArray]:
    """Add forced links to the candidates, and take away what pins exclude.

    Parameters
    ----------
    edges : Edges
    pins : PairPins

    Returns
    -------
    edges : Edges
        Weights of links that were no candidates are 0.
    wishes : array of float, shape (E,)
        What each link costs beside what it is worth: far below 0 for forced ones.
    """
    if pins is NO_PAIR_PINS:
        return edges, np.zeros(len(edges.columns))
    rows, columns, weights = edges.rows, edges.columns, edges.weights
    width = 1 + int(max(one.max(initial=0) for one in (columns, pins.forced, pins.forbidden)))
    keys, forced, forbidden = (
        pair[:, 0] * width + pair[:, 1]
        for pair in (np.stack([rows, columns], axis=1), pins.forced, pins.forbidden)
    )
    wanted = np.isin(keys, forced)
    taken = np.isin(columns, pins.forced[:, 1]) | np.isin(columns, pins.starts)
    kept = wanted | ~(taken | np.isin(rows, pins.ends) | np.isin(keys, forbidden))
    known = np.isin(forced, keys)
    rows = np.concatenate([rows[kept], pins.forced[~known, 0]])
    columns = np.concatenate([columns[kept], pins.forced[~known, 1]])
    weights = np.concatenate([weights[kept], np.zeros(np.count_nonzero(~known))])
    edges = Edges.of(rows, columns, weights, len(edges.starts) - 1)
    return edges, np.where(np.isin(edges.rows * width + edges.columns, forced), -PINNED, 0.0)


def without(pairs: IntArray, others: IntArray) -> IntArray:
    """Return the rows of `pairs` that are not among `others`."""
    gone = set(map(tuple, others.tolist()))
    return np.array([pair for pair in pairs.tolist() if tuple(pair) not in gone], np.int64).reshape(
        -1, 2
    )


def _among(pairs: IntArray, sources: IntArray, targets: IntArray) -> IntArray:
    places = []
    for column, rows in zip(pairs.T, (sources, targets), strict=True):
        order = np.argsort(rows)
        at = np.searchsorted(rows, column, sorter=order)
        at = order[np.minimum(at, len(rows) - 1)] if len(rows) else np.zeros(len(column), np.int64)
        places.append(np.where(rows[at] == column, at, -1) if len(rows) else at - 1)
    inside = np.stack(places, axis=1)
    return inside[(inside >= 0).all(axis=1)]
