"""The shared checks of methods, for centre offsets."""

import pytest

torch = pytest.importorskip("torch")

from cellwright.methods.offsets.readout import OffsetsReadout  # noqa: E402
from methods.battery import MethodBattery  # noqa: E402


class TestOffsets(MethodBattery):
    name = "offsets"
    dimensions = 2
    small = OffsetsReadout(steps=3, travel=12, capture=4, seed_distance=2, spread=1, min_votes=3)

    def perfect_outputs(self, recipe, batch):
        logit = 20 * (2 * batch["foreground"][:, None] - 1)
        return torch.cat([logit, batch["offsets"] / recipe.readout.unit], 1)
