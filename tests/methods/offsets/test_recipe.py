"""What a network is asked for, and how far off it is told to be."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cellwright.methods.offsets.readout import OffsetsReadout  # noqa: E402
from cellwright.methods.offsets.recipe import OffsetsRecipe  # noqa: E402
from cellwright.methods.seams import near_another  # noqa: E402
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field  # noqa: E402

RECIPE = OffsetsRecipe()


def batch_of(labels):
    """Return the targets of one patch as a batch."""
    targets = RECIPE.targets(labels)
    return {name: torch.from_numpy(np.asarray(value))[None] for name, value in targets.items()}


def perfect_outputs(batch):
    """Return the outputs that the targets ask for."""
    logit = 20 * (2 * batch["foreground"][:, None] - 1)
    return torch.cat([logit, batch["offsets"] / RECIPE.readout.unit], 1)


@pytest.fixture
def labels():
    return simulate_field(NucleiSimulation(size=(96, 96)), seed=1)[1]


def test_the_right_answer_costs_nothing(labels):
    batch = batch_of(labels)
    parts = RECIPE.loss(perfect_outputs(batch), batch)
    assert parts["loss"].item() == pytest.approx(0, abs=1e-5)


def test_the_right_answer_decodes_to_the_labels(labels):
    found = OffsetsReadout().decode(perfect_outputs(batch_of(labels))[0].numpy())
    assert len(found.anchors) == len(np.unique(labels)) - 1


def test_an_error_of_one_radius_costs_the_same_for_small_and_large():
    costs = []
    for radius in (5, 15):
        rows, columns = np.indices((64, 64)) - 32
        labels = (np.hypot(rows, columns) <= radius).astype(np.int32)
        batch = batch_of(labels)
        outputs = perfect_outputs(batch)
        outputs[:, 1] += batch["radius"] / RECIPE.readout.unit
        costs.append(RECIPE.loss(outputs, batch)["centre"].item())
    assert costs[0] == pytest.approx(costs[1], rel=0.02)
    assert costs[0] == pytest.approx(1, rel=0.02)


def test_seams_lie_between_close_objects_only():
    labels = np.zeros((11, 21), np.int32)
    labels[3:8, 2:9] = 1
    labels[3:8, 10:17] = 2
    seam = near_another(labels, 2)
    assert seam[5, 9] == 1
    assert seam[5, 3] == 0 and seam[5, 20] == 0
    assert near_another((labels > 0).astype(np.int32)[:, :9], 2).sum() == 0


def test_objects_that_touch_weigh_more_in_the_centre_loss():
    labels = np.zeros((16, 40), np.int32)
    labels[4:12, 2:10], labels[4:12, 10:18], labels[4:12, 28:36] = 1, 2, 3
    importance = OffsetsRecipe(contact_weight=3.0).targets(labels)["importance"]
    assert set(importance[labels > 0][labels[labels > 0] < 3]) == {4.0}
    assert set(importance[labels == 3]) == {1.0} and not importance[labels == 0].any()
