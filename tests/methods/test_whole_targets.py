"""What networks are asked for where objects overlap; maps that say so are read as the truth."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cellwright.datasets.objects import Layers, Objects  # noqa: E402
from cellwright.inference.overlaps import layered  # noqa: E402
from cellwright.methods.embeddings.readout import EmbeddingsReadout  # noqa: E402
from cellwright.methods.embeddings.recipe import EmbeddingsRecipe  # noqa: E402
from cellwright.methods.masks.recipe import MasksRecipe  # noqa: E402
from cellwright.methods.object_classes.readout import ObjectClassesReadout  # noqa: E402
from cellwright.methods.object_classes.recipe import ObjectClassesRecipe  # noqa: E402
from cellwright.methods.recipe import OverlapRecipe, object_targets  # noqa: E402
from cellwright.methods.stars.readout import StarsReadout  # noqa: E402
from cellwright.methods.stars.recipe import StarsRecipe  # noqa: E402
from cellwright.methods.watershed.recipe import WatershedRecipe  # noqa: E402
from cellwright.metrics.matching import match_overlaps  # noqa: E402
from cellwright.metrics.overlap import layered_overlap_table  # noqa: E402

SHAPE = (64, 96)
CENTRES = [(30, 24), (34, 42), (30, 60)]
RADIUS = 14
GRID = np.mgrid[: SHAPE[0], : SHAPE[1]]
RECIPES = (StarsRecipe, MasksRecipe, EmbeddingsRecipe)


def row():
    """Three discs in a row, the middle one over both others."""
    layers = np.zeros((2, *SHAPE), np.int32)
    for number, centre in enumerate(CENTRES, 1):
        distance = ((GRID - np.array(centre)[:, None, None]) ** 2).sum(0)
        layers[(number + 1) % 2][distance <= RADIUS**2] = number
    return layers


def precision(readout, maps, threshold=0.85):
    found = readout.decode(maps.astype(np.float32))
    hidden = readout.covered(maps.astype(np.float32), found)
    hidden[:, 0] += 1
    table = layered_overlap_table(row(), layered(found.labels, hidden))
    return match_overlaps(table, threshold).counts.average_precision


def test_stars_have_whole_outlines():
    readout = StarsReadout(overlap=0.6)
    targets = StarsRecipe(readout).whole_targets(row())
    depth = np.clip(targets["object"], 1e-4, 1 - 1e-4)
    maps = np.concatenate([np.log(depth / (1 - depth))[None], targets["distances"] / readout.unit])
    assert precision(readout, maps) == 1
    for y, x in CENTRES:
        assert np.abs(targets["distances"][:, y, x] - RADIUS).max() < 1.5
    flat = StarsRecipe(readout).targets(row().max(0))
    assert flat["distances"][0, 30, 24] < RADIUS - 4  # the middle one cuts it off


def test_embeddings_of_two_objects_lie_within_both():
    readout = EmbeddingsReadout(bandwidth=12.0, longest=32)
    targets = EmbeddingsRecipe(readout).whole_targets(row())
    both = (row() > 0).all(0)
    assert ((targets["also"] > 0) == both).all() and (targets["object"][both] > 0).all()
    offsets = targets["offsets"].copy()
    offsets[:, both] = (targets["offsets"] + targets["also_offsets"])[:, both] / 2
    logits = np.where(targets["object"] > 0, 1.0, -9.0)
    logits[tuple(np.transpose(CENTRES))] = 4
    maps = np.concatenate([logits[None], offsets / readout.unit, np.zeros((2, *SHAPE))])
    assert precision(readout, maps, 0.95) == 1
    assert not ((targets["rival"] > 0) & (row() == targets["rival"]).any(0)).any()


def test_masks_are_whole_and_so_are_their_boxes():
    targets = MasksRecipe().whole_targets(row())
    np.testing.assert_array_equal(targets["layers"], row())
    for y, x in CENTRES:
        np.testing.assert_allclose(targets["distances"][:, y, x], RADIUS + 0.5)
    used = targets["anchors"][targets["anchors"][:, 2] > 0]
    assert set(used[:, 2].tolist()) == {1, 2, 3}
    assert (row()[:, used[:, 0], used[:, 1]] == used[:, 2]).any(0).all()


@pytest.mark.parametrize("recipe", RECIPES)
def test_one_layer_asks_for_the_same_as_labels(recipe):
    labels = row()[:1]
    outputs = torch.randn(1, len(recipe().readout.outputs), *SHAPE, requires_grad=True)
    losses = []
    for targets in (recipe().targets(labels[0]), recipe().whole_targets(labels)):
        batch = {name: torch.from_numpy(np.asarray(v))[None] for name, v in targets.items()}
        losses.append(recipe().loss(outputs, batch)["loss"].item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize("recipe", RECIPES)
def test_losses_are_finite_whatever_is_in_the_layers(recipe):
    unknown, nothing = np.full((3, *SHAPE), -1, np.int32), np.zeros((3, *SHAPE), np.int32)
    part = np.concatenate([row(), nothing[:1]])
    part[:, :40] = np.where((part[:, :40] > 0).any(0), part[:, :40], -1)
    stacked = [recipe().whole_targets(layers) for layers in (unknown, nothing, part)]
    batch = {name: torch.from_numpy(np.stack([t[name] for t in stacked])) for name in stacked[0]}
    outputs = torch.randn(3, len(recipe().readout.outputs), *SHAPE, requires_grad=True)
    loss = recipe().loss(outputs, batch)["loss"]
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(outputs.grad).all()
    assert (outputs.grad[0] == 0).all()


def test_methods_say_whether_they_learn_whole_objects():
    assert all(isinstance(recipe(), OverlapRecipe) for recipe in RECIPES)
    assert not isinstance(WatershedRecipe(), OverlapRecipe)


def test_embeddings_learn_to_lie_between():
    """Gradient descent on the maps themselves makes pixels members of both of their objects."""
    recipe = EmbeddingsRecipe(EmbeddingsReadout(bandwidth=12.0, longest=32))
    targets = recipe.whole_targets(row())
    batch = {name: torch.from_numpy(np.asarray(v))[None] for name, v in targets.items()}
    outputs = torch.zeros(1, 5, *SHAPE, requires_grad=True)
    optimiser = torch.optim.Adam([outputs], 0.05)
    for _ in range(150):
        optimiser.zero_grad()
        recipe.loss(outputs, batch)["loss"].backward()
        optimiser.step()
    assert precision(recipe.readout, outputs.detach().numpy()[0], 0.9) == 1


def test_classes_go_along_with_layers():
    layers, kinds = row(), np.array([0, 1, 2, 1])
    truth = Objects(layers.max(0), kinds, Layers(layers))
    readout = ObjectClassesReadout(StarsReadout(), ("round", "long"))
    targets = ObjectClassesRecipe(StarsRecipe(), readout, (1.0, 1.0)).targets(truth)
    np.testing.assert_array_equal(targets["object_class"], kinds[layers.max(0)])
    whole = object_targets(StarsRecipe(), Layers(layers))
    np.testing.assert_array_equal(targets["distances"], whole["distances"])
