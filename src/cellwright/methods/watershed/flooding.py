"""From a relief to objects: the compiled kernels behind the readout.

Every pixel climbs to its highest neighbour, up to a top; the pixels of a top are its *basin*. A
top that rises too little above the highest way to a higher one is no object of its own: its basin
joins the higher one's. No way may lead farther than `travel`, so that objects depend on their
surroundings only. All work on volumes (Z, Y, X).
"""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np
from numba import njit

from cellwright._types import BoolArray, FloatArray, LabelArray


@njit(cache=True)
def smoothed(relief: FloatArray) -> FloatArray:
    """Return a relief averaged with weights 1, 2, 1 along every axis; sides are repeated."""
    planes, rows, columns = relief.shape
    across = np.empty_like(relief)
    result = np.empty_like(relief)
    quarter = np.float32(0.25)
    for z in range(planes):
        for y in range(rows):
            line, out = relief[z, y], across[z, y]
            for x in range(columns):
                before, after = line[max(x - 1, 0)], line[min(x + 1, columns - 1)]
                out[x] = quarter * (before + line[x] + line[x] + after)
        for y in range(rows):
            above, below = across[z, max(y - 1, 0)], across[z, min(y + 1, rows - 1)]
            line, out = across[z, y], result[z, y]
            for x in range(columns):
                out[x] = quarter * (above[x] + line[x] + line[x] + below[x])
    if planes == 1:
        return result
    for z in range(planes):
        for y in range(rows):
            above, below = result[max(z - 1, 0), y], result[min(z + 1, planes - 1), y]
            line, out = result[z, y], across[z, y]
            for x in range(columns):
                out[x] = quarter * (above[x] + line[x] + line[x] + below[x])
    return across


@njit(cache=True)
def uphill(relief: FloatArray, foreground: BoolArray) -> LabelArray:
    """Return for every pixel its highest neighbour.

    Parameters
    ----------
    relief : ndarray, shape (Z, Y, X), float32
    foreground : ndarray, shape (Z, Y, X), bool

    Returns
    -------
    ndarray, shape (Z * Y * X,), int32
        Index, in raster order, of the highest of a pixel and its neighbours across faces, within
        the foreground; of equals the first. -1 outside.
    """
    planes, rows, columns = relief.shape
    flat, inside = relief.ravel(), foreground.ravel()
    target = np.full(flat.size, -1, np.int32)
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                i = (z * rows + y) * columns + x
                if not inside[i]:
                    continue
                best, top = i, flat[i]
                # In raster order, and those after the pixel must be higher, not as high.
                if z > 0 and inside[i - rows * columns] and flat[i - rows * columns] >= top:
                    best, top = i - rows * columns, flat[i - rows * columns]
                if y > 0 and inside[i - columns] and _beats(flat, i - columns, best, i):
                    best, top = i - columns, flat[i - columns]
                if x > 0 and inside[i - 1] and _beats(flat, i - 1, best, i):
                    best, top = i - 1, flat[i - 1]
                if x + 1 < columns and inside[i + 1] and flat[i + 1] > top:
                    best, top = i + 1, flat[i + 1]
                if y + 1 < rows and inside[i + columns] and flat[i + columns] > top:
                    best, top = i + columns, flat[i + columns]
                below = i + rows * columns
                if z + 1 < planes and inside[below] and flat[below] > top:
                    best = below
                target[i] = best
    return target


@njit(cache=True)
def _beats(flat: FloatArray, i: int, best: int, own: int) -> bool:
    """Return whether pixel `i`, before `own`, is higher than the best up to now."""
    return flat[i] > flat[best] or (best == own and flat[i] == flat[own])


