"""From maps to objects: exactness, locality, evidence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright.methods.offsets import geometry
from cellwright.methods.offsets.readout import OffsetsReadout
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field

SMALL = OffsetsReadout(steps=3, travel=12, capture=4, seed_distance=2, spread=1, min_votes=3)


def perfect_maps(labels, readout):
    """Return what a perfect network would say about `labels`."""
    centre, _ = geometry.centres(labels, int(labels.max()))
    offsets = geometry.offsets_to_centres(labels, centre) / readout.unit
    logit = np.where(labels > 0, 6.0, -6.0)
    return np.concatenate([logit[None], offsets]).astype(np.float32)


def noisy_maps(seed, shape):
    """Return smooth random maps with many ambiguous objects."""
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(seed).standard_normal((3, *shape))
    smooth = np.stack([gaussian_filter(plane, 2.0) * 8 for plane in noise])
    return smooth.astype(np.float32)


def test_perfect_maps_give_back_every_simulated_nucleus():
    _, labels = simulate_field(NucleiSimulation(size=(192, 192)), seed=3)
    found = OffsetsReadout().decode(perfect_maps(labels, OffsetsReadout()))
    assert len(found.anchors) == len(np.unique(labels)) - 1
    agreeing = (found.labels > 0) == (labels > 0)
    assert agreeing.mean() > 0.999


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_objects_anchored_in_a_core_need_only_the_margin(seed):
    maps = noisy_maps(seed, (260, 30))
    whole = SMALL.decode(maps)
    top, bottom = 118, 142
    first, last = top - SMALL.margin, bottom + SMALL.margin
    assert first > 0 and last < 260, "the window must be smaller than the image"
    part = SMALL.decode(maps[:, first:last])

    def owned(found, shift):
        inside = (found.anchors[:, 0] + shift >= top) & (found.anchors[:, 0] + shift < bottom)
        return {
            tuple(found.anchors[i] + [shift, 0]): {
                (y + shift, x) for y, x in np.argwhere(found.labels == i + 1).tolist()
            }
            for i in np.flatnonzero(inside)
        }

    assert owned(whole, 0), "some object must be there to compare"
    assert owned(part, first) == owned(whole, 0)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_pixel_is_beyond_reach_and_every_object_has_pixels(seed):
    found = SMALL.decode(noisy_maps(seed, (64, 64)))
    present = np.unique(found.labels[found.labels > 0])
    assert present.tolist() == list(range(1, len(found.anchors) + 1))
    for i, anchor in enumerate(found.anchors):
        away = np.abs(np.argwhere(found.labels == i + 1) - anchor)
        assert away.max() <= SMALL.reach


def test_clean_objects_have_better_evidence_than_torn_ones():
    _, labels = simulate_field(NucleiSimulation(size=(128, 128)), seed=5)
    readout = OffsetsReadout()
    maps = perfect_maps(labels, readout)
    doubtful = maps.copy()
    doubtful[0] *= 0.1
    doubtful[1:] += np.random.default_rng(0).normal(0, 0.3, maps[1:].shape)
    names = readout.evidence_names
    clean = dict(zip(names, readout.decode(maps).evidence.mean(0), strict=True))
    torn = dict(zip(names, readout.decode(doubtful).evidence.mean(0), strict=True))
    assert clean["foreground"] > torn["foreground"]
    assert clean["edge certainty"] > torn["edge certainty"]
    assert clean["miss"] < torn["miss"]


def test_area_in_the_evidence_is_that_of_the_object():
    labels = np.zeros((40, 40), np.int32)
    labels[10:20, 10:25] = 1
    readout = OffsetsReadout()
    evidence = readout.decode(perfect_maps(labels, readout)).evidence
    assert evidence[0, readout.evidence_names.index("log area")] == pytest.approx(np.log(150))
