"""The shipped model on fields that are hard, each for one reason."""

import pytest

from cellwright.images.image import Image
from cellwright.metrics.matching import InstanceScores
from cellwright.models.load import load_model
from cellwright.simulation.hard_cases import HARD_CASES
from cellwright.simulation.nuclei import NucleiSimulation, simulate_volume

FLOORS = {
    "crowded": 0.88,
    "sizes": 0.88,
    "elongated": 0.93,
    "dim beside bright": 0.85,
    "bright spots": 0.78,
    "noisy": 0.87,
    "empty": 1.0,
    "one huge object": 1.0,
    "cut by borders": 0.80,
}


@pytest.fixture(scope="module")
def nuclei():
    return load_model("nuclei")


def test_every_case_has_a_floor():
    assert FLOORS.keys() == HARD_CASES.keys()


@pytest.mark.parametrize("name", FLOORS)
def test_hard_fields_are_read(nuclei, name):
    scores = InstanceScores(thresholds=(0.5,))
    for seed in (0, 1, 2):
        image, truth = HARD_CASES[name].make(seed)
        scores.add(truth, nuclei.predict(Image(image, "YX")))
    assert scores.pooled("average_precision", 0.5) >= FLOORS[name]


@pytest.mark.parametrize("spacing", [1, 4])
def test_volumes_are_read_however_far_apart_their_planes_lie(spacing):
    size = (64 // spacing, 72, 72)
    settings = NucleiSimulation(size=size, diameter=22.0, plane_spacing=float(spacing))
    pixels, truth = simulate_volume(settings, 0)
    image = Image(pixels, "ZYX", pixel_size=(0.3 * spacing, 0.3, 0.3))
    scores = InstanceScores(thresholds=(0.5,))
    scores.add(truth, load_model("nuclei-3d").predict(image))
    assert scores.pooled("average_precision", 0.5) >= 0.85


def test_the_same_seed_gives_the_same_field():
    for case in HARD_CASES.values():
        for first, second in zip(case.make(3), case.make(3), strict=True):
            assert (first == second).all()


def test_sizes_span_one_to_twenty():
    import numpy as np

    _, labels = HARD_CASES["sizes"].make(0)
    areas = np.bincount(labels.ravel())[1:]
    inside = np.sort(2 * np.sqrt(areas / np.pi))
    assert inside[-1] / np.median(inside) > 15
