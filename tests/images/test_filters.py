"""Gaussian smoothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from cellwright._errors import UsageError
from cellwright.images.filters import gaussian, gaussian_radius


@settings(max_examples=30, deadline=None)
@given(
    shape=st.lists(st.integers(1, 12), min_size=2, max_size=3).map(tuple),
    sigma=st.floats(0.4, 6),
)
def test_equals_scipy_even_where_the_kernel_is_wider_than_the_image(shape, sigma):
    pixels = np.random.default_rng(0).random(shape, np.float32)
    expected = gaussian_filter(pixels, sigma, mode="reflect", radius=gaussian_radius(sigma))
    np.testing.assert_allclose(gaussian(pixels, sigma), expected, atol=1e-5)


def test_one_width_per_axis(rng):
    pixels = rng.random((9, 20, 21), np.float32)
    sigmas = (0.0, 2.0, 1.0)
    radius = [gaussian_radius(sigma) for sigma in sigmas]
    expected = gaussian_filter(pixels, sigmas, mode="reflect", radius=radius)
    np.testing.assert_allclose(gaussian(pixels, sigmas), expected, atol=1e-5)
    np.testing.assert_array_equal(gaussian(pixels, 0), pixels)


def test_a_part_with_its_surroundings_gives_the_same_bits(rng):
    pixels = rng.random((40, 90, 100), np.float32)
    r = gaussian_radius(2.3)
    part = np.s_[10 - r : 20 + r, 30 - r : 41 + r, 50 - r : 63 + r]
    inner = np.s_[r:-r, r:-r, r:-r]
    np.testing.assert_array_equal(
        gaussian(pixels[part], 2.3)[inner], gaussian(pixels, 2.3)[10:20, 30:41, 50:63]
    )


def test_a_constant_stays_constant():
    np.testing.assert_allclose(gaussian(np.full((7, 5), 3, np.float32), 4), 3, rtol=1e-6)


@pytest.mark.parametrize("sigma", [-1, np.nan, np.inf])
def test_an_impossible_width_is_refused(sigma):
    with pytest.raises(UsageError, match="give 0 or more"):
        gaussian(np.zeros((3, 3), np.float32), sigma)
