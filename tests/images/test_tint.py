"""Pictures in one colour on black are known from stains on white and from several dyes."""

import io

import numpy as np
import pytest
from PIL import Image as Picture

from cellwright.images.read import read
from cellwright.images.tint import only_dye
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field

COLOURS = {
    "grey": (1, 1, 1),
    "red": (1, 0, 0),
    "green": (0, 1, 0),
    "blue": (0, 0, 1),
    "orange": (1, 0.5, 0),
    "as a microscope shows DAPI": (0.1, 0.3, 1),
}


@pytest.fixture(scope="module")
def field():
    image = np.asarray(
        simulate_field(NucleiSimulation(size=(200, 240), diameter=20), seed=3)[0], float
    )
    low, high = np.percentile(image, [1, 99.9])
    return np.clip((image - low) / (high - low), 0, 1)


def tinted(field, colour):
    return (255 * field * np.reshape(colour, (3, 1, 1))).astype(np.uint8)


@pytest.mark.parametrize("colour", COLOURS.values(), ids=COLOURS)
def test_one_dye_is_known_even_from_a_jpeg(field, colour):
    picture = tinted(field, colour)
    assert only_dye(picture) == int(np.argmax(colour))
    file = io.BytesIO()
    Picture.fromarray(np.moveaxis(picture, 0, 2)).save(file, "JPEG", quality=75)
    assert only_dye(np.moveaxis(np.asarray(Picture.open(file)), 2, 0)) == int(np.argmax(colour))


def test_two_dyes_and_stains_on_white_are_colours(field):
    other = tinted(field[::-1], COLOURS["green"])
    assert only_dye(np.maximum(tinted(field, COLOURS["blue"]), other)) is None
    assert only_dye(255 - tinted(field, (0.4, 0.8, 0.3))) is None


@pytest.mark.parametrize("value", [0, 7, 255])
@pytest.mark.parametrize("size", [1, 40])
def test_what_does_not_vary_has_no_dye(value, size):
    assert only_dye(np.full((3, size, size), value, np.uint8)) is None


@pytest.mark.data
def test_no_stained_image_is_taken_for_one_dye(data_folder):
    images = [read(path) for path in sorted((data_folder / "dsb2018" / "images").iterdir())]
    stained = [image for image in images if image.is_rgb]
    assert len(stained) == 100
    assert all(only_dye(image.to_numpy()) is None for image in stained)
