"""Which detections of one frame could be continued by which of the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from cellwright._types import BoolArray, DoubleArray, IntArray, LabelArray
from cellwright.tracking.medians import quantile

_SORTED = 100  # points of a cell; only copies of a place fill it more, and stray points
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

    @classmethod
    def of(cls, rows: IntArray, columns: IntArray, weights: DoubleArray, count: int) -> Edges:
        """Return candidate links of `count` rows, given in any order."""
        order = np.argsort(rows, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=count))])
        return cls(starts, columns[order], weights[order])

    @property
    def rows(self) -> IntArray:
        """Detection of the earlier frame that each edge begins at."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    def where(self, kept: BoolArray) -> Edges:
        """Return some of them."""
        starts = np.concatenate([[0], np.cumsum(kept)])[self.starts]
        return Edges(starts, self.columns[kept], self.weights[kept])

    def within(self, radius: float) -> Edges:
        """Return those no longer than that, where the weights are squared distances."""
        return self.where(self.weights <= radius * radius)


@dataclass(frozen=True, slots=True)
class Grid:
    """Points of one or more frames, sorted into the cells of a uniform grid.

    Attributes
    ----------
    points : array of float, shape (N, 3)
        In the order of the frames, and of the cells; points of a plane have z = 0.
    order : array of int, shape (N,)
        Number that each had where it came from.
    starts : array of int
        First point of each cell of each frame, and one past the last.
    origin : array of float, shape (3,)
    side : float
        Length of a cell.
    shape : array of int, shape (3,)
        Number of cells along z, y and x.
    first : int
        Number of the first frame.
    """

    points: DoubleArray
    order: IntArray
    starts: IntArray
    origin: DoubleArray
    side: float
    shape: IntArray
    first: int = 0


def make_grid(points: DoubleArray, frame: IntArray | LabelArray | None = None) -> Grid:
    """Sort points into a grid of about two points per cell.

    Parameters
    ----------
    points : array of float, shape (N, 2) or (N, 3)
        In the same unit along every axis: scale anisotropic ones beforehand.
    frame : array of int, shape (N,), optional
        Number of the frame of each; by default, all are in frame 0.
    """
    count, dimensions = points.shape
    placed = np.zeros((count, 3))
    placed[:, 3 - dimensions :] = points
    of, first, frames = _frames(frame, count)
    origin, extent = _bulk(placed)
    side = _cell_side(extent, count / frames)
    shape = np.floor(extent / side).astype(np.int64) + 1
    starts, order = _sort_into_cells(placed, of, frames, origin, side, shape)
    return Grid(placed[order], order, starts, origin, side, shape, first)


def _frames(frame: IntArray | LabelArray | None, count: int) -> tuple[IntArray, int, int]:
    """Return the frames of so many points, counted from the first one, its number, and how many."""
    if frame is None or not count:
        return np.zeros(count, np.int64), 0, 1
    first = int(frame.min())
    return frame.astype(np.int64) - first, first, int(frame.max()) - first + 1


def neighbours(
    queries: DoubleArray,
    grid: Grid,
    radius: float,
    most: int,
    frame: IntArray | LabelArray | None = None,
) -> Edges:
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
    frame : array of int, shape (N,), optional
        Number of the frame to search for each query, 0 by default.

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
    of = np.zeros(len(queries), np.int64) if frame is None else frame.astype(np.int64) - grid.first
    starts, columns, squares = _search(
        placed, of, grid.points, grid.order, grid.starts, grid.origin, grid.side, grid.shape,
        float(radius), most,
    )  # fmt: skip
    return Edges(starts, columns[: starts[-1]], squares[: starts[-1]])


def united(edges: Edges, others: Edges) -> Edges:
    """Return the candidates of both, each once; weights are those of the first that has it."""
    starts, columns, weights = _united(
        edges.starts, edges.columns, edges.weights, others.starts, others.columns, others.weights
    )
    return Edges(starts, columns, weights)


