"""From centre offsets to labels: the compiled kernels behind the readout.

A pixel of an object points to the object's centre. Following the pointers a few times gathers the
pixels of one object in one spot (a *vote*); spots are found as local maxima, and every pixel takes
the object of the spot where it landed. All steps look at a bounded neighbourhood, so an object is
the same whatever else the image holds and however it is tiled.

Arrays as large as the image are made by NumPy, which asks the system for large pages, and handed to
the kernels: made inside of them, clearing their pages would take longer than filling them.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from cellwright._types import FloatArray, IntArray, LabelArray


def land(
    logits: FloatArray,
    down: FloatArray,
    right: FloatArray,
    *,
    unit: float,
    threshold: float,
    steps: int,
    reach: int,
) -> LabelArray:
    """Follow the offsets of every foreground pixel and return where it lands.

    Parameters
    ----------
    logits : ndarray, shape (Y, X), float32
        Logit of the probability of being part of an object.
    down, right : ndarray, shape (Y, X), float32
        Row and column offset to the centre, in `unit` px.
    unit : float
        In px.
    threshold : float
        Pixels with a logit at or below it are background.
    steps : int
        How many times to follow the offsets.
    reach : int
        Greatest distance from start to landing along each axis, in px.

    Returns
    -------
    ndarray, shape (Y, X), int32
        Index of the landing pixel in raster order; -1 for background and for pixels that leave the
        reach.
    """
    landing = np.empty(logits.shape, np.int32)
    _follow(logits, down, right, np.float32(unit), threshold, steps, reach, landing)
    return landing


@njit(cache=True)
def _follow(
    logits: FloatArray,
    down: FloatArray,
    right: FloatArray,
    unit: float,
    threshold: float,
    steps: int,
    reach: int,
    landing: LabelArray,
) -> None:
    """Fill in `landing`: all pixels of a row go a step, then those that still move the next.

    One pixel after the other would be simpler, but nobody can foresee how many steps it goes, and
    guessing wrong costs a processor more than the step.
    """
    rows, columns = logits.shape
    all_down, all_right = down.ravel(), right.ravel()
    # Of the pixels that move: from which column, where to, and on which pixel that is.
    start, here = np.empty(columns, np.uint32), np.empty(columns, np.uint32)
    at_y, at_x = np.empty(columns), np.empty(columns)
    for y in range(rows):
        moving = 0
        for x in range(columns):
            landing[y, x] = y * columns + x if logits[y, x] > threshold else -1
        for x in range(columns):
            start[moving] = x
            moving += landing[y, x] >= 0
        for i in range(moving):
            here[i] = y * columns + start[i]
            # Half a pixel on, so that cutting off the fraction rounds.
            at_y[i], at_x[i] = y + 0.5, start[i] + 0.5
        for _ in range(steps):
            still = 0
            for i in range(moving):
                x, pixel = start[i], here[i]
                to_y = at_y[i] + all_down[pixel] * unit
                to_x = at_x[i] + all_right[pixel] * unit
                row = min(max(int(to_y), 0), rows - 1)
                column = min(max(int(to_x), 0), columns - 1)
                new = row * columns + column
                near = (abs(row - y) <= reach) & (abs(column - x) <= reach)
                landing[y, x] = new if near else -1
                start[still], here[still] = x, new
                at_y[still], at_x[still] = to_y, to_x
                still += near & (new != pixel)
            moving = still


def seeds_of(landing: LabelArray, spread: int, radius: int, minimum: float) -> IntArray:
    """Find the pixels with the most votes within `radius` px (a square) and at least `minimum`.

    Parameters
    ----------
    landing : ndarray, shape (Y, X), int32
        What `land` returned: every pixel votes for where it lands, and with less weight, falling
        linearly from 1, for the pixels up to `spread` px around.
    spread, radius : int
        In px.
    minimum : float
        In votes.

    Returns
    -------
    ndarray, shape (N, 2), int64
        Row and column of each seed, in raster order. Of equal neighbours the first is the seed.
    """
    counts = np.zeros(landing.shape, np.float32)
    _count(landing, counts)
    place = np.arange(len(counts)) % (2 * radius + 1)
    # Two seeds are more than the radius apart, along one axis or the other.
    most = math.prod(math.ceil(side / (radius + 1)) for side in landing.shape)
    seeds = np.empty((most, 2), np.int64)
    return seeds[: _peaks(counts, spread, radius, minimum, place, seeds)]


@njit(cache=True)
def _count(landing: LabelArray, counts: FloatArray) -> None:
    """Add up how many pixels land on each."""
    flat = counts.ravel()
    for pixel in landing.ravel():
        if pixel >= 0:
            flat[pixel] += 1


@njit(cache=True)
def _peaks(
    counts: FloatArray,
    spread: int,
    radius: int,
    minimum: float,
    place: IntArray,
    seeds: IntArray,
) -> int:
    """Fill in the local maxima of the votes, and return how many there are.

    Only the rows that are compared are held, at their `place` among so many.
    """
    rows, columns = counts.shape
    votes = np.zeros((2 * radius + 1, columns), np.float32)
    line = np.empty(columns + 2 * spread, np.float32)
    fewest = minimum * (spread + 1) ** 2
    found = 0
    for latest in range(rows + radius):
        if latest < rows:
            _vote(counts, latest, spread, line, votes[place[latest]])
        y = latest - radius
        if y < 0:
            continue
        around = place[max(0, y - radius) : y + radius + 1]
        here = votes[place[y]]
        for x in range(columns):
            if here[x] >= fewest and _leads(votes, around, min(y, radius), x, radius):
                seeds[found, 0], seeds[found, 1] = y, x
                found += 1
    return found


@njit(cache=True)
def _vote(counts: FloatArray, y: int, spread: int, line: FloatArray, votes: FloatArray) -> None:
    """Fill in the votes of row `y`: summed along the columns first, in `line`, then along it.

    A whole vote counts ``(spread + 1)**2`` here, which keeps all weights whole numbers.
    """
    rows, columns = counts.shape
    for x in range(len(line)):
        line[x] = 0
    for row in range(max(0, y - spread), min(rows, y + spread + 1)):
        weight = np.float32(spread + 1 - abs(row - y))
        for x in range(columns):
            line[spread + x] += weight * counts[row, x]
    for x in range(columns):
        votes[x] = 0
    for k in range(2 * spread + 1):
        weight = np.float32(spread + 1 - abs(k - spread))
        for x in range(columns):
            votes[x] += weight * line[x + k]


@njit(cache=True)
def _leads(votes: FloatArray, around: IntArray, middle: int, x: int, radius: int) -> bool:
    """Return whether no pixel of the rows `around` has more votes, and no earlier one as many."""
    most = votes[around[middle], x]
    for i in range(len(around)):
        for column in range(max(0, x - radius), min(votes.shape[1], x + radius + 1)):
            other = votes[around[i], column]
            earlier = i < middle or (i == middle and column < x)
            if other > most or (other == most and earlier):
                return False
    return True


def assign(landing: LabelArray, seeds: IntArray, radius: int) -> tuple[LabelArray, IntArray]:
    """Give every pixel the label of the nearest seed within `radius` px of where it landed.

    Parameters
    ----------
    landing : ndarray, shape (Y, X), int32
        What `land` returned; taken for the labels.
    seeds : ndarray, shape (N, 2), int64
        Of equally near ones, the first has the pixel.
    radius : int
        In px.

    Returns
    -------
    labels : ndarray, shape (Y, X), int32
        1..M; 0 where no seed is near.
    seeds : ndarray, shape (M, 2), int64
        Those that have a pixel, by label.
    """
    owner = np.zeros(landing.shape, np.int32)
    number = np.zeros(len(seeds) + 1, np.int32)
    _hand_out(landing, seeds, radius, owner, number)
    return landing, seeds[number[1:] > 0]


@njit(cache=True)
def _hand_out(
    landing: LabelArray, seeds: IntArray, radius: int, owner: LabelArray, number: LabelArray
) -> None:
    """Turn `landing` into labels, with `owner` to note whose a landing place is.

    `number` is filled in with the label of every seed, after one 0; 0 for those without pixels.
    """
    rows, columns = landing.shape
    for i in range(len(seeds)):
        y, x = seeds[i, 0], seeds[i, 1]
        for row in range(max(0, y - radius), min(rows, y + radius + 1)):
            for column in range(max(0, x - radius), min(columns, x + radius + 1)):
                distance = (row - y) ** 2 + (column - x) ** 2
                other = owner[row, column] - 1
                if distance <= radius**2 and (
                    other < 0
                    or distance < (row - seeds[other, 0]) ** 2 + (column - seeds[other, 1]) ** 2
                ):
                    owner[row, column] = i + 1
    flat, labels = owner.ravel(), landing.ravel()
    for i in range(len(labels)):
        label = 0
        if labels[i] >= 0:
            label = flat[labels[i]]
            number[label] = 1
        labels[i] = label
    number[0] = present = 0
    for i in range(1, len(number)):
        if number[i] > 0:
            present += 1
            number[i] = present
    if present < len(seeds):
        for i in range(len(labels)):
            labels[i] = number[labels[i]]


@njit(cache=True)
def describe(
    labels: LabelArray,
    seeds: IntArray,
    logits: FloatArray,
    down: FloatArray,
    right: FloatArray,
    unit: float,
) -> FloatArray:
    """Return what speaks for and against every object.

    Parameters
    ----------
    labels : ndarray, shape (Y, X), int32
        Objects 1..N.
    seeds : ndarray, shape (N, 2), int64
        Seed of each object.
    logits : ndarray, shape (Y, X), float32
        Of the foreground.
    down, right : ndarray, shape (Y, X), float32
        Row and column offset to the centre, in `unit` px.
    unit : float
        In px.

    Returns
    -------
    ndarray, shape (N, 5), float32
        Mean probability of the foreground; how certain it is along the outline, 0 to 1; how far
        beside the seed the pixels point, on average, in radii; logarithms of the area in px and
        of the outline's length beside that of a disc. 0 for objects without pixels.
    """
    rows, columns = labels.shape
    count, step = len(seeds), np.float32(unit)
    area = np.zeros(count)
    inside = np.zeros(count)
    border = np.zeros(count)
    certainty = np.zeros(count)
    miss = np.zeros(count)
    for y in range(rows):
        for x in range(columns):
            label = labels[y, x]
            if label == 0:
                continue
            i = label - 1
            area[i] += 1
            probability = 1 / (1 + np.exp(-logits[y, x]))
            inside[i] += probability
            beside_y = y + down[y, x] * step - seeds[i, 0]
            beside_x = x + right[y, x] * step - seeds[i, 1]
            miss[i] += np.sqrt(beside_y * beside_y + beside_x * beside_x)
            if (
                (y > 0 and labels[y - 1, x] != label)
                or (x > 0 and labels[y, x - 1] != label)
                or (y < rows - 1 and labels[y + 1, x] != label)
                or (x < columns - 1 and labels[y, x + 1] != label)
            ):
                border[i] += 1
                certainty[i] += abs(2 * probability - 1)
    result = np.zeros((count, 5), np.float32)
    for i in range(count):
        if area[i] == 0:
            continue
        radius = np.sqrt(area[i] / np.pi)
        result[i, 0] = inside[i] / area[i]
        result[i, 1] = certainty[i] / max(border[i], 1.0)
        result[i, 2] = miss[i] / area[i] / radius
        result[i, 3] = np.log(area[i])
        result[i, 4] = np.log(max(border[i], 1.0) / (2 * np.pi * radius))
    return result
