"""What the tools do to labels."""

from itertools import pairwise

import numpy as np
import pytest

from cellwright.studio import tools
from cellwright.studio.canvas import LabelCanvas


def canvas_of(labels):
    return LabelCanvas(labels.shape, labels.astype(np.int32))


def after(canvas, windows):
    labels = canvas[:, :].copy()
    for window in windows:
        height, width = window.values.shape
        labels[window.y : window.y + height, window.x : window.x + width] = window.values
    return labels


def disk(shape, y, x, radius):
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (rows + 0.5 - y) ** 2 + (columns + 0.5 - x) ** 2 <= radius**2


def brush(canvas, points, radius, label, only_background=False):
    return after(
        canvas, tools.brush(canvas, (), points, radius, label, only_background=only_background)
    )


def test_a_dab_is_a_disk():
    found = brush(canvas_of(np.zeros((30, 40))), [(12.2, 17.7)], 6.3, 4)
    np.testing.assert_array_equal(found, 4 * disk((30, 40), 12.2, 17.7, 6.3))


def test_a_stroke_is_all_disks_along_it():
    points = [(10.0, 5.0), (25.0, 60.0), (50.0, 20.0)]
    found = brush(canvas_of(np.zeros((60, 70))), points, 4, 1)
    expected = np.zeros((60, 70), bool)
    for (y0, x0), (y1, x1) in pairwise(points):
        for t in np.linspace(0, 1, 2000):
            expected |= disk((60, 70), y0 + t * (y1 - y0), x0 + t * (x1 - x0), 4)
    assert np.count_nonzero(found != expected) <= 3  # pixels exactly at the border


def test_a_stroke_may_leave_the_image():
    found = brush(canvas_of(np.zeros((20, 20))), [(-5, -5), (3, 3), (40, 3)], 2, 1)
    assert found[3, 3] == 1 and found[19, 3] == 1 and found[0, 19] == 0
    assert not brush(canvas_of(np.zeros((20, 20))), [(-50, -50), (-40, -60)], 2, 1).any()


def test_other_objects_are_left_alone_when_asked():
    labels = np.zeros((20, 20))
    labels[:, 10:] = 7
    assert (brush(canvas_of(labels), [(10, 10)], 5, 1, only_background=True)[:, 10:] == 7).all()
    assert (brush(canvas_of(labels), [(10, 10)], 5, 1)[9, 10:14] == 1).all()


def test_an_outline_fills_the_pixels_whose_centres_it_holds():
    square = [(2.0, 3.0), (2.0, 9.0), (7.0, 9.0), (7.0, 3.0)]
    canvas = canvas_of(np.zeros((12, 12)))
    found = after(canvas, tools.lasso(canvas, (), square, 5, only_background=True))
    expected = np.zeros((12, 12), int)
    expected[2:7, 3:9] = 5
    np.testing.assert_array_equal(found, expected)


def two_disks(size=1400):
    labels = np.zeros((size, size), np.int32)
    labels[disk(labels.shape, 700, 600, 300)] = 3  # larger than one chunk
    labels[disk(labels.shape, 200, 1200, 50)] = 4
    return labels


def test_deleting_takes_all_of_an_object_and_nothing_else():
    canvas = canvas_of(two_disks())
    found = after(canvas, tools.delete(canvas, (), (700, 600)))
    assert set(np.unique(found)) == {0, 4}
    assert tools.delete(canvas, (), (5, 5)) == []


def test_merging_keeps_the_label_of_the_first():
    canvas = canvas_of(two_disks())
    found = after(canvas, tools.merge(canvas, (), (200, 1200), (700, 600)))
    np.testing.assert_array_equal(found, 4 * (two_disks() > 0))
    assert tools.merge(canvas, (), (5, 5), (700, 600)) == []


def test_filling_leaves_other_objects_in_the_hole():
    labels = two_disks()
    labels[disk(labels.shape, 700, 600, 100)] = 0
    labels[disk(labels.shape, 700, 600, 20)] = 9
    canvas = canvas_of(labels)
    found = after(canvas, tools.fill_holes(canvas, (), (700, 850)))
    expected = two_disks()
    expected[disk(labels.shape, 700, 600, 20)] = 9
    np.testing.assert_array_equal(found, expected)


def test_a_line_cuts_an_object_into_pieces_that_lose_no_pixel():
    canvas = canvas_of(two_disks())
    found = after(canvas, tools.split(canvas, (), [(300, 500), (1100, 500)], 10))
    np.testing.assert_array_equal(found > 0, two_disks() > 0)
    assert set(np.unique(found)) == {0, 3, 4, 10}
    assert found[700, 700] == 3 and found[700, 400] == 10  # the larger keeps its number


@pytest.mark.parametrize("line", [[(700, 500), (700, 700)], [(5, 5), (5, 900)], [(700, 600)]])
def test_a_line_that_does_not_cross_an_object_leaves_it(line):
    canvas = canvas_of(two_disks())
    windows = tools.split(canvas, (), line, 10)
    np.testing.assert_array_equal(after(canvas, windows), two_disks())


def test_one_line_cuts_touching_objects_at_once():
    labels = np.zeros((40, 60), np.int32)
    labels[5:35, 5:30], labels[5:35, 30:55] = 1, 2
    canvas = canvas_of(labels)
    found = after(canvas, tools.split(canvas, (), [(15, 0), (15, 60)], 3))
    assert sorted(np.unique(found)) == [0, 1, 2, 3, 4]
    assert set(np.unique(found[:, 30:])) & set(np.unique(found[:, :30])) == {0}


def test_what_is_not_known_is_no_object_and_gives_way_to_one():
    labels = np.zeros((30, 30))
    labels[10:20, 10:20] = 3
    canvas = canvas_of(brush(canvas_of(labels), [(15, 5)], 12, tools.UNKNOWN, True))
    assert canvas[15, 5] == -1 and canvas[15, 12] == 3
    assert tools.label_at(canvas, (), (15, 5)) == 0
    assert tools.object_at(canvas, (), (15, 5)) is None
    assert brush(canvas, [(15, 5)], 2, 4, only_background=True)[15, 5] == 4
    assert brush(canvas, [(15, 5)], 2, 0)[15, 5] == 0
