"""Labels to centre offsets and back: the compiled kernels of the method.

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
def centres(labels: LabelArray, count: int) -> tuple[FloatArray, FloatArray]:
    """Return the centre and area of objects 1..count.

    The centre is the pixel of the object that is nearest to its centroid: for a round object the
    centroid itself, for a bent one a pixel that belongs to it.

    Parameters
    ----------
    labels : ndarray, shape (Y, X), int32
        Values below 1 are no object.
    count : int
        Greatest label.

    Returns
    -------
    centres : ndarray, shape (count, 2), float32
        Row and column in px.
    areas : ndarray, shape (count,), float32
        In px; 0 where a label does not occur.
    """
    rows, columns = labels.shape
    sums = np.zeros((count, 2))
    areas = np.zeros(count, np.float32)
    for y in range(rows):
        for x in range(columns):
            label = labels[y, x]
            if label > 0:
                sums[label - 1, 0] += y
                sums[label - 1, 1] += x
                areas[label - 1] += 1
    for i in range(count):
        if areas[i] > 0:
            sums[i] /= areas[i]
    result = np.zeros((count, 2), np.float32)
    nearest = np.full(count, np.inf)
    for y in range(rows):
        for x in range(columns):
            label = labels[y, x]
            if label > 0:
                i = label - 1
                distance = (y - sums[i, 0]) ** 2 + (x - sums[i, 1]) ** 2
                if distance < nearest[i]:
                    nearest[i] = distance
                    result[i, 0] = y
                    result[i, 1] = x
    for i in range(count):
        if nearest[i] <= 1.0:
            result[i] = sums[i]
    return result, areas


@njit(cache=True)
def offsets_to_centres(labels: LabelArray, centre: FloatArray) -> FloatArray:
    """Return for every pixel of an object the vector to its centre.

    Parameters
    ----------
    labels : ndarray, shape (Y, X), int32
    centre : ndarray, shape (N, 2), float32
        Row and column of the centre of each label, in px.

    Returns
    -------
    ndarray, shape (2, Y, X), float32
        Row and column offset in px; 0 outside objects.
    """
    rows, columns = labels.shape
    result = np.zeros((2, rows, columns), np.float32)
    for y in range(rows):
        for x in range(columns):
            label = labels[y, x]
            if label > 0:
                result[0, y, x] = centre[label - 1, 0] - y
                result[1, y, x] = centre[label - 1, 1] - x
    return result


@njit(cache=True)
def land(
    foreground: FloatArray, offsets: FloatArray, threshold: float, steps: int, reach: int
) -> LabelArray:
    """Follow the offsets of every foreground pixel and return where it lands.

    Parameters
    ----------
    foreground : ndarray, shape (Y, X), float32
        Probability of being part of an object.
    offsets : ndarray, shape (2, Y, X), float32
        Row and column offset to the centre, in px.
    threshold : float
        Pixels with a probability at or below it are background.
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
    rows, columns = foreground.shape
    result = np.full((2, rows, columns), -1, np.int32)
    for y in range(rows):
        for x in range(columns):
            if foreground[y, x] <= threshold:
                continue
            at_y, at_x = float(y), float(x)
            row, column = y, x
            for _ in range(steps):
                at_y += offsets[0, row, column]
                at_x += offsets[1, row, column]
                new_row, new_column = int(np.rint(at_y)), int(np.rint(at_x))
                new_row = min(max(new_row, 0), rows - 1)
                new_column = min(max(new_column, 0), columns - 1)
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
def _root(parent: LabelArray, i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(cache=True)
def tidy(labels: LabelArray, count: int) -> LabelArray:
    """Keep the largest connected part of every object and fill its holes.

    Parts are connected along edges. A hole is a part of anything else that touches only this one
    object and not the border of the array.

    Parameters
    ----------
    labels : ndarray, shape (Y, X), int32
        0 is background, 1..count are objects.
    count : int
        Greatest label.

    Returns
    -------
    ndarray, shape (Y, X), int32
    """
    rows, columns = labels.shape
    flat = labels.ravel()
    parent = np.arange(rows * columns).astype(np.int32)
    for y in range(rows):
        for x in range(columns):
            i = y * columns + x
            if x > 0 and flat[i] == flat[i - 1]:
                parent[i] = _root(parent, i - 1)
            if y > 0 and flat[i] == flat[i - columns]:
                above, here = _root(parent, i - columns), _root(parent, i)
                if above < here:
                    parent[here] = above
                elif here < above:
                    parent[above] = here
    size = np.zeros(rows * columns, np.int32)
    for i in range(rows * columns):
        parent[i] = _root(parent, i)
        size[parent[i]] += 1
    largest = np.full(count + 1, -1, np.int32)
    for i in range(rows * columns):
        if parent[i] == i and flat[i] > 0:
            label = flat[i]
            if largest[label] < 0 or size[i] > size[largest[label]]:
                largest[label] = i
    # What surrounds every part that is not kept: 0 unknown, -1 several things, else one object.
    around = np.zeros(rows * columns, np.int32)
    for y in range(rows):
        for x in range(columns):
            i = y * columns + x
            part = parent[i]
            if largest[flat[i]] == part and flat[i] > 0:
                continue
            if y == 0 or x == 0 or y == rows - 1 or x == columns - 1:
                around[part] = -1
                continue
            for j in (i - 1, i + 1, i - columns, i + columns):
                other = parent[j]
                if other == part:
                    continue
                kept = flat[j] > 0 and largest[flat[j]] == other
                label = flat[j] if kept else -1
                if around[part] == 0:
                    around[part] = label
                elif around[part] != label:
                    around[part] = -1
    result = np.zeros(rows * columns, np.int32)
    for i in range(rows * columns):
        part = parent[i]
        if flat[i] > 0 and largest[flat[i]] == part:
            result[i] = flat[i]
        elif around[part] > 0:
            result[i] = around[part]
    return result.reshape(rows, columns)


@njit(cache=True)
def describe(
    labels: LabelArray,
    seeds: IntArray,
    foreground: FloatArray,
    landing: LabelArray,
    votes: FloatArray,
) -> FloatArray:
    """Return what speaks for and against every object, as the columns of `EVIDENCE`.

    Parameters
    ----------
    labels : ndarray, shape (Y, X), int32
        Objects 1..N.
    seeds : ndarray, shape (N, 2), int64
        Seed of each object.
    foreground : ndarray, shape (Y, X), float32
    landing : ndarray, shape (2, Y, X), int32
    votes : ndarray, shape (Y, X), float32

    Returns
    -------
    ndarray, shape (N, 6), float32
        Rows of objects without pixels are 0.
    """
    rows, columns = labels.shape
    count = len(seeds)
    area = np.zeros(count)
    inside = np.zeros(count)
    border = np.zeros(count)
    certainty = np.zeros(count)
    scatter = np.zeros(count)
    landed = np.zeros(count)
    for y in range(rows):
        for x in range(columns):
            label = labels[y, x]
            if label == 0:
                continue
            i = label - 1
            area[i] += 1
            inside[i] += foreground[y, x]
            row, column = landing[0, y, x], landing[1, y, x]
            if row >= 0:
                landed[i] += 1
                scatter[i] += np.hypot(row - seeds[i, 0], column - seeds[i, 1])
            if (
                (y > 0 and labels[y - 1, x] != label)
                or (x > 0 and labels[y, x - 1] != label)
                or (y < rows - 1 and labels[y + 1, x] != label)
                or (x < columns - 1 and labels[y, x + 1] != label)
            ):
                border[i] += 1
                certainty[i] += abs(2 * foreground[y, x] - 1)
    result = np.zeros((count, 6), np.float32)
    for i in range(count):
        if area[i] == 0:
            continue
        radius = np.sqrt(area[i] / np.pi)
        result[i, 0] = inside[i] / area[i]
        result[i, 1] = certainty[i] / max(border[i], 1.0)
        result[i, 2] = scatter[i] / max(landed[i], 1.0) / radius
        result[i, 3] = votes[seeds[i, 0], seeds[i, 1]] / area[i]
        result[i, 4] = np.log(area[i])
        result[i, 5] = np.log(max(border[i], 1.0) / (2 * np.pi * radius))
    return result
