"""Labels to offsets and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cellwright.methods.offsets import geometry


def discs(shape, centres, radius):
    """Return non-overlapping discs as labels; a pixel belongs to its nearest centre."""
    rows, columns = np.indices(shape)
    distance = np.stack([np.hypot(rows - y, columns - x) for y, x in centres])
    return np.where(distance.min(0) <= radius, distance.argmin(0) + 1, 0).astype(np.int32)


def slow_tidy(labels):
    """Keep the largest part of each label, then fill what only one object encloses."""
    kept = np.zeros_like(labels)
    for label in np.unique(labels[labels > 0]):
        parts, count = ndimage.label(labels == label)
        sizes = ndimage.sum_labels(np.ones_like(parts), parts, np.arange(1, count + 1))
        kept[parts == np.argmax(sizes) + 1] = label
    result = kept.copy()
    for value in np.unique(labels):
        parts, count = ndimage.label((labels == value) & (kept == 0))
        for part in range(1, count + 1):
            region = parts == part
            rows, columns = np.nonzero(region)
            on_border = (
                rows.min() == 0
                or columns.min() == 0
                or rows.max() == labels.shape[0] - 1
                or columns.max() == labels.shape[1] - 1
            )
            ring = ndimage.binary_dilation(region) & ~region
            touching = set(kept[ring].tolist())
            if not on_border and len(touching) == 1 and 0 not in touching:
                result[region] = touching.pop()
    return result


def test_round_object_points_to_its_centroid():
    labels = discs((40, 40), [(20, 20)], 9)
    centre, area = geometry.centres(labels, 1)
    assert centre[0] == pytest.approx((20, 20))
    assert area[0] == (labels > 0).sum()
    offsets = geometry.offsets_to_centres(labels, centre)
    assert offsets[:, 13, 24].tolist() == [7, -4]
    assert not offsets[:, labels == 0].any()


def test_centre_of_a_bent_object_lies_on_it():
    labels = np.zeros((30, 30), np.int32)
    labels[5:25, 5:8] = 1
    labels[22:25, 5:25] = 1
    centre, _ = geometry.centres(labels, 1)
    assert labels[tuple(centre[0].astype(int))] == 1


def test_missing_label_has_no_area():
    labels = np.zeros((5, 5), np.int32)
    labels[2, 2] = 3
    _, areas = geometry.centres(labels, 3)
    assert areas.tolist() == [0, 0, 1]


@pytest.mark.parametrize("gap", [14, 17, 25])
def test_perfect_maps_give_back_touching_discs(gap):
    labels = discs((60, 90), [(30, 25), (30, 25 + gap), (30, 25 + 2 * gap)], 9)
    centre, _ = geometry.centres(labels, 3)
    offsets = geometry.offsets_to_centres(labels, centre)
    landing = geometry.land((labels > 0).astype(np.float32), offsets, 0.5, 3, 64)
    seeds = geometry.seeds_of(geometry.votes_of(landing, 1), 3, 4.0)
    assert len(seeds) == 3
    np.testing.assert_array_equal(geometry.assign(landing, seeds, 5), labels)


def test_a_pixel_that_travels_too_far_belongs_to_nothing():
    foreground = np.ones((1, 50), np.float32)
    offsets = np.zeros((2, 1, 50), np.float32)
    offsets[1, 0, 0] = 30
    landing = geometry.land(foreground, offsets, 0.5, 3, 20)
    assert landing[:, 0, 0].tolist() == [-1, -1]
    assert landing[:, 0, 1].tolist() == [0, 1]


def test_equal_votes_make_one_seed():
    votes = np.zeros((9, 9), np.float32)
    votes[4, 3:6] = 7
    assert geometry.seeds_of(votes, 2, 1.0).tolist() == [[4, 3]]


def test_few_votes_make_no_seed():
    votes = np.zeros((9, 9), np.float32)
    votes[4, 4] = 3
    assert len(geometry.seeds_of(votes, 2, 3.5)) == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 24), st.integers(1, 24), st.integers(1, 4))
def test_tidy_equals_the_slow_way(seed, rows, columns, count):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, count + 1, (rows // 3 + 1, columns // 3 + 1))
    labels = np.kron(coarse, np.ones((3, 3), int))[:rows, :columns].astype(np.int32)
    result = geometry.tidy(labels, count)
    expected = slow_tidy(labels)
    sizes_tie = any(
        len(s) > 1 and s[-1] == s[-2]
        for label in range(1, count + 1)
        for s in [np.sort(np.bincount(ndimage.label(labels == label)[0].ravel())[1:])]
    )
    if not sizes_tie:
        np.testing.assert_array_equal(result, expected)
    for label in np.unique(result[result > 0]):
        assert ndimage.label(result == label)[1] == 1


def test_tidy_fills_a_hole_but_keeps_an_object_inside():
    labels = np.zeros((12, 12), np.int32)
    labels[1:11, 1:11] = 1
    labels[3, 3] = 0
    labels[6:9, 6:9] = 2
    result = geometry.tidy(labels, 2)
    assert result[3, 3] == 1
    assert (result == 2).sum() == 9
