import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cellwright.datasets.repair import Flaws, find_flaws, repaired

RING = [[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 0], [0, 0, 0, 2]]
SCATTERED = [[1, 1, 0, 0, 1], [1, 1, 0, 0, 0], [0, 0, 0, 2, 2]]

labels_2d = arrays(
    np.int32, st.tuples(st.integers(1, 8), st.integers(1, 8)), elements=st.integers(-1, 3)
)
labels_3d = arrays(np.int32, (4, 5, 4), elements=st.integers(-1, 2))


def as_labels(rows):
    return np.array(rows, np.int32)


def test_an_object_with_a_hole_is_counted_and_filled():
    labels = as_labels(RING)
    assert find_flaws(labels) == Flaws(scattered=0, holed=1)
    filled = repaired(labels)
    assert filled[1, 1] == 1
    assert np.count_nonzero(filled != labels) == 1
    assert np.array_equal(repaired(labels, fill_holes=False), labels)


@pytest.mark.parametrize("inside", [2, -1])
def test_what_is_enclosed_with_something_else_is_no_hole(inside):
    labels = np.ones((5, 5), np.int32)
    labels[1:4, 1:4] = 0
    labels[2, 2] = inside
    assert find_flaws(labels).holed == 0
    assert np.array_equal(repaired(labels), labels)


def test_a_bay_at_the_border_is_no_hole():
    labels = np.ones((3, 3), np.int32)
    labels[0, 1] = 0
    assert np.array_equal(repaired(labels), labels)


def test_scattered_parts_are_split_dropped_or_kept():
    labels = as_labels(SCATTERED)
    assert find_flaws(labels) == Flaws(scattered=1, holed=0)
    assert repaired(labels)[0, 4] == 3
    assert repaired(labels, parts="largest")[0, 4] == 0
    assert np.array_equal(repaired(labels, parts="keep"), labels)
    for parts in ("split", "largest"):
        assert (repaired(labels, parts=parts)[:2, :2] == 1).all()


def test_parts_that_touch_diagonally_are_one():
    labels = as_labels([[1, 0], [0, 1]])
    assert find_flaws(labels) == Flaws()
    assert np.array_equal(repaired(labels), labels)


def test_small_objects_are_dropped_on_request():
    found = repaired(as_labels(SCATTERED), min_size=2)
    assert sorted(np.unique(found).tolist()) == [0, 1, 2]


def test_a_tunnel_through_a_volume_is_no_hole_but_a_bubble_is():
    bubble = np.ones((3, 3, 3), np.int32)
    bubble[1, 1, 1] = 0
    tunnel = np.ones((3, 3, 3), np.int32)
    tunnel[:, 1, 1] = 0
    assert find_flaws(bubble).holed == 1
    assert find_flaws(tunnel).holed == 0


@given(st.one_of(labels_2d, labels_3d))
def test_what_is_repaired_has_no_flaws_and_loses_no_pixel(labels):
    found = repaired(labels)
    assert find_flaws(found).scattered == 0
    assert np.array_equal(found < 0, labels < 0)
    assert (found[labels > 0] > 0).all()
    assert np.array_equal(repaired(found), found)


@given(labels_2d)
def test_holes_are_those_that_filling_object_by_object_finds(labels):
    from scipy.ndimage import binary_fill_holes

    found = repaired(labels, parts="keep")
    for value in np.unique(labels[labels > 0]):
        allowed = binary_fill_holes(labels == value) & (labels == 0)
        assert not ((found == value) & (labels != value) & ~allowed).any()
