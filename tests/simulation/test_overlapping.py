import numpy as np
import pytest

from cellwright.images.layers import flattened, overlapping
from cellwright.simulation.nuclei import NucleiSimulation
from cellwright.simulation.overlapping import simulate_overlapping

PILES = NucleiSimulation(size=(160, 160), diameter=30, density=0.4, clustering=0.8, overlap=0.5)


def test_cells_are_whole_and_their_light_adds_up():
    image, layers = simulate_overlapping(PILES, seed=3)
    depth = np.count_nonzero(layers, axis=0)
    assert image.shape == layers.shape[1:] == (160, 160) and len(layers) >= 2
    assert overlapping(layers) >= 5 and (depth > 1).mean() > 0.02
    means = [image[depth == count].mean() for count in (0, 1, 2)]
    assert means[0] < means[1] < means[2]
    whole, flat = np.bincount(layers.ravel())[1:], np.bincount(flattened(layers).ravel())[1:]
    assert (whole >= flat).all() and whole.sum() == np.count_nonzero(layers)


@pytest.mark.parametrize("size", [(96, 96), (6, 48, 48)])
def test_the_same_seed_gives_the_same_pixels(size):
    settings = NucleiSimulation(size=size, diameter=20, density=0.3, overlap=0.4)
    first, again = (simulate_overlapping(settings, seed=1) for _ in range(2))
    other, _ = simulate_overlapping(settings, seed=2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other)
    assert sorted(np.unique(first[1]))[-1] == len(np.unique(first[1])) - 1
