"""The classical pipeline."""

import numpy as np
import pytest
from scipy.ndimage import label, maximum, maximum_filter

from cellwright._errors import DatasetError, InputError, UsageError
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.examples import load_example
from cellwright.methods.classical import steps
from cellwright.methods.classical.fit import average_precision, fit_classical
from cellwright.methods.classical.pipeline import ClassicalPipeline
from cellwright.metrics.matching import match

NOISE = 0.03


def balls(shape, centres, radii, spacing=1.0):
    """Return balls (discs) as labels; where they overlap, the first is on top."""
    scale = np.ones(len(shape))
    scale[: len(shape) - 2] = spacing
    where = np.moveaxis(np.indices(shape), 0, -1) * scale
    labels = np.zeros(shape, np.int32)
    for number, (centre, radius) in enumerate(zip(centres, radii, strict=True), 1):
        inside = np.linalg.norm(where - np.array(centre) * scale, axis=-1) <= radius
        labels[inside & (labels == 0)] = number
    return labels


def picture(labels, rng, levels=None):
    """Return one channel in which object k has ``levels[k - 1]``, with some noise."""
    levels = np.array([0.0, *(levels or [1.0] * labels.max())])
    return (levels[labels] + rng.normal(0, NOISE, labels.shape))[None]


FIELD = [(20, 20), (20, 38), (70, 30), (50, 75), (85, 90)]


@pytest.mark.parametrize("polarity", ["bright", "dark"])
@pytest.mark.parametrize("gain", [1, 5000, 1e-4])
def test_finds_discs_whatever_the_unit_and_the_polarity(polarity, gain, rng):
    truth = balls((100, 110), FIELD, [10] * 5)
    pixels = picture(truth, rng) * gain * (1 if polarity == "bright" else -1) + 7 * gain
    found = ClassicalPipeline(20, polarity).segment(pixels)
    assert match(truth, found, 0.7).counts.average_precision == 1


def test_sizes_of_one_to_twenty_in_one_image(rng):
    truth = balls((260, 300), [(120, 120), (115, 217), (20, 280), (240, 260)], [90, 6, 5, 9])
    found = ClassicalPipeline(20).segment(picture(truth, rng))
    assert match(truth, found, 0.6).counts.average_precision == 1


def test_dim_objects_beside_very_bright_ones(rng):
    truth = balls((100, 110), FIELD, [9] * 5)
    pixels = picture(truth, rng, [8.0, 8.0, 8.0, 1.0, 1.0])
    local = ClassicalPipeline(20, locality=0.9).segment(pixels)
    otsu = ClassicalPipeline(20, locality=0.0, factor=1.0).segment(pixels)
    assert match(truth, local).counts.true_positives == 5
    assert match(truth, otsu).counts.true_positives == 3


def test_background_that_varies_more_than_the_objects(rng):
    truth = balls((100, 110), FIELD, [9] * 5)
    pixels = picture(truth, rng) + np.linspace(0, 2, 110)
    plain = ClassicalPipeline(20).segment(pixels)
    flat = ClassicalPipeline(20, background=1.0, locality=0.0, factor=0.8).segment(pixels)
    assert match(truth, flat).counts.average_precision == 1
    assert match(truth, plain).counts.average_precision < 0.5


def test_intensities_part_what_shapes_do_not(rng):
    y, x = np.indices((40, 70))
    pixels = np.exp(-((y - 20) ** 2) / 72) * np.sum(
        [np.exp(-((x - c) ** 2) / 72) for c in (22, 44)], axis=0
    )
    pixels = pixels[None] + rng.normal(0, 0.01, (1, 40, 70))
    settings = {"factor": 0.3, "locality": 0.0, "contrast": 0.0}
    whole = ClassicalPipeline(22, seeds="shape", neck=0.6, **settings).segment(pixels)
    parted = ClassicalPipeline(22, seeds="blobs", detail=0.25, neck=0.8, **settings).segment(pixels)
    assert (whole.max(), parted.max()) == (1, 2)


@pytest.mark.parametrize("spacing", [1.0, 3.0])
def test_touching_balls_in_a_volume_with_coarse_planes(spacing, rng):
    shape = (round(30 / spacing), 50, 70)
    middle = 15 / spacing
    centres = [(middle, 25, 18), (middle, 25, 36), (middle, 25, 58)]
    truth = balls(shape, centres, [10, 10, 8], spacing)
    pipeline = ClassicalPipeline(20, detail=0.1, anisotropy=spacing)
    found = pipeline.segment(picture(truth, rng))
    assert match(truth, found, 0.6).counts.average_precision == 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (64, 64), (5, 30, 30)])
