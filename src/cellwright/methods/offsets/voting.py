"""From centre offsets to labels: the compiled kernels behind the readout.

A pixel of an object points to the object's centre. Following the pointers a few times gathers the
pixels of one object in one spot (a *vote*); spots are found as local maxima, and every pixel takes
the object of the spot where it landed. All steps look at a bounded neighbourhood, so an object is
the same whatever else the image holds and however it is tiled.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import FloatArray, IntArray, LabelArray


@njit(cache=True)
def land(
    logits: FloatArray, offsets: FloatArray, threshold: float, steps: int, reach: int
) -> LabelArray:
    """Follow the offsets of every foreground pixel and return where it lands.

    Parameters
    ----------
    logits : ndarray, shape (Y, X), float32
        Logit of the probability of being part of an object.
    offsets : ndarray, shape (2, Y, X), float32
        Row and column offset to the centre, in px.
    threshold : float
        Pixels with a logit at or below it are background.
    steps : int
        How many times to follow the offsets.
    reach : int
        Greatest distance from start to landing along each axis, in px.

    Returns
    -------
    ndarray, shape (2, Y, X), int32
        Row and column of the landing pixel; -1 for background and for pixels that leave the image
        or the reach.
    """
    rows, columns = logits.shape
    result = np.full((2, rows, columns), -1, np.int32)
    for y in range(rows):
        for x in range(columns):
            if logits[y, x] <= threshold:
                continue
            # Half a pixel on, so that cutting off the fraction rounds.
            at_y, at_x = y + 0.5, x + 0.5
            row, column = y, x
            for _ in range(steps):
                at_y += offsets[0, row, column]
                at_x += offsets[1, row, column]
                new_row = min(max(int(at_y), 0), rows - 1)
                new_column = min(max(int(at_x), 0), columns - 1)
                if new_row == row and new_column == column:
                    break
                row, column = new_row, new_column
                if abs(row - y) > reach or abs(column - x) > reach:
                    break
            if abs(row - y) <= reach and abs(column - x) <= reach:
                result[0, y, x] = row
                result[1, y, x] = column
    return result


@njit(cache=True)
def votes_of(landing: LabelArray, spread: int) -> FloatArray:
    """Count the pixels that land within `spread` px (a square) of every pixel.

    Parameters
    ----------
    landing : ndarray, shape (2, Y, X), int32
        What `land` returned.
    spread : int
        Half the side of the square, in px.

    Returns
    -------
    ndarray, shape (Y, X), float32
        Votes, weighted by 1 at the landing pixel and falling linearly to its surroundings.
    """
    _, rows, columns = landing.shape
    counts = np.zeros((rows, columns), np.float32)
    for y in range(rows):
        for x in range(columns):
            row = landing[0, y, x]
            if row >= 0:
                counts[row, landing[1, y, x]] += 1
    result = np.zeros((rows, columns), np.float32)
    for y in range(rows):
        for x in range(columns):
            if counts[y, x] == 0:
                continue
            for row in range(max(0, y - spread), min(rows, y + spread + 1)):
                weight_row = spread + 1 - abs(row - y)
                for column in range(max(0, x - spread), min(columns, x + spread + 1)):
                    weight = weight_row * (spread + 1 - abs(column - x))
                    result[row, column] += counts[y, x] * weight
    return result / np.float32((spread + 1) ** 2)


@njit(cache=True)
def seeds_of(votes: FloatArray, radius: int, minimum: float) -> IntArray:
    """Return the pixels with the most votes within `radius` px (a square) and at least `minimum`.

    Of equal neighbours the first in raster order wins.

    Returns
    -------
    ndarray, shape (N, 2), int64
        Row and column of each seed, in raster order.
    """
    rows, columns = votes.shape
    found = []
    for y in range(rows):
        for x in range(columns):
            here = votes[y, x]
            if here < minimum:
                continue
            best = True
            for row in range(max(0, y - radius), min(rows, y + radius + 1)):
                for column in range(max(0, x - radius), min(columns, x + radius + 1)):
                    other = votes[row, column]
                    earlier = row < y or (row == y and column < x)
                    if other > here or (other == here and earlier):
                        best = False
                        break
                if not best:
                    break
            if best:
                found.append((y, x))
    result = np.zeros((len(found), 2), np.int64)
    for i in range(len(found)):
        result[i, 0] = found[i][0]
        result[i, 1] = found[i][1]
    return result


@njit(cache=True)
def assign(landing: LabelArray, seeds: IntArray, radius: int) -> LabelArray:
    """Give every pixel the label of the nearest seed within `radius` px of where it landed.

    Parameters
    ----------
    landing : ndarray, shape (2, Y, X), int32
    seeds : ndarray, shape (N, 2), int64
    radius : int
        In px.

    Returns
    -------
    ndarray, shape (Y, X), int32
        i + 1 for seed i; 0 where no seed is near.
    """
    _, rows, columns = landing.shape
    owner = np.zeros((rows, columns), np.int32)
    nearest = np.full((rows, columns), np.int32(radius * radius + 1))
    for i in range(len(seeds)):
        y, x = seeds[i, 0], seeds[i, 1]
        for row in range(max(0, y - radius), min(rows, y + radius + 1)):
            for column in range(max(0, x - radius), min(columns, x + radius + 1)):
                distance = (row - y) ** 2 + (column - x) ** 2
                if distance < nearest[row, column]:
                    nearest[row, column] = distance
                    owner[row, column] = i + 1
    result = np.zeros((rows, columns), np.int32)
    for y in range(rows):
        for x in range(columns):
            row = landing[0, y, x]
            if row >= 0:
                result[y, x] = owner[row, landing[1, y, x]]
    return result


@njit(cache=True)
def describe(
    labels: LabelArray, seeds: IntArray, logits: FloatArray, offsets: FloatArray
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
    offsets : ndarray, shape (2, Y, X), float32
        Row and column offset to the centre, in px.

    Returns
    -------
    ndarray, shape (N, 5), float32
        Mean probability of the foreground; how certain it is along the outline, 0 to 1; how far
        beside the seed the pixels point, on average, in radii; logarithms of the area in px and
        of the outline's length beside that of a disc. 0 for objects without pixels.
    """
    rows, columns = labels.shape
    count = len(seeds)
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
            down = y + offsets[0, y, x] - seeds[i, 0]
            right = x + offsets[1, y, x] - seeds[i, 1]
            miss[i] += np.sqrt(down * down + right * right)
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
