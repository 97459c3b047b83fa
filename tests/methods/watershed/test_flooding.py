"""From reliefs to objects: known answers and a slow reference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cellwright._errors import UsageError
from cellwright.methods.distance import depth
from cellwright.methods.watershed import flooding
from cellwright.methods.watershed.readout import WatershedReadout
from cellwright.metrics.matching import match


def maps_of(labels, noise=0.0):
    """Return what a network would say about labels (Y, X): right but for noise in the relief."""
    relief = depth(labels[None], 1.0)[0]
    relief = relief + np.random.default_rng(0).normal(0, noise, labels.shape)
    return np.stack([np.where(labels > 0, 6.0, -6.0), relief]).astype(np.float32)


def discs(shape, places):
    """Return discs (row, column, radius) as labels; where they overlap, the nearer in radii."""
    rows, columns = np.indices(shape)
    away = np.stack([np.hypot(rows - y, columns - x) / radius for y, x, radius in places])
    return np.where(away.min(0) <= 1, away.argmin(0) + 1, 0).astype(np.int32)


def row_of(*heights):
    """Return the maps of an image of one row, all foreground."""
    relief = np.array(heights, np.float32)[None]
    return np.stack([np.full_like(relief, 6), relief])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_every_pixel_has_the_top_of_its_steepest_way(seed):
    rng = np.random.default_rng(seed)
    relief = rng.integers(0, 6, (3, 8, 9)).astype(np.float32)  # with many equals
    foreground = rng.random(relief.shape) < 0.8
    basins, tops = flooding.basins_of(relief, foreground, 20)
    for place in np.ndindex(*relief.shape):
        if not foreground[place]:
            assert basins[place] == -1
            continue
        at, before = place, None
        while at != before:
            before = at
            steps = np.vstack([np.zeros((1, 3), int), np.eye(3, dtype=int), -np.eye(3, dtype=int)])
            near = [tuple(np.add(at, step).tolist()) for step in steps]
            near = [p for p in near if min(p) >= 0 and all(np.less(p, relief.shape))]
            at = min((p for p in near if foreground[p]), key=lambda p: (-relief[p], p))
        assert np.unravel_index(tops[basins[place]], relief.shape) == at


@pytest.mark.parametrize(("persistence", "objects"), [(0.1, 3), (0.25, 2), (0.5, 1)])
def test_a_top_must_rise_above_the_pass_to_a_higher_one(persistence, objects):
    maps = row_of(0.2, 1.0, 0.6, 0.9, 0.5, 0.7, 0.2)  # tops that rise by 1.0, 0.3 and 0.2
    readout = WatershedReadout(persistence=persistence, smoothing=0, smallest=1)
    assert readout.decode(maps).labels.max() == objects


def test_what_does_not_rise_above_nothing_is_no_object():
    readout = WatershedReadout(persistence=0.2, smoothing=0, smallest=1)
    assert readout.decode(row_of(0.1, 0.15, 0.1)).labels.max() == 0
    assert readout.decode(row_of(0.1, 0.25, 0.1)).labels.tolist() == [[1, 1, 1]]


def test_a_way_that_leads_too_far_leads_nowhere():
    target, place = np.arange(1, 11, dtype=np.int32), np.arange(10, dtype=np.int32)
    target[9] = 9
    end = flooding.follow(target, place, (1, 1, 10), 4)
    assert end.tolist() == [-1] * 5 + [9] * 5


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_crowded_discs_of_all_sizes_are_parted(noise):
    places = [(60, 60, 40), (60, 106, 8), (24, 98, 14), (104, 14, 4), (109, 112, 20), (15, 20, 2)]
    labels = discs((130, 140), places)
    found = WatershedReadout().decode(maps_of(labels, noise)).labels
    assert found.max() == len(places)
    assert match(labels, found).counts.true_positives == len(places)


def test_a_long_bent_object_stays_whole():
    rows, columns = np.indices((80, 80))
    ring = np.abs(np.hypot(rows - 10, columns - 40) - 34) <= 4
    labels = (ring & (rows > 10)).astype(np.int32)
    assert WatershedReadout(travel=80).decode(maps_of(labels)).labels.max() == 1


def test_objects_are_connected_along_faces():
    noise = np.random.default_rng(3).standard_normal((2, 80, 80))
    maps = np.stack([ndimage.gaussian_filter(plane, 1) * 5 for plane in noise]).astype(np.float32)
    found = WatershedReadout().decode(maps)
    assert len(found.anchors) > 5
    for number in range(1, len(found.anchors) + 1):
        assert ndimage.label(found.labels == number)[1] == 1


def test_objects_at_the_side_of_the_image_are_found():
    labels = discs((40, 40), [(0, 0, 12), (39, 20, 9)])
    assert np.array_equal(WatershedReadout().decode(maps_of(labels)).labels > 0, labels > 0)


def test_an_unknown_relief_is_refused():
    with pytest.raises(UsageError, match="depth, nearness"):
        WatershedReadout(relief="height")


def test_no_object_is_smaller_than_a_pixel():
    maps = np.random.default_rng(0).normal(0, 1, (2, 64, 64)).astype(np.float32)
    kept, least = (WatershedReadout(smallest=size).decode(maps).labels for size in (0, 1))
    assert least.max() > 0 and (kept == least).all()
