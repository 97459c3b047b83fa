"""Objects go on in other slices and frames: balls, copies, shapes between slices."""

import numpy as np
import pytest

from cellwright._errors import UsageError
from cellwright.studio.canvas import LabelCanvas
from cellwright.studio.inventory import Inventory
from cellwright.studio.slices import ball, copy, interpolate, moved, overlapping


def canvas_of(labels):
    return LabelCanvas(labels.shape, np.asarray(labels, np.int32))


def painted(canvas, windows):
    """Return the labels once windows are painted."""
    labels = canvas[(slice(None),) * len(canvas.shape)]
    for window in windows:
        height, width = window.values.shape
        rows, columns = slice(window.y, window.y + height), slice(window.x, window.x + width)
        labels[(*window.place, rows, columns)] = window.values
    return labels


def disk(shape, centre, radius):
    y, x = np.ogrid[: shape[0], : shape[1]]
    return (y + 0.5 - centre[0]) ** 2 + (x + 0.5 - centre[1]) ** 2 <= radius**2


@pytest.mark.parametrize("distance", [1.0, 3.5])
def test_a_ball_is_round_in_micrometres(distance):
    canvas = canvas_of(np.zeros((2, 15, 50, 60)))
    windows = ball(canvas, (1, 7), 1, [(25, 30)], 10.0, 4, distance=distance, only_background=True)
    labels = painted(canvas, windows)
    z, y, x = np.ogrid[:15, :50, :60]
    away = (distance * (z - 7.0)) ** 2 + (y + 0.5 - 25) ** 2 + (x + 0.5 - 30) ** 2
    away = np.where(away <= 100, 4, 0)
    assert not labels[0].any()
    poles = np.abs(distance * (np.arange(15) - 7)) < 9.5  # at the poles a pixel is left
    np.testing.assert_array_equal(labels[1][poles], away[poles])


def test_a_ball_ends_with_the_volume_and_leaves_others_alone():
    labels = np.zeros((3, 40, 40), np.int32)
    labels[1, 20, 20] = 9
    canvas = canvas_of(labels)
    made = painted(
        canvas, ball(canvas, (0,), 0, [(20, 20)], 5.0, 1, distance=1.0, only_background=True)
    )
    assert made[1, 20, 20] == 9 and (made == 1).any(axis=(1, 2)).all()


def test_between_two_slices_an_object_grows_and_moves_steadily():
    labels = np.zeros((9, 80, 120), np.int32)
    labels[0][disk((80, 120), (30, 30), 10)] = 5
    labels[8][disk((80, 120), (50, 90), 18)] = 5
    labels[4, 40, 60] = 7
    canvas = canvas_of(labels)
    made = painted(canvas, interpolate(canvas, Inventory(canvas), (0,), 0, 5))
    np.testing.assert_array_equal(made[[0, 8]], labels[[0, 8]])
    assert made[4, 40, 60] == 7
    for z in range(1, 8):
        part = z / 8
        expected = disk((80, 120), (30 + 20 * part, 30 + 60 * part), 10 + 8 * part)
        own = made[z] == 5
        assert (own & expected).sum() / (own | expected).sum() > 0.9


def test_what_stays_the_same_stays_the_same_between_slices():
    rng = np.random.default_rng(0)
    shape = np.zeros((60, 60), bool)
    shape[10:40, 20:30] = shape[30:45, 12:50] = True
    shape[rng.integers(12, 40, 5), 20] = False
    labels = np.zeros((2, 6, 60, 60), np.int32)
    labels[1, [0, 2, 5]] = 3 * shape
    canvas = canvas_of(labels)
    made = painted(canvas, interpolate(canvas, Inventory(canvas), (1, 2), 1, 3))
    np.testing.assert_array_equal(made[1], np.broadcast_to(3 * shape, (6, 60, 60)))
    assert not made[0].any()


def test_shapes_are_cut_at_the_edge_of_the_image():
    labels = np.zeros((3, 40, 40), np.int32)
    labels[0, :8, :5] = labels[2, 30:, 36:] = 1
    canvas = canvas_of(labels)
    made = painted(canvas, interpolate(canvas, Inventory(canvas), (0,), 0, 1))
    assert made[1].any() and made.shape == labels.shape


def test_copies_take_no_place_of_others_and_change_nothing_that_is_there():
    labels = np.zeros((2, 30, 40), np.int32)
    labels[0, 5:15, 5:15], labels[0, 20:25, 20:30], labels[0, 20:25, 32:38] = 1, 2, 3
    labels[1, 10:20, 5:15], labels[1, 0:3, 0:3] = 4, 3
    canvas = canvas_of(labels)
    made = painted(canvas, copy(canvas, Inventory(canvas), (0,), (1,), []))
    expected = labels.copy()
    expected[1, 5:10, 5:15], expected[1, 20:25, 20:30] = 1, 2  # 3 is there already
    np.testing.assert_array_equal(made, expected)
    only = painted(canvas, copy(canvas, Inventory(canvas), (0,), (1,), [2]))
    assert set(np.unique(only[1])) == {0, 2, 3, 4}
    with pytest.raises(UsageError):
        moved((0,), 0, 2, canvas.shape)


def test_the_object_that_overlaps_most_is_the_same():
    labels = np.zeros((2, 40, 40), np.int32)
    labels[0, 10:20, 10:20] = 6
    canvas = canvas_of(labels)
    found = np.zeros((30, 30), np.int32)  # from pixel (5, 5) on
    found[2:8, 5:15], found[8:17, 6:16], found[20:25, 20:25] = 1, 2, 3
    np.testing.assert_array_equal(overlapping(found, 5, 5, canvas, (0,), 6), found == 2)
    found[:, :20] = 0
    assert overlapping(found, 5, 5, canvas, (0,), 6) is None


def test_the_inventory_knows_what_a_slow_look_at_all_pixels_finds():
    rng = np.random.default_rng(1)
    labels = rng.integers(-1, 6, (2, 530, 1040)).astype(np.int32)
    canvas = canvas_of(labels)
    inventory = Inventory(canvas)
    for _ in range(2):
        for place in range(2):
            found = inventory.plane((place,))
            assert found.label.tolist() == [n for n in range(1, 8) if (labels[place] == n).any()]
            for row, label in enumerate(found.label):
                y, x = np.nonzero(labels[place] == label)
                assert found.area[row] == len(y)
                box = [y.min(), x.min(), y.max() + 1, x.max() + 1]
                assert found.box[row].tolist() == box
                np.testing.assert_allclose(found.centre[row], [y.mean() + 0.5, x.mean() + 0.5])
        labels[1, 515:520, 3:7] = 7
        canvas[1:2, 515:520, 3:7] = labels[1, 515:520, 3:7]
        inventory.forget((1,), 515, 3)
    assert inventory.places(7) == [(1,)] and inventory.labels().tolist() == [1, 2, 3, 4, 5, 7]
