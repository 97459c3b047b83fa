"""The shared checks of methods, for embeddings."""

import math

import pytest

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
        maps = super().random_maps(seed, shape)
        axes = len(shape)
        maps[1 + axes :] *= 0.3  # bandwidths of about their unit
        return maps


class TestPlanes(EmbeddingsBattery):
    dimensions = 2
    small = EmbeddingsReadout(smallest=3, longest=6, unit=1.0, bandwidth=2.5)


class TestVolumes(EmbeddingsBattery):
    dimensions = 3
    small = EmbeddingsReadout(dimensions=3, smallest=3, longest=5, unit=1.0, bandwidth=2.5)
