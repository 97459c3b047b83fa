"""What is chosen to be annotated next."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellwright.quality.selection import UNKNOWN_DOUBT, Doubt, doubt, next_to_annotate

NOTHING = np.zeros((0, 2))
LABELS = np.repeat(np.repeat(np.arange(1, 17).reshape(4, 4), 5, axis=0), 5, axis=1)
"""16 objects."""


def even(wrong, objects=20.0):
    return [Doubt(one, objects) for one in wrong]


def test_doubt_is_the_share_of_objects_expected_to_be_wrong():
    assert doubt(np.ones(16), LABELS, LABELS) == Doubt(0, 16)
    assert doubt(np.full(16, 0.7), LABELS, LABELS).wrong == pytest.approx(0.3)
    few = doubt(np.array([0.9] * 10 + [0.001] * 6), LABELS, LABELS)
    assert few.wrong == pytest.approx(0.1, abs=0.01)


def test_what_is_not_found_again_is_doubted_whatever_its_confidence():
    half = np.where(LABELS > 8, 0, LABELS)
    assert doubt(np.ones(16), LABELS, half) == Doubt(0.5, 8)
    assert doubt(np.full(8, 0.8), half, LABELS).wrong == pytest.approx(1 - 0.8 / 2)
    assert doubt(np.ones(16), LABELS, np.zeros_like(LABELS)) == Doubt(1, 0)


def test_where_nothing_is_found_nothing_is_known():
    nothing = np.zeros_like(LABELS)
    found = doubt(np.zeros(0), nothing, nothing)
    assert found.wrong == UNKNOWN_DOUBT and np.isnan(found.objects)
    assert doubt(np.zeros(16), LABELS, LABELS) == Doubt(1, 16)  # found, but not believed in


def test_each_factor_decides_where_the_others_are_equal():
    same, apart = np.zeros((3, 2)), np.array([[0.0, 0], [1, 0], [5, 0]])
    alike = even([0.3] * 3)
    assert next_to_annotate(even([0.1, 0.6, 0.2]), same, NOTHING).tolist() == [1]
    assert next_to_annotate(alike, apart, np.array([[0.0, 0]])).tolist() == [2]
    assert next_to_annotate(alike, same, NOTHING, np.array([0.5, 3.0, 1.0])).tolist() == [1]
    work = [Doubt(0.3, objects) for objects in (60, 90, 12)]
    assert next_to_annotate(work, same, NOTHING).tolist() == [2]


def test_of_what_teaches_as_much_the_least_work_comes_first():
    apart = np.array([[0.0, 0], [7, 7], [-7, 7]])
    few, many = Doubt(0.3, 12), Doubt(0.4, 80)
    fewest = Doubt(0.3, 10)
    assert next_to_annotate([many, fewest, few], apart, NOTHING, count=3).tolist() == [1, 2, 0]
    # What nobody knows is neither cheap nor dear: half way between the other two.
    unknown = Doubt(0.3, np.nan)
    assert next_to_annotate([many, unknown, few], apart, NOTHING, count=3).tolist() == [2, 1, 0]
    assert next_to_annotate([unknown], apart[:1], NOTHING).tolist() == [0]


def test_what_was_chosen_makes_what_resembles_it_less_useful():
    twins = np.array([[0.0, 0], [0.0, 0.01], [9, 9], [4, 4]])
    doubts = even([0.9, 0.9, 0.4, 0.1])
    assert next_to_annotate(doubts, twins, NOTHING, count=2).tolist() == [0, 2]


@given(st.integers(1, 12), st.integers(0, 5), st.integers(1, 15), st.integers(0, 2**31))
def test_each_is_chosen_once_whatever_the_order_of_the_candidates(size, known, count, seed):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(size, 4))
    annotated, novelty = rng.normal(size=(known, 4)), rng.random(size) * 3
    novelty[rng.random(size) < 0.2] = np.nan
    objects = np.where(rng.random(size) < 0.2, np.nan, rng.integers(1, 90, size))
    doubts = [Doubt(*one) for one in zip(rng.random(size), objects, strict=True)]
    chosen = next_to_annotate(doubts, features, annotated, novelty, count=count)
    assert len(set(chosen.tolist())) == len(chosen) == min(count, size)
    order = rng.permutation(size)
    again = next_to_annotate(
        [doubts[n] for n in order], features[order], annotated, novelty[order], count=count
    )
    np.testing.assert_array_equal(order[again], chosen)
