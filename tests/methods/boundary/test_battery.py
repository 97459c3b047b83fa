"""The shared checks of methods, for the three classes of pixels."""

import pytest

torch = pytest.importorskip("torch")

from cellwright.methods.boundary.readout import BoundaryReadout  # noqa: E402
from methods.battery import MethodBattery  # noqa: E402


class BoundaryBattery(MethodBattery):
    name = "boundary"
    small = BoundaryReadout(growth=2, smallest=3, largest=12)

    def perfect_outputs(self, recipe, batch):
        truth = torch.nn.functional.one_hot(batch["classes"].long(), 3).movedim(-1, 1)
        return 20.0 * truth - 10.0


class TestPlanes(BoundaryBattery):
    dimensions = 2


class TestVolumes(BoundaryBattery):
    dimensions = 3
