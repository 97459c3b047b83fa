import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cellwright.quality.texture import percentiles, ranked, slopes_and_curvatures

NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.sampled_from([0, -1, 1])


@given(arrays(np.float32, st.integers(1, 60), elements=NUMBERS), st.data())
def test_ranks_are_those_of_sorted_numbers(values, data):
    ranks = data.draw(st.lists(st.integers(0, len(values) - 1), min_size=1, max_size=5))
    np.testing.assert_array_equal(ranked(values, np.array(ranks)), np.sort(values)[ranks])


def test_ranks_of_many_numbers_of_few_values():
    values = np.random.default_rng(0).integers(-4, 5, 10_000).astype(np.float32) / 3
    ranks = np.arange(0, 10_000, 7)
    np.testing.assert_array_equal(ranked(values, ranks), np.sort(values)[ranks])


def test_percentiles_are_those_of_numpy():
    values = np.random.default_rng(1).normal(size=4_321).astype(np.float32)
    asked = (0, 1, 33.3, 50, 99.8, 100)
    np.testing.assert_allclose(percentiles(values, asked), np.percentile(values, asked), rtol=1e-6)


def test_slopes_and_curvatures_by_hand():
    y, x = np.mgrid[:4, :5].astype(np.float32)
    plane, bowl = 3 * y + 4 * x, y * y + x * x
    slope, curvature = slopes_and_curvatures(np.stack([plane, bowl]))
    np.testing.assert_allclose(slope[:12], 5)
    np.testing.assert_allclose(curvature, [0] * 6 + [4] * 6)
    np.testing.assert_allclose(slope[12], np.sqrt(2))
