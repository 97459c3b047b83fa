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


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("settings", [{}, {"joint": True}, {"kind": "moments"}, {"kind": "rare"}])
def test_a_repeated_channel_has_the_limits_of_its_copies(dtype, settings):
    grey = np.random.default_rng(0).gamma(1, 40, (1, 31, 47)).clip(0, 255).astype(dtype)
    repeated = np.broadcast_to(grey, (3, 31, 47))
    found = Normalisation(**settings).limits(repeated)
    np.testing.assert_allclose(found, Normalisation(**settings).limits(repeated.copy()), rtol=1e-6)
