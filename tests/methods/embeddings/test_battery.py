"""The shared checks of methods, for embeddings."""

import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

torch = pytest.importorskip("torch")

from cellwright.methods.embeddings.readout import EmbeddingsReadout  # noqa: E402
from methods.battery import MethodBattery  # noqa: E402


class EmbeddingsBattery(MethodBattery):
    name = "embeddings"

    def perfect_outputs(self, recipe, batch):
        seed = 12 * (2 * (batch["object"] > 0).float() - 1)
        offsets = batch["offsets"] / recipe.readout.unit
        width = torch.full_like(offsets, math.log(2 / recipe.readout.bandwidth))
        return torch.cat([seed[:, None], offsets, width], 1)

    def random_maps(self, seed, shape):
        """Return maps of many seeds that point anywhere within reach and capture one another."""
        rng = np.random.default_rng(seed)
        noise = rng.standard_normal((len(self.small.outputs), *shape))
        maps = np.stack([gaussian_filter(plane, 0.8) for plane in noise])
        maps /= maps.std(tuple(range(1, maps.ndim)), keepdims=True)
        maps[0] = 3 * maps[0] + 2
        maps[1 : 1 + len(shape)] *= 2.5
        maps[1 + len(shape) :] = 0.3 * maps[1 + len(shape) :] + 0.2
        return maps.astype(np.float32)


class TestPlanes(EmbeddingsBattery):
    dimensions = 2
    small = EmbeddingsReadout(smallest=3, longest=6, unit=1.0, bandwidth=2.5)


class TestVolumes(EmbeddingsBattery):
    dimensions = 3
    small = EmbeddingsReadout(dimensions=3, smallest=3, longest=5, unit=1.0, bandwidth=2.5)
