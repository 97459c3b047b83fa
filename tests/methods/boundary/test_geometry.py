"""The kernels beside slow, obvious references."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cellwright.methods.boundary import geometry
from cellwright.methods.boundary.readout import BoundaryReadout


def random_labels(seed, shape, count):
    """Return discs of random places and sizes, one over the other."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int32)
    place = np.indices(shape)
    for number in range(1, count + 1):
        centre = [rng.integers(size) for size in shape]
        distance = sum((p - c) ** 2 for p, c in zip(place, centre, strict=True))
        labels[distance <= rng.integers(2, 7) ** 2] = number
    return labels


def test_two_touching_squares():
    labels = np.zeros((1, 7, 12), np.int32)
    labels[0, 1:6, 1:6], labels[0, 1:6, 7:12] = 1, 2
    classes = geometry.classes_of(labels, 1)[0]
    expected = np.zeros((7, 12), int)
    expected[1:6, 1:6] = expected[1:6, 6] = 2
    expected[1:6, 7:12] = 2
    expected[2:5, 2:5] = 1
    expected[2:5, 8:12] = 1  # the side of the image is no boundary
    expected[0, 6] = expected[6, 6] = 2  # between corners, too
    assert np.array_equal(classes, expected)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_growth_is_by_distance_within_what_is_allowed(seed):
    shape = (4, 16, 18)
    labels = random_labels(seed, shape, 4)
    labels[np.random.default_rng(seed).random(shape) < 0.3] = 0
    allowed = np.random.default_rng(seed + 1).random(shape) < 0.8
    grown = labels.copy()
    geometry.grow(grown, allowed, 3)
    cross = ndimage.generate_binary_structure(3, 1)
    reached = ndimage.binary_dilation(labels > 0, cross, 3, mask=allowed | (labels > 0))
    assert np.array_equal(grown > 0, reached)
    assert np.array_equal(grown[labels > 0], labels[labels > 0])
    steps = {
        number: _steps(labels == number, allowed | (labels == number), 3)
        for number in np.unique(labels[labels > 0])
    }
    for place in np.argwhere((grown > 0) & (labels == 0)):
        own = steps[grown[tuple(place)]][tuple(place)]
        assert own == min(other[tuple(place)] for other in steps.values())


def _steps(start, allowed, most):
    """Return in how many steps along faces each pixel is reached; `most` + 1 where it is not."""
    steps = np.full(start.shape, most + 1)
    cross = ndimage.generate_binary_structure(3, 1)
    for step in range(most, 0, -1):
        steps[ndimage.binary_dilation(start, cross, step, mask=allowed)] = step
    steps[start] = 0
    return steps


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_two_nearest_objects_are_nearly_as_far_as_they_are(seed):
    labels = random_labels(seed, (1, 40, 50), 5)
    numbers = np.unique(labels[labels > 0])
    each = np.sort([ndimage.distance_transform_edt(labels[0] != n) for n in numbers], axis=0)
    found = geometry.two_nearest(labels)[:, 0]
    assert np.abs(found[0] - each[0]).max() < 1
    if len(numbers) > 1:
        assert np.abs(found[1] - each[1]).max() < 1
        assert (found[1] >= each[1] - 1e-4).all()
    else:
        assert np.isinf(found[1]).all()


def test_where_the_known_area_ends_no_boundary_is_learned():
    pytest.importorskip("torch")
    from cellwright.methods.boundary.recipe import BoundaryRecipe

    labels = np.zeros((20, 20), np.int32)
    labels[5:15, 5:] = 1
    labels[:, 12:] = -1
    targets = BoundaryRecipe().targets(labels)
    learned = targets["weight"] > 0
    assert not learned[:, 11:].any() and learned[:, :11].all()
    assert (targets["classes"][6:14, 6:11] == geometry.INSIDE).all()


def test_an_object_that_is_larger_than_allowed_is_none():
    maps = np.full((3, 20, 60), -5, np.float32)
    maps[0] = 5
    maps[:, 4:10, 4:54] = np.array([-5, 5, -5])[:, None, None]
    maps[:, 14:18, 4:24] = np.array([-5, 5, -5])[:, None, None]
    found = BoundaryReadout(largest=30).decode(maps)
    assert len(found.anchors) == 1 and not found.labels[4:10].any()


@pytest.mark.parametrize("weight", [0.0, 10.0])
def test_gaps_between_objects_weigh_more_where_asked_for(weight):
    torch = pytest.importorskip("torch")
    from cellwright.methods.boundary.recipe import BoundaryRecipe

    labels = np.zeros((20, 40), np.int32)
    labels[5:15, 2:15], labels[5:15, 19:38] = 1, 2
    targets = BoundaryRecipe(gap_weight=weight).targets(labels)
    assert torch.from_numpy(targets["weight"]).dtype == torch.float32
    gap, far = targets["weight"][10, 17], targets["weight"][0, 0]
    assert targets["classes"][10, 17] == geometry.BACKGROUND
    if weight:
        assert gap == pytest.approx(1 + weight * np.exp(-(5**2) / 50), rel=0.05) and far < 1.5
    else:
        assert gap == far == 1