def _bulk(points: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """Return corner and size of a box around nearly all points.

    Stray points far away, which would blow up the cells, are put into the nearest cell: they are
    farther than that says, which only makes a search look into more cells.
    """
    sample = points[:: max(1, len(points) // _SAMPLE)]
    if not len(sample):
        return np.zeros(3), np.zeros(3)
    ordered = np.sort(sample, axis=0)
    low, high = (quantile(ordered, share) for share in (0.005, 0.995))
    return low, high - low


def _cell_side(extent: DoubleArray, count: float) -> float:
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
    points: DoubleArray,
    frame: IntArray,
    frames: int,
    origin: DoubleArray,
    side: float,
    shape: IntArray,
) -> tuple[IntArray, IntArray]:
    """Return where each cell begins, shape (cells + 1,), in the order of the points (N, 3)."""
    count = len(points)
    cells = np.empty(count, np.int64)
    starts = np.zeros(frames * shape[0] * shape[1] * shape[2] + 1, np.int64)
    for i in range(count):
        cell = frame[i]
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
        # Within a cell by place, not by number: how objects are numbered must not matter.
        at, first = filled[cells[i]], max(starts[cells[i]], filled[cells[i]] - _SORTED)
        while at > first and _comes_before(points, i, order[at - 1]):
            order[at] = order[at - 1]
            at -= 1
        order[at] = i
        filled[cells[i]] += 1
    return starts, order


@njit(cache=True)
def _comes_before(points: DoubleArray, one: int, other: int) -> bool:
    """Return whether a point comes before another one by z, then y, then x."""
    for axis in range(3):
        if points[one, axis] != points[other, axis]:
            return bool(points[one, axis] < points[other, axis])
    return False


@njit(cache=True)
def _search(
    queries: DoubleArray,
    frame: IntArray,
    points: DoubleArray,
    order: IntArray,
    starts: IntArray,
    origin: DoubleArray,
    side: float,
    shape: IntArray,
    radius: float,
    most: int,
) -> tuple[IntArray, IntArray, DoubleArray]:
    """Look into ever larger shells of cells, row by row, where something nearer may be.

    The first is a whole block: what is next to the home cell is looked into nearly always.
    """
    count = len(queries)
    ends = np.zeros(count + 1, np.int64)
    columns = np.empty(count * most, np.int64)
    squares = np.empty(count * most, np.float64)
    home = np.empty(3, np.int64)
    within = np.empty(3)  # place in the home cell
    spans = np.empty((2 * shape[0] * shape[1], 2), np.int64)
    nearest = np.empty(len(spans))
    planes = shape[0]  # of a frame
    frames = (len(starts) - 1) // (shape[0] * shape[1] * shape[2])
    for q in range(count):
        qz, qy, qx = queries[q, 0], queries[q, 1], queries[q, 2]
        first = filled = ends[q]
        ends[q + 1] = first
        if not 0 <= frame[q] < frames:
            continue
        worst = radius * radius  # nothing farther is of interest
        last = 1
        for axis in range(3):
            home[axis] = _cell(queries[q, axis], origin[axis], side, shape[axis])
            within[axis] = queries[q, axis] - origin[axis] - home[axis] * side
            last = max(last, home[axis], shape[axis] - 1 - home[axis])
        for shell in range(1, last + 1):
            if shell > 1 and _outside(home, within, side, shape, shell) > worst:
                break
            above = frame[q] * planes
            for s in range(_shell(home, within, side, shape, shell, starts, above, spans, nearest)):
                if nearest[s] > worst:
                    continue
                for p in range(spans[s, 0], spans[s, 1]):
                    square = (
                        (points[p, 0] - qz) ** 2
                        + (points[p, 1] - qy) ** 2
                        + (points[p, 2] - qx) ** 2
                    )
                    if square <= worst:
                        filled = _insert(columns, squares, first, filled, most, order[p], square)
                        if filled - first == most:
                            worst = squares[filled - 1]
        ends[q + 1] = filled
    return ends, columns, squares


@njit(cache=True)
def _shell(
    home: IntArray,
    within: DoubleArray,
    side: float,
    shape: IntArray,
    shell: int,
    starts: IntArray,
    above: int,
    spans: IntArray,
    nearest: DoubleArray,
) -> int:
    """Fill in where the points in a shell of cells begin and end, and how near they may be.

    `above` counts the planes of cells of the frames before.
    """
    count = 0
    x0, x1 = home[2] - shell, home[2] + shell
    for z in range(max(home[0] - shell, 0), min(home[0] + shell, shape[0] - 1) + 1):
        away = _beyond(z - home[0], within[0], side)
        for y in range(max(home[1] - shell, 0), min(home[1] + shell, shape[1] - 1) + 1):
            square = away + _beyond(y - home[1], within[1], side)
            row = ((above + z) * shape[1] + y) * shape[2]
            if shell == 1 or abs(z - home[0]) == shell or abs(y - home[1]) == shell:
                spans[count, 0] = starts[row + max(x0, 0)]
                spans[count, 1] = starts[row + min(x1, shape[2] - 1) + 1]
                nearest[count] = square
                count += 1
                continue
            for x in (x0, x1):  # what lies between was in nearer shells
                if 0 <= x < shape[2]:
                    spans[count, 0], spans[count, 1] = starts[row + x], starts[row + x + 1]
                    nearest[count] = square + _beyond(x - home[2], within[2], side)
                    count += 1
    return count


@njit(cache=True)
def _beyond(cells: int, within: float, side: float) -> float:
    """Return the squared distance along an axis to whatever is so many cells away, or more."""
    if cells == 0:
        return 0.0
    way = (cells * side - within) if cells > 0 else (within - (cells + 1) * side)
    way = max(way - 1e-9 * side, 0.0)  # not more than it is, by rounding
    return way * way


@njit(cache=True)
def _outside(
    home: IntArray, within: DoubleArray, side: float, shape: IntArray, shell: int
) -> float:
    """Return the least squared distance to cells that are in this shell or farther out."""
    least = np.inf
    for axis in range(3):
        if home[axis] + shell < shape[axis]:
            least = min(least, _beyond(shell, within[axis], side))
        if home[axis] >= shell:
            least = min(least, _beyond(-shell, within[axis], side))
    return least


@njit(cache=True)
def _insert(
    columns: IntArray,
    squares: DoubleArray,
    first: int,
    filled: int,
    most: int,
    column: int,
    square: float,
) -> int:
    """Put one point into the sorted list of the nearest, and return where that ends."""
    place = filled
    if filled - first == most:
        place -= 1
        if square == squares[place] and column > columns[place]:
            return filled
    while place > first and (
        square < squares[place - 1]
        or (square == squares[place - 1] and column < columns[place - 1])
    ):
        squares[place] = squares[place - 1]
        columns[place] = columns[place - 1]
        place -= 1
    squares[place] = square
    columns[place] = column
    return min(filled + 1, first + most)


@njit(cache=True)
def _united(
    starts: IntArray,
    columns: IntArray,
    weights: DoubleArray,
    other_starts: IntArray,
    other_columns: IntArray,
    other_weights: DoubleArray,
) -> tuple[IntArray, IntArray, DoubleArray]:
    """Return rows of both: those of the first, then what the second adds."""
    most = len(columns) + len(other_columns)
    all_starts = np.zeros_like(starts)
    all_columns, all_weights = np.empty(most, np.int64), np.empty(most)
    count = 0
    for row in range(len(starts) - 1):
        first = count
        for e in range(starts[row], starts[row + 1]):
            all_columns[count], all_weights[count] = columns[e], weights[e]
            count += 1
        own = count
        for e in range(other_starts[row], other_starts[row + 1]):
            known = False
            for k in range(first, own):
                known = known or all_columns[k] == other_columns[e]
            if not known:
                all_columns[count], all_weights[count] = other_columns[e], other_weights[e]
                count += 1
        all_starts[row + 1] = count
    return all_starts, all_columns[:count], all_weights[:count]
