"""The shared checks of methods, for stars."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from cellwright.methods.stars.readout import StarsReadout  # noqa: E402
from cellwright.methods.stars.recipe import StarsRecipe  # noqa: E402
from cellwright.simulation.nuclei import NucleiSimulation  # noqa: E402
from methods.battery import MethodBattery  # noqa: E402


class StarsBattery(MethodBattery):
    name = "stars"
    small = StarsReadout(rays=8, smallest=3, longest=5, unit=2.0)

    def perfect_outputs(self, recipe, batch):
        logit = torch.logit(batch["object"].clamp(1e-6, 1 - 1e-6))
        distances = batch["distances"] / recipe.readout.unit
        return torch.cat([logit[:, None], distances], 1)

    def random_maps(self, seed, shape):
        maps = super().random_maps(seed, shape)
        maps[1:] += 1.5  # objects of many sizes
        return maps


class TestPlanes(StarsBattery):
    dimensions = 2


class TestVolumes(StarsBattery):
    dimensions = 3
    agreement = 0.65  # the simulated nuclei are four planes thick: coarse steps for a polyhedron

    def recipe(self):
        readout = StarsReadout.suited_to(3, 28.0)
        return StarsRecipe(replace(readout, anisotropy=NucleiSimulation().plane_spacing))
