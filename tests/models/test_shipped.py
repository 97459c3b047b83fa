"""The model that comes with the package: what it promises, on real images."""

import numpy as np
import pytest

from cellwright.datasets.dataset import open_dataset
from cellwright.images.image import Image
from cellwright.metrics.matching import match
from cellwright.models.find import SHIPPED, find_model
from cellwright.models.load import load_model
from cellwright.models.package import load_package, verify_package
from cellwright.runs.evaluate.instances import evaluate_examples
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field

FLUORESCENCE = ("fluo_small", "fluo_large")


@pytest.fixture(scope="module")
def nuclei():
    return load_model("nuclei")


def test_the_package_is_whole_and_small():
    verify_package(load_package(find_model("nuclei")))
    size = sum(path.stat().st_size for path in (SHIPPED / "nuclei").iterdir())
    assert size < 12_000_000


@pytest.mark.data
def test_accuracy_and_confidence_on_images_it_has_not_seen(nuclei, data_folder):
    examples = open_dataset(data_folder / "dsb2018").part("val")
    figures = evaluate_examples(nuclei, [e for e in examples if e.kind in FLUORESCENCE]).to_json()
    assert figures["images"] == 57
    for threshold, per_image, pooled in ((0.5, 0.86, 0.87), (0.8, 0.62, 0.60), (0.9, 0.38, 0.32)):
        assert figures["per_image"][str(threshold)]["average_precision"] > per_image
        assert figures["pooled"][str(threshold)]["average_precision"] > pooled
    assert figures["calibration"]["expected_calibration_error"] < 0.05
    assert figures["calibration"]["auroc"] > 0.80


@pytest.mark.data
def test_it_looks_at_stained_tissue_in_mirrors_because_it_finds_more_so(nuclei, data_folder):
    stained = [e for e in open_dataset(data_folder / "dsb2018").part("val") if "stained" in e.kind]
    once, often, unasked = (
        evaluate_examples(model, stained).to_json()["pooled"]["0.5"]["average_precision"]
        for model in (load_model("nuclei", tta=False), load_model("nuclei", tta=True), nuclei)
    )
    assert often > 0.59 and often > once + 0.02
    assert unasked == often


def test_averaged_over_mirror_images_it_sees_the_same_in_a_mirror():
    model = load_model("nuclei", tta=True)
    # Mirrored within the network's blocks: sizes are multiples of theirs.
    field, _ = simulate_field(NucleiSimulation(size=(256, 320), diameter=20, density=0.3), seed=3)
    plain = model.predict(field)
    for axis in (0, 1):
        other = np.flip(model.predict(np.ascontiguousarray(np.flip(field, axis))), axis)
        assert other.max() == plain.max() > 20
        assert match(plain, other, 0.9).counts.true_positives == plain.max()
        assert ((other > 0) != (plain > 0)).mean() < 0.001


@pytest.mark.parametrize("diameter", [9, 25, 80])
def test_nuclei_of_any_size_are_found_without_being_told_their_size(nuclei, diameter):
    image, truth = simulate_field(
        NucleiSimulation(size=(400, 400), diameter=diameter, density=0.15, clustering=0.1), seed=4
    )
    found = nuclei.segment(Image(image, "YX"))
    true = len(np.unique(truth)) - 1
    assert len(found.table["label"]) == pytest.approx(true, rel=0.2, abs=2)
    assert found.diameter == pytest.approx(diameter, rel=0.25)


@pytest.mark.parametrize("grain", [0, 1, 2])
def test_noise_holds_no_nuclei(nuclei, rng, grain):
    from scipy.ndimage import gaussian_filter

    noise = gaussian_filter(rng.normal(100, 5, (300, 300)), grain).astype(np.float32)
    assert len(nuclei.segment(Image(noise, "YX")).table["label"]) == 0


def test_the_colour_that_a_dye_is_shown_in_changes_nothing(nuclei):
    image, _ = simulate_field(NucleiSimulation(size=(300, 340), diameter=20), seed=6)
    grey = np.clip(image / np.percentile(image, 99.9) * 255, 0, 255).astype(np.uint8)
    blue = np.stack([np.zeros_like(grey), grey // 3, grey])
    found = nuclei.segment(Image(blue, "CYX", channel_names=("red", "green", "blue")))
    assert np.array_equal(found.labels, nuclei.segment(grey).labels)
    assert found.labels.max() > 20


def test_tiles_change_nothing(nuclei):
    image, _ = simulate_field(NucleiSimulation(size=(300, 340), diameter=20), seed=6)
    whole = nuclei.segment(Image(image, "YX"), diameter=20).labels
    tiled = nuclei.segment(Image(image, "YX"), diameter=20, tile=96).labels
    assert np.mean(whole != tiled) < 1e-4
    assert whole.max() == tiled.max() > 20
