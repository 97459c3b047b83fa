"""Agreement: known answers, a definition written out, and what must not matter."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright._errors import InputError
from cellwright.metrics.agreement import (
    cohen_kappa,
    foreground_confusion,
    group_objects,
    mean_outlines,
)


@pytest.mark.parametrize(
    ("confusion", "expected"),
    [
        ([[20, 5], [10, 15]], 0.4),
        ([[45, 15], [25, 15]], 0.13043478260869565),
        ([[25, 35], [5, 35]], 0.25925925925925924),
        ([[0, 5], [5, 0]], -1),
        ([[3, 0, 0], [0, 4, 0], [0, 0, 5]], 1),
        # cohen_kappa_score of scikit-learn 1.9.1 says so, too.
        ([[10, 5, 4], [3, 12, 2], [3, 2, 9]], 0.4287432351172581),
        ([[13, 2, 4], [0, 14, 0], [2, 5, 10]], 0.6137849079025549),
    ],
)
def test_kappa_of_known_tables(confusion, expected):
    assert cohen_kappa(confusion) == pytest.approx(expected)


def by_definition(first, second):
    """κ from two lists of ratings, word by word as Cohen defines it."""
    agree = sum(a == b for a, b in zip(first, second, strict=True)) / len(first)
    names = {*first, *second}
    chance = sum(first.count(n) / len(first) * second.count(n) / len(second) for n in names)
    return (agree - chance) / (1 - chance)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
def test_kappa_is_that_of_the_definition(ratings):
    first, second = (list(of) for of in zip(*ratings, strict=True))
    confusion = np.zeros((4, 4), int)
    np.add.at(confusion, (first, second), 1)
    if len({*first, *second}) == 1:
        assert np.isnan(cohen_kappa(confusion))
    else:
        assert cohen_kappa(confusion) == pytest.approx(by_definition(first, second))
        assert cohen_kappa(confusion.T) == pytest.approx(cohen_kappa(confusion))


def test_nothing_to_differ_on_is_no_number():
    assert np.isnan(cohen_kappa(np.zeros((2, 2)))) and np.isnan(cohen_kappa([[9, 0], [0, 0]]))
    for wrong in ([[1, 2]], [[1, -1], [0, 1]]):
        with pytest.raises(InputError, match="square"):
            cohen_kappa(wrong)


def test_pixels_of_which_one_is_not_sure_count_for_neither():
    first = np.array([[0, 1, 1, -1, 2]])
    second = np.array([[0, 0, 3, 1, -1]])
    assert foreground_confusion(first, second).tolist() == [[1, 0], [1, 1]]


def squares(*corners, size=6, shape=(40, 40)):
    labels = np.zeros(shape, np.int32)
    for number, (y, x) in enumerate(corners, start=1):
        labels[y : y + size, x : x + size] = number
    return labels


def test_objects_are_brought_together_and_those_of_one_annotator_stay_alone():
    ada = squares((2, 2), (20, 20))
    bo = squares((20, 21), (2, 2), (30, 5))
    found = group_objects([ada, bo])
    assert [group.members for group in found] == [((0, 1), (1, 2)), ((0, 2), (1, 1)), ((1, 3),)]
    assert found[0].iou == 1 and found[1].iou == pytest.approx(30 / 42) and found[2].iou == 1


def test_no_annotator_is_in_a_group_twice():
    chain = [squares((5, 5 + shift)) for shift in (0, 1, 2)] + [squares((5, 8))]
    chain[0] = chain[0] + 2 * (squares((5, 12)) > 0)
    for group in group_objects(chain, 0.3):
        people = [who for who, _ in group.members]
        assert len(people) == len(set(people))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None, derandomize=True)  # equal IoUs may go either way
def test_the_order_of_the_annotators_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 34, (4, 2))
    three = [squares(*np.clip(corners + rng.integers(-2, 3, (4, 2)), 0, 34)) for _ in range(3)]
    known = {frozenset(group.members) for group in group_objects(three)}
    assert {m for group in known for m in group} == {
        (who, int(label)) for who, of in enumerate(three) for label in np.unique(of[of > 0])
    }
    sizes = sorted(len(group) for group in known)
    for order in permutations(range(3)):
        found = group_objects([three[who] for who in order])
        assert sorted(len(group.members) for group in found) == sizes


def boxed(mask):
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return box, mask[box]


def test_one_mask_stays_as_it_is_and_of_two_the_middle_is_taken():
    y, x = np.mgrid[:60, :60]
    discs = [np.hypot(y - 30, x - 30) < radius for radius in (8, 16)]
    alone = mean_outlines([[boxed(discs[0])]], (60, 60))
    np.testing.assert_array_equal(alone > 0, discs[0])
    both = mean_outlines([[boxed(disc) for disc in discs]], (60, 60))
    assert np.sqrt(np.count_nonzero(both) / np.pi) == pytest.approx(12, abs=0.3)
    most = mean_outlines([[boxed(discs[0]), boxed(discs[0]), boxed(discs[1])]], (60, 60))
    assert 8 < np.sqrt(np.count_nonzero(most) / np.pi) < 11


def test_a_pixel_belongs_to_the_object_it_lies_deepest_in():
    left, right = np.zeros((2, 10, 30), bool)
    left[:, :18] = True
    right[:, 12:] = True
    labels = mean_outlines([[boxed(left)], [boxed(right)]], (10, 30))
    assert labels[5].tolist()[:12] == [1] * 12 and labels[5].tolist()[18:] == [2] * 12
    assert labels[5, 12] == 1 and labels[5, 17] == 2
    disc = np.hypot(*(np.indices((20, 20)) - 9.5)) < 8
    assert np.unique(mean_outlines([[boxed(disc)], [boxed(disc)]], disc.shape)).tolist() == [0, 1]
