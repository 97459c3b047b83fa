"""The shared checks of methods, for the deep watershed."""

import pytest

torch = pytest.importorskip("torch")

from cellwright.methods.watershed.readout import WatershedReadout  # noqa: E402
from methods.battery import MethodBattery  # noqa: E402


class WatershedBattery(MethodBattery):
    name = "watershed"
    small = WatershedReadout(travel=6, smallest=3, persistence=0.5)

    def perfect_outputs(self, recipe, batch):
        logit = 20 * (2 * batch["foreground"] - 1)
        return torch.stack([logit, batch["relief"]], 1)


class TestPlanes(WatershedBattery):
    dimensions = 2


class TestVolumes(WatershedBattery):
    dimensions = 3


class TestNearness(WatershedBattery):
    dimensions = 2
    small = WatershedReadout(travel=6, smallest=3, persistence=0.5, relief="nearness")

    def recipe(self):
        from cellwright.methods.watershed.recipe import WatershedRecipe

        return WatershedRecipe(WatershedReadout(relief="nearness"))
