"""The model of blood smears that comes with the package."""

import numpy as np
import pytest

from cellwright.datasets.dataset import open_dataset
from cellwright.images.image import Image
from cellwright.images.read import read
from cellwright.models.card import RGB
from cellwright.models.find import SHIPPED, find_model
from cellwright.models.load import load_model
from cellwright.models.package import load_package, verify_package
from cellwright.runs.evaluate.boxes import evaluate_boxes


@pytest.fixture(scope="module")
def blood():
    return load_model("blood")


def test_the_package_is_whole_and_small():
    package = load_package(find_model("blood"))
    verify_package(package)
    assert sum(path.stat().st_size for path in (SHIPPED / "blood").iterdir()) < 12_000_000
    assert "MIT" in package.card.training["data"] and "Not for diagnosis" in package.card.limits


@pytest.mark.data
def test_accuracy_and_counts_on_smears_it_has_not_seen(blood, data_folder):
    metrics = evaluate_boxes(blood, open_dataset(data_folder / "bccd").part("test")).to_json()
    assert metrics["images"] == 40 and metrics["AP50"] > 0.80
    for name in ("RBC", "WBC", "Platelets"):
        scores = metrics["per_class"][name]
        assert scores["predicted_objects"] == pytest.approx(scores["true_objects"], rel=0.2)
        assert scores["F1"] > 0.74
    assert metrics["calibration"]["expected_calibration_error"] < 0.12
    assert metrics["AP50"] == pytest.approx(blood.card.evaluation["AP50"], abs=0.005)


@pytest.mark.data
def test_no_white_cell_has_a_box_within_its_box(blood, data_folder):
    for example in open_dataset(data_folder / "bccd").part("val")[:6]:
        found = blood.detect(read(example.image))
        boxes = found.boxes[found.table["class"] == "WBC"]
        low = np.maximum(boxes[:, None, :2], boxes[:, :2])
        high = np.minimum(boxes[:, None, 2:], boxes[:, 2:])
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
        shared = (high - low).clip(0).prod(2) / np.minimum(areas[:, None], areas)
        assert (shared - np.eye(len(boxes)) < 0.82).all()


@pytest.mark.data
def test_the_magnification_does_not_matter_where_the_size_is_told(blood, data_folder):
    example = open_dataset(data_folder / "bccd").part("test")[0]
    image = read(example.image)
    pixels = np.asarray(image.to_numpy())
    half = pixels[:, ::2, ::2] if pixels.shape[0] == 3 else pixels[::2, ::2]
    small = Image(half, image.axes, channel_names=RGB)
    whole = blood.detect(image)
    reduced = blood.detect(small, diameter=whole.diameter / 2)
    assert len(reduced) == pytest.approx(len(whole), rel=0.3, abs=2)
    assert reduced.diameter == pytest.approx(whole.diameter / 2, rel=0.15)


@pytest.mark.parametrize("grain", [0, 2])
def test_noise_holds_no_cells(blood, rng, grain):
    from scipy.ndimage import gaussian_filter

    noise = gaussian_filter(rng.normal(200, 20, (300, 300, 3)), (grain, grain, 0))
    assert len(blood.predict(noise.clip(0, 255).astype(np.uint8))["label"]) <= 1


@pytest.mark.data
def test_tiles_change_nothing(blood, data_folder):
    some = [read(e.image).to_numpy() for e in open_dataset(data_folder / "bccd").part("test")[:4]]
    mosaic = np.concatenate([np.concatenate(some[:2], 2), np.concatenate(some[2:], 2)], 1)
    image = Image(mosaic, "CYX", channel_names=RGB)
    whole, tiled = blood.detect(image), blood.detect(image, tile=416)
    assert len(whole) > 30
    np.testing.assert_array_equal(whole.table["class"], tiled.table["class"])
    np.testing.assert_allclose(whole.boxes, tiled.boxes, atol=0.01)


def test_who_asks_it_for_outlines_is_told_what_it_does(blood):
    with pytest.raises(AttributeError, match=r"'blood' is one of boxes, which cannot segment: use"):
        blood.segment(np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(AttributeError, match="'BoxModel' has no attribute 'segmentt'"):
        blood.segmentt  # noqa: B018
    assert not hasattr(blood, "segment") and hasattr(blood, "detect")
