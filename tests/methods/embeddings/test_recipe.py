"""What a network is asked for, and the Lovász hinge."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from cellwright.methods.embeddings import geometry  # noqa: E402
from cellwright.methods.embeddings.readout import EmbeddingsReadout  # noqa: E402
from cellwright.methods.embeddings.recipe import EmbeddingsRecipe, lovasz_hinge  # noqa: E402


def plain_lovasz(errors, positive):
    """Return the Lovász hinge of one set, step by step along the sorted errors."""
    total, jaccard, wanted = 0.0, 0.0, positive.sum()
    taken = np.zeros(len(errors), bool)
    for i in np.argsort(-errors, kind="stable"):
        taken[i] = True
        intersection = wanted - positive[taken].sum()
        union = wanted + (1 - positive[taken]).sum()
        total += errors[i] * (1 - intersection / union - jaccard)
        jaccard = 1 - intersection / union
    return total


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_many_lovasz_hinges_at_once_are_the_sum_of_single_ones(seed):
    rng = np.random.default_rng(seed)
    group = np.append(rng.integers(1, 5, 60), [1, 2, 3, 4])
    positive = np.append(rng.integers(0, 2, 60), [1, 1, 1, 1]).astype(np.float32)
    errors = rng.uniform(0, 2, len(group)).astype(np.float32)
    together = lovasz_hinge(*(torch.from_numpy(array) for array in (errors, positive, group)))
    single = sum(plain_lovasz(errors[group == g], positive[group == g]) for g in range(1, 5))
    assert together.item() == pytest.approx(single, rel=1e-4)


def test_the_lovasz_hinge_of_right_or_wrong_pixels_is_one_minus_the_iou():
    errors = torch.tensor([1.0, 0.0, 0.0, 1.0])  # one of three is missed, one is too much
    positive = torch.tensor([1.0, 1.0, 1.0, 0.0])
    assert lovasz_hinge(errors, positive, torch.ones(4).long()).item() == pytest.approx(0.5)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_rivals_are_the_nearest_other_objects(seed):
    rng = np.random.default_rng(seed)
    objects = np.where(rng.random((3, 8, 9)) < 0.1, rng.integers(1, 5, (3, 8, 9)), 0)
    objects = objects.astype(np.int32)
    rivals = geometry.rivals(objects)
    pixels = np.argwhere(objects > 0)
    for place in np.ndindex(objects.shape):
        own = objects[tuple(pixels.T)] == objects[place]
        steps = np.where(own, 1000, np.abs(pixels - place).sum(1)) if len(pixels) else [1000]
        if np.min(steps) == 1000:
            assert rivals[place] == 0
        else:
            nearest = objects[tuple(pixels[steps == steps.min()].T)]
            assert rivals[place] in nearest


@pytest.mark.parametrize("shape", [(1, 9, 9), (5, 9, 9)])
def test_the_centre_of_a_ring_lies_on_it_and_that_of_a_block_in_its_middle(shape):
    objects = np.zeros(shape, np.int32)
    objects[:, :4, :5] = 1
    ring = np.zeros(shape, bool)
    ring[:, 5:9, 1:9] = True
    ring[:, 6:8, 2:8] = False
    objects[ring] = 2
    block, hollow = geometry.centres(objects, 2)
    assert block.tolist() == [(shape[0] - 1) / 2, 1.5, 2]
    assert ring[tuple(hollow.astype(int))]


def test_background_costs_where_it_points_into_an_object_and_nowhere_else():
    labels = np.zeros((48, 48), np.int32)
    labels[8:24, 8:24] = 1
    recipe = EmbeddingsRecipe(EmbeddingsReadout(bandwidth=4.0))
    batch = {name: torch.from_numpy(v)[None] for name, v in recipe.targets(labels).items()}
    outputs = torch.zeros(1, 5, *labels.shape)
    outputs[:, 1:3] = batch["offsets"] / recipe.readout.unit
    outputs[..., 30:] = 0

    def cost(offset):
        outputs[:, 1:3, 40, 40] = torch.tensor(offset) / recipe.readout.unit
        return recipe.loss(outputs, batch)["gathering"].item()

    away, into = cost([20.0, 20.0]), cost([15.5 - 40, 15.5 - 40])
    assert away == cost([0.0, 0.0]) < into


def test_unknown_surroundings_do_not_change_what_is_asked_of_an_object():
    labels = np.full((20, 20), -1, np.int32)
    labels[5:15, 5:15] = 0
    labels[7:12, 7:12] = 9
    targets = EmbeddingsRecipe().targets(labels)
    plain = EmbeddingsRecipe().targets(np.maximum(labels, 0))
    assert (targets["object"] == np.where(labels == 9, 1, labels)).all()
    assert (targets["offsets"] == plain["offsets"]).all()
