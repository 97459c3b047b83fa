from dataclasses import replace

import numpy as np
import pytest
from skimage.color import hed2rgb, rgb2hed

from cellwright.datasets.augmentation import augmentation
from cellwright.datasets.intensity import (
    change_dyes,
    change_intensity,
    jitter_stains,
    mix_channels,
    show_haematoxylin,
)

NONE = augmentation("none")


@pytest.fixture
def pixels(rng):
    return rng.uniform(0, 1, (3, 64, 64)).astype(np.float32)


def test_nothing_is_changed_where_nothing_may_be(pixels, rng):
    assert np.array_equal(change_intensity(pixels, NONE, rng), pixels)


@pytest.mark.parametrize("change", ["gain", "channel_gain", "offset", "noise", "shot_noise"])
def test_the_input_is_left_alone(pixels, rng, change):
    before = pixels.copy()
    changed = change_intensity(pixels, replace(NONE, **{change: 0.3}), rng)
    assert np.array_equal(pixels, before) and not np.array_equal(changed, before)
    assert changed.dtype == np.float32 and changed.shape == pixels.shape


def test_gain_is_common_and_channel_gain_is_not(pixels, rng):
    def factors(**settings):
        ratio = change_intensity(pixels, replace(NONE, **settings), rng) / pixels
        return ratio.mean((1, 2))

    assert np.ptp(factors(gain=0.5)) < 1e-4
    assert np.ptp(factors(channel_gain=0.5)) > 1e-2


def test_gamma_keeps_0_and_1_and_the_order(rng):
    ramp = np.linspace(-0.2, 1, 50, dtype=np.float32).reshape(1, 1, 50)
    curved = change_intensity(ramp, replace(NONE, gamma=(0.5, 0.5)), rng)
    assert curved[0, 0, -1] == pytest.approx(1) and (np.diff(curved) > 0).all()
    assert np.allclose(curved[ramp < 0], ramp[ramp < 0])
    assert np.allclose(curved[ramp > 0], np.sqrt(ramp[ramp > 0]))


def test_photon_noise_grows_with_the_signal(rng):
    halves = np.zeros((1, 64, 128), np.float32)
    halves[..., 64:] = 1
    noisy = change_intensity(halves, replace(NONE, shot_noise=0.05), rng)
    assert noisy[..., :64].std() < 1e-6 < 0.01 < noisy[..., 64:].std()


def test_blur_keeps_the_mean(pixels, rng):
    blurred = change_intensity(pixels, replace(NONE, blurred=1.0, blur=2.0), rng)
    assert blurred.std() < pixels.std()
    assert blurred.mean() == pytest.approx(pixels.mean(), abs=1e-4)


def test_inversion_and_channel_drop(pixels, rng):
    assert np.allclose(change_intensity(pixels, replace(NONE, inversion=1.0), rng), 1 - pixels)
    dropped = change_intensity(pixels, replace(NONE, channel_drop=1.0), rng)
    assert [bool(channel.any()) for channel in dropped].count(False) == 1


def test_stains_change_in_their_own_colours(rng):
    """Only the densities of the stains change: white stays white, each ratio is constant."""
    densities = np.zeros((8, 8, 3))
    densities[..., 0] = rng.uniform(0.05, 0.2, (8, 8))
    stained = np.moveaxis(hed2rgb(densities), -1, 0).astype(np.float32)
    jittered = jitter_stains(stained, 0.5, rng)
    found = rgb2hed(np.clip(np.moveaxis(jittered, 0, -1), 0, 1))
    ratio = found[..., 0] / densities[..., 0]
    assert np.ptp(ratio) < 0.05 * ratio.mean() and abs(ratio.mean() - 1) > 0.01
    white = np.ones((3, 4, 4), np.float32)
    assert np.allclose(jitter_stains(white, 0.5, rng), 1, atol=1e-5)


def test_stains_are_left_alone_in_fluorescence(pixels, rng):
    assert np.array_equal(change_intensity(pixels, replace(NONE, stain=0.5), rng), pixels)


def test_local_gain_varies_smoothly_and_keeps_the_mean_logarithm(rng):
    flat = np.ones((2, 128, 128), np.float32)
    settings = replace(NONE, local_gain=0.3, local_gain_spacing=(32.0, 32.0))
    fields = np.stack([change_intensity(flat, settings, rng) for _ in range(40)])
    assert np.array_equal(fields[:, 0], fields[:, 1])  # the same light for all channels
    logarithm = np.log(fields[:, 0])
    assert 0.1 < logarithm.std() < 0.25 and abs(logarithm.mean()) < 0.05
    assert np.abs(np.diff(logarithm, axis=1)).max() < 0.1


def test_mixed_channels_are_means_and_greys_stay_grey(pixels, rng):
    grey = np.repeat(pixels[:1], 3, axis=0)
    colourless = 0
    for _ in range(20):
        mixed = mix_channels(pixels, rng)
        assert (mixed <= pixels.max(0) + 1e-6).all() and (mixed >= pixels.min(0) - 1e-6).all()
        colourless += np.allclose(mixed[0], mixed[1])
        assert np.allclose(mix_channels(grey, rng), grey, atol=1e-6)
    assert 4 < colourless < 16


def test_only_colour_images_are_recoloured(pixels, rng):
    settings = replace(NONE, recolour=1.0)
    assert np.array_equal(change_intensity(pixels, settings, rng), pixels)
    assert not np.array_equal(change_intensity(pixels, settings, rng, rgb=True), pixels)


def test_haematoxylin_alone_is_bright_where_nuclei_are(rng):
    white = np.ones((3, 20, 20), np.float32)
    density = np.zeros((20, 20), np.float32)
    density[5:9, 5:9] = 1.0
    eosin = np.zeros_like(density)
    eosin[12:18, 2:18] = 1.5
    stains = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]], np.float32)
    picture = np.exp(-np.einsum("sc,syx->cyx", stains, np.stack([density, eosin])))
    shown = show_haematoxylin(picture, rng)
    assert shown.shape == picture.shape and shown.dtype == np.float32
    assert np.array_equal(shown[0], shown[1]) and np.array_equal(shown[0], shown[2])
    assert (shown[0][density > 0] > 0.8).all() and np.abs(shown[0][density == 0]).max() < 1e-4
    assert not show_haematoxylin(white, rng).any()


def test_other_dyes_leave_white_white_and_dark_dark(rng):
    white = np.ones((3, 8, 8), np.float32)
    haematoxylin = np.exp(-1.2 * np.array([0.65, 0.70, 0.29], np.float32))[:, None, None] * white
    hues = set()
    for _ in range(40):
        assert np.allclose(change_dyes(white, rng), 1, atol=1e-5)
        dyed = change_dyes(haematoxylin, rng)
        assert dyed.min() > 0 and dyed.mean() < 0.8 and dyed.dtype == np.float32
        hues.add(int(dyed[:, 0, 0].argmax()))
    assert len(hues) > 1  # most stay blue, some do not
