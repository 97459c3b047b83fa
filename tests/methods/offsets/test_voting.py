"""Offsets back to labels."""

import numpy as np
import pytest

from cellwright.methods.offsets import geometry, voting


def discs(shape, centres, radius):
    """Return non-overlapping discs as labels; a pixel belongs to its nearest centre."""
    rows, columns = np.indices(shape)
    distance = np.stack([np.hypot(rows - y, columns - x) for y, x in centres])
    return np.where(distance.min(0) <= radius, distance.argmin(0) + 1, 0).astype(np.int32)


@pytest.mark.parametrize("gap", [14, 17, 25])
def test_perfect_maps_give_back_touching_discs(gap):
    labels = discs((60, 90), [(30, 25), (30, 25 + gap), (30, 25 + 2 * gap)], 9)
    centre, _ = geometry.centres(labels, 3)
    offsets = geometry.offsets_to_centres(labels, centre)
    landing = voting.land(np.where(labels > 0, 5, -5).astype(np.float32), offsets, 0.0, 3, 64)
    seeds = voting.seeds_of(voting.votes_of(landing, 1), 3, 4.0)
    assert len(seeds) == 3
    np.testing.assert_array_equal(voting.assign(landing, seeds, 5), labels)


def test_a_pixel_that_travels_too_far_belongs_to_nothing():
    logits = np.ones((1, 50), np.float32)
    offsets = np.zeros((2, 1, 50), np.float32)
    offsets[1, 0, 0] = 30
    landing = voting.land(logits, offsets, 0.5, 3, 20)
    assert landing[:, 0, 0].tolist() == [-1, -1]
    assert landing[:, 0, 1].tolist() == [0, 1]


def test_equal_votes_make_one_seed():
    votes = np.zeros((9, 9), np.float32)
    votes[4, 3:6] = 7
    assert voting.seeds_of(votes, 2, 1.0).tolist() == [[4, 3]]


def test_few_votes_make_no_seed():
    votes = np.zeros((9, 9), np.float32)
    votes[4, 4] = 3
    assert len(voting.seeds_of(votes, 2, 3.5)) == 0
