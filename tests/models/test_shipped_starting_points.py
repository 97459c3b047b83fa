"""The models that come with the package as starting points for training."""

import pytest

from cellwright.images.image import Image
from cellwright.metrics.matching import InstanceScores
from cellwright.models.find import SHIPPED, find_model
from cellwright.models.load import load_model
from cellwright.models.package import load_package, verify_package
from cellwright.simulation.nuclei import NucleiSimulation, simulate_volume


@pytest.mark.parametrize("name", ["cells-phase", "nuclei-3d"])
def test_the_packages_are_whole_small_and_say_what_they_are(name):
    package = load_package(find_model(name))
    verify_package(package)
    assert sum(path.stat().st_size for path in (SHIPPED / name).iterdir()) < 12_000_000
    assert "starting point" in package.card.limits
    assert "not learned, not chosen on" in package.card.evaluation["of"]


@pytest.mark.parametrize("spacing", [1.5, 3.0])
def test_simulated_volumes_of_other_spacing_are_read(spacing):
    settings = NucleiSimulation(
        size=(round(80 / spacing), 72, 72), diameter=16.0, plane_spacing=spacing, density=0.15
    )
    pixels, truth = simulate_volume(settings, seed=77)
    image = Image(pixels, "ZYX", pixel_size=(0.2 * spacing, 0.2, 0.2))
    scores = InstanceScores(thresholds=(0.5,))
    scores.add(truth, load_model("nuclei-3d").predict(image))
    assert scores.pooled("f1", 0.5) > 0.7


@pytest.mark.data
def test_whole_cells_of_fields_that_were_not_learned_are_found(data_folder):
    from cellwright.datasets.dataset import open_dataset
    from cellwright.runs.evaluate.instances import evaluate_examples

    some = open_dataset(data_folder / "usiigaci_phase").part("val")[::4]
    figures = evaluate_examples(load_model("cells-phase"), some).to_json()
    assert figures["pooled"]["0.5"]["average_precision"] > 0.73
