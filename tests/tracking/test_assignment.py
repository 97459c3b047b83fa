import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, linear_sum_assignment, milp
from scipy.sparse import coo_array

from cellwright.tracking import assignment
from cellwright.tracking.assignment import assign


def _problem(rng, rows, columns, edges_each, ties):
    """Random sparse edges, with costs that are whole numbers where ties are wanted."""
    degree = rng.integers(0, min(edges_each, columns) + 1, rows)
    starts = np.concatenate([[0], np.cumsum(degree)])
    ends = [rng.choice(columns, size, replace=False) for size in degree]
    draw = (lambda n: rng.integers(-5, 6, n) * 1.0) if ties else (lambda n: rng.normal(0, 3, n))
    columns_of_edges = np.concatenate([np.zeros(0, int), *ends])
    return starts, columns_of_edges, draw(starts[-1]), draw(rows) + 2, draw(columns) + 2


def _dense_optimum(starts, columns, costs, row_alone, column_alone):
    """The same problem as a square matrix in which every row and column has its own dummy."""
    rows, count = len(row_alone), len(column_alone)
    matrix = np.full((rows + count, count + rows), 1e6)
    for row in range(rows):
        edges = slice(starts[row], starts[row + 1])
        matrix[row, columns[edges]] = costs[edges]
    matrix[np.arange(rows), count + np.arange(rows)] = row_alone
    matrix[rows + np.arange(count), np.arange(count)] = column_alone
    matrix[rows:, count:] = 0
    return matrix[linear_sum_assignment(matrix)].sum()


def _check(problem):
    """The certificate holds, and the assignment costs what it says."""
    starts, columns, costs, row_alone, column_alone = problem
    solved = assign(*problem)
    rows = np.repeat(np.arange(len(row_alone)), np.diff(starts))
    slack = costs - solved.row_duals[rows] - solved.column_duals[columns]
    assert slack.min(initial=0) > -1e-9
    assert np.all(solved.row_duals <= row_alone + 1e-9)
    assert np.all(solved.column_duals <= column_alone + 1e-9)
    chosen = solved.column_of[rows] == columns
    matched = np.flatnonzero(solved.column_of >= 0)
    assert np.array_equal(solved.row_of[solved.column_of[matched]], matched)
    assert chosen.sum() == len(matched) == np.count_nonzero(solved.row_of >= 0)
    alone = row_alone[solved.column_of < 0].sum() + column_alone[solved.row_of < 0].sum()
    assert solved.cost == pytest.approx(costs[chosen].sum() + alone, abs=1e-7)
    return solved


@given(
    seed=st.integers(0, 10**6),
    rows=st.integers(0, 30),
    columns=st.integers(1, 30),
    edges_each=st.integers(1, 8),
    ties=st.booleans(),
)
def test_the_cost_is_that_of_the_dense_problem(seed, rows, columns, edges_each, ties):
    problem = _problem(np.random.default_rng(seed), rows, columns, edges_each, ties)
    assert _check(problem).cost == pytest.approx(_dense_optimum(*problem), abs=1e-7)


@given(seed=st.integers(0, 10**6), rows=st.integers(1, 12), columns=st.integers(1, 12))
def test_the_least_dual_of_a_row_is_what_is_saved_without_it(seed, rows, columns):
    problem = _problem(np.random.default_rng(seed), rows, columns, 5, ties=False)
    solved = assign(*problem)
    least = solved.least_row_duals()
    starts, ends, costs, row_alone, column_alone = problem
    for row in range(rows):
        edge = np.arange(len(costs))
        kept = (edge < starts[row]) | (edge >= starts[row + 1])
        degree = np.delete(np.diff(starts), row)
        without = assign(
            np.concatenate([[0], np.cumsum(degree)]), ends[kept], costs[kept],
            np.delete(row_alone, row), column_alone,
        )  # fmt: skip
        assert solved.cost - without.cost == pytest.approx(least[row], abs=1e-6)


def test_a_large_crowded_problem_is_solved_with_its_certificate():
    _check(_problem(np.random.default_rng(1), 20_000, 15_000, 8, ties=False))


def _best_with_divisions(starts, columns, costs, ends, begins, splits):
    """Links, ends, starts and divisions as an integer program."""
    rows, count, edges = len(ends), len(begins), len(costs)
    row_of_edge = np.repeat(np.arange(rows), np.diff(starts))
    objective = np.concatenate([costs, ends, splits, begins])  # edges, then one per detection
    each, end = np.arange(edges), edges + np.arange(rows)
    split, begin = end + rows, edges + 2 * rows + np.arange(count)
    later = rows + columns
    # Edges of a mother = 1 - end + split, edges of a daughter = 1 - begin; a split needs no end.
    i = np.concatenate(
        [row_of_edge, np.arange(rows), np.arange(rows), later, rows + np.arange(count)]
    )
    j = np.concatenate([each, end, split, each, begin])
    one = np.concatenate([np.ones(edges + rows), -np.ones(rows), np.ones(edges + count)])
    balance = coo_array((one, (i, j)), shape=(rows + count, len(objective)))
    both = coo_array(
        (np.ones(2 * rows), (np.tile(np.arange(rows), 2), np.concatenate([end, split]))),
        shape=(rows, len(objective)),
    )
    limits = [LinearConstraint(balance, 1, 1), LinearConstraint(both, -np.inf, 1)]
    return milp(objective, constraints=limits, integrality=1, bounds=(0, 1)).fun


@given(seed=st.integers(0, 10**6), rows=st.integers(1, 15), columns=st.integers(1, 25))
def test_mothers_put_in_twice_give_the_optimum_with_divisions(seed, rows, columns):
    rng = np.random.default_rng(seed)
    starts, ends, costs, row_alone, column_alone = _problem(rng, rows, columns, 6, ties=False)
    splits = rng.uniform(0, 3, rows)
    row_alone = np.abs(row_alone)  # else a split could be worth it for a mother that ended
    owner = np.repeat(np.arange(rows), np.diff(starts))
    doubled = assign(
        np.concatenate([starts, starts[-1] + starts[1:]]),
        np.tile(ends, 2),
        np.concatenate([costs, costs + splits[owner]]),
        np.concatenate([row_alone, np.zeros(rows)]),
        column_alone,
    )
    best = _best_with_divisions(starts, ends, costs, row_alone, column_alone, splits)
    assert doubled.cost == pytest.approx(best, abs=1e-6)


def test_nothing_to_assign():
    empty = assign(np.zeros(1, int), np.zeros(0, int), np.zeros(0), np.zeros(0), np.array([3.0]))
    assert (empty.cost, empty.row_of.tolist()) == (3.0, [-1])


def test_paths_are_compiled_for_one_kind_of_arguments():
    starts, columns = np.array([0, 2, 4]), np.array([0, 1, 0, 1])
    assign(starts, columns, np.array([1.0, 2.0, 1.0, 3.0]), np.full(2, 9.0), np.full(2, 9.0))
    assert len(assignment._flip.signatures) <= 1
