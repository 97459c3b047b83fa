import numpy as np
import pytest

from cellwright import AxesError
from cellwright.images.image import Image
from cellwright.runs.apply.planes import planes


@pytest.fixture
def stack(rng):
    return Image(rng.integers(0, 99, (2, 3, 4, 5, 6)), "TCZYX", (2.0, 0.5, 0.5))


def test_a_plane_is_itself():
    image = Image(np.zeros((4, 4)), "YX")
    (plane,) = planes(image, None)
    assert plane.image is image and plane.index == ()


@pytest.mark.parametrize(("depth", "reduce"), [("max", np.max), ("mean", np.mean)])
def test_projections_of_every_frame(stack, depth, reduce):
    before = stack.to_numpy().copy()
    found = list(planes(stack, depth))
    assert np.array_equal(stack.to_numpy(), before)
    assert [plane.index for plane in found] == [(0,), (1,)]
    for plane, frame in zip(found, stack.to_numpy(), strict=True):
        assert plane.image.axes == "CYX" and plane.image.pixel_size == (0.5, 0.5)
        np.testing.assert_allclose(plane.image.to_numpy(), reduce(frame, axis=1), rtol=1e-6)


def test_each_plane_of_each_frame(stack):
    found = list(planes(stack, "each"))
    assert [plane.index for plane in found] == list(np.ndindex(2, 4))
    np.testing.assert_array_equal(found[5].image.to_numpy(), stack.to_numpy()[1, :, 1])


def test_planes_need_a_decision(stack):
    with pytest.raises(AxesError, match=r"4 Z planes.*the argument z='max', or mean.*'nuclei-3d'"):
        next(planes(stack, None))
