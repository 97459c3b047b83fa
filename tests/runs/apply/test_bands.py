import numpy as np
import pytest

from cellwright.images.image import Image
from cellwright.measure.objects import measure_objects
from cellwright.runs.apply import bands
from cellwright.runs.apply.bands import measure_plane
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field


@pytest.fixture(scope="module")
def field():
    pixels, labels = simulate_field(NucleiSimulation(size=(220, 160), diameter=15), seed=4)
    labels[10:200, 3:6] = labels.max() + 1  # reaches over many bands
    return Image(pixels, "YX", (0.4, 0.5)), labels


@pytest.mark.parametrize("rows", [1, 7, 50, 500])
def test_measuring_in_bands_is_measuring_at_once(field, monkeypatch, rows):
    image, labels = field
    monkeypatch.setattr(bands, "WHOLE_PIXELS", 2 * rows * labels.shape[1])
    whole = measure_objects(labels, image.to_numpy(), pixel_size=image.pixel_size)
    table = measure_plane(labels, image)
    assert list(table) == list(whole)
    for name, column in whole.items():
        np.testing.assert_allclose(table[name], column, rtol=1e-9, err_msg=name)


def test_a_large_plane_without_objects_is_an_empty_table(monkeypatch):
    monkeypatch.setattr(bands, "WHOLE_PIXELS", 100)
    table = measure_plane(np.zeros((50, 50), np.int32), Image(np.zeros((50, 50)), "YX"))
    assert len(table["label"]) == 0 and "intensity_mean" in table
