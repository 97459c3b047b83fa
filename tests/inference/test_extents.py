"""Boxes and centres from labels that roll by."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright.inference.extents import Extents


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(23, 17), (9, 8, 7)]), st.integers(1, 9))
def test_bands_give_what_the_whole_gives(seed, shape, band):
    labels = np.random.default_rng(seed).integers(-1, 6, shape).astype(np.int32)
    labels[labels == 3] = 0  # a number that is missing
    extents = Extents(len(shape))
    for start in range(0, shape[0], band):
        rows = slice(start, min(start + band, shape[0]))
        extents[(rows, *map(slice, shape[1:]))] = labels[rows]
    boxes, centres = extents.boxes(5), extents.centres(5)
    for number in (1, 2, 4, 5):
        where = np.argwhere(labels == number)
        if len(where):
            assert boxes[number - 1].tolist() == [*where.min(0), *(where.max(0) + 1)]
            np.testing.assert_allclose(centres[number - 1], where.mean(0))
    assert np.isnan(centres[2]).all()


@pytest.mark.parametrize("dimensions", [2, 3])
def test_without_objects_there_are_none(dimensions):
    extents = Extents(dimensions)
    extents[(slice(0, 2), slice(0, 2))] = np.zeros((2, 2), np.int32)
    assert extents.boxes(0).shape == (0, 2 * dimensions)
    assert extents.centres(0).shape == (0, dimensions)
