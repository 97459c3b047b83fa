"""Embeddings to clusters: slow references, and objects that other methods find hard."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright.methods.embeddings import clustering, geometry
from cellwright.methods.embeddings.readout import EmbeddingsReadout
from cellwright.methods.numbering import consecutive
from cellwright.metrics.matching import match


def random_seeds(seed, count=60):
    """Return places, offsets and 1 / bandwidths of seeds that compete in a small volume."""
    rng = np.random.default_rng(seed)
    places = np.unique(rng.integers(0, (3, 40, 40), (count, 3)), axis=0)
    rng.shuffle(places)
    offsets = rng.normal(0, 3, (len(places), 3)).astype(np.float32)
    return places, offsets, rng.uniform(0.1, 1, (len(places), 3)).astype(np.float32)


def captures(places, offsets, scales, at, shift, reach):
    """Return for every seed whether it captures the pixels `at`, and their distances."""
    away = ((places + offsets)[:, None] - (at + shift)[None]) * scales[:, None]
    near = np.abs(places[:, None] - at[None]).max(2) <= reach
    distance = np.where(near, (away**2).sum(2), np.inf)
    return distance < 1, distance


def plain_rounds(captured):
    """Return in which round each seed is kept, or, negative, dropped: all against all."""
    rivals = captured & np.tri(len(captured), k=-1, dtype=bool).T  # better one, worse one
    rounds = np.zeros(len(captured), int)
    for number in range(1, len(captured) + 1):
        undecided = rounds == 0
        rounds[undecided & ~(rivals & undecided[:, None]).any(0)] = number
        rounds[(rounds == 0) & (rivals & (rounds == number)[:, None]).any(0)] = -number
    return rounds


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([3, 9, 30]))
def test_rounds_are_those_of_a_comparison_of_all_with_all(seed, reach):
    places, offsets, scales = random_seeds(seed)
    captured, _ = captures(places, offsets, scales, places, offsets, reach)
    rounds = clustering.rounds_of(places, offsets, scales, reach)
    assert (rounds == plain_rounds(captured)).all()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([3, 9, 30]))
def test_pixels_join_the_seed_of_highest_membership(seed, reach):
    places, offsets, scales = random_seeds(seed)
    rng = np.random.default_rng(seed)
    logits = rng.normal(1, 1, (3, 20, 20)).astype(np.float32)
    shifts = rng.normal(0, 4, (3, 3, 20, 20)).astype(np.float32)
    labels = clustering.assign(logits, shifts, 0.0, places, offsets, scales, reach)
    pixels = np.argwhere(logits > -np.inf)
    captured, distance = captures(
        places, offsets, scales, pixels, shifts[(slice(None), *pixels.T)].T, reach
    )
    nearest = np.where(captured.any(0), distance.argmin(0) + 1, 0).reshape(logits.shape)
    assert (labels == np.where(logits > 0, nearest, 0)).all()


def maps_of(labels, readout):
    """Return maps of a good network: pixels gather a good deal, seeds are surest at the centre."""
    objects, count = consecutive(labels[None] if labels.ndim == 2 else labels)
    offsets = geometry.ways(objects, geometry.centres(objects, count))[3 - labels.ndim :]
    offsets = offsets.reshape(labels.ndim, *labels.shape)
    extent = np.ones((labels.ndim, labels.max() + 1))  # half that of each object along each axis
    for number in range(1, count + 1):
        extent[:, number] = (np.ptp(np.argwhere(labels == number), axis=0) + 1) / 2
    extent = extent[:, labels]
    seed = np.where(labels > 0, 5 - np.hypot.reduce(offsets / extent, 0), -6)
    width = np.log(np.maximum(0.5 * extent, 1) / readout.bandwidth)
    return np.concatenate([seed[None], 0.8 * offsets / readout.unit, width]).astype(np.float32)


def disc(shape, centre, radius):
    away = [axis - middle for axis, middle in zip(np.indices(shape), centre, strict=True)]
    return np.hypot.reduce(away, 0) <= radius


def test_objects_of_all_sizes_come_back_from_one_image():
    labels = np.zeros((160, 200), np.int32)
    for number, (y, x, radius) in enumerate(
        [(60, 60, 50), (60, 120, 8), (60, 135, 4.5), (130, 20, 2.5), (130, 120, 25), (130, 27, 4)],
        1,
    ):
        labels[disc(labels.shape, (y, x), radius) & (labels == 0)] = number
    readout = EmbeddingsReadout.suited_to(2, 110)
    counts = match(labels, readout.decode(maps_of(labels, readout)).labels, 0.9).counts
    assert (counts.true_positives, counts.false_positives) == (6, 0)


def test_a_small_object_on_the_slope_of_a_surer_one_has_its_own_seed():
    labels = np.zeros((40, 40), np.int32)
    labels[10:30, 5:21], labels[10:30, 21:25] = 1, 2
    readout = EmbeddingsReadout()
    maps = maps_of(labels, readout)
    maps[0] = np.where(labels > 0, 5 - 0.05 * np.indices(labels.shape)[1], -6)
    assert match(labels, readout.decode(maps).labels, 0.9).counts.true_positives == 2


def test_a_long_object_is_one():
    labels = np.zeros((30, 90), np.int32)
    labels[12:18, 5:85] = 1
    labels[18:24, 5:85] = 2
    readout = EmbeddingsReadout.suited_to(2, 60)
    found = readout.decode(maps_of(labels, readout))
    assert match(labels, found.labels, 0.9).counts.f1 == 1


def test_torn_objects_have_worse_evidence_than_clean_ones():
    labels = np.zeros((60, 60), np.int32)
    labels[disc((60, 60), (30, 30), 12)] = 1
    readout = EmbeddingsReadout()
    maps = maps_of(labels, readout)
    torn = maps.copy()
    torn[0] *= 0.3
    torn[1:] += np.random.default_rng(0).normal(0, 0.3, maps[1:].shape)
    clean, worse = (readout.decode(m).evidence.mean(0) for m in (maps, torn))
    names = readout.evidence_names
    assert (clean[:2] > worse[:2]).all() and (clean[2:4] < worse[2:4]).all()
    assert clean[names.index("log size")] == pytest.approx(np.log((labels > 0).sum()))
