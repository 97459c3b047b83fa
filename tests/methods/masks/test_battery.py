"""The shared checks of methods, for masks in boxes."""

import pytest

torch = pytest.importorskip("torch")

from cellwright.methods.masks.readout import MasksReadout  # noqa: E402
from methods.battery import MethodBattery  # noqa: E402


class TestPlanes(MethodBattery):
    name = "masks"
    dimensions = 2
    small = MasksReadout(prototypes=2, smallest=3, longest=4, unit=2.0)

    def perfect_outputs(self, recipe, batch):
        """Say with each prototype which of eight colours the object at a pixel has."""
        logit = torch.logit(batch["object"].clamp(1e-6, 1 - 1e-6))[:, None]
        sides = torch.log((batch["distances"] / recipe.readout.unit).clamp(1e-6))
        colours = torch.arange(recipe.readout.prototypes)[:, None, None]
        label = batch["label"][:, None]
        own = 20.0 * ((label % recipe.readout.prototypes == colours) & (label > 0))
        terms = torch.zeros(len(own), 6, *own.shape[2:])
        terms[:, 0] = -10.0
        return torch.cat([logit, sides, own / 20, own, terms], 1)

    def random_maps(self, seed, shape):
        maps = super().random_maps(seed, shape)
        maps[1:5] = 0.1 * maps[1:5] + 0.3
        return maps
