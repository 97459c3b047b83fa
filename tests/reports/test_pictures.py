from base64 import b64decode

import imagecodecs
import numpy as np
import pytest

from cellwright.images.image import Image
from cellwright.reports.drawing import SURE, UNSURE
from cellwright.reports.pictures import SIDE, box_picture, choose_window, picture


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


def test_boxes_are_drawn_in_the_colours_of_their_classes():
    image = Image(np.zeros((40, 40), np.float32), "YX")
    boxes = np.array([[2.0, 2, 12, 12], [20, 20, 36, 30]])
    shown = box_picture(image, boxes, np.array([0, 1]), choose_window(40, 40, boxes[:, :2]))
    drawn = imagecodecs.png_decode(b64decode(shown["outlines"].partition(",")[2]))
    times = shown["width"] // 40
    assert tuple(drawn[2 * times, 5 * times]) == (*SURE, 255)
    assert tuple(drawn[20 * times, 25 * times]) == (*UNSURE, 255)
    assert drawn[7 * times, 7 * times, 3] == 0


@pytest.mark.parametrize("size", [(1, 1), (31, 60), (256, 200), (400, 300)])
def test_small_images_are_enlarged_so_that_lines_stay_thin(size):
    labels = np.zeros(size, np.int32)
    labels[size[0] // 4 : size[0] // 2, size[1] // 4 : size[1] // 2] = 1
    image = Image((labels * 200).astype(np.uint8), "YX")
    shown = picture(image, labels, choose_window(*size, np.zeros((0, 2))))
    times = shown["width"] // size[1]
    assert (shown["height"], shown["width"]) == (times * size[0], times * size[1])
    assert max(size) > 128 or 128 <= max(size) * times <= 256
    drawn = imagecodecs.png_decode(b64decode(shown["outlines"].partition(",")[2]))
    line, inside = (drawn[..., 3] > 0).sum(), (labels > 0).sum() * times**2
    assert line <= inside / 2


def test_no_boxes_are_no_frames():
    image = Image(np.zeros((8, 9), np.float32), "YX")
    nothing = box_picture(image, np.zeros((0, 4)), np.zeros(0, int), choose_window(8, 9, [[]]))
    drawn = imagecodecs.png_decode(b64decode(nothing["outlines"].partition(",")[2]))
    assert not drawn.any()
