"""Depths beside slow, obvious references."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cellwright.methods.distance import depth, squared_distances

SHAPES = {2: (1, 33, 40), 3: (9, 16, 18)}


def random_labels(seed, shape, count=6):
    """Return boxes and balls of random places and sizes, one over the other, with gaps."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int32)
    place = np.indices(shape)
    for number in range(1, count + 1):
        centre = [rng.integers(size) for size in shape]
        away = np.stack([np.abs(p - c) for p, c in zip(place, centre, strict=True)])
        size = rng.integers(1, 9)
        labels[(away.max(0) if number % 2 else np.hypot.reduce(away)) <= size] = number
    return labels


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3]), st.sampled_from([1.0, 2.5]))
def test_distances_are_those_of_every_object_alone(seed, dimensions, anisotropy):
    labels = random_labels(seed, SHAPES[dimensions])
    squared = squared_distances(labels, anisotropy)
    assert not squared[labels <= 0].any()
    for number in np.unique(labels[labels > 0]):
        own = labels == number
        truth = ndimage.distance_transform_edt(own, sampling=(anisotropy, 1, 1))
        np.testing.assert_allclose(np.sqrt(squared[own]), truth[own], rtol=1e-6)


def test_an_object_that_fills_everything_has_no_edge():
    labels = np.ones((1, 8, 8), np.int32)
    assert np.isinf(squared_distances(labels, 1.0)).all()
    assert (depth(labels, 1.0) == 1).all()


def test_the_side_of_the_image_is_no_edge():
    labels = np.zeros((1, 1, 10), np.int32)
    labels[0, 0, :4] = 1
    assert squared_distances(labels, 1.0)[0, 0].tolist() == [16, 9, 4, 1, *[0] * 6]
