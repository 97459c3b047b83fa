"""Assignment of rows to columns of least cost, where both may also stay alone.

The problem of one frame pair: rows are detections of the earlier frame, columns those of the later
one. A row that is assigned to nothing costs `row_alone`, a column `column_alone`. A mother that may
divide is put in twice: her second row costs nothing when it stays alone, and the
cost of a split more than the link otherwise. That makes joint linking and division a plain
assignment, which is solved exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from cellwright._types import DoubleArray, IntArray

ALONE = -1
_PASSES = 20


@dataclass(frozen=True, slots=True)
class Assignment:
    """An optimal assignment and its certificate.

    Attributes
    ----------
    column_of : array of int, shape (N,)
        Column of each row, or -1 for a row that stays alone.
    row_of : array of int, shape (M,)
        Row of each column, or -1.
    row_duals : array of float, shape (N,)
        At most ``row_alone``.
    column_duals : array of float, shape (M,)
        At most ``column_alone``. No edge costs less than the sum of its two duals; those chosen
        cost just that, and what stays alone has the dual that it costs: so the sum of all duals
        is the least cost.
    starts, columns, costs, column_alone
        What was given; see `assign`.
    """

    column_of: IntArray
    row_of: IntArray
    row_duals: DoubleArray
    column_duals: DoubleArray
    starts: IntArray
    columns: IntArray
    costs: DoubleArray
    column_alone: DoubleArray

    def least_row_duals(self) -> DoubleArray:
        """Return the duals of rows when as much as can be is on the columns, shape (N,).

        The cost of an edge less such a dual says what it costs that the row leaves its column for
        another one.
        """
        least: DoubleArray = _favour_columns(
            self.starts, self.columns, self.costs,
            self.column_of, self.row_duals, self.column_duals, self.column_alone,
        )  # fmt: skip
        return least

    @property
    def cost(self) -> float:
        """Cost of all edges chosen and of all rows and columns left alone."""
        return float(self.row_duals.sum() + self.column_duals.sum())


def assign(
    starts: IntArray,
    columns: IntArray,
    costs: DoubleArray,
    row_alone: DoubleArray,
    column_alone: DoubleArray,
) -> Assignment:
    """Assign rows to columns at the least total cost.

    Parameters
    ----------
    starts : array of int, shape (N + 1,)
        Row ``i`` has the edges ``starts[i]:starts[i + 1]``.
    columns : array of int, shape (E,)
    costs : array of float, shape (E,)
        Finite.
    row_alone, column_alone : array of float, shapes (N,) and (M,)
        Costs of staying alone.

    Returns
    -------
    Assignment

    Notes
    -----
    Every row first takes its cheapest edge, which settles all but the contested columns. The rows
    that are left take the shortest augmenting path, which ends at a column nobody has or at a row
    that is content to stay alone; it is short, whatever the size of the problem. Afterwards duals
    are moved from columns to rows as far as they go, so that the dual of a column says what the
    row that has it would lose.

    References
    ----------
    Jonker & Volgenant, A shortest augmenting path algorithm for dense and sparse linear assignment
    problems, Computing 38 (1987).
    """
    starts, columns = (np.ascontiguousarray(one, np.int64) for one in (starts, columns))
    costs, column_alone = (np.ascontiguousarray(one, np.float64) for one in (costs, column_alone))
    column_of, row_of, row_duals, column_duals = _solve(
        starts,
        columns,
        costs - column_alone[columns],
        np.ascontiguousarray(row_alone, np.float64),
        len(column_alone),
    )
    duals = column_duals + column_alone
    return Assignment(column_of, row_of, row_duals, duals, starts, columns, costs, column_alone)


@njit(cache=True)
def _solve(
    starts: IntArray, columns: IntArray, costs: DoubleArray, alone: DoubleArray, count: int
) -> tuple[IntArray, IntArray, DoubleArray, DoubleArray]:
    """Solve with columns that may stay alone for nothing."""
    rows = len(starts) - 1
    column_of = np.full(rows, ALONE)
    row_of = np.full(count, ALONE)
    row_duals = alone.copy()
    column_duals = np.zeros(count)
    waiting = np.empty(rows, np.int64)
    left = 0
    for row in range(rows):
        best = ALONE
        for e in range(starts[row], starts[row + 1]):
            if costs[e] < row_duals[row]:
                row_duals[row] = costs[e]
                best = columns[e]
        if best == ALONE:
            continue
        if row_of[best] == ALONE:
            row_of[best] = row
            column_of[row] = best
        else:
            waiting[left] = row
            left += 1
    if left:
        _augment_all(
            waiting[:left], starts, columns, costs, alone,
            column_of, row_of, row_duals, column_duals,
        )  # fmt: skip
    _favour_rows(starts, columns, costs, alone, column_of, row_duals, column_duals)
    return column_of, row_of, row_duals, column_duals


@njit(cache=True)
def _augment_all(
    waiting: IntArray,
    starts: IntArray,
    columns: IntArray,
    costs: DoubleArray,
    alone: DoubleArray,
    column_of: IntArray,
    row_of: IntArray,
    row_duals: DoubleArray,
    column_duals: DoubleArray,
) -> None:
    """Give each waiting row a column, or leave it alone, by the shortest augmenting path."""
    count = len(row_of)
    distance = np.full(count, np.inf)
    previous = np.empty(count, np.int64)  # row from which a column is reached
    place = np.full(count, -1)  # of a column in the heap; -2 once it is settled
    heap = np.empty(count, np.int64)
    seen = np.empty(count, np.int64)
    for w in range(len(waiting)):
        size = touched = 0
        row, reached = waiting[w], 0.0
        # Of a plain constant numba would make a type of its own, and compile `_flip` twice.
        shortest, last_column, last_row = np.inf, int(ALONE), row
        while True:
            end = reached + alone[row] - row_duals[row]
            if end < shortest:
                shortest, last_column, last_row = end, ALONE, row
            for e in range(starts[row], starts[row + 1]):
                column = columns[e]
                if place[column] == -2:
                    continue
                length = reached + costs[e] - row_duals[row] - column_duals[column]
                if length >= shortest or length >= distance[column]:
                    continue
                if distance[column] == np.inf:
                    seen[touched] = column
                    touched += 1
                distance[column] = length
                previous[column] = row
                if row_of[column] == ALONE:
                    shortest, last_column, last_row = length, column, row
                    continue
                if place[column] == -1:
                    place[column] = size
                    heap[size] = column
                    size += 1
                _sift_up(heap, place, distance, place[column])
            if size == 0 or distance[heap[0]] >= shortest:
                break
            column = heap[0]
            size -= 1
            if size:
                heap[0] = heap[size]
                _sift_down(heap, place, distance, size)
            place[column] = -2
            row, reached = row_of[column], distance[column]
        row_duals[waiting[w]] += shortest
        for s in range(touched):
            column = seen[s]
            if place[column] == -2:
                row_duals[row_of[column]] += shortest - distance[column]
                column_duals[column] -= shortest - distance[column]
            place[column] = -1
            distance[column] = np.inf
        _flip(waiting[w], last_row, last_column, previous, column_of, row_of)


@njit(cache=True)
def _flip(
    first: int, row: int, column: int, previous: IntArray, column_of: IntArray, row_of: IntArray
) -> None:
    """Give every row on a path, from its end, the column behind it."""
    while True:
        earlier = column_of[row]
        column_of[row] = column
        if column != ALONE:
            row_of[column] = row
        if row == first:
            return
        column = earlier
        row = previous[column]


@njit(cache=True)
def _sift_up(heap: IntArray, place: IntArray, keys: DoubleArray, at: int) -> None:
    """Move the column at a place of the heap up to where its key belongs."""
    column = heap[at]
    while at > 0 and keys[heap[(at - 1) // 2]] > keys[column]:
        heap[at] = heap[(at - 1) // 2]
        place[heap[at]] = at
        at = (at - 1) // 2
    heap[at] = column
    place[column] = at


@njit(cache=True)
def _sift_down(heap: IntArray, place: IntArray, keys: DoubleArray, size: int) -> None:
    """Move the column at the top of the heap down to where its key belongs."""
    at, column = 0, heap[0]
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and keys[heap[child + 1]] < keys[heap[child]]:
            child += 1
        if keys[heap[child]] >= keys[column]:
            break
        heap[at] = heap[child]
        place[heap[at]] = at
        at = child
    heap[at] = column
    place[column] = at


@njit(cache=True)
def _favour_rows(
    starts: IntArray,
    columns: IntArray,
    costs: DoubleArray,
    alone: DoubleArray,
    column_of: IntArray,
    row_duals: DoubleArray,
    column_duals: DoubleArray,
) -> None:
    """Raise the duals of assigned rows, and lower those of their columns, as far as can be."""
    for row in range(len(column_of)):
        mine = column_of[row]
        if mine == ALONE:
            continue
        other = alone[row]
        for e in range(starts[row], starts[row + 1]):
            if columns[e] != mine:
                other = min(other, costs[e] - column_duals[columns[e]])
        loss = other - row_duals[row]
        row_duals[row] += loss
        column_duals[mine] -= loss


@njit(cache=True)
def _favour_columns(
    starts: IntArray,
    columns: IntArray,
    costs: DoubleArray,
    column_of: IntArray,
    row_duals: DoubleArray,
    column_duals: DoubleArray,
    alone: DoubleArray,
) -> DoubleArray:
    """Return the duals of rows after columns took what their rows can give them.

    A column that its row leaves stays alone, or is taken by a row whose column is left in turn;
    each pass looks one step farther.
    """
    least = row_duals.copy()
    own = np.empty(len(column_of))
    for row in range(len(column_of)):
        if column_of[row] != ALONE:
            own[row] = row_duals[row] + column_duals[column_of[row]]
    for _ in range(_PASSES):
        left = alone.copy()  # cost of a column that is left
        for row in range(len(column_of)):
            for e in range(starts[row], starts[row + 1]):
                if columns[e] != column_of[row]:
                    left[columns[e]] = min(left[columns[e]], costs[e] - least[row])
        moved = False
        for row in range(len(column_of)):
            mine = column_of[row]
            if mine != ALONE and own[row] - left[mine] < least[row] - 1e-9:
                least[row] = own[row] - left[mine]
                moved = True
        if not moved:
            break
    return least
