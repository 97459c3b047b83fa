import numpy as np
import pytest

torch = pytest.importorskip("torch")

from cellwright._errors import UsageError  # noqa: E402
from cellwright.methods.masks.geometry import middleness, paint, spread_anchors  # noqa: E402
from cellwright.methods.masks.readout import MasksReadout  # noqa: E402
from cellwright.methods.masks.recipe import MasksRecipe  # noqa: E402


def bent():
    """Return labels of a U, whose middle is not in it, and of a bar that the border cuts."""
    labels = np.zeros((40, 40), np.int32)
    labels[5:25, 5:9] = labels[21:25, 5:30] = labels[5:25, 26:30] = 1
    labels[30:40, 10:20] = 2
    return labels


def test_the_middle_of_bent_and_cut_objects_lies_in_them_and_is_central():
    targets = MasksRecipe().targets(bent())
    for label in (1, 2):
        best = np.unravel_index(
            np.argmax(targets["object"] * (targets["label"] == label)), (40, 40)
        )
        assert targets["object"][best] == 1
        top, left, bottom, right = targets["distances"][(slice(None), *best)]
        assert max(top, bottom) <= 0.75 * (top + bottom) or label == 1
        assert max(left, right) <= 0.75 * (left + right)
    assert (targets["object"][bent() == 0] == 0).all()


def test_middleness_is_that_of_the_definition(rng):
    labels = bent()
    depth = rng.random(labels.shape).astype(np.float32) * (labels > 0)
    distances = rng.uniform(0.5, 9, (4, *labels.shape)).astype(np.float32)
    found = middleness(labels, depth, distances, 2)
    top, left, bottom, right = distances
    central = np.minimum(top, bottom) / np.maximum(top, bottom)
    central *= np.minimum(left, right) / np.maximum(left, right)
    plain = np.sqrt(np.sqrt(central) * depth)
    for label in (1, 2):
        inside = labels == label
        assert np.allclose(found[inside], plain[inside] / plain[inside].max(), rtol=1e-5)


@pytest.mark.parametrize("most", [1, 2, 7, 40])
def test_anchors_lie_in_their_objects_and_every_object_has_one(most):
    labels = bent()
    targets = MasksRecipe(anchors=most).targets(labels)
    rows = targets["anchors"]
    used = rows[rows[:, 2] > 0]
    assert rows.shape == (most, 3) and len(np.unique(used, axis=0)) == len(used)
    assert (labels[used[:, 0], used[:, 1]] == used[:, 2]).all()
    assert len(set(used[:, 2].tolist())) == min(most, 2)
    if most > 2:
        assert len(used) >= most - 2


def test_no_objects_have_no_anchors():
    empty = np.zeros((8, 8), np.int32)
    assert (spread_anchors(empty, empty.astype(np.float32), 0, 4) == -1).all()


def test_a_pixel_belongs_to_the_mask_that_claims_it_most():
    prototypes = np.zeros((1, 7, 12), np.float32)
    weights = np.zeros((2, 7), np.float32)
    weights[:, 1] = 9.0  # a disc of radius 3 in units of 1 px: 9 - dy² - dx²
    weights[:, 4] = weights[:, 6] = -1.0
    anchors = np.array([[3, 4], [3, 8]])
    distances = np.full((2, 4), 3.5, np.float32)
    labels, size, certainty = paint(prototypes, weights, anchors, distances, 1.0)
    y, x = np.mgrid[:7, :12]
    first, second = (9 - (y - 3) ** 2 - (x - middle) ** 2 for middle in (4, 8))
    expected = np.where((first > 0) & (first >= second), 1, np.where(second > 0, 2, 0))
    assert np.array_equal(labels, expected)
    assert size.tolist() == [(first > 0).sum(), (second > 0).sum()]
    assert np.allclose(certainty[0], (1 / (1 + np.exp(-first[first > 0]))).mean())


def test_a_mask_stays_in_its_box():
    prototypes = np.ones((1, 20, 20), np.float32)
    weights = np.full((1, 7), 0.0, np.float32)
    weights[0, 0] = 5.0
    distances = np.array([[2.5, 4.5, 3.5, 1.5]], np.float32)
    labels, size, _ = paint(prototypes, weights, np.array([[10, 10]]), distances, 8.0)
    inside = np.argwhere(labels == 1)
    assert inside.min(0).tolist() == [8, 6] and inside.max(0).tolist() == [13, 11]
    assert size[0] == len(inside) == 36


def test_volumes_and_impossible_parameters_are_refused():
    with pytest.raises(UsageError, match="planes only"):
        MasksReadout.suited_to(3, 20.0)
    with pytest.raises(UsageError, match="visible"):
        MasksReadout(visible=1.5)
    with pytest.raises(UsageError, match="prototype"):
        MasksReadout(prototypes=0)
