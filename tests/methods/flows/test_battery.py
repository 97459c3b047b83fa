"""The shared checks of methods, for both kinds of flows."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cellwright.methods.flows.readout import DistanceFlowsReadout, FlowsReadout  # noqa: E402
from methods.battery import MethodBattery  # noqa: E402

SMALL = {"steps": 8, "gathering": 4, "basin": 9, "smallest": 3}
SMALL_VOLUMES = SMALL | {"dimensions": 3, "gathering": 12}  # more pixels meet in one


class FlowsBattery(MethodBattery):
    def perfect_outputs(self, recipe, batch):
        logit = 20 * (2 * batch["foreground"][:, None] - 1)
        return torch.cat([logit, batch["flows"] * recipe.readout.unit], 1)

    def random_maps(self, seed, shape):
        maps = super().random_maps(seed, shape)
        maps[0] += 2  # mostly foreground: objects touch
        return np.ascontiguousarray(maps)


class TestPlanes(FlowsBattery):
    name = "flows"
    dimensions = 2
    small = FlowsReadout(**SMALL)


class TestVolumes(FlowsBattery):
    name = "flows"
    dimensions = 3
    small = FlowsReadout(**SMALL_VOLUMES)


class TestDistancePlanes(FlowsBattery):
    name = "flows-distance"
    dimensions = 2
    small = DistanceFlowsReadout(**SMALL)
