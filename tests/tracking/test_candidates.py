import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellwright.tracking.candidates import make_grid, neighbours


def _nearest(queries, points, radius, most):
    """Every distance, the slow and obvious way."""
    rows = []
    for query in queries:
        squares = ((points - query) ** 2).sum(axis=1)
        order = np.lexsort((np.arange(len(points)), squares))
        rows.append([j for j in order if squares[j] <= radius**2][:most])
    return rows


@given(
    seed=st.integers(0, 10**6),
    dimensions=st.sampled_from([2, 3]),
    sizes=st.tuples(st.integers(0, 40), st.integers(0, 60)),
    radius=st.sampled_from([0.05, 0.3, 2.0, np.inf]),
    most=st.integers(1, 8),
    flat=st.booleans(),
)
def test_the_nearest_are_those_of_all_distances(seed, dimensions, sizes, radius, most, flat):
    rng = np.random.default_rng(seed)
    stretch = np.array([1e-6, 1, 1])[-dimensions:] if flat else 1.0
    queries = rng.uniform(-0.5, 1.5, (sizes[0], dimensions)) * stretch
    points = rng.uniform(0, 1, (sizes[1], dimensions)) * stretch
    edges = neighbours(queries, make_grid(points), radius, most)
    expected = _nearest(queries, points, radius, most)
    found = [
        edges.columns[a:b].tolist() for a, b in zip(edges.starts, edges.starts[1:], strict=False)
    ]
    assert found == expected
    among_all = neighbours(queries, make_grid(points), np.inf, most).within(radius)
    assert among_all.starts.tolist() == edges.starts.tolist()
    assert among_all.columns.tolist() == edges.columns.tolist()
    assert among_all.weights.tolist() == edges.weights.tolist()
    distances = ((points[edges.columns] - queries[edges.rows]) ** 2).sum(axis=1)
    assert np.allclose(edges.weights, distances, rtol=1e-12, atol=1e-15)


@given(
    seed=st.integers(0, 10**6),
    dimensions=st.sampled_from([2, 3]),
    sizes=st.tuples(st.integers(0, 40), st.integers(0, 80)),
    radius=st.sampled_from([0.3, np.inf]),
    most=st.integers(1, 8),
)
def test_frames_in_one_grid_are_searched_each_by_itself(seed, dimensions, sizes, radius, most):
    rng = np.random.default_rng(seed)
    queries, points = (rng.uniform(0, 1, (size, dimensions)) for size in sizes)
    here, there = rng.integers(3, 9, sizes[0]), rng.choice([4, 5, 7], sizes[1])
    edges = neighbours(queries, make_grid(points, there), radius, most, here)
    rows = edges.rows
    for frame in range(3, 9):
        query, among = here == frame, np.flatnonzero(there == frame)
        alone = neighbours(queries[query], make_grid(points[among]), radius, most)
        assert edges.columns[query[rows]].tolist() == among[alone.columns].tolist()
        assert edges.weights[query[rows]].tolist() == alone.weights.tolist()


@pytest.mark.parametrize("count", [1, 50])
def test_points_in_one_place_are_all_found(count):
    points = np.full((count, 2), 3.0)
    edges = neighbours(points[:1], make_grid(points), 1.0, 100)
    assert edges.columns.tolist() == list(range(count))


def test_one_distant_point_does_not_make_the_search_slow():
    points = np.vstack([np.random.default_rng(0).uniform(0, 1, (2000, 2)), [[1e6, 1e6]]])
    edges = neighbours(points, make_grid(points), 0.01, 1)
    assert edges.columns.tolist() == list(range(2001))
