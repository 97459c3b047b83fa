import numpy as np
import pytest

import cellwright as cw
from cellwright.images.arrays import as_image


def test_colours_come_last_in_an_array_and_a_mask_is_ones_and_zeros():
    colours = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    image = as_image(colours)
    assert image.is_rgb and np.array_equal(image.data[2], colours[..., 2])
    mask = as_image(np.eye(3, dtype=bool))
    assert mask.axes == "YX" and mask.dtype == np.uint8 and mask.data.sum() == 3
    assert as_image(image) is image


@pytest.mark.parametrize(
    "pixels", [[[1, 2]], [np.zeros((99, 99))] * 9, None, np.zeros((4, 4), complex), np.eye(2) * 1j]
)
def test_what_is_no_image_is_told_in_a_few_words(pixels):
    with pytest.raises(cw.InputError) as told:
        as_image(pixels)
    assert len(str(told.value)) < 250


@pytest.mark.parametrize("shape", [(5,), (3, 8, 8), (2, 8, 8, 3)])
def test_axes_that_must_be_said(shape):
    with pytest.raises(cw.AxesError, match=r"cellwright\.Image"):
        as_image(np.zeros(shape))


def test_arrays_are_written(tmp_path):
    colours = np.arange(5 * 6 * 3, dtype=np.uint8).reshape(5, 6, 3)
    cw.write(tmp_path / "c.png", colours)
    assert np.array_equal(cw.read(tmp_path / "c.png").to_numpy(), np.moveaxis(colours, 2, 0))
    with pytest.raises(cw.InputError, match="no image"):
        cw.write(tmp_path / "l.tif", [[1, 2]])


def test_what_was_segmented_in_colour_is_measured_in_colour():
    labels = np.zeros((6, 8), int)
    labels[1:3, 2:5] = 1
    table = cw.measure(labels, np.full((6, 8, 3), (10, 20, 30)))
    means = table[[f"intensity_mean-{name}" for name in ("red", "green", "blue")]]
    assert means.iloc[0].tolist() == [10, 20, 30]
