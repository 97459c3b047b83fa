"""The parts of a mask beside those of scipy."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cellwright.methods.components import components


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(1, 24, 30), (8, 12, 14)]))
def test_components_are_those_of_scipy_less_the_large_and_the_small(seed, shape):
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 1.0)
    mask = noise > 0.05
    labels, anchors = components(mask, 9, 4)
    reference, _ = ndimage.label(mask)
    expected = [
        part
        for part, where in enumerate(ndimage.find_objects(reference), 1)
        if max(s.stop - s.start for s in where) <= 9 and (reference == part).sum() >= 4
    ]
    assert len(anchors) == len(expected)
    for number, (part, anchor) in enumerate(zip(expected, anchors, strict=True), 1):
        assert np.array_equal(labels == number, reference == part)
        assert tuple(anchor) == tuple(np.argwhere(reference == part)[0])
