"""How sure a model is of what it finds in an image that nobody annotated."""

import numpy as np
import pytest

pytest.importorskip("onnx")

from cellwright.models.doubting import doubted
from cellwright.models.load import load_instance_model
from cellwright.quality.selection import UNKNOWN_DOUBT
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field


@pytest.fixture(scope="module")
def nuclei():
    return load_instance_model("nuclei", threads=1)


@pytest.fixture(scope="module")
def field():
    return simulate_field(NucleiSimulation(size=(200, 240), diameter=20, density=0.2), seed=3)


def test_a_plain_field_is_not_doubted_and_its_objects_are_told(nuclei, field):
    pixels, labels = field
    found = doubted(nuclei, nuclei.seen(pixels, None))
    assert found.wrong < 0.2
    assert found.objects == pytest.approx(len(np.unique(labels)) - 1, rel=0.1)


def test_a_spoiled_field_is_doubted_more(nuclei, field, rng):
    pixels, _ = field
    grain = rng.normal(size=pixels.shape) * pixels.std() + pixels.mean()
    spoiled = np.where(rng.random(pixels.shape) < 0.5, grain, pixels)
    plain, worse = (doubted(nuclei, nuclei.seen(one, None)) for one in (pixels, spoiled))
    assert worse.wrong > plain.wrong + 0.1


def test_on_a_bright_ground_a_model_that_looks_at_mirror_images_is_doubted_as_much(field, rng):
    pixels, _ = field
    dark = (pixels.max() - pixels) + rng.normal(size=pixels.shape) * pixels.std()
    once, often = (load_instance_model("nuclei", threads=1) for _ in range(2))
    once.tta = "never"
    assert often.seen(dark, None).bright
    found = doubted(often, often.seen(dark, None))
    assert found == doubted(once, once.seen(dark, None))
    assert found.wrong > 0.05


def test_of_an_empty_image_nothing_is_known(nuclei):
    found = doubted(nuclei, nuclei.seen(np.zeros((80, 90), np.uint8), None))
    assert found.wrong == UNKNOWN_DOUBT and np.isnan(found.objects)
