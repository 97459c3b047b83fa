import numpy as np
import pytest

from cellwright.images.normalise import Normalisation


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
@pytest.mark.parametrize("joint", [False, True])
def test_limits_are_exactly_the_percentiles(dtype, joint):
    random = np.random.default_rng(0)
    for size in (1, 2, 7, 40):
        pixels = random.gamma(1, 40, (2, size, size)).clip(0, 255).astype(dtype)
        flat = pixels.reshape(1 if joint else 2, -1)
        expected = np.percentile(flat, [1.0, 99.8], axis=1).T
        found = Normalisation(joint=joint).limits(pixels)
        np.testing.assert_array_equal(found, np.broadcast_to(expected, (2, 2)))
