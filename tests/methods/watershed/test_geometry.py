"""The reliefs: known answers."""

import numpy as np
import pytest

from cellwright.methods.distance import depth
from cellwright.methods.watershed.geometry import nearness


@pytest.mark.parametrize("make", [depth, nearness])
def test_large_and_small_objects_are_as_high(make):
    labels = np.zeros((1, 60, 90), np.int32)
    rows, columns = np.indices(labels.shape[1:])
    for number, (column, radius) in enumerate([(30, 25), (70, 5)], 1):
        labels[0][np.hypot(rows - 30, columns - column) <= radius] = number
    relief = make(labels, 1.0)
    assert [relief[labels == number].max() for number in (1, 2)] == pytest.approx([1, 1])
    assert relief.argmax() in np.flatnonzero(relief == 1)
    assert relief[0, 30, 30] == relief[0, 30, 70] == 1
    assert not relief[labels == 0].any()


def test_nearness_is_a_half_on_the_circle_of_a_disc():
    rows, columns = np.indices((1, 101, 101))[1:] - 50
    labels = (np.hypot(rows, columns) <= 40).astype(np.int32)
    assert nearness(labels, 1.0)[0, 50, 90] == pytest.approx(0.5, abs=0.01)
