"""From embeddings to clusters: the compiled kernels behind the readout.

Every pixel is embedded where it points to. A seed is the middle of a Gaussian in that space, which
*captures* the pixels whose membership exceeds one half: those embedded within its ellipse of
bandwidths, and not farther away in the image than a fixed reach. Ellipses are looked up by the
cells of a coarse grid that they touch, so that each pixel meets the few seeds that may capture it.

Places in the image are kept apart from offsets: differences of whole numbers are exact, and so a
cluster is the same to the last bit wherever it lies in the array.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import FloatArray, IntArray, LabelArray
from cellwright.methods.logits import probability

_KEPT, _DROPPED = 0, 1
_DISTANT = 4.0  # bandwidths; where holes were filled, pixels may point anywhere


@njit(cache=True)
def seeds_of(logits: FloatArray, offsets: FloatArray, scales: FloatArray, floor: float) -> IntArray:
    """Return the pixels above `floor` that no neighbour (of 8, or 26) they would capture exceeds.

    Neighbours that point elsewhere are of another object, and no rivals. Of equals the first in
    raster order counts.

    Parameters
    ----------
    logits : ndarray, shape (Z, Y, X), float32
        Of the seed map.
    offsets, scales : ndarray, shape (3, Z, Y, X), float32
        Where pixels point to, in px, and 1 / bandwidth in 1/px.
    floor : float

    Returns
    -------
    ndarray, shape (N, 3), int64
        In falling order of the seed map, then in raster order.
    """
    planes, rows, columns = logits.shape
    found, height = [], []
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                if logits[z, y, x] > floor and _is_seed(logits, offsets, scales, z, y, x):
                    found.append((z, y, x))
                    height.append(-logits[z, y, x])
    order = np.argsort(np.array(height), kind="mergesort")
    result = np.empty((len(found), 3), np.int64)
    for n in range(len(found)):
        result[n, 0], result[n, 1], result[n, 2] = found[order[n]]
    return result


@njit(cache=True)
def _is_seed(
    logits: FloatArray, offsets: FloatArray, scales: FloatArray, z: int, y: int, x: int
) -> bool:
    """Return whether no neighbour is more certain and, by its offset, of the same object."""
    planes, rows, columns = logits.shape
    here = logits[z, y, x]
    for k in range(max(z - 1, 0), min(z + 2, planes)):
        for i in range(max(y - 1, 0), min(y + 2, rows)):
            for j in range(max(x - 1, 0), min(x + 2, columns)):
                other = logits[k, i, j]
                if other > here or (other == here and (k, i, j) < (z, y, x)):
                    dz = (k - z + offsets[0, k, i, j] - offsets[0, z, y, x]) * scales[0, z, y, x]
                    dy = (i - y + offsets[1, k, i, j] - offsets[1, z, y, x]) * scales[1, z, y, x]
                    dx = (j - x + offsets[2, k, i, j] - offsets[2, z, y, x]) * scales[2, z, y, x]
                    if dz * dz + dy * dy + dx * dx < 1:
                        return False
    return True


@njit(cache=True)
def rounds_of(places: IntArray, offsets: FloatArray, scales: FloatArray, reach: int) -> LabelArray:
    """Return which seeds are kept when each takes those it captures, and how soon that is certain.

    The outcome is that of taking seeds in order: one is kept unless a better one that is kept
    captures it. It is told in rounds. In each, the undecided seeds that no better undecided one
    captures are kept, then those that these capture are dropped. As captures are of bounded reach,
    what is decided in the first rounds depends on the near surroundings only.

    Parameters
    ----------
    places : ndarray, shape (N, 3), int64
        Pixels of the seeds, the best first.
    offsets, scales : ndarray, shape (N, 3), float32
        Where they point to from there, in px, and 1 / bandwidth, whose inverse is the half-axis of
        their ellipse, in 1/px.
    reach : int
        Longest distance of captures along either axis, in px.

    Returns
    -------
    ndarray, shape (N,), int32
        The round, from 1, in which a seed is kept; its negative, if it is dropped.
    """
    count = len(places)
    rounds = np.zeros(count, np.int32)
    if count == 0:
        return rounds
    side = _side(reach)
    grid = _grid(places, side)
    boxes = _boxes(places, offsets, scales, side, grid)
    last = np.full((2, grid[0] * grid[1] * grid[2]), -1, np.int64)
    before, seed = _links(boxes)
    used = 0
    for n in range(count):
        cell = _cell(places[n], offsets[n], side, grid)
        soonest, which = 0, _KEPT
        link = last[_KEPT, cell]
        while link >= 0 and soonest != 1:
            m = seed[link]
            if (soonest == 0 or rounds[m] < soonest) and captures(
                places, offsets, scales, m, places[n], offsets[n], reach
            ):
                soonest = rounds[m]
            link = before[link]
        if soonest > 0:
            rounds[n], which = -soonest, _DROPPED
        else:
            latest = 0
            link = last[_DROPPED, cell]
            while link >= 0:
                m = seed[link]
                if -rounds[m] > latest and captures(
                    places, offsets, scales, m, places[n], offsets[n], reach
                ):
                    latest = -rounds[m]
                link = before[link]
            rounds[n] = latest + 1
        used = _enter(n, boxes[n], grid, last[which], before, seed, used)
    return rounds


@njit(cache=True)
def assign(
    logits: FloatArray,
    offsets: FloatArray,
    floor: float,
    places: IntArray,
    seed_offsets: FloatArray,
    scales: FloatArray,
    reach: int,
) -> LabelArray:
    """Give every pixel the seed with the highest membership of those that capture it.

    Parameters
    ----------
    logits : ndarray, shape (Z, Y, X), float32
        Pixels with a logit at or below `floor` are background.
    offsets : ndarray, shape (3, Z, Y, X), float32
        Where pixels point to, in px.
    floor : float
    places, seed_offsets, scales : ndarray, shape (N, 3)
        Of the seeds; see `rounds_of`.
    reach : int
        In px.

    Returns
    -------
    ndarray, shape (Z, Y, X), int32
        i + 1 for seed i; 0 where none captures.
    """
    labels = np.zeros(logits.shape, np.int32)
    if len(places) == 0:
        return labels
    side = _side(reach)
    grid = _grid(places, side)
    boxes = _boxes(places, seed_offsets, scales, side, grid)
    last = np.full(grid[0] * grid[1] * grid[2], -1, np.int64)
    before, seed = _links(boxes)
    used = 0
    for n in range(len(places) - 1, -1, -1):  # what is entered last, the best, is met first
        used = _enter(n, boxes[n], grid, last, before, seed, used)
    place, offset = np.empty(3, np.int64), np.empty(3, np.float32)
    planes, rows, columns = logits.shape
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                if not logits[z, y, x] > floor:
                    continue
                place[0], place[1], place[2] = z, y, x
                for axis in range(3):
                    offset[axis] = offsets[axis, z, y, x]
                nearest = 1.0
                link = last[_cell(place, offset, side, grid)]
                while link >= 0:
                    m = seed[link]
                    away = _distance(places[m], seed_offsets[m], scales[m], place, offset)
                    if away < nearest and _within(places[m], place, reach):
                        nearest = away
                        labels[z, y, x] = m + 1
                    link = before[link]
    return labels


@njit(cache=True)
def captures(
    places: IntArray,
    offsets: FloatArray,
    scales: FloatArray,
    m: int,
    place: IntArray,
    offset: FloatArray,
    reach: int,
) -> bool:
    """Return whether seed m captures a pixel.

    Parameters
    ----------
    places, offsets, scales, reach
        Of the seeds; see `rounds_of`.
    m : int
        Index of a seed.
    place : ndarray, shape (3,), int64
        Plane, row and column of the pixel.
    offset : ndarray, shape (3,), float32
        Where it points to from there, in px.
    """
    near: bool = _within(places[m], place, reach)
    return near and _distance(places[m], offsets[m], scales[m], place, offset) < 1


@njit(cache=True)
def _within(first: IntArray, second: IntArray, reach: int) -> bool:
    """Return whether two pixels are within a cube."""
    return bool(
        abs(first[0] - second[0]) <= reach
        and abs(first[1] - second[1]) <= reach
        and abs(first[2] - second[2]) <= reach
    )


@njit(cache=True)
def _distance(
    centre: IntArray, shift: FloatArray, scale: FloatArray, place: IntArray, offset: FloatArray
) -> float:
    """Return the squared distance of two embeddings in bandwidths; the membership is 2 ** -it."""
    total = 0.0
    for axis in range(3):
        apart = (place[axis] - centre[axis]) + (np.float64(offset[axis]) - np.float64(shift[axis]))
        total += (apart * scale[axis]) ** 2
    return total


@njit(cache=True)
def _side(reach: int) -> int:
    """Return the side of cells: ellipses as wide as can be touch a few, small ones one or two."""
    return max(reach // 4, 4)


@njit(cache=True)
def _grid(places: IntArray, side: int) -> tuple[int, int, int]:
    """Return how many cells of `side` px along each axis hold all places."""
    return (
        places[:, 0].max() // side + 1,
        places[:, 1].max() // side + 1,
        places[:, 2].max() // side + 1,
    )


@njit(cache=True)
def _step(position: float, side: int, length: int) -> int:
    """Return the cell of a position along an axis; the outermost cells go on for ever."""
    if not position > 0:
        return 0
    return int(min(position, side * length - 1.0)) // side


@njit(cache=True)
def _cell(place: IntArray, offset: FloatArray, side: int, grid: tuple[int, int, int]) -> int:
    """Return the number of the cell where a pixel is embedded."""
    z = _step(place[0] + np.float64(offset[0]), side, grid[0])
    y = _step(place[1] + np.float64(offset[1]), side, grid[1])
    x = _step(place[2] + np.float64(offset[2]), side, grid[2])
    cell: int = (z * grid[1] + y) * grid[2] + x
    return cell


@njit(cache=True)
def _boxes(
    places: IntArray,
    offsets: FloatArray,
    scales: FloatArray,
    side: int,
    grid: tuple[int, int, int],
) -> LabelArray:
    """Return the first and last cells, along each axis, that ellipses touch (with 1 px to spare).

    Returns
    -------
    ndarray, shape (N, 3, 2), int32
    """
    boxes = np.empty((len(places), 3, 2), np.int32)
    for n in range(len(places)):
        for axis in range(3):
            middle = places[n, axis] + np.float64(offsets[n, axis])
            half = 1 / scales[n, axis] + 1
            boxes[n, axis, 0] = _step(middle - half, side, grid[axis])
            boxes[n, axis, 1] = _step(middle + half, side, grid[axis])
    return boxes


@njit(cache=True)
def _links(boxes: LabelArray) -> tuple[IntArray, IntArray]:
    """Return room for chains of seeds: one link for every cell that a seed touches."""
    total = 0
    for n in range(len(boxes)):
        cells = 1
        for axis in range(3):
            cells *= boxes[n, axis, 1] - boxes[n, axis, 0] + 1
        total += cells
    return np.empty(total, np.int64), np.empty(total, np.int64)


@njit(cache=True)
def _enter(
    n: int,
    box: LabelArray,
    grid: tuple[int, int, int],
    last: IntArray,
    before: IntArray,
    seed: IntArray,
    used: int,
) -> int:
    """Append seed n to the chains of the cells it touches; return how many links are used."""
    for z in range(box[0, 0], box[0, 1] + 1):
        for y in range(box[1, 0], box[1, 1] + 1):
            for x in range(box[2, 0], box[2, 1] + 1):
                cell = (z * grid[1] + y) * grid[2] + x
                seed[used], before[used] = n, last[cell]
                last[cell] = used
                used += 1
    return used


@njit(cache=True)
def describe(
    labels: LabelArray,
    logits: FloatArray,
    offsets: FloatArray,
    scales: FloatArray,
    places: IntArray,
) -> FloatArray:
    """Return evidence about objects.

    Parameters
    ----------
    labels : ndarray, shape (Z, Y, X), int32
    logits : ndarray, shape (Z, Y, X), float32
        Of the seed map.
    offsets, scales : ndarray, shape (3, Z, Y, X), float32
        See `seeds_of`.
    places : ndarray, shape (N, 3), int64
        Seeds of objects 1..N, each with at least one pixel.

    Returns
    -------
    ndarray, shape (N, 5), float32
        Seed map at the seed; its mean inside; mean distance of the embeddings from that of the
        seed, in bandwidths; mean difference of the bandwidths from those at the seed, over their
        sum; logarithm of the number of pixels.
    """
    count = len(places)
    sums = np.zeros((count, 4))
    at_seed = np.empty((2, count, 3), np.float32)
    for n in range(count):
        z, y, x = places[n]
        at_seed[0, n], at_seed[1, n] = offsets[:, z, y, x], scales[:, z, y, x]
    place, offset = np.empty(3, np.int64), np.empty(3, np.float32)
    planes, rows, columns = labels.shape
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                n = labels[z, y, x] - 1
                if n < 0:
                    continue
                place[0], place[1], place[2] = z, y, x
                apart = 0.0
                for axis in range(3):
                    offset[axis] = offsets[axis, z, y, x]
                    own, other = scales[axis, z, y, x], at_seed[1, n, axis]
                    apart += abs(own - other) / (own + other)
                away = _distance(places[n], at_seed[0, n], at_seed[1, n], place, offset)
                sums[n, 0] += 1
                sums[n, 1] += probability(logits[z, y, x])
                sums[n, 2] += min(np.sqrt(away), _DISTANT)
                sums[n, 3] += apart
    evidence = np.empty((count, 5), np.float32)
    for n in range(count):
        z, y, x = places[n]
        evidence[n, 0] = probability(logits[z, y, x])
        evidence[n, 1:4] = sums[n, 1:] / sums[n, 0]
        evidence[n, 4] = np.log(sums[n, 0])
    return evidence
