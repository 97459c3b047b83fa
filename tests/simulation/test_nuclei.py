from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label

from cellwright import UsageError
from cellwright.simulation.nuclei import (
    NucleiSimulation,
    simulate_field,
    simulate_volume,
)
from cellwright.simulation.optics import Optics

SMALL = NucleiSimulation(size=(160, 192), diameter=20)
VOLUME = NucleiSimulation(size=(16, 96, 96), diameter=20, density=0.15)


def test_same_seed_same_pixels_other_seed_other_pixels():
    image, labels = simulate_field(SMALL, seed=7)
    again, again_labels = simulate_field(SMALL, seed=7)
    other, _ = simulate_field(SMALL, seed=8)
    assert np.array_equal(image, again) and np.array_equal(labels, again_labels)
    assert not np.array_equal(image, other)


@given(seed=st.integers(0, 10_000), density=st.sampled_from([0.1, 0.3, 0.5]))
@settings(max_examples=15, deadline=None)
def test_every_object_is_one_connected_piece_and_labels_are_sequential(seed, density):
    _, labels = simulate_field(replace(SMALL, density=density, clustering=0.8), seed)
    assert labels.dtype == np.int32
    assert np.array_equal(np.unique(labels), np.arange(labels.max() + 1))
    for index in range(1, labels.max() + 1):
        assert label(labels == index)[1] == 1


def test_density_and_diameter_are_what_was_asked_for():
    wanted = NucleiSimulation(
        size=(600, 600), diameter=30, density=0.25, clustering=0, condensed=0, size_variation=0.1
    )
    _, labels = simulate_field(wanted, seed=1)
    assert (labels > 0).mean() == pytest.approx(0.25, abs=0.03)
    diameters = np.sqrt(4 / np.pi * np.bincount(labels.ravel())[1:])
    assert np.median(diameters) == pytest.approx(30, rel=0.06)


def test_nuclei_are_brighter_than_their_surroundings_and_noise_falls_with_light():
    image, labels = simulate_field(SMALL, seed=3)
    assert image[labels > 0].mean() > 2 * image[labels == 0].mean()
    dim, bright = (
        simulate_field(replace(SMALL, density=0.0, optics=Optics(background=b, shading=0)), 3)[0]
        for b in (2, 200)
    )
    assert dim.std() / dim.mean() > 2 * bright.std() / bright.mean()


def test_photon_noise_has_the_variance_of_a_poisson_camera():
    optics = Optics(background=100, read_noise=5, shading=0, photons=200, exposure=0.3)
    empty = replace(SMALL, density=0.0, optics=optics)
    image, _ = simulate_field(empty, seed=0)
    grey_per_photon = 0.3 * (2**16 - 1) / 200
    assert (image / grey_per_photon).var() == pytest.approx(100 + 5**2, rel=0.05)


def test_bits_decide_the_type_and_the_range():
    image, _ = simulate_field(replace(SMALL, optics=Optics(bits=8)), seed=1)
    assert image.dtype == np.uint8
    image, _ = simulate_field(replace(SMALL, optics=Optics(bits=12, exposure=1.0)), seed=1)
    assert image.dtype == np.uint16 and image.max() == 2**12 - 1


def test_an_empty_sample_has_no_objects():
    image, labels = simulate_field(replace(SMALL, density=0.0), seed=1)
    assert labels.max() == 0 and image.shape == SMALL.size


def test_volume_nuclei_are_round_in_micrometres_not_in_planes():
    image, labels = simulate_volume(replace(VOLUME, elongation=0, roughness=0, density=0.05), 3)
    assert image.shape == labels.shape == VOLUME.size
    inner = [
        i
        for i in range(1, labels.max() + 1)
        if all(
            c.min() > 0 and c.max() < n - 1
            for c, n in zip(np.where(labels == i), VOLUME.size, strict=True)
        )
    ]
    assert inner
    for index in inner:
        z, y, _ = (np.ptp(c) for c in np.where(labels == index))
        assert z * VOLUME.plane_spacing == pytest.approx(y, abs=1.5 * VOLUME.plane_spacing)


@pytest.mark.parametrize("bad", [{"size": (5,)}, {"density": 2.0}, {"diameter": 0.0}])
def test_impossible_settings_are_refused(bad):
    with pytest.raises(UsageError):
        replace(SMALL, **bad)


def test_field_and_volume_name_the_size_they_need():
    with pytest.raises(UsageError, match=r"simulate_field needs a size of \(Y, X\)"):
        simulate_field(VOLUME, 0)
    with pytest.raises(UsageError, match=r"simulate_volume needs a size of \(Z, Y, X\)"):
        simulate_volume(SMALL, 0)
