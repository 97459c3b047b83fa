"""What is chosen to be annotated next."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellwright.quality.selection import (
    UNKNOWN_DOUBT,
    doubt,
    expected_objects,
    next_to_annotate,
)

NOTHING = np.zeros((0, 2))


def test_doubt_is_the_share_of_objects_expected_to_be_wrong():
    assert doubt(np.array([1.0, 1.0])) == 0
    assert doubt(np.full(40, 0.7)) == pytest.approx(0.3)
    assert doubt(np.array([0.9] * 20)) == pytest.approx(
        doubt(np.array([0.9] * 20 + [0.001] * 30)), abs=0.01
    )
    assert doubt(np.zeros(0)) == doubt(np.zeros(3)) == UNKNOWN_DOUBT


def test_each_factor_decides_where_the_others_are_equal():
    same, apart = np.zeros((3, 2)), np.array([[0.0, 0], [1, 0], [5, 0]])
    even = np.full(3, 0.3)
    assert next_to_annotate(np.array([0.1, 0.6, 0.2]), same, NOTHING).tolist() == [1]
    assert next_to_annotate(even, apart, np.array([[0.0, 0]])).tolist() == [2]
    assert next_to_annotate(even, same, NOTHING, np.array([0.5, 3.0, 1.0])).tolist() == [1]
    work = np.array([60.0, 90, 12])
    assert next_to_annotate(even, same, NOTHING, objects=work).tolist() == [2]


def test_of_what_teaches_as_much_the_least_work_comes_first():
    doubts, apart = np.array([0.4, 0.3, 0.3]), np.array([[0.0, 0], [7, 7], [-7, 7]])
    few, unknown = np.array([80.0, 10, 12]), np.array([80.0, np.nan, 12])
    assert next_to_annotate(doubts, apart, NOTHING, objects=few, count=3).tolist() == [1, 2, 0]
    # What nobody knows is neither cheap nor dear: half way between the other two.
    assert next_to_annotate(doubts, apart, NOTHING, objects=unknown, count=3).tolist() == [2, 1, 0]
    assert expected_objects(np.array([0.9, 0.6])) == pytest.approx(1.5)
    assert np.isnan(expected_objects(np.zeros(0)))


def test_what_was_chosen_makes_what_resembles_it_less_useful():
    twins = np.array([[0.0, 0], [0.0, 0.01], [9, 9], [4, 4]])
    doubts = np.array([0.9, 0.9, 0.4, 0.1])
    assert next_to_annotate(doubts, twins, NOTHING, count=2).tolist() == [0, 2]


@given(st.integers(1, 12), st.integers(0, 5), st.integers(1, 15), st.integers(0, 2**31))
def test_each_is_chosen_once_whatever_the_order_of_the_candidates(size, known, count, seed):
    rng = np.random.default_rng(seed)
    doubts, features = rng.random(size), rng.normal(size=(size, 4))
    annotated, novelty = rng.normal(size=(known, 4)), rng.random(size) * 3
    novelty[rng.random(size) < 0.2] = np.nan
    objects = rng.integers(1, 90, size) / 1.0
    objects[rng.random(size) < 0.2] = np.nan
    chosen = next_to_annotate(doubts, features, annotated, novelty, objects, count=count)
    assert len(set(chosen.tolist())) == len(chosen) == min(count, size)
    order = rng.permutation(size)
    again = next_to_annotate(
        doubts[order], features[order], annotated, novelty[order], objects[order], count=count
    )
    np.testing.assert_array_equal(order[again], chosen)
