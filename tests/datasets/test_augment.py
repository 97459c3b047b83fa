from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label
from skimage.measure import regionprops

from cellwright._errors import UsageError
from cellwright.datasets.augment import augment, draw_warp, separate_parts
from cellwright.datasets.augmentation import STRENGTHS, Augmentation, augmentation
from cellwright.datasets.examples import object_facts
from datasets.dataset_builders import discs

ORIENTED = replace(augmentation("none"), flips=True, quarter_turns=True)


def areas(labels):
    return sorted(np.bincount(labels[labels > 0])[1:].tolist())


def blobs(seed, shape=(40, 40), count=6):
    """Random connected objects: numbered pieces of thresholded noise."""
    rng = np.random.default_rng(seed)
    mask = np.kron(rng.random((shape[0] // 4, shape[1] // 4)) > 0.6, np.ones((4, 4))) > 0
    return label(mask, np.ones((3, 3)))[0].astype(np.int32)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 2**31))
def test_flips_and_turns_keep_every_object(seed, chance):
    labels = blobs(seed)
    pixels = np.random.default_rng(seed).random((2, 40, 40), dtype=np.float32)
    rng = np.random.default_rng(chance)
    patch, patch_labels = augment(pixels, labels, (40, 40), ORIENTED, rng)
    assert areas(separate_parts(patch_labels)) == areas(labels)
    assert sorted(patch.ravel()) == sorted(pixels.ravel())


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(sorted(STRENGTHS)))
def test_a_patch_depends_on_its_seed_alone(seed, strength):
    labels = discs()
    pixels = (labels > 0)[None].astype(np.float32)
    first, again = (
        augment(pixels, labels, (32, 48), augmentation(strength), np.random.default_rng(seed))
        for _ in range(2)
    )
    assert first[0].shape == (1, 32, 48) and first[1].shape == (32, 48)
    assert first[0].dtype == np.float32 and first[1].dtype == np.int32
    assert np.isfinite(first[0]).all()
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_labels_stay_on_their_objects(seed):
    """Where pixels are the labels themselves, both must still agree away from outlines."""
    labels = discs((128, 128))
    pixels = (labels > 0)[None].astype(np.float32)
    settings_ = replace(augmentation("none"), free=1.0, elastic=2.0, flips=True)
    patch, patch_labels = augment(pixels, labels, (64, 64), settings_, np.random.default_rng(seed))
    assert ((patch[0] > 0.5) != (patch_labels > 0)).mean() < 0.02
    assert set(np.unique(patch_labels)) <= set(range(labels.max() + 1))


def test_patches_are_placed_over_objects():
    labels = np.zeros((400, 400), np.int32)
    labels[300:310, 40:50] = 1
    pixels = np.zeros((1, 400, 400), np.float32)
    rng = np.random.default_rng(0)
    points = np.array([[0.0, 304.5, 44.5]])

    def share(foreground):
        chosen = replace(augmentation("none"), foreground=foreground)
        patches = [augment(pixels, labels, (64, 64), chosen, rng, points=points) for _ in range(99)]
        return np.mean([patch_labels.any() for _, patch_labels in patches])

    assert share(0.0) < 0.3
    assert share(1.0) == 1.0


def test_plain_crops_reach_every_pixel_and_nothing_else():
    labels = np.arange(1, 401, dtype=np.int32).reshape(20, 20)
    pixels = labels[None].astype(np.float32)
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(3000):
        patch, patch_labels = augment(pixels, labels, (7, 9), augmentation("none"), rng)
        assert np.array_equal(patch[0], patch_labels)
        assert (np.diff(patch_labels, axis=1) == 1).all()
        seen |= set(patch_labels.ravel().tolist())
    assert seen == set(range(1, 401))


@pytest.mark.parametrize("radius", [4, 40])
def test_objects_are_brought_to_the_wanted_diameter(radius):
    labels = discs((240, 240), radius, step=120)
    wanted = replace(augmentation("none"), diameter_range=(16.0, 20.0))
    diameter = object_facts(labels).diameter
    pixels = np.zeros((1, 240, 240), np.float32)
    found = []
    for seed in range(20):
        points = np.array([[0.0, 60.0, 60.0]])
        rng = np.random.default_rng(seed)
        _, patch = augment(pixels, labels, (64, 64), wanted, rng, points=points, diameter=diameter)
        inside = [
            p.equivalent_diameter_area
            for p in regionprops(patch)
            if min(p.bbox[:2]) > 0 and max(p.bbox[2:]) < 64
        ]
        found += inside
    assert found and min(found) > 14.5 and max(found) < 21.5