@njit(cache=True)
def follow(
    target: LabelArray, place: LabelArray, shape: tuple[int, int, int], travel: int
) -> LabelArray:
    """Return where the way from every node ends.

    Parameters
    ----------
    target : ndarray, shape (N,), int32
        Next node on the way; the node itself at the end, -1 for nodes that have no way.
    place : ndarray, shape (N,), int32
        Pixel of each node, as an index in raster order.
    shape : tuple of int
        Of the volume.
    travel : int
        How far a node may lie from the end along each axis, in px. Nodes that lie farther, and
        those whose way leads over them, end nowhere.

    Returns
    -------
    ndarray, shape (N,), int32
        The last node of the way, or -1.
    """
    unknown = -2
    end = np.full(len(target), unknown, np.int32)
    way = np.empty(len(target), np.int32)
    for node in range(len(target)):
        length = 0
        at = node
        while end[at] == unknown:
            if target[at] < 0:
                end[at] = -1
            elif target[at] == at:
                end[at] = at
            else:
                way[length] = at
                length += 1
                at = target[at]
        last = end[at]
        if length == 0:
            continue
        for n in range(length - 1, -1, -1):
            if last >= 0 and _apart(place[way[n]], place[last], shape) > travel:
                last = -1
            end[way[n]] = last
    return end


@njit(cache=True)
def basins_of(
    relief: FloatArray, foreground: BoolArray, travel: int
) -> tuple[LabelArray, LabelArray]:
    """Part the foreground into the basins of its tops.

    Parameters
    ----------
    relief : ndarray, shape (Z, Y, X), float32
    foreground : ndarray, shape (Z, Y, X), bool
    travel : int
        How far a pixel may lie from its top along each axis, in px.

    Returns
    -------
    basins : ndarray, shape (Z, Y, X), int32
        Number of the basin of every pixel, from 0; -1 where there is none.
    tops : ndarray, shape (N,), int32
        Pixel of each top, as an index in raster order; ascending.
    """
    target = uphill(relief, foreground)
    end = follow(target, np.arange(len(target)).astype(np.int32), relief.shape, travel)
    count = 0
    for i in range(len(target)):
        count += target[i] == i
    tops = np.empty(count, np.int32)
    n = 0
    for i in range(len(target)):
        if target[i] == i:
            target[i] = n  # from here on, the number of the basin
            tops[n] = i
            n += 1
    for i in range(len(end)):
        if end[i] >= 0:
            end[i] = target[end[i]]
    return end.reshape(relief.shape), tops


@njit(cache=True)
def passes_of(
    relief: FloatArray, basins: LabelArray, count: int
) -> tuple[LabelArray, LabelArray, FloatArray]:
    """Return where basins touch, and how high.

    Parameters
    ----------
    relief : ndarray, shape (Z, Y, X), float32
    basins : ndarray, shape (Z, Y, X), int32
        As `basins_of` returns them.
    count : int
        Number of basins.

    Returns
    -------
    first : ndarray, shape (count + 1,), int32
        Where the passes of each basin begin in the next two, and how many passes there are.
    neighbour : ndarray, shape (P,), int32
        The basin beyond the pass; a pair of basins has as many passes as pairs of pixels.
    level : ndarray, shape (P,), float32
        The lower one of the two pixels.
    """
    planes, rows, columns = basins.shape
    first = np.zeros(count + 1, np.int32)
    neighbour = np.empty(0, np.int32)
    level = np.empty(0, np.float32)
    steps = ((0, 0, 1), (0, 1, 0), (1, 0, 0))
    for writing in (False, True):
        for dz, dy, dx in steps:
            for z in range(dz, planes):
                for y in range(dy, rows):
                    for x in range(dx, columns):
                        one, other = basins[z, y, x], basins[z - dz, y - dy, x - dx]
                        if one < 0 or other < 0 or one == other:
                            continue
                        if not writing:
                            first[one] += 1
                            first[other] += 1
                            continue
                        height = min(relief[z, y, x], relief[z - dz, y - dy, x - dx])
                        for here, there in ((one, other), (other, one)):
                            first[here] -= 1
                            neighbour[first[here]] = there
                            level[first[here]] = height
        if not writing:
            first = np.cumsum(first).astype(np.int32)  # ends; writing moves them to the starts
            neighbour = np.empty(first[count], np.int32)
            level = np.empty(first[count], np.float32)
    return first, neighbour, level


