import numpy as np
import pytest

from cellwright.datasets.paste import bright, paste_objects


def discs(centres, radius, size=96, light=1.0):
    """One channel of bright discs, and their labels; axes (C, Z, Y, X) and (Z, Y, X)."""
    y, x = np.mgrid[:size, :size]
    labels = np.zeros((1, size, size), np.int32)
    for number, (row, column) in enumerate(centres, 1):
        labels[0, (y - row) ** 2 + (x - column) ** 2 <= radius**2] = number
    return (labels[None] > 0).astype(np.float32) * np.float32(light), labels


FIRST = discs([(40, 40), (70, 20)], 8)
SECOND = discs([(50, 50)], 8, light=0.8)


@pytest.mark.parametrize("seed", range(20))
def test_a_copied_object_is_complete_or_behind_one_that_is_brighter(seed):
    pixels, labels = paste_objects(*FIRST, *SECOND, np.random.default_rng(seed))
    area = np.bincount(labels.ravel())
    original = np.bincount(FIRST[1].ravel())
    assert len(area) <= 4 and (area[1:3] >= 0.69 * original[1:3]).all()
    if len(area) == 4:
        assert area[3] >= 0.69 * np.count_nonzero(SECOND[1])
        assert np.all(pixels[:, labels == 3] > 0.2)
        touched = np.linalg.norm(
            np.argwhere(labels[0] == 3)[:, None] - [[[40, 40], [70, 20]]], axis=2
        )
        assert touched.min() < 12  # it lies beside one of the two


def test_light_adds_up_and_is_never_taken_away():
    changed = 0
    for seed in range(20):
        pixels, labels = paste_objects(*FIRST, *SECOND, np.random.default_rng(seed))
        assert (pixels >= FIRST[0]).all() and pixels.dtype == np.float32
        assert labels.dtype == np.int32
        changed += labels.max() == 3
    assert changed >= 10  # not every move fits, but most do


def test_nothing_is_copied_where_objects_are_dark():
    pixels, labels = 1 - FIRST[0], FIRST[1]
    assert not bright(pixels, labels)
    again = paste_objects(pixels, labels, *SECOND, np.random.default_rng(0))
    assert again[0] is pixels and again[1] is labels


def test_nothing_is_copied_from_an_empty_patch_or_of_cut_objects():
    empty = np.zeros_like(FIRST[0]), np.zeros_like(FIRST[1])
    cut = discs([(0, 50)], 8)
    for other in (empty, cut):
        pixels, labels = paste_objects(*FIRST, *other, np.random.default_rng(0))
        assert pixels is FIRST[0] and labels is FIRST[1]


def test_what_is_ignored_stays_ignored():
    labels = FIRST[1].copy()
    labels[labels == 0] = -1
    labels[0, :5] = 0
    for seed in range(5):
        _, merged = paste_objects(FIRST[0], labels, *SECOND, np.random.default_rng(seed))
        assert np.array_equal(merged == -1, labels == -1)