def test_nothing_is_found_in_nothing(shape, rng):
    empty = np.full((1, *shape), 3.0)
    assert not ClassicalPipeline().segment(empty).any()
    assert not ClassicalPipeline().segment(empty + rng.normal(size=shape)).any()


def test_an_object_that_fills_the_image_but_for_its_rim(rng):
    truth = np.pad(np.ones((60, 60), np.int32), 3)
    found = ClassicalPipeline(60, locality=0.0).segment(picture(truth, rng))
    assert match(truth, found, 0.9).counts.average_precision == 1


def test_neck_decides_how_deep_a_valley_parts():
    heights = np.array([[1, 5, 3, 4, 2, 10, 9, 9.5, 1]], np.float32)
    mask = heights > 0
    expected = {0.0: 1, 0.39: 1, 0.41: 2, 0.74: 2, 0.76: 3, 0.93: 3, 0.96: 4, 1.0: 4}
    assert {neck: steps.split(mask, heights, neck).max() for neck in expected} == expected


@pytest.mark.parametrize("neck", [0.6, 0.8, 0.95])
def test_a_valley_lies_between_any_two_parts(neck, rng):
    heights = steps.gaussian(rng.random((40, 50)).astype(np.float32), 0.7)
    labels = steps.split(np.ones(heights.shape, bool), heights, neck)
    peak = maximum(heights, labels, np.arange(labels.max() + 1))
    for offset in ((0, 1), (1, 0), (1, 1), (1, -1)):
        one, other = (np.roll(array, offset, (0, 1))[1:, 1:-1] for array in (labels, heights))
        own, here = labels[1:, 1:-1], heights[1:, 1:-1]
        apart = one != own
        pass_between = np.minimum(here, other)[apart]
        assert np.all(pass_between < neck * np.minimum(peak[one], peak[own])[apart])
    assert labels.max() > 1


def test_the_extremes_are_connected_parts_and_all_peaks(rng):
    heights = rng.random((30, 30)).astype(np.float32)
    mask = heights > 0.6
    parts, _ = label(mask, np.ones((3, 3)))
    whole = steps.split(mask, heights, 0.0)
    assert match(parts, whole, 1.0).counts.average_precision == 1
    peaks = mask & (heights == maximum_filter(heights, 3))
    assert steps.split(mask, heights, 1.0).max() == peaks.sum()


def test_learns_dark_small_objects_from_two_images(rng):
    fields = [balls((60, 70), rng.uniform(5, 55, (12, 2)), [4] * 12) for _ in range(3)]
    images = [-picture(truth, rng, list(rng.uniform(0.3, 2, truth.max()))) for truth in fields]
    usual = ClassicalPipeline()
    tuned = fit_classical(images[:2], fields[:2], trials=2, seed=1)
    assert tuned.polarity == "dark"
    assert 6 < tuned.diameter < 9
    assert average_precision(usual, images[2:], fields[2:]) == 0
    assert average_precision(tuned, images[2:], fields[2:]) > 0.6
    assert tuned == fit_classical(images[:2], fields[:2], trials=2, seed=1)


def test_what_cannot_be_used_is_refused(rng):
    with pytest.raises(InputError, match="channels"):
        ClassicalPipeline().segment(np.zeros((5, 5)))
    with pytest.raises(InputError, match="NaN"):
        ClassicalPipeline().segment(np.full((1, 5, 5), np.nan))
    with pytest.raises(UsageError, match="diameter"):
        ClassicalPipeline(diameter=0)
    with pytest.raises(UsageError, match="bright or dark"):
        ClassicalPipeline(polarity="up")  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match="no object"):
        fit_classical([np.zeros((1, 9, 9))], [np.zeros((9, 9), np.int32)])
    with pytest.raises(UsageError, match="one label image"):
        fit_classical([np.zeros((1, 9, 9))], [])


@pytest.mark.data
def test_real_nuclei_without_tuning(data_folder):
    examples = open_dataset(data_folder / "dsb2018").part("val")
    chosen = [e for e in examples if e.kind == "fluo_small"][:8]
    images, labels = zip(*map(load_example, chosen), strict=True)
    assert average_precision(ClassicalPipeline(18), images, labels) > 0.65