@pytest.mark.parametrize(("diameter", "seen"), [(100, 50), (50, 40), (10, 40), (None, None)])
def test_all_patches_are_magnified_and_then_kept_within_bounds(rng, diameter, seen):
    wanted = replace(
        augmentation("none"),
        magnification=0.5,
        diameter_range=(30.0, 60.0),
        reference_diameter=40.0,
    )
    warp = draw_warp((1, 300, 300), (64, 64), wanted, rng, diameter=diameter)
    magnified = 1 / np.sqrt(abs(np.linalg.det(warp.matrix)))
    assert magnified == pytest.approx(seen / diameter if diameter else 0.5)


def test_volumes():
    labels = np.zeros((8, 40, 40), np.int32)
    labels[2:6, 10:30, 10:30] = 1
    pixels = (labels > 0)[None].astype(np.float32)
    rng = np.random.default_rng(0)
    patch, patch_labels = augment(pixels, labels, (8, 40, 40), ORIENTED, rng)
    assert areas(patch_labels) == areas(labels)
    patch, patch_labels = augment(pixels, labels, (6, 24, 32), augmentation("strong"), rng)
    assert patch.shape == (1, 6, 24, 32) and patch_labels.shape == (6, 24, 32)


def test_patch_larger_than_the_image():
    labels = discs((48, 48))
    pixels = (labels > 0)[None].astype(np.float32)
    patch, patch_labels = augment(
        pixels, labels, (96, 96), augmentation("none"), np.random.default_rng(0)
    )
    assert np.array_equal(patch[0] > 0, patch_labels > 0) and patch_labels[:24].any()


def test_cut_objects_become_several_and_slivers_are_ignored():
    labels = np.zeros((20, 20), np.int32)
    labels[0:8, 2:5] = labels[0:8, 9:12] = 1  # a horseshoe whose bow is outside of the patch
    labels[19, 0:2] = 2  # cut off by the border
    labels[15, 15] = 3  # a small object of its own
    labels[10, 18] = -1
    parts = separate_parts(labels)
    assert len(np.unique(parts[parts > 0])) == 3
    assert parts[3, 3] != parts[3, 10]
    assert (parts[19, 0:2] == -1).all() and parts[15, 15] > 0 and parts[10, 18] == -1


def test_touching_objects_stay_apart():
    labels = np.zeros((10, 10), np.int32)
    labels[2:5, 2:8], labels[5:8, 2:8] = 4, 9
    assert areas(separate_parts(labels)) == [18, 18]


def test_unknown_strength_lists_the_known():
    with pytest.raises(UsageError, match="none, light, standard, strong"):
        augmentation("brutal")


@pytest.mark.parametrize(
    "wrong", [{"free": 1.5}, {"scale": (2.0, 1.0)}, {"gamma": (0.0, 1.0)}, {"elastic_spacing": 1}]
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(UsageError, match=f"Augmentation: '{next(iter(wrong))}'"):
        Augmentation(**wrong)


def test_patch_shape_of_other_axes_is_refused():
    with pytest.raises(UsageError, match="2 or 3 axes"):
        augment(
            np.zeros((1, 8, 8), np.float32),
            np.zeros((8, 8), np.int32),
            (8,),
            augmentation("none"),
            np.random.default_rng(0),
        )


def test_labels_from_a_data_base_need_no_table_of_all_numbers():
    labels = np.zeros((96, 96), np.int32)
    labels[10:20, 10:20], labels[40:60, 40:60], labels[94:, :2] = 7, 2_000_000_000, 1_999_999_999
    few = np.searchsorted([0, 7, 1_999_999_999, 2_000_000_000], labels).astype(np.int32)
    facts, alike = object_facts(labels), object_facts(few)
    assert facts.diameter == alike.diameter
    assert sorted(facts.points.tolist()) == sorted(alike.points.tolist())
    assert (separate_parts(labels) == separate_parts(few)).all()
