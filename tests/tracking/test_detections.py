"""Detections of label frames: known answers, and frames that do not fit."""

import numpy as np
import pytest

from cellwright._errors import InputError
from cellwright.tracking.detections import find_detections


def movie():
    """Two squares, of which one is gone in the third frame; nothing in the fourth."""
    frames = np.zeros((4, 20, 20), np.int32)
    for frame in range(3):
        frames[frame, 2:6, 2 + frame : 6 + frame] = 7
    frames[:2, 16:20, 10:12] = 3
    return frames


def test_one_detection_for_each_object_and_frame():
    found = find_detections(movie(), pixel_size=(0.5, 0.5), frame_interval=30.0)
    assert found.frame.tolist() == [0, 0, 1, 1, 2] and found.label.tolist() == [3, 7, 3, 7, 7]
    assert found.position[found.label == 7].tolist() == [[3.5, 3.5], [3.5, 4.5], [3.5, 5.5]]
    assert found.properties["area"].tolist() == [8, 16, 8, 16, 16]
    assert found.properties["touches_border"].tolist() == [True, False, True, False, False]
    assert found.frame_count == 4 and not len(found.edges)
    assert found.pixel_size == (0.5, 0.5) and found.frame_interval == 30.0


def test_intensities_come_from_the_images_of_the_same_frames():
    images = np.arange(4)[:, None, None] * np.ones((4, 20, 20), np.float32)
    found = find_detections(iter(movie()), iter(images))
    assert found.properties["intensity_mean"].tolist() == [0, 0, 1, 1, 2]
    assert found.properties["intensity_sum"].tolist() == [0, 0, 8, 16, 32]


def test_volumes_have_three_coordinates():
    volume = np.zeros((2, 5, 8, 8), np.uint16)
    volume[0, 1:4, 2:5, 3:6] = 300
    found = find_detections(volume)
    assert found.position.tolist() == [[2, 3, 4]] and found.label.tolist() == [300]


def test_a_movie_of_empty_frames_has_no_detections():
    found = find_detections(np.zeros((3, 6, 6), np.int32))
    assert len(found) == 0 and found.frame_count == 3


@pytest.mark.parametrize(
    ("labels", "images", "message"),
    [
        ([], None, "no frame"),
        ([np.zeros((4, 4), int), np.zeros((4, 5), int)], None, "Frame 1 has the shape"),
        ([np.zeros((4, 4), int), np.zeros((4, 4))], None, "Frame 1: .*not integers"),
        ([np.zeros((4, 4), int)] * 2, [np.zeros((4, 4))], "only 1 images"),
        ([np.zeros((4, 4), int)], [np.zeros((4, 4))] * 2, "more images"),
        ([np.zeros((4, 4), int)], [np.zeros((5, 4))], "Frame 0"),
    ],
)
def test_frames_that_do_not_fit_are_refused(labels, images, message):
    with pytest.raises(InputError, match=message):
        find_detections(labels, images)
