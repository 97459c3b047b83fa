from base64 import b64decode

import imagecodecs
import numpy as np
import pytest

from cellwright.images.image import Image
from cellwright.runs.overlay import (
    SIDE,
    SURE,
    UNSURE,
    as_rgb,
    borders,
    box_picture,
    choose_window,
    draw_frames,
    outlines,
    picture,
    shrink,
)


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
    assert tuple(outlines(square, set())[2, 2]) == (*SURE, 255)
    assert tuple(outlines(square, {1})[2, 2]) == (*UNSURE, 255)
    assert outlines(square, set())[0, 0, 3] == 0


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


def test_a_small_image_is_shown_whole_and_a_large_one_where_its_objects_are():
    assert choose_window(300, 400, np.zeros((0, 2))).slices == (slice(0, 300), slice(0, 400))
    centres = np.full((50, 2), [4500.0, 3100.0])
    window = choose_window(5000, 4000, centres)
    rows, columns = window.slices
    assert rows.start <= 4500 < rows.stop <= 5000
    assert columns.start <= 3100 < columns.stop <= 4000


def test_the_picture_is_small_and_fits_its_outlines(rng):
    labels = np.zeros((1000, 900), np.int32)
    labels[100:200, 100:200] = 3
    image = Image(rng.integers(0, 4000, labels.shape).astype(np.uint16), "YX")
    shown = picture(image, labels, choose_window(*labels.shape, np.zeros((0, 2))), {3: 0.2})
    decoded = [
        decode(b64decode(shown[name].split(",")[1]))
        for name, decode in (
            ("view", imagecodecs.jpeg8_decode),
            ("outlines", imagecodecs.png_decode),
        )
    ]
    assert decoded[0].shape[:2] == decoded[1].shape[:2] == (shown["height"], shown["width"])
    assert max(decoded[0].shape) <= SIDE
    assert set(map(tuple, decoded[1][decoded[1][..., 3] > 0])) == {(*UNSURE, 255)}


def test_frames_lie_inside_of_their_boxes_and_are_cut_at_the_edge():
    boxes = np.array([[1.2, 1.9, 7.8, 9.0], [6.0, 6.0, 20.0, 20.0]])
    drawn = draw_frames(boxes, np.array([1, 2]), (12, 12), thickness=1)
    inner = draw_frames(boxes, np.array([1, 2]), (30, 30), thickness=1)
    assert (drawn[1, 2:9] == 1).all() and (drawn[1:6, 2] == 1).all() and drawn[4, 5] == 0
    assert drawn[6, 6] == 2 and (drawn == 1).sum() + (drawn == 2).sum() == (drawn > 0).sum()
    np.testing.assert_array_equal(inner[6, 6:20], 2)


def test_boxes_are_drawn_in_the_colours_of_their_classes():
    image = Image(np.zeros((40, 40), np.float32), "YX")
    boxes = np.array([[2.0, 2, 12, 12], [20, 20, 36, 30]])
    shown = box_picture(image, boxes, np.array([0, 1]), choose_window(40, 40, boxes[:, :2]))
    drawn = imagecodecs.png_decode(b64decode(shown["outlines"].partition(",")[2]))
    assert tuple(drawn[2, 5]) == (*SURE, 255) and tuple(drawn[20, 25]) == (*UNSURE, 255)
    assert drawn[7, 7, 3] == 0


def test_no_boxes_are_no_frames():
    image = Image(np.zeros((8, 9), np.float32), "YX")
    nothing = box_picture(image, np.zeros((0, 4)), np.zeros(0, int), choose_window(8, 9, [[]]))
    drawn = imagecodecs.png_decode(b64decode(nothing["outlines"].partition(",")[2]))
    assert not drawn.any()
