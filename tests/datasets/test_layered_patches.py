"""Patches of images in which objects overlap."""

import numpy as np
import pytest

from cellwright.datasets.augment import separate_layers
from cellwright.datasets.augmentation import augmentation
from cellwright.datasets.loader import batches
from cellwright.datasets.objects import Layers
from cellwright.datasets.records import Example
from cellwright.datasets.sampler import Patches
from cellwright.images.image import Image
from cellwright.images.normalise import Normalisation
from cellwright.images.write import write
from cellwright.runs.segment.overlaps import write_layers
from cellwright.simulation.nuclei import NucleiSimulation
from cellwright.simulation.overlapping import simulate_overlapping

PILES = NucleiSimulation(size=(128, 128), diameter=24, density=0.4, clustering=0.8, overlap=0.5)


def keep(pixels, truth):
    assert isinstance(truth, Layers)
    return {"layers": truth.labels}


@pytest.fixture
def example(tmp_path):
    """An image whose channels show what is in its layers."""
    _, layers = simulate_overlapping(PILES, seed=3)
    shown = (layers > 0).astype(np.float32)
    write(tmp_path / "image.tif", Image(shown, "CYX"))
    write_layers(tmp_path / "layers.tif", {(): layers}, Image(layers[0], "YX"))
    return Example("a", (tmp_path / "image.tif",), tmp_path / "layers.tif"), layers


def patches(layers, strength, **changes):
    return Patches(
        shape=(64, 64),
        batch_size=1,
        augmentation=augmentation(strength),
        normalisation=Normalisation(0, 100),
        layers=len(layers),
        **changes,
    )


def test_every_layer_follows_the_pixels(example):
    """Turned and mirrored exactly; bent and scaled up to half a pixel at the edges."""
    example, layers = example
    for strength, wrong in (("none", 0.0), ("standard", 0.03)):
        for batch in batches([example], patches(layers, strength, transform=keep), steps=12):
            shown, labels = batch["pixels"][0] > 0.5, batch["layers"][0]
            assert labels.shape == shown.shape
            known = (labels >= 0).all(0)
            assert np.mean((shown != (labels > 0))[:, known]) <= wrong
            numbers = [set(np.unique(layer[layer > 0]).tolist()) for layer in labels]
            assert not set.intersection(*numbers)


def test_images_with_fewer_layers_are_filled_up(example):
    example, layers = example
    more = np.concatenate([layers, layers[:1]])
    (batch,) = batches([example], patches(more, "none", transform=keep), steps=1)
    assert batch["layers"].shape == (1, len(more), 64, 64) and not batch["layers"][0, -1].any()


def test_images_with_more_layers_than_overlaps_need_are_flat(example):
    """Objects with common rims take several layers, too, but are not counted as overlapping."""
    example, layers = example
    assert len(layers) > 2
    (batch,) = batches([example], patches(layers[:2], "none", transform=keep), steps=1)
    assert batch["layers"].shape == (1, 2, 64, 64) and not batch["layers"][0, -1].any()


def test_labels_are_flat_where_layers_are_not_asked_for(example):
    example, layers = example
    (batch,) = batches([example], patches(layers[:1], "none"), steps=1)
    assert batch["labels"].shape == (1, 64, 64)


def test_parts_have_numbers_of_their_own_in_all_layers():
    layers = np.zeros((3, 6, 12), np.int32)
    layers[0, :, :3] = layers[0, :, 5:8] = 1
    layers[2, 2:4, 1:11] = 2
    layers[0, 0, 11] = -1
    parts = separate_layers(layers)
    assert len(np.unique(parts[0][parts[0] > 0])) == 2
    assert len(np.unique(parts[parts > 0])) == 3
    assert (parts[:, 0, 11] == -1).all()
