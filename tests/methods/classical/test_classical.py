"""The classical pipeline."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt, gaussian_filter

from cellwright._errors import DatasetError, InputError, ModelError, UsageError
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.examples import load_example
from cellwright.images.read import read
from cellwright.methods.classical import steps
from cellwright.methods.classical.filters import filters_from_json
from cellwright.methods.classical.fit import fit_classical, precision
from cellwright.methods.classical.pipeline import ClassicalPipeline, normalised
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


def score(pipeline, images, labels):
    return precision(pipeline, [normalised(i, pipeline.normalisation) for i in images], labels)


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
    found = ClassicalPipeline(20, largest=9).segment(picture(truth, rng))
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
    flat = ClassicalPipeline(20, background=1.0, locality=0.0, factor=0.5).segment(pixels)
    assert match(truth, flat).counts.average_precision == 1
    assert match(truth, plain).counts.average_precision < 0.7


def test_intensities_part_what_shapes_do_not(rng):
    y, x = np.indices((40, 70))
    pixels = np.exp(-((y - 20) ** 2) / 72) * np.sum(
        [np.exp(-((x - c) ** 2) / 72) for c in (22, 44)], axis=0
    )
    pixels = pixels[None] + rng.normal(0, 0.01, (1, 40, 70))
    settings = {"factor": 0.5, "locality": 0.0}
    whole = ClassicalPipeline(22, seeds="shape", neck=0.6, **settings).segment(pixels)
    parted = ClassicalPipeline(22, seeds="blobs", detail=0.25, neck=0.8, **settings).segment(pixels)
    assert (whole.max(), parted.max()) == (1, 2)


@pytest.mark.parametrize("spacing", [1.0, 3.0])
def test_touching_balls_in_a_volume_with_coarse_planes(spacing, rng):
    shape = (round(30 / spacing), 50, 70)
    middle = 15 / spacing
    centres = [(middle, 25, 18), (middle, 25, 36), (middle, 25, 58)]
    truth = balls(shape, centres, [10, 10, 8], spacing)
    pipeline = ClassicalPipeline(20, detail=0.1, neck=0.9, anisotropy=spacing)
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


def test_neck_decides_how_deep_a_valley_parts(rng):
    truth = balls((60, 90), [(30, 30), (30, 54)], [16, 16])  # the passage is 0.66 of the radius
    pixels = picture((truth > 0).astype(np.int32), rng)
    found = {n: ClassicalPipeline(32, neck=n).segment(pixels).max() for n in (0.5, 0.8)}
    assert found == {0.5: 1, 0.8: 2}


SETTINGS = {
    "shape": ClassicalPipeline(9, largest=2, background=1.0, smoothing=0.7),
    "blobs": ClassicalPipeline(9, largest=2, seeds="blobs", detail=0.25, locality=0.9),
}


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("shape", [(150, 140), (34, 60, 58)])
def test_maps_look_no_farther_than_the_halo(name, shape, rng):
    filters = replace(SETTINGS[name], anisotropy=3.0).filters(len(shape))
    labels = balls(shape, rng.uniform(0, 1, (90, len(shape))) * shape, [4] * 90, 3.0)
    pixels = picture(labels, rng).astype(np.float32)[None]
    whole = filters(pixels)
    core = tuple(slice(size // 2, size // 2 + 3) for size in shape)
    near = tuple(
        slice(max(0, s.start - reach), s.stop + reach)
        for s, reach in zip(core, filters.halo, strict=True)
    )
    inner = tuple(
        slice(s.start - n.start, s.stop - n.start) for s, n in zip(core, near, strict=True)
    )
    part = filters(np.ascontiguousarray(pixels[(..., *near)]))
    np.testing.assert_array_equal(part[(..., *inner)], whole[(..., *core)])


def test_holes_up_to_a_size_are_filled():
    mask = np.zeros((20, 30), bool)
    mask[2:18, 2:18] = True
    mask[5:8, 5:9] = mask[10:12, 5:15] = False
    expected = mask.copy()
    expected[5:8, 5:9] = True
    np.testing.assert_array_equal(steps.filled(mask, 4), expected)
    expected[10:12, 5:15] = True
    np.testing.assert_array_equal(steps.filled(mask, 10), expected)


def test_depth_is_the_distance_to_the_background_in_px_of_the_plane(rng):
    mask = rng.random((7, 20, 20)) > 0.02
    expected = np.minimum(distance_transform_edt(mask, sampling=(2.5, 1, 1)), 4)
    np.testing.assert_allclose(steps.depth(mask, 2.5, 4.0), expected, rtol=1e-6)


def test_blobs_are_the_same_however_far_apart_the_planes_are():
    where = np.moveaxis(np.indices((49, 41, 41)), 0, -1) - np.array([24, 20, 20])
    ball = (np.linalg.norm(where, axis=-1) <= 9).astype(np.float32)
    fine, coarse = steps.blobs(ball, (5, 5, 5))[::2], steps.blobs(ball[::2], (2.5, 5, 5))
    assert np.abs(coarse - fine).max() < 0.05 * fine.max()


def test_learns_dark_small_objects_from_two_images(rng):
    fields = [balls((60, 70), rng.uniform(5, 55, (12, 2)), [4] * 12) for _ in range(3)]
    images = [-picture(truth, rng, list(rng.uniform(0.3, 2, truth.max()))) for truth in fields]
    usual = ClassicalPipeline()
    tuned, learned = fit_classical(images[:2], fields[:2], trials=2, seed=1)
    assert learned == score(tuned, images[:2], fields[:2]) > 0.5
    assert tuned.polarity == "dark"
    assert 6 < tuned.diameter < 9
    assert score(usual, images[2:], fields[2:]) == 0
    assert score(tuned, images[2:], fields[2:]) > 0.5
    assert tuned == fit_classical(images[:2], fields[:2], trials=2, seed=1)[0]


def test_what_cannot_be_used_is_refused(rng):
    with pytest.raises(InputError, match="channels"):
        ClassicalPipeline().segment(np.zeros((5, 5)))
    with pytest.raises(InputError, match="NaN"):
        ClassicalPipeline().segment(np.full((1, 5, 5), np.nan))
    with pytest.raises(UsageError, match="diameter"):
        ClassicalPipeline(diameter=0)
    with pytest.raises(UsageError, match="bright or dark or rare"):
        ClassicalPipeline(polarity="up")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="unexpected keyword"):
        filters_from_json({"magic": 1})
    with pytest.raises(ModelError, match="too far"):
        filters_from_json({"diameter": 1e9})
    with pytest.raises(DatasetError, match="no object"):
        fit_classical([np.zeros((1, 9, 9))], [np.zeros((9, 9), np.int32)])
    with pytest.raises(UsageError, match="one label image"):
        fit_classical([np.zeros((1, 9, 9))], [])


@pytest.mark.data
def test_the_shading_of_a_real_microscope(data_folder, rng):
    tiles = [read(path).to_numpy() for path in sorted((data_folder / "illum_brain").glob("*.png"))]
    shading = gaussian_filter(np.median(tiles, axis=0).astype(float), 40)
    shading = (shading / shading.mean()) ** 3  # as strong as three such in a row
    shading = shading[:256, :256]
    fields = [balls((256, 256), rng.uniform(10, 246, (16, 2)), [9] * 16) for _ in range(2)]
    images = [
        (shading * (1 + 0.3 * (truth > 0)) + rng.normal(0, 0.02, truth.shape))[None]
        for truth in fields
    ]
    tuned, _ = fit_classical(images[:1], fields[:1], trials=4)
    found = [one.segment(images[1]) for one in (tuned, ClassicalPipeline(18, locality=0.0))]
    local, whole = (match(fields[1], labels).counts.f1 for labels in found)
    assert local > 0.8 and local > whole + 0.2
    assert tuned.background > 0 or tuned.locality > 0


@pytest.mark.data
def test_real_nuclei_without_tuning(data_folder):
    examples = open_dataset(data_folder / "dsb2018").part("val")
    chosen = [e for e in examples if e.kind == "fluo_small"][:8]
    images, labels = zip(*map(load_example, chosen), strict=True)
    assert score(ClassicalPipeline(18), images, labels) > 0.5
