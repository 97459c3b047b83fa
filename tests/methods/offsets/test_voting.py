"""Offsets back to labels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from cellwright.methods.offsets import geometry, voting


def slow_landing(logits, down, right, *, unit, threshold, steps, reach):
    """Follow the offsets of one pixel after the other."""
    rows, columns = logits.shape
    landing = np.full(logits.shape, -1)
    for y, x in np.argwhere(logits > threshold):
        at, here = np.array([y, x]) + 0.5, (y, x)
        for _ in range(steps):
            at += np.array([down[here], right[here]], np.float32) * np.float32(unit)
            before, here = (
                here,
                tuple(np.clip(np.trunc(at), 0, [rows - 1, columns - 1]).astype(int)),
            )
            if here == before or max(abs(here[0] - y), abs(here[1] - x)) > reach:
                break
        if max(abs(here[0] - y), abs(here[1] - x)) <= reach:
            landing[y, x] = here[0] * columns + here[1]
    return landing


def slow_seeds(landing, spread, radius, minimum):
    """Return the peaks of the votes, all pixels compared with all others near them."""
    rows, columns = landing.shape
    votes = np.zeros(landing.shape)
    for pixel in landing[landing >= 0]:
        for y, x in np.ndindex(rows, columns):
            away = np.abs(np.array([y, x]) - np.divmod(pixel, columns))
            if away.max() <= spread:
                votes[y, x] += np.prod(spread + 1 - away)
    seeds = []
    for y, x in np.argwhere(votes >= minimum * (spread + 1) ** 2):
        top, left = max(0, y - radius), max(0, x - radius)
        around = votes[top : y + radius + 1, left : x + radius + 1]
        if np.array_equal(np.argwhere(around == around.max())[0], [y - top, x - left]):
            seeds.append((y, x))
    return np.array(seeds, int).reshape(-1, 2)


def slow_labels(landing, seeds, radius):
    """Give each pixel the nearest seed, and the seeds that have a pixel numbers without gaps."""
    labels = np.zeros(landing.shape, int)
    for y, x in np.argwhere(landing >= 0):
        away = ((np.divmod(landing[y, x], landing.shape[1]) - seeds) ** 2).sum(1)
        if len(seeds) and away.min() <= radius**2:
            labels[y, x] = away.argmin() + 1
    present, numbers = np.unique(np.append(0, labels), return_inverse=True)
    return numbers[1:].reshape(labels.shape), seeds[present[1:] - 1]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 24), st.integers(1, 24)),
    steps=st.integers(0, 4),
    reach=st.integers(0, 12),
    spread=st.integers(0, 2),
    radius=st.integers(0, 4),
)
def test_every_step_equals_the_slow_way(seed, shape, steps, reach, spread, radius):
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((3, *shape))
    maps = np.stack([gaussian_filter(plane, 1.5) for plane in noise]).astype(np.float32)
    options = {"unit": 8.0, "threshold": -0.1, "steps": steps, "reach": reach}
    landing = voting.land(*maps, **options)
    np.testing.assert_array_equal(landing, slow_landing(*maps, **options))
    seeds = voting.seeds_of(landing, spread, radius, 2.0)
    np.testing.assert_array_equal(seeds, slow_seeds(landing, spread, radius, 2.0))
    expected, having = slow_labels(landing, seeds, radius)
    labels, kept = voting.assign(landing, seeds, radius)
    np.testing.assert_array_equal(labels, expected)
    np.testing.assert_array_equal(kept, having)


def discs(shape, centres, radius):
    """Return non-overlapping discs as labels; a pixel belongs to its nearest centre."""
    rows, columns = np.indices(shape)
    distance = np.stack([np.hypot(rows - y, columns - x) for y, x in centres])
    return np.where(distance.min(0) <= radius, distance.argmin(0) + 1, 0).astype(np.int32)


def landing_of(votes):
    """Return where pixels land such that each has so many votes."""
    landing = np.full((40, votes.shape[1]), -1, np.int32)
    places = np.repeat(np.arange(votes.size), votes.ravel())
    landing.ravel()[: len(places)] = places
    return landing


@pytest.mark.parametrize("gap", [14, 17, 25])
def test_perfect_maps_give_back_touching_discs(gap):
    labels = discs((60, 90), [(30, 25), (30, 25 + gap), (30, 25 + 2 * gap)], 9)
    centre, _ = geometry.centres(labels, 3)
    offsets = geometry.offsets_to_centres(labels, centre)
    logits = np.where(labels > 0, 5, -5).astype(np.float32)
    landing = voting.land(logits, *offsets, unit=1.0, threshold=0.0, steps=3, reach=64)
    seeds = voting.seeds_of(landing, 1, 3, 4.0)
    assert len(seeds) == 3
    np.testing.assert_array_equal(voting.assign(landing, seeds, 5)[0], labels)


def test_a_pixel_that_travels_too_far_belongs_to_nothing():
    logits = np.ones((1, 50), np.float32)
    offsets = np.zeros((2, 1, 50), np.float32)
    offsets[1, 0, 0] = 30
    landing = voting.land(logits, *offsets, unit=1.0, threshold=0.5, steps=3, reach=20)
    assert landing[0, :2].tolist() == [-1, 1]


def test_equal_votes_make_one_seed():
    votes = np.zeros((9, 9), int)
    votes[4, 3:6] = 7
    assert voting.seeds_of(landing_of(votes), 0, 2, 1.0).tolist() == [[4, 3]]


def test_few_votes_make_no_seed():
    votes = np.zeros((9, 9), int)
    votes[4, 4] = 3
    assert len(voting.seeds_of(landing_of(votes), 0, 2, 3.5)) == 0
