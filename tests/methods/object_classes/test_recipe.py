"""How a network learns classes beside the objects of any method."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cellwright.datasets.objects import Objects  # noqa: E402
from cellwright.methods.object_classes.readout import ObjectClassesReadout  # noqa: E402
from cellwright.methods.object_classes.recipe import ObjectClassesRecipe  # noqa: E402
from cellwright.methods.registry import METHODS  # noqa: E402
from methods.battery import SIZE, simulated  # noqa: E402

FLAT = ("flows-distance", "masks", "offsets")  # work in planes only
EVERYWHERE = [(name, 2) for name in METHODS] + [(name, 3) for name in METHODS if name not in FLAT]


def recipe_of(name, dimensions=2, weights=(1.0, 1.0)):
    readout = METHODS[name].readout_class().suited_to(dimensions, 28.0)
    told = ObjectClassesReadout(readout, ("odd", "even"))
    return ObjectClassesRecipe(METHODS[name].recipe_class()(readout), told, weights)


def batch_of(recipe, labels, kinds):
    targets = recipe.targets(Objects(labels, kinds))
    return {name: torch.from_numpy(np.asarray(value))[None] for name, value in targets.items()}


def random_outputs(recipe, dimensions=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (1, len(recipe.readout.outputs), *SIZE[dimensions])
    return torch.randn(shape, generator=generator).requires_grad_()


def odd_even(labels):
    numbers = np.arange(labels.max() + 1)
    return np.where(numbers > 0, 2 - numbers % 2, 0)


@pytest.mark.parametrize(("name", "dimensions"), EVERYWHERE)
def test_classes_come_to_the_loss_of_every_method(name, dimensions):
    recipe = recipe_of(name, dimensions)
    labels = simulated(dimensions, 1)
    batch = batch_of(recipe, labels, odd_even(labels))
    outputs = random_outputs(recipe, dimensions)
    parts = recipe.loss(outputs, batch)
    alone = recipe.objects.loss(outputs[:, :-2], batch)
    assert parts["loss"].item() == pytest.approx(
        alone["loss"].item() + parts["object class"].item(), rel=1e-5
    )
    assert set(parts) == {*alone, "object class"}
    (gradient,) = torch.autograd.grad(parts["loss"], outputs)
    (own,) = torch.autograd.grad(alone["loss"], outputs)
    # Threads may add in another order.
    assert torch.allclose(gradient[:, :-2], own[:, :-2], rtol=1e-4, atol=1e-8)
    inside = torch.from_numpy(labels > 0)
    assert (gradient[0, -2:, inside] != 0).all() and (gradient[0, -2:, ~inside] == 0).all()


def test_objects_of_unknown_class_teach_no_class():
    recipe = recipe_of("offsets")
    labels = simulated(2, 1)
    kinds = odd_even(labels)
    kinds[2::3] = 0
    batch = batch_of(recipe, labels, kinds)
    outputs = random_outputs(recipe)
    (gradient,) = torch.autograd.grad(recipe.loss(outputs, batch)["object class"], outputs)
    told = torch.from_numpy(kinds[labels] > 0)
    assert (gradient[0, -2:, ~told] == 0).all() and (gradient[0, -2:, told] != 0).all()
    nothing = batch_of(recipe, labels, np.zeros_like(kinds))
    assert recipe.loss(outputs, nothing)["object class"].item() == 0


def test_weights_make_rare_classes_count_alike():
    labels = np.zeros(SIZE[2], np.int32)
    labels[:8, :8], labels[20:60, 20:60] = 1, 2  # 64 and 1600 px
    pixels = np.array([64, 1600])
    weights = tuple((pixels.sum() / (pixels * 2)).tolist())
    recipe = recipe_of("offsets", weights=weights)
    batch = batch_of(recipe, labels, np.array([0, 1, 2]))
    outputs = torch.zeros(1, len(recipe.readout.outputs), *SIZE[2])
    outputs[:, -2] = 2.0  # the rare class everywhere: half of what counts is wrong
    wrong, right = np.log(1 + np.exp(2)), np.log(1 + np.exp(-2))
    cost = recipe.loss(outputs, batch)["object class"].item()
    assert cost == pytest.approx((wrong + right) / 2, rel=1e-5)
