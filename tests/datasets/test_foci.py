import numpy as np
import pytest

from cellwright.datasets.foci import add_foci

SEEDS = range(12)


@pytest.fixture
def discs():
    """Three bright discs of 30 px, one of them cut by the border, and one that is tiny."""
    y, x = np.mgrid[:128, :128]
    labels = np.zeros((1, 128, 128), np.int32)
    for number, (row, column, radius) in enumerate(
        [(30, 30, 15), (80, 60, 15), (100, 127, 15), (20, 100, 2)], 1
    ):
        labels[0, (y - row) ** 2 + (x - column) ** 2 <= radius**2] = number
    return 0.1 + 0.5 * (labels[None] > 0).astype(np.float32), labels


def test_only_the_inside_of_objects_changes_but_for_the_exposure(discs):
    pixels, labels = discs
    for seed in SEEDS:
        changed = add_foci(pixels, labels, np.random.default_rng(seed))
        outside = changed[0][labels == 0]
        assert np.ptp(outside) < 1e-6  # all of it by one factor
        assert 0 < outside[0] <= 0.1 + 1e-6
        tiny = changed[0][labels == 4]
        assert np.ptp(tiny) < 1e-6
        assert changed.dtype == np.float32 and changed.shape == pixels.shape


def test_there_are_bright_spots_and_dark_holes(discs):
    pixels, labels = discs
    brighter = darker = 0
    for seed in SEEDS:
        changed = add_foci(pixels, labels, np.random.default_rng(seed))[0]
        inside = changed[labels > 0] / changed[0, 0, 0] * 0.1  # at the exposure of before
        brighter += inside.max() > 0.61
        darker += inside.min() < 0.5
        assert not (inside.max() > 0.61 and inside.min() < 0.59)  # a patch has one or the other
        assert inside.min() > 0.1  # a hole does not become background
    assert brighter >= 3 and darker >= 1


def test_the_outline_stays_where_it_was(discs):
    pixels, labels = discs
    changed = [add_foci(pixels, labels, np.random.default_rng(seed))[0] for seed in SEEDS]
    edge = (labels[0] == 1) & ~(
        np.roll(labels[0], 1, 0) * np.roll(labels[0], -1, 0) * np.roll(labels[0], 1, 1) > 0
    )
    for patch in changed:
        at_edge = patch[0][edge] / patch[0, 0, 0] * 0.1
        assert np.all(at_edge > 0.3)


def test_a_seed_gives_the_same_spots_and_the_source_is_not_touched(discs):
    pixels, labels = discs
    before = pixels.copy()
    first, second = (add_foci(pixels, labels, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(pixels, before)


def test_dark_objects_and_empty_patches_stay_as_they_are(discs):
    pixels, labels = discs
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(add_foci(1 - pixels, labels, rng), 1 - pixels)
    nothing = np.zeros_like(labels)
    assert add_foci(pixels, nothing, rng) is pixels


def test_volumes_and_colours_keep_their_proportions():
    z, y, x = np.mgrid[:12, :48, :48]
    labels = (((z - 6) * 3) ** 2 + (y - 24) ** 2 + (x - 24) ** 2 < 300).astype(np.int32)
    pixels = np.stack([labels * 0.4, labels * 0.8]).astype(np.float32)
    changed = add_foci(pixels, labels, np.random.default_rng(1))
    assert not np.array_equal(changed, pixels)
    np.testing.assert_allclose(changed[1], 2 * changed[0], rtol=1e-4)
