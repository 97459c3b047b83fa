"""Whether the frames of a movie have anything to do with each other."""

from __future__ import annotations

import numpy as np

from cellwright._types import BoolArray, DoubleArray
from cellwright.tracking.tracks import Tracks

_MOST_PAIRS = 50  # of frames that are looked at
_LEAST_CELLS = 3  # in a frame, for neighbours to mean something
_LEAST_SEEN = 10  # in all frames
_NEARER = 0.65  # share; it is about 0.5 between pictures of different cells, and 1 in movies
_STEP = 0.4  # of the way to a cell's neighbour, that cells may go without losing sight of them


def are_unrelated(tracks: Tracks) -> bool:
    """Return whether cells are hardly nearer to the next frame than to its mirror images.

    Then the frames show different cells, or cells go as far between two frames as they lie apart.
    Where there are too few cells to tell, they are not called unrelated.

    Parameters
    ----------
    tracks : Tracks
        Only where cells are in each frame matters, not how they are linked.
    """
    place, offsets = tracks.position_um, tracks.frame_offsets()
    counts = np.diff(offsets)
    pairs = np.flatnonzero((counts[:-1] >= _LEAST_CELLS) & (counts[1:] >= _LEAST_CELLS))
    if counts[pairs].sum() < _LEAST_SEEN:
        return False
    middle = (place.min(axis=0) + place.max(axis=0)) / 2
    frames = np.split(place, offsets[1:-1])
    chosen = pairs[np.unique(np.linspace(0, len(pairs) - 1, _MOST_PAIRS).astype(int))]
    seen = [_compare(frames[t], frames[t + 1], middle) for t in chosen.tolist()]
    nearer, steps = (np.concatenate(values) for values in zip(*seen, strict=True))
    return bool(nearer.mean() < _NEARER and np.median(steps) > _STEP)


def _compare(
    here: DoubleArray, there: DoubleArray, middle: DoubleArray
) -> tuple[BoolArray, DoubleArray]:
    """Compare how far each cell is from the next frame with chance, and with its neighbours.

    Returns
    -------
    nearer : array of bool, shape (N,)
        Whether the cells of the next frame are nearer than those of its mirror images, on average.
    steps : array of float, shape (N,)
        Distance from the next frame in that from the nearest cell of its own frame.
    """
    from scipy.spatial import KDTree

    mirrored = []
    for axes in ([-1], [-2], [-1, -2]):
        image = there.copy()
        image[:, axes] = 2 * middle[axes] - image[:, axes]
        mirrored.append(KDTree(image).query(here)[0])
    own = KDTree(there).query(here)[0]
    apart = KDTree(here).query(here, k=2)[0][:, 1]
    return own < np.mean(mirrored, axis=0), own / np.maximum(apart, 1e-9)
