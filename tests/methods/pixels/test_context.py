"""Forests in a row, of which each sees what the one before made of the surroundings."""

import numpy as np
import pytest

from cellwright._errors import InputError, ModelError
from cellwright.inference.apply import find_classes
from cellwright.inference.view import View
from cellwright.methods.pixels.context import ContextClassifier, fit_in_context
from cellwright.methods.pixels.features import FilterBank
from cellwright.methods.pixels.storage import from_bytes, to_bytes
from cellwright.metrics.semantic import confusion_matrix, dice

BANK = FilterBank((1.0, 4.0))


def stripes(seed):
    """Return noise with rough and smooth stripes, too noisy to tell a pixel by its neighbours."""
    rng = np.random.default_rng(seed)
    truth = np.zeros((96, 128), np.int32)
    truth[:, 32:64] = truth[:, 96:] = 1
    return (rng.normal(size=truth.shape) * np.where(truth, 1.25, 0.8))[None].astype("f4"), truth


def learned(stages, count=4):
    images, classes = zip(*map(stripes, range(count)), strict=True)
    return fit_in_context(images, classes, BANK, classes=2, stages=stages, pixels=8000, seed=0)


@pytest.fixture(scope="module")
def two():
    return learned(2)


def score(classifier):
    pixels, truth = stripes(99)
    return dice(confusion_matrix(truth, classifier.probabilities(pixels).argmax(0), 2))[1]


def test_what_is_around_helps(two):
    assert score(two) > score(learned(1)) + 0.02
    assert len(two.stages) == 2 and two.stages[1].channels == 2
    assert two.halo == tuple(2 * side for side in two.stages[0].halo)


def test_a_single_image_has_no_other_to_learn_from():
    assert len(learned(3, count=1).stages) == 1


def test_images_of_which_nothing_is_known_do_not_matter(rng):
    images = [rng.random((1, 24, 24)).astype(np.float32) for _ in range(3)]
    classes = [(image[0] > 0.5).astype(np.int32) for image in images]
    unknown = np.full((24, 24), -1)

    def told(*chosen):
        pairs = [(images[k], classes[k] if k >= 0 else unknown) for k in chosen]
        fitted = fit_in_context(*zip(*pairs, strict=True), BANK, classes=2, stages=2, pixels=500)
        return fitted.probabilities(images[0])

    np.testing.assert_array_equal(told(0, -1, 1), told(0, 1))
    np.testing.assert_array_equal(told(0, -1), told(0))
    with pytest.raises(InputError, match="No pixel is annotated"):
        told(-1, -1)


def test_tiles_change_nothing(two):
    pixels, _ = stripes(5)
    whole = two.probabilities(pixels).argmax(0)
    tiled = np.zeros(whole.shape, np.uint8)
    find_classes(
        View.at_scales(pixels, None, lambda seen, _: seen, np.array([[0.0, 1.0]])),
        two,
        lambda maps: maps.argmax(0).astype(np.uint8),
        maps=2,
        sink=tiled,
        tile=64,
    )
    np.testing.assert_array_equal(tiled, whole)


def test_all_stages_are_kept(two):
    pixels, _ = stripes(7)
    again = from_bytes(to_bytes(two))
    np.testing.assert_array_equal(again.probabilities(pixels), two.probabilities(pixels))
    assert sum(two.importance.values()) == pytest.approx(1)


def test_stages_that_do_not_belong_together_are_refused(two):
    first, second = two.stages
    with pytest.raises(ModelError, match="do not fit together"):
        ContextClassifier((first, first))
    from safetensors.numpy import load, save

    arrays = {name: array for name, array in load(to_bytes(two)).items() if name[0] == "1"}
    with pytest.raises(ModelError, match="lacks a stage"):
        from_bytes(save(arrays))
    assert ContextClassifier((first,)).halo == second.halo
