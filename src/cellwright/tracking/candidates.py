"""Which detections of one frame could be continued by which of the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from cellwright._types import AnyArray, DoubleArray, IntArray
from cellwright.metrics.overlap import overlap_table

_POINTS_PER_CELL = 2.0
_SAMPLE = 1000


@dataclass(frozen=True, slots=True)
class Edges:
    """Candidate links of a frame pair, row by row: row ``i`` owns ``starts[i]:starts[i + 1]``.

    Attributes
    ----------
    starts : array of int, shape (N + 1,)
    columns : array of int, shape (E,)
        Detections of the later frame.
    weights : array of float, shape (E,)
        What the maker of the edges says of each: a squared distance or an overlap.
    """

    starts: IntArray
    columns: IntArray
    weights: DoubleArray

    @property
    def rows(self) -> IntArray:
        """Detection of the earlier frame that each edge begins at."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))


@dataclass(frozen=True, slots=True)
class Grid:
    """Points sorted into the cells of a uniform grid.

    Attributes
    ----------
    points : array of float, shape (N, 3)
        In the order of the cells; points of a plane have z = 0.
    order : array of int, shape (N,)
        Number that each had where it came from.
    starts : array of int
        First point of each cell, and one past the last.
    origin : array of float, shape (3,)
    side : float
        Length of a cell.
    shape : array of int, shape (3,)
        Number of cells along z, y and x.
    """

    points: DoubleArray
    order: IntArray
    starts: IntArray
    origin: DoubleArray
    side: float
    shape: IntArray


def make_grid(points: DoubleArray) -> Grid:
    """Sort points into a grid of about two points per cell.

    Parameters
    ----------
    points : array of float, shape (N, 2) or (N, 3)
        In the same unit along every axis: scale anisotropic ones beforehand.
    """
    count, dimensions = points.shape
    placed = np.zeros((count, 3))
    placed[:, 3 - dimensions :] = points
    origin, extent = _bulk(placed)
    side = _cell_side(extent, count)
    shape = np.floor(extent / side).astype(np.int64) + 1
    starts, order = _sort_into_cells(placed, origin, side, shape)
    return Grid(placed[order], order, starts, origin, side, shape)


def neighbours(queries: DoubleArray, grid: Grid, radius: float, most: int) -> Edges:
    """Find the nearest points around each query.

    Parameters
    ----------
    queries : array of float, shape (N, 2) or (N, 3)
    grid : Grid
        Of the points that are searched.
    radius : float
        Largest distance; may be infinite.
    most : int
        At most so many points for each query.

    Returns
    -------
    Edges
        Of each query, nearest first; columns are the numbers of the points before they were
        sorted, weights the squared distances. Points at equal distance come by their number.
    """
    placed = np.zeros((len(queries), 3))
    placed[:, 3 - queries.shape[1] :] = queries
    most = min(most, len(grid.points))
    if most == 0:
        return Edges(np.zeros(len(queries) + 1, np.int64), np.zeros(0, np.int64), np.zeros(0))
    found, columns, squares = _search(
        placed, grid.points, grid.order, grid.starts, grid.origin, grid.side, grid.shape,
        float(radius), most,
    )  # fmt: skip
    kept = np.arange(most) < found[:, None]
    starts = np.concatenate([[0], np.cumsum(found)])
    return Edges(starts, columns[kept], squares[kept])


def overlaps(earlier: AnyArray, later: AnyArray) -> tuple[IntArray, IntArray, DoubleArray]:
    """Find the objects of two frames that share pixels.

    Parameters
    ----------
    earlier, later : array of int, shape ([Z,] Y, X)
        Labels of two frames; 0 is background.

    Returns
    -------
    earlier_labels, later_labels : array of int, shape (P,)
    shares : array of float, shape (P,)
        Shared pixels over those of the smaller object: 1 where one lies within the other.
    """
    table = overlap_table(earlier, later)
    first = table.truth_areas[np.searchsorted(table.truth_labels, table.truth)]
    second = table.predicted_areas[np.searchsorted(table.predicted_labels, table.prediction)]
    return table.truth, table.prediction, np.asarray(table.pixels / np.minimum(first, second))


