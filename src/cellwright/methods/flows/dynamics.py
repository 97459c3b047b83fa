"""From flows to objects: the compiled kernels that move pixels and gather them.

Pixels are moved for a bounded number of steps of at most 1 px. A few interpolated steps take a
pixel to the pixel nearest to where it comes (a *hop*); many hops are made at once by looking up
hops of hops, so that the time hardly depends on their number.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import BoolArray, FloatArray, LabelArray
from cellwright.methods.logits import probability

HOP = 4  # steps; rounding to pixels less often keeps the path, more often saves steps
FULL_SPEED = 0.5
"""A flow of this length or longer moves a pixel by 1 px in a step. Where a network is not certain
of the direction, it writes flows that are too short; long objects would be left in pieces."""


@njit(cache=True)
def steps_of(foreground: BoolArray, flows: FloatArray, unit: float, rest: float) -> FloatArray:
    """Return the steps that pixels move, components last, 0 in the background and where they rest.

    Parameters
    ----------
    foreground : ndarray, shape (Z, Y, X), bool
    flows : ndarray, shape (D, Z, Y, X), float32
        Along the last D axes, D is 2 or 3; in parts of `unit`.
    unit : float
        What stands for a flow of length 1.
    rest : float
        Where the flow is shorter, pixels rest.

    Returns
    -------
    ndarray, shape (Z, Y, X, D), float32
        In px, of length 1 at most.
    """
    dimensions, planes, rows, columns = flows.shape
    steps = np.zeros((planes, rows, columns, dimensions), np.float32)
    flow = np.empty(dimensions, np.float32)
    fast, one = np.float32(FULL_SPEED), np.float32(unit)
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                if not foreground[z, y, x]:
                    continue
                length = _look_up(flows, one, z, y, x, flow)
                if length >= rest:
                    scale = np.float32(1) / max(fast, length)
                    for d in range(dimensions):
                        steps[z, y, x, d] = flow[d] * scale
    return steps


@njit(cache=True)
def _look_up(flows: FloatArray, unit: float, z: int, y: int, x: int, flow: FloatArray) -> float:
    """Write the flow of a pixel into `flow`, and return its length."""
    square = np.float32(0)
    for d in range(len(flows)):
        flow[d] = flows[d, z, y, x] / unit
        square += flow[d] * flow[d]
    length: float = np.sqrt(square)
    return length


@njit(cache=True)
def hops_in_plane(foreground: BoolArray, steps: FloatArray) -> LabelArray:
    """Return where `HOP` steps take every pixel of a plane.

    Parameters
    ----------
    foreground : ndarray, shape (Y, X), bool
    steps : ndarray, shape (Y, X, 2), float32
        Between pixels they are interpolated linearly.

    Returns
    -------
    ndarray, shape (Y * X,), int32
        Flat index of the nearest pixel to where each comes; its own for the background.
    """
    rows, columns = foreground.shape
    target = np.empty(rows * columns, np.int32)
    last_y, last_x = np.float32(rows - 1), np.float32(columns - 1)
    for row in range(rows):
        for column in range(columns):
            target[row * columns + column] = row * columns + column
            if not foreground[row, column]:
                continue
            y, x = np.float32(row), np.float32(column)
            dy, dx = steps[row, column, 0], steps[row, column, 1]
            for n in range(HOP):
                y = min(max(y + dy, np.float32(0)), last_y)
                x = min(max(x + dx, np.float32(0)), last_x)
                if n == HOP - 1:
                    break
                i, j = int(y), int(x)
                v, u = y - np.float32(i), x - np.float32(j)
                below, right = min(i + 1, rows - 1), min(j + 1, columns - 1)
                a = (np.float32(1) - v) * (np.float32(1) - u)
                b = (np.float32(1) - v) * u
                c = v * (np.float32(1) - u)
                d = v * u
                dy = (
                    a * steps[i, j, 0]
                    + b * steps[i, right, 0]
                    + c * steps[below, j, 0]
                    + d * steps[below, right, 0]
                )
                dx = (
                    a * steps[i, j, 1]
                    + b * steps[i, right, 1]
                    + c * steps[below, j, 1]
                    + d * steps[below, right, 1]
                )
            target[row * columns + column] = int(y + 0.5) * columns + int(x + 0.5)
    return target


@njit(cache=True)
def hops_in_volume(foreground: BoolArray, steps: FloatArray) -> LabelArray:
    """Return where `HOP` steps take every pixel of a volume; see `hops_in_plane`.

    Parameters
    ----------
    foreground : ndarray, shape (Z, Y, X), bool
    steps : ndarray, shape (Z, Y, X, 3), float32

    Returns
    -------
    ndarray, shape (Z * Y * X,), int32
    """
    planes, rows, columns = foreground.shape
    target = np.arange(planes * rows * columns).astype(np.int32)
    last = np.array([planes - 1, rows - 1, columns - 1], np.float32)
    place, step = np.empty(3, np.float32), np.empty(3, np.float32)
    for index in range(len(target)):
        plane, row, column = index // (rows * columns), index // columns % rows, index % columns
        if not foreground[plane, row, column]:
            continue
        place[0], place[1], place[2] = plane, row, column
        step[:] = steps[plane, row, column]
        for n in range(HOP):
            for d in range(3):
                place[d] = min(max(place[d] + step[d], np.float32(0)), last[d])
            if n == HOP - 1:
                break
            k, i, j = int(place[0]), int(place[1]), int(place[2])
            w, v, u = place[0] - k, place[1] - i, place[2] - j
            step[:] = 0
            for dz in range(2):
                for dy in range(2):
                    for dx in range(2):
                        share = (w if dz else 1 - w) * (v if dy else 1 - v) * (u if dx else 1 - u)
                        if share > 0:
                            for d in range(3):
                                step[d] += share * steps[k + dz, i + dy, j + dx, d]
        k, i, j = int(place[0] + 0.5), int(place[1] + 0.5), int(place[2] + 0.5)
        target[index] = (k * rows + i) * columns + j
    return target


@njit(cache=True)
def repeat(target: LabelArray, pixels: LabelArray, times: int) -> LabelArray:
    """Return where `times` hops, one after the other, take the given pixels.

    Parameters
    ----------
    target : ndarray, shape (P,), int32
        Where one hop takes each pixel. Changed in place.
    pixels : ndarray, shape (F,), int32
        All that a hop moves.
    times : int

    Returns
    -------
    ndarray, shape (F,), int32
    """
    landing = pixels.copy()
    moved = np.empty_like(pixels)
    while True:
        if times & 1:
            for n in range(len(pixels)):
                landing[n] = target[landing[n]]
        times >>= 1
        if times == 0:
            return landing
        for n in range(len(pixels)):
            moved[n] = target[target[pixels[n]]]
        for n in range(len(pixels)):
            target[pixels[n]] = moved[n]


@njit(cache=True)
def sinks(landing: LabelArray, shape: tuple[int, int, int], fewest: int) -> BoolArray:
    """Mark the pixels where enough others land, and those beside them.

    Parameters
    ----------
    landing : ndarray, shape (F,), int32
        Flat indices.
    shape : tuple of int
        Of the volume.
    fewest : int
        Pixels that have to land on one.

    Returns
    -------
    ndarray, shape (Z, Y, X), bool
        The 3 x 3 (x 3, in volumes) pixels around each.
    """
    planes, rows, columns = shape
    counts = np.zeros(planes * rows * columns, np.int32)
    for index in landing:
        counts[index] += 1
    marked = np.zeros(shape, np.bool_)
    for index in landing:
        if counts[index] < fewest:
            continue
        counts[index] = 0  # once is enough
        z, y, x = index // (rows * columns), index // columns % rows, index % columns
        for k in range(max(0, z - 1), min(planes, z + 2)):
            for i in range(max(0, y - 1), min(rows, y + 2)):
                for j in range(max(0, x - 1), min(columns, x + 2)):
                    marked[k, i, j] = True
    return marked


@njit(cache=True)
def gather(pixels: LabelArray, landing: LabelArray, basins: LabelArray) -> LabelArray:
    """Return the labels of the basins where the pixels land.

    Parameters
    ----------
    pixels, landing : ndarray, shape (F,), int32
        Flat indices.
    basins : ndarray, shape (Z, Y, X), int32

    Returns
    -------
    ndarray, shape (Z, Y, X), int32
    """
    labels = np.zeros(basins.size, np.int32)
    source = basins.ravel()
    for n in range(len(pixels)):
        labels[pixels[n]] = source[landing[n]]
    return labels.reshape(basins.shape)


@njit(cache=True)
def describe(
    labels: LabelArray,
    count: int,
    logits: FloatArray,
    predicted: FloatArray,
    unit: float,
    flows: FloatArray,
) -> FloatArray:
    """Return what speaks for and against objects 1..count.

    Parameters
    ----------
    labels : ndarray, shape (Z, Y, X), int32
    count : int
    logits : ndarray, shape (Z, Y, X), float32
        Of the foreground.
    predicted : ndarray, shape (D, Z, Y, X), float32
        The flows, in parts of `unit`; any longer than 1 counts as 1.
    unit : float
    flows : ndarray, shape (3, Z, Y, X), float32
        As the objects should have them.

    Returns
    -------
    ndarray, shape (count, 5), float32
        Mean probability of the foreground; how certain it is along the outline, 0 to 1; mean
        square of the difference between the flows; logarithms of the pixels and of the outline's
        pixels beside those of a disc.
    """
    planes, rows, columns = labels.shape
    dimensions, one = len(predicted), np.float32(unit)
    first, flow = 3 - dimensions, np.empty(dimensions, np.float32)
    sums = np.zeros((count, 3))
    pixels, edge = np.zeros(count), np.zeros(count)
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                label = labels[z, y, x]
                if label <= 0:
                    continue
                i = label - 1
                pixels[i] += 1
                p = probability(logits[z, y, x])
                sums[i, 0] += p
                scale = np.float32(1) / max(np.float32(1), _look_up(predicted, one, z, y, x, flow))
                for d in range(dimensions):
                    miss = flow[d] * scale - flows[first + d, z, y, x]
                    sums[i, 2] += miss**2
                if (
                    (y > 0 and labels[z, y - 1, x] != label)
                    or (x > 0 and labels[z, y, x - 1] != label)
                    or (y + 1 < rows and labels[z, y + 1, x] != label)
                    or (x + 1 < columns and labels[z, y, x + 1] != label)
                ):
                    edge[i] += 1
                    sums[i, 1] += abs(2 * p - 1)
    evidence = np.empty((count, 5), np.float32)
    for i in range(count):
        size, outline = max(pixels[i], 1), max(edge[i], 1)
        evidence[i, 0] = sums[i, 0] / size
        evidence[i, 1] = sums[i, 1] / outline
        evidence[i, 2] = sums[i, 2] / size
        evidence[i, 3] = np.log(size)
        evidence[i, 4] = np.log(outline / np.sqrt(4 * np.pi * size))
    return evidence
