"""Whether the frames of a movie have anything to do with each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cellwright._types import BoolArray, DoubleArray
from cellwright.tracking.candidates import Grid, make_grid, neighbours
from cellwright.tracking.frames import Movie, bounds
from cellwright.tracking.motion import FramePair
from cellwright.tracking.tracks import Tracks

_MOST_PAIRS = 50  # of frames that are looked at
_MOST_CELLS = 1000  # of each, about
_LEAST_CELLS = 3  # in a frame, for neighbours to mean something
_LEAST_SEEN = 10  # in all frames
_MANY = 100  # in a frame; a way that fewer seem to go together may be chance
_NEARER = 0.65  # share; it is about 0.5 between pictures of different cells, and 1 in movies
_STEP = 0.4  # of the way to a cell's neighbour, that cells may go without losing sight of them


def are_unrelated(tracks: Tracks) -> bool:
    """Return whether cells are hardly nearer to the next frame than to its mirror images.

    Nor if many drift and flow with their field. Then the frames show different cells, or cells go
    as far between two frames as they lie apart. Where there are too few cells to tell, they are
    not called unrelated.

    Parameters
    ----------
    tracks : Tracks
        Only where cells are in each frame matters, not how they are linked.
    """
    movie = Movie(tracks)
    counts = movie.counts
    pairs = np.flatnonzero((counts[:-1] >= _LEAST_CELLS) & (counts[1:] >= _LEAST_CELLS))
    if counts[pairs].sum() < _LEAST_SEEN:
        return False
    middle = np.mean(bounds(tracks.position_um), axis=0)
    chosen = pairs[np.unique(np.linspace(0, len(pairs) - 1, _MOST_PAIRS).astype(int))].tolist()

    def place(t: int) -> DoubleArray:
        return movie.position(movie.rows(t))

    def carried(t: int) -> DoubleArray:
        pair = FramePair.of(movie.frame(t), movie.frame(t + 1))
        return pair.earlier.position + pair.carried

    def lost(before: Callable[[int], DoubleArray]) -> bool:
        seen = [_compare(before(t), place(t + 1), middle) for t in chosen]
        nearer, steps = (np.concatenate(values) for values in zip(*seen, strict=True))
        return bool(nearer.mean() < _NEARER and np.median(steps) > _STEP)

    if not lost(place):
        return False
    return bool(np.median(counts[pairs]) < _MANY) or lost(carried)


def _compare(
    here: DoubleArray, there: DoubleArray, middle: DoubleArray
) -> tuple[BoolArray, DoubleArray]:
    """Compare how far cells are from the next frame with chance, and with their neighbours.

    Returns
    -------
    nearer : array of bool, shape (S,)
        Whether the cells of the next frame are nearer than those of its mirror images, on average.
    steps : array of float, shape (S,)
        Distance from the next frame in that from the nearest cell of its own frame.
    """
    some, grid = here[:: max(1, len(here) // _MOST_CELLS)], make_grid(there)
    mirrored = []
    for axes in ([-1], [-2], [-1, -2]):
        image = some.copy()  # as far from the next frame as the cell is from its mirror image
        image[:, axes] = 2 * middle[axes] - image[:, axes]
        mirrored.append(_nearest(image, grid, 1))
    own, apart = _nearest(some, grid, 1), _nearest(some, make_grid(here), 2)
    return own < np.mean(mirrored, axis=0), own / np.maximum(apart, 1e-9)


def _nearest(places: DoubleArray, grid: Grid, which: int) -> DoubleArray:
    """Return the distance of each place from the nearest point (1), or the second (2)."""
    squares = neighbours(places, grid, np.inf, which).weights
    return np.asarray(np.sqrt(squares[which - 1 :: which]))
