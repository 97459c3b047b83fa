"""What an image says of itself stays true for its parts and its smaller copies."""

import numpy as np
import pytest

from cellwright._errors import AxesError
from cellwright.images.image import Image
from cellwright.images.pyramid import Shrunk

MOVIE = Image(
    np.arange(4 * 2 * 6 * 8).reshape(4, 2, 6, 8),
    "TCYX",
    pixel_size=(0.5, 0.25),
    frame_interval=10.0,
    channel_names=("nuclei", "cells"),
)


def test_pixels_of_a_thinned_region_are_as_far_apart_as_they_are():
    part = MOVIE.region(t=slice(1, None, 2), y=slice(None, None, 3), x=slice(2, 6))
    assert part.shape == (2, 2, 2, 4)
    assert (part.pixel_size, part.frame_interval) == ((1.5, 0.25), 20.0)
    assert part.channel_names == MOVIE.channel_names


@pytest.mark.parametrize("kind", [int, np.int64])
def test_one_number_drops_its_axis(kind):
    part = MOVIE.region(t=kind(2), c=kind(1))
    assert (part.axes, part.shape, part.channel_names) == ("YX", (6, 8), None)
    assert (part.pixel_size, part.frame_interval) == (MOVIE.pixel_size, MOVIE.frame_interval)
    np.testing.assert_array_equal(part.data, MOVIE.data[2, 1])


@pytest.mark.parametrize(
    "wrong",
    [
        {"pixel_size": (0.5,)},
        {"pixel_size": (0.5, 0.0)},
        {"frame_interval": 0.0},
        {"frame_interval": float("nan")},
        {"channel_names": ("nuclei",)},
    ],
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(AxesError, match="'image'"):
        Image(MOVIE.data, MOVIE.axes, **wrong)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.int32, np.float64])
def test_smaller_copies_of_bright_pixels_are_as_bright(dtype):
    largest = np.iinfo(dtype).max if np.dtype(dtype).kind in "ui" else 2**24 + 1
    pixels = np.full((4, 6), largest, dtype)
    np.testing.assert_array_equal(Shrunk(pixels, 2, labels=False)[:], pixels[::2, ::2])


def test_planes_have_a_size_where_only_their_distance_is_unknown():
    volume = Image(np.zeros((4, 6, 8)), "ZYX", lateral_size=(0.5, 0.25))
    assert volume.pixel_size is None and volume.spacing == {"Y": 0.5, "X": 0.25}
    part = volume.region(z=slice(0, 2), x=slice(None, None, 2))
    assert part.lateral_size == (0.5, 0.5) and part.pixel_size is None
    plane = part.region(z=0)
    assert plane.pixel_size == (0.5, 0.5) and plane.lateral_size is None
    with pytest.raises(AxesError, match="not positive"):
        Image(np.zeros((4, 6, 8)), "ZYX", lateral_size=(0.5, -1))
