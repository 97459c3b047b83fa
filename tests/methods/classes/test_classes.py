"""Pixel classes: what is learned, what is read."""

import json
from dataclasses import asdict

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cellwright._errors import DatasetError, UsageError  # noqa: E402
from cellwright.methods.classes.readout import ClassesReadout  # noqa: E402
from cellwright.methods.classes.recipe import ClassesRecipe  # noqa: E402

READOUT = ClassesReadout(("membrane", "mitochondrion"))
TERMS = ("cross-entropy", "focal", "dice", "tversky")


@pytest.fixture(params=[(20, 24), (6, 10, 12)], ids=["plane", "volume"])
def labels(request, rng):
    return rng.integers(-1, 3, request.param).astype(np.int32)


def batch_of(labels, recipe):
    return {name: torch.from_numpy(value)[None] for name, value in recipe.targets(labels).items()}


def right_answer(labels):
    one_hot = np.stack([np.maximum(labels, 0) == k for k in range(3)])
    return torch.from_numpy(20.0 * one_hot - 10).float()[None]


@pytest.mark.parametrize("term", TERMS)
def test_the_right_answer_is_best_and_the_unknown_has_no_say(labels, term):
    recipe = ClassesRecipe(READOUT, {term: 2.0})
    batch = batch_of(labels, recipe)
    right = right_answer(labels)
    parts = recipe.loss(right, batch)
    assert parts["loss"].item() == pytest.approx(parts[term].item())
    assert parts["loss"].item() == pytest.approx(0, abs=1e-3)
    other = torch.randn_like(right)
    assert recipe.loss(other, batch)["loss"].item() > 0.05
    spoilt = torch.where(torch.from_numpy(labels < 0), 5 - 3 * other, other)
    before, after = (recipe.loss(maps, batch)["loss"].item() for maps in (other, spoilt))
    assert after == pytest.approx(before, rel=1e-5)


@pytest.mark.parametrize("term", TERMS)
@pytest.mark.parametrize("value", [-1, 0])
def test_patches_of_one_kind_are_harmless(term, value):
    recipe = ClassesRecipe(READOUT, {term: 1.0})
    outputs = torch.zeros(1, 3, 16, 16, requires_grad=True)
    loss = recipe.loss(outputs, batch_of(np.full((16, 16), value, np.int32), recipe))["loss"]
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(outputs.grad).all()


def test_terms_add_up_and_class_weights_count(labels):
    recipe = ClassesRecipe(READOUT, {"focal": 1.0, "tversky": 0.5})
    parts = recipe.loss(torch.randn(1, 3, *labels.shape), batch_of(labels, recipe))
    assert parts["loss"].item() == pytest.approx((parts["focal"] + parts["tversky"]).item())
    maps = torch.zeros(1, 3, *labels.shape)
    maps[:, 1] = 4  # everything is called a membrane
    for weighted, cost in ((1, "less"), (2, "more")):
        weights = [0.5, 0.5, 0.5]
        weights[weighted] = 5.0
        heavy = ClassesRecipe(READOUT, {"cross-entropy": 1.0}, tuple(weights))
        light = ClassesRecipe(READOUT, {"cross-entropy": 1.0})
        batch = batch_of(labels, heavy)
        difference = heavy.loss(maps, batch)["loss"] - light.loss(maps, batch)["loss"]
        assert (difference.item() > 0) == (cost == "more")


def test_every_pixel_gets_its_likeliest_class(labels, rng):
    maps = rng.normal(size=(3, *labels.shape)).astype(np.float32)
    found = READOUT.decode(maps)
    assert found.dtype == np.uint8 and np.array_equal(found, maps.argmax(0))
    assert not READOUT.decode(np.zeros_like(maps)).any()


def test_what_cannot_be_is_refused():
    with pytest.raises(DatasetError, match="A label is 7, but there are 2 classes"):
        ClassesRecipe(READOUT).targets(np.full((4, 4), 7, np.int32))
    with pytest.raises(UsageError, match="sum of cross-entropy"):
        ClassesRecipe(READOUT, {"hinge": 1.0})
    with pytest.raises(UsageError, match="2 class weights"):
        ClassesRecipe(READOUT, class_weights=(1.0, 2.0))
    for names in ((), ("a", "a"), ("background",)):
        with pytest.raises(UsageError, match="pixel classes"):
            ClassesReadout(names)


def test_parameters_survive_the_card():
    assert ClassesReadout(**json.loads(json.dumps(asdict(READOUT)))) == READOUT
