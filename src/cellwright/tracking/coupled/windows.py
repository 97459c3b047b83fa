"""Choosing among competing segmentations by how well their objects can be linked.

The movie is decided in windows of frames that overlap; of each window only the frames in its
middle are believed. Links that cannot gain, and those that far better ones exclude by the duals of
the exact assignment of their frame pair, are left out beforehand, and windows in which nothing
competes are not looked at.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cellwright._types import BoolArray, DoubleArray, IntArray
from cellwright.tracking.coupled.gains import Gains, find_gains
from cellwright.tracking.coupled.hypotheses import Hypotheses
from cellwright.tracking.coupled.program import Program, cliques, solve_program
from cellwright.tracking.fit import fit_model
from cellwright.tracking.frames import Movie
from cellwright.tracking.options import LinkOptions
from cellwright.tracking.tracks import Tracks

WINDOW = 12
"""Frames that are decided together."""
OVERLAP = 4
"""Of these, frames on either side that other windows decide."""
_ROUNDS = 2  # of estimating the model from what was chosen


def choose(
    hypotheses: Hypotheses,
    options: LinkOptions | None = None,
    *,
    window: int = WINDOW,
    overlap: int = OVERLAP,
) -> BoolArray:
    """Choose the objects that are there.

    Parameters
    ----------
    hypotheses : Hypotheses
    options : LinkOptions, optional
    window, overlap : int
        Frames that are decided together, and how many of those on either side are decided again.

    Returns
    -------
    array of bool, shape (N,)
        At most one of objects that exclude each other.

    Notes
    -----
    What an object is worth is told by `Hypotheses.value`. Links, beginnings, ends and divisions
    cost what they cost in linking (`cellwright.tracking.link`), less what a usual link costs.
    Objects that exclude no others and are more probable than not are always there.

    References
    ----------
    Bragantini et al., Ultrack: pushing the limits of cell tracking across biological scales,
    Nature Methods (2025). Jug et al., Tracking by assignment facilitates data curation,
    MICCAI IMIC workshop (2014).
    """
    options = options or LinkOptions()
    certain = hypotheses.certain
    if certain.all():
        return certain
    chosen: BoolArray = hypotheses.source == hypotheses.source.min()
    movie = Movie(hypotheses.detections)
    worth = hypotheses.value()
    for _ in range(_ROUNDS):
        present = Movie(some(hypotheses.detections, chosen))
        model = fit_model(present, divisions=options.divisions, max_distance=options.reach)
        told = movie.with_features(present.feature_names)  # some may be the same in all of these
        gains = find_gains(told, model, options, hypotheses.rivals)
        before = chosen
        chosen = _in_windows(movie, gains, worth, certain, hypotheses.rivals, window, overlap)
        if (before == chosen).all() or not chosen.any():
            break
    return chosen


def some(detections: Tracks, chosen: BoolArray) -> Tracks:
    """Return some detections, without links."""
    return replace(
        detections,
        frame=detections.frame[chosen],
        label=detections.label[chosen],
        position=detections.position[chosen],
        edges=np.zeros((0, 2), np.int64),
        properties={name: column[chosen] for name, column in detections.properties.items()},
        edge_properties={},
    )


def _in_windows(
    movie: Movie,
    gains: Gains,
    worth: DoubleArray,
    certain: BoolArray,
    rivals: IntArray,
    window: int,
    overlap: int,
) -> BoolArray:
    """Return the objects that are chosen, each by the window in the middle of which it lies."""
    chosen = certain.copy()
    frame, frames = movie.frame_of, len(movie)
    step = max(window - 2 * overlap, 1)
    for start in range(0, frames, step):
        stop = min(start + step, frames)
        first, last = max(start - overlap, 0), min(stop + overlap, frames)
        rows = np.flatnonzero((frame >= first) & (frame < last))
        if certain[rows].all():
            continue
        program = window_program(movie, gains, worth, certain, rivals, rows)
        found = solve_program(program).objects
        inside = (frame[rows] >= start) & (frame[rows] < stop)
        chosen[rows[inside]] = found[inside]
    return chosen


def window_program(
    movie: Movie,
    gains: Gains,
    worth: DoubleArray,
    certain: BoolArray,
    rivals: IntArray,
    rows: IntArray,
) -> Program:
    """Return the program of some frames.

    Parameters
    ----------
    movie : Movie
    gains : Gains
    worth : array of float, shape (N,)
        What it is worth that an object is there.
    certain : array of bool, shape (N,)
        Objects that are there in any case.
    rivals : array of int, shape (R, 2)
    rows : array of int
        The objects of these frames, in order. Tracks may have begun before, and end later.
    """
    frame = movie.frame_of[rows]
    rank = np.full(len(worth), -1)
    rank[rows] = np.arange(len(rows))
    start, end = gains.alone[rows].T
    begins = np.where(frame > frame[0], start - gains.usual, 0.0)
    ends = np.where(frame < frame[-1], end, 0.0)
    links, divisions = rank[gains.links], rank[gains.divisions]
    linked, divided = (links >= 0).all(axis=1), (divisions >= 0).all(axis=1)
    pairs = rank[rivals]
    return Program(
        alone=begins + ends - worth[rows],
        certain=certain[rows],
        links=links[linked],
        link_gain=gains.link_gain[linked],
        divisions=divisions[divided],
        division_gain=gains.division_gain[divided],
        cliques=cliques(pairs[(pairs >= 0).all(axis=1)]),
    )