@njit(cache=True)
def merges(
    relief: FloatArray, basins: LabelArray, tops: LabelArray, persistence: float, travel: int
) -> LabelArray:
    """Return for every basin the one that it joins.

    From each top the highest passes are taken, one after the other, until they lead to a higher
    top: the one that its basin meets first as the flood falls.

    Parameters
    ----------
    relief : ndarray, shape (Z, Y, X), float32
    basins : ndarray, shape (Z, Y, X), int32
        As `basins_of` returns them.
    tops : ndarray, shape (N,), int32
    persistence : float
        A top that rises less above the highest way to a higher top joins it; one that rises less
        above 0 is none.
    travel : int
        A way leads over tops up to this far from where it starts along each axis, in px.

    Returns
    -------
    ndarray, shape (N,), int32
        Number of the basin of that higher top; of the basin itself if it stays on its own; -1 if
        it is none.
    """
    flat = relief.ravel()
    first, neighbour, level = passes_of(relief, basins, len(tops))
    joins = np.arange(len(tops)).astype(np.int32)
    seen = np.full(len(tops), -1, np.int32)  # the last top whose ways led here
    for n in range(len(tops)):
        floor = flat[tops[n]] - persistence
        seen[n] = n
        at = n
        front = [(np.float32(0), np.int32(n)) for _ in range(0)]
        while True:
            for k in range(first[at], first[at + 1]):
                other = neighbour[k]
                near = _apart(tops[n], tops[other], basins.shape) <= travel
                if near and level[k] > floor and seen[other] != n:
                    heappush(front, (-level[k], other))
            while len(front) > 0 and seen[front[0][1]] == n:
                heappop(front)
            if len(front) == 0:
                break
            at = int(heappop(front)[1])
            seen[at] = n
            if _above(flat, tops[at], tops[n]):
                joins[n] = at
                break
        if joins[n] == n and floor < 0:
            joins[n] = -1
    return joins


@njit(cache=True)
def _apart(i: int, j: int, shape: tuple[int, int, int]) -> int:
    """Return how far two pixels, as indices in raster order, are apart along the worst axis."""
    _, rows, columns = shape
    row, x = divmod(i, columns)
    other_row, other_x = divmod(j, columns)
    dz = row // rows - other_row // rows
    dy = row % rows - other_row % rows
    return max(abs(dz), abs(dy), abs(x - other_x))


@njit(cache=True)
def _above(flat: FloatArray, i: int, j: int) -> bool:
    """Return whether pixel `i` is higher than `j`; of equals, the first in raster order is."""
    return flat[i] > flat[j] or (flat[i] == flat[j] and i < j)


@njit(cache=True)
def number_objects(
    basins: LabelArray, tops: LabelArray, group: LabelArray, smallest: int
) -> tuple[LabelArray, LabelArray]:
    """Return labels of the groups of basins that are large enough, and their tops.

    Parameters
    ----------
    basins : ndarray, shape (Z, Y, X), int32
        Changed in place: becomes the labels.
    tops : ndarray, shape (N,), int32
    group : ndarray, shape (N,), int32
        The basin whose object each basin is part of, or -1.
    smallest : int
        Least number of pixels.

    Returns
    -------
    labels : ndarray, shape (Z, Y, X), int32
    tops : ndarray, shape (M,), int32
        Of the objects.
    """
    flat = basins.ravel()
    size = np.zeros(len(tops), np.int64)
    for i in range(flat.size):
        if flat[i] >= 0 and group[flat[i]] >= 0:
            size[group[flat[i]]] += 1
    smallest = max(smallest, 1)  # tops of nothing are no objects
    number = np.zeros(len(tops) + 1, np.int32)  # the last, of basin -1, is 0
    kept = tops[size >= smallest]
    count = 0
    for n in range(len(tops)):
        if size[n] >= smallest:
            count += 1
            number[n] = count
    for i in range(flat.size):
        flat[i] = number[group[flat[i]]] if flat[i] >= 0 else 0
    return flat.reshape(basins.shape), kept