def _bulk(points: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """Return corner and size of a box around nearly all points.

    Stray points far away, which would blow up the cells, are put into the nearest cell: they are
    farther than that says, which only makes a search look into more cells.
    """
    sample = points[:: max(1, len(points) // _SAMPLE)]
    if not len(sample):
        return np.zeros(3), np.zeros(3)
    low, high = np.quantile(sample, (0.005, 0.995), axis=0)
    return low, high - low


def _cell_side(extent: DoubleArray, count: int) -> float:
    """Return the side of cells that hold a few points each, however flat their box is."""
    spans = np.sort(extent[extent > 0])
    for skipped in range(len(spans)):  # a thin axis is one cell thick and does not count
        kept = spans[skipped:]
        side = float((np.prod(kept / kept[-1]) * _POINTS_PER_CELL / count) ** (1 / len(kept)))
        side *= float(kept[-1])
        if side <= kept[0] or skipped == len(spans) - 1:
            return max(side, float(spans[-1]) * 1e-6)
    return 1.0


@njit(cache=True)
def _cell(value: float, origin: float, side: float, size: int) -> int:
    """Return the cell along one axis, the nearest one for what lies outside."""
    return int(min(max(np.floor((value - origin) / side), 0.0), size - 1.0))


@njit(cache=True)
def _sort_into_cells(
    points: DoubleArray, origin: DoubleArray, side: float, shape: IntArray
) -> tuple[IntArray, IntArray]:
    """Return where each cell begins, shape (cells + 1,), in the order of the points (N, 3)."""
    count = len(points)
    cells = np.empty(count, np.int64)
    starts = np.zeros(shape[0] * shape[1] * shape[2] + 1, np.int64)
    for i in range(count):
        cell = 0
        for axis in range(3):
            cell *= shape[axis]
            cell += _cell(points[i, axis], origin[axis], side, shape[axis])
        cells[i] = cell
        starts[cells[i] + 1] += 1
    for c in range(len(starts) - 1):
        starts[c + 1] += starts[c]
    order = np.empty(count, np.int64)
    filled = starts.copy()
    for i in range(count):
        order[filled[cells[i]]] = i
        filled[cells[i]] += 1
    return starts, order


@njit(cache=True)
def _search(
    queries: DoubleArray,
    points: DoubleArray,
    order: IntArray,
    starts: IntArray,
    origin: DoubleArray,
    side: float,
    shape: IntArray,
    radius: float,
    most: int,
) -> tuple[IntArray, IntArray, DoubleArray]:
    """Look into ever larger shells of cells until nothing nearer can come."""
    count = len(queries)
    found = np.zeros(count, np.int64)
    columns = np.empty((count, most), np.int64)
    squares = np.empty((count, most), np.float64)
    home = np.empty(3, np.int64)
    largest = radius * radius
    for q in range(count):
        qz, qy, qx = queries[q, 0], queries[q, 1], queries[q, 2]
        near = 0
        last = 0
        for axis in range(3):
            home[axis] = _cell(queries[q, axis], origin[axis], side, shape[axis])
            last = max(last, home[axis], shape[axis] - 1 - home[axis])
        for shell in range(last + 1):
            # Cells of this shell are at least so far away.
            gap = max(shell - 1, 0) * side
            if gap > radius or (near == most and gap * gap > squares[q, most - 1]):
                break
            z0, z1 = max(home[0] - shell, 0), min(home[0] + shell, shape[0] - 1)
            y0, y1 = max(home[1] - shell, 0), min(home[1] + shell, shape[1] - 1)
            for z in range(z0, z1 + 1):
                for y in range(y0, y1 + 1):
                    on_face = abs(z - home[0]) == shell or abs(y - home[1]) == shell
                    step = 1 if on_face or shell == 0 else 2 * shell
                    for x in range(home[2] - shell, home[2] + shell + 1, step):
                        if x < 0 or x >= shape[2]:
                            continue
                        c = (z * shape[1] + y) * shape[2] + x
                        for p in range(starts[c], starts[c + 1]):
                            square = (
                                (points[p, 0] - qz) ** 2
                                + (points[p, 1] - qy) ** 2
                                + (points[p, 2] - qx) ** 2
                            )
                            if square > largest:
                                continue
                            if near == most and square > squares[q, most - 1]:
                                continue
                            near = _insert(columns, squares, q, near, order[p], square)
        found[q] = near
    return found, columns, squares


@njit(cache=True)
def _insert(
    columns: IntArray, squares: DoubleArray, row: int, found: int, column: int, square: float
) -> int:
    """Put one point into a row's sorted list of the nearest, and return how many there are."""
    most: int = columns.shape[1]
    place = found
    if found == most:
        place = most - 1
        if (square, column) >= (squares[row, place], columns[row, place]):
            return found
    while place > 0 and (square, column) < (squares[row, place - 1], columns[row, place - 1]):
        squares[row, place] = squares[row, place - 1]
        columns[row, place] = columns[row, place - 1]
        place -= 1
    squares[row, place] = square
    columns[row, place] = column
    return found + 1 if found < most else most
