"""Light that comes through is known from light that objects give."""

import numpy as np
import pytest

from cellwright.datasets.dataset import open_dataset
from cellwright.images.ground import ground_level, on_bright_ground
from cellwright.images.read import read
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field


@pytest.fixture(scope="module")
def field():
    return simulate_field(NucleiSimulation(size=(200, 240), diameter=20), seed=3)[0][np.newaxis]


def test_objects_that_shine_lie_on_dark_ground_and_their_negative_on_bright(field):
    assert not on_bright_ground(field)
    assert on_bright_ground(field.max() - field)
    assert ground_level(field.max() - field) > 0.8 > 0.2 > ground_level(field)


def test_gain_offset_and_kind_of_number_make_no_difference(field):
    as_floats = field.astype(np.float32) * 3e-4 - 7
    assert ground_level(as_floats) == pytest.approx(ground_level(field), abs=1e-3)
    wide = np.repeat(field, 3, axis=0)
    assert ground_level(wide) == pytest.approx(ground_level(field))


def test_an_image_without_contrast_has_no_bright_ground():
    assert not on_bright_ground(np.full((1, 8, 8), 200, np.uint8))
    assert not on_bright_ground(np.zeros((3, 1, 1)))
    assert np.isnan(ground_level(np.zeros((3, 1, 1))))


@pytest.mark.data
def test_real_images_of_either_kind_are_told_apart(data_folder):
    for example in open_dataset(data_folder / "dsb2018").part("val"):
        pixels = read(example.image).data
        bright = on_bright_ground(pixels if pixels.ndim > 2 else pixels[np.newaxis])
        assert bright is not str(example.kind).startswith("fluo"), example.image.name
