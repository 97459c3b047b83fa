import numpy as np
import pytest

from cellwright.images.image import Image
from cellwright.reports.drawing import SURE, UNSURE, as_rgb, borders, draw_frames, outlines, shrink


@pytest.fixture
def square():
    labels = np.zeros((12, 12), np.int32)
    labels[2:10, 2:10] = 1
    return labels


def test_borders_are_the_outer_pixels_of_an_object(square):
    inner = np.zeros_like(square, dtype=bool)
    inner[3:9, 3:9] = True
    np.testing.assert_array_equal(borders(square), (square > 0) & ~inner)


def test_objects_that_touch_have_a_border_between_them():
    labels = np.repeat(np.array([[1, 1, 1, 2, 2, 2]]), 4, axis=0)
    np.testing.assert_array_equal(np.flatnonzero(borders(labels)[1]), [2, 3])


def test_an_object_cut_off_by_the_image_has_no_border_there():
    assert not borders(np.ones((5, 5), np.int32)).any()


def test_unsure_objects_have_another_colour(square):
    assert tuple(outlines(square, {})[2, 2]) == (*SURE, 255)
    assert tuple(outlines(square, {1: UNSURE})[2, 2]) == (*UNSURE, 255)
    assert outlines(square, {})[0, 0, 3] == 0


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_contrast_is_stretched_to_the_whole_range(dtype, rng):
    pixels = (rng.random((64, 64)) * 50 + 100).astype(dtype)
    view = as_rgb(Image(pixels, "YX"))
    assert view.min() == 0 and view.max() == 255


@pytest.mark.parametrize("value", [0, 7, np.nan, np.inf])
def test_constant_and_broken_images_make_a_picture(value):
    view = as_rgb(Image(np.full((8, 8), value, np.float32), "YX"))
    assert view.shape == (8, 8, 3)


def test_colours_of_a_colour_image_are_kept():
    pixels = np.zeros((3, 4, 4), np.uint8)
    pixels[0] = 255
    view = as_rgb(Image(pixels, "CYX", channel_names=("red", "green", "blue")))
    assert tuple(view[0, 0]) == (255, 0, 0)


def test_shrinking_is_the_mean_of_blocks():
    pixels = np.arange(16, dtype=np.uint8).reshape(4, 4, 1)
    np.testing.assert_array_equal(shrink(pixels, 2)[..., 0], [[2, 4], [10, 12]])


def test_frames_lie_inside_of_their_boxes_and_are_cut_at_the_edge():
    boxes = np.array([[1.2, 1.9, 7.8, 9.0], [6.0, 6.0, 20.0, 20.0]])
    drawn = draw_frames(boxes, np.array([1, 2]), (12, 12), thickness=1)
    inner = draw_frames(boxes, np.array([1, 2]), (30, 30), thickness=1)
    assert (drawn[1, 2:9] == 1).all() and (drawn[1:6, 2] == 1).all() and drawn[4, 5] == 0
    assert drawn[6, 6] == 2 and (drawn == 1).sum() + (drawn == 2).sum() == (drawn > 0).sum()
    np.testing.assert_array_equal(inner[6, 6:20], 2)
