"""The demo: the shipped model on images that come with the installation."""

import numpy as np

from cellwright.images.read import read_labels
from cellwright.metrics.matching import InstanceScores
from cellwright.runs.demo import SEED, SIMULATED, nuclear_stain, run_demo
from cellwright.simulation.nuclei import simulate_field


def test_the_demo_finds_the_simulated_nuclei_and_some_real_ones(tmp_path):
    result = run_demo(tmp_path)
    assert not result.failures and result.images == 4
    assert (tmp_path / "results" / "report.html").stat().st_size > 10_000
    scores = InstanceScores(thresholds=(0.5,))
    for number, (name, settings) in enumerate(SIMULATED.items()):
        found, _ = read_labels(tmp_path / "results" / "labels" / f"{name}.tif")
        scores.add(simulate_field(settings, SEED + number)[1], found)
    assert scores.pooled("average_precision", 0.5) > 0.75
    tissue, _ = read_labels(tmp_path / "results" / "labels" / "tissue_haematoxylin.tif")
    assert tissue.max() > 50  # most between the glands: their own are what the model knows least


def test_the_nuclear_stain_is_a_density():
    stain = nuclear_stain()
    assert stain.shape == (512, 512) and stain.dtype == np.float32
    assert stain.min() >= 0 and stain.std() > 0
