"""Classes of objects beside any method: what is read, and that tiles do not matter."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from cellwright._errors import UsageError
from cellwright.inference.apply import find_instances
from cellwright.inference.view import View
from cellwright.methods.object_classes.readout import (
    ObjectClassesReadout,
    mean_probabilities,
    readout_parameters,
)
from cellwright.methods.registry import METHODS
from cellwright.models.readouts import map_reader_of, object_classes_of, readout_of
from inference.toys import ToyNetwork, ToyReadout, identity, spots

CLASSES = ("round", "long", "other")
FLAT = ("flows-distance", "masks", "offsets")  # work in planes only
EVERYWHERE = [(name, 2) for name in METHODS] + [(name, 3) for name in METHODS if name not in FLAT]


def suited(name, dimensions):
    return METHODS[name].readout_class().suited_to(dimensions, 20.0)


def slowly(labels, count, logits):
    """What `mean_probabilities` should be, object by object."""
    shares = np.exp(logits - logits.max(0))
    shares /= shares.sum(0)
    return np.array([shares[:, labels == n].mean(1) for n in range(1, count + 1)])


def test_the_mean_over_the_pixels_of_an_object(rng):
    labels = rng.integers(0, 6, (9, 7, 8)).astype(np.int32)
    logits = 5 * rng.standard_normal((3, 9, 7, 8)).astype(np.float32)
    told = mean_probabilities(labels, 5, logits)
    np.testing.assert_allclose(told, slowly(labels, 5, logits), rtol=1e-5)
    np.testing.assert_allclose(told.sum(1), 1, rtol=1e-6)


def test_a_known_answer_and_huge_logits():
    labels = np.array([[1, 1, 0, 2]], np.int32)
    logits = np.array([[[1e4, 0.0, 5.0, -1e4]], [[0.0, 0.0, 9.0, 1e4]]], np.float32)
    assert mean_probabilities(labels, 2, logits).tolist() == [[0.75, 0.25], [0, 1]]


@pytest.mark.parametrize(("name", "dimensions"), EVERYWHERE)
def test_the_objects_of_every_method_are_its_own(name, dimensions, rng):
    objects = suited(name, dimensions)
    readout = ObjectClassesReadout(objects, CLASSES)
    shape = (48, 48) if dimensions == 2 else (12, 32, 32)
    noise = rng.standard_normal((len(readout.outputs), *shape))
    smooth = [gaussian_filter(plane, 2.0) * 4**dimensions / 2 for plane in noise]
    maps = np.stack(smooth).astype(np.float32)
    own = objects.decode(maps[:-3])
    found = readout.decode(maps)
    assert readout.outputs[:-3] == objects.outputs
    assert (readout.reach, readout.margin) == (objects.reach, objects.margin)
    assert np.array_equal(found.labels, own.labels)
    assert np.array_equal(found.anchors, own.anchors)
    assert found.evidence.shape == (len(own.anchors), len(readout.evidence_names))
    assert np.array_equal(found.evidence[:, :-3], own.evidence)
    told = slowly(own.labels, len(own.anchors), maps[-3:])
    np.testing.assert_allclose(found.evidence[:, -3:], told.reshape(-1, 3), rtol=1e-4)
    assert readout.likeliest(found).tolist() == told.reshape(-1, 3).argmax(1).tolist()


@dataclass(frozen=True)
class ThreeMaps(ToyNetwork):
    """The toy network on each of three channels."""

    def __call__(self, pixels):
        each = [ToyNetwork.__call__(self, pixels[:, [channel]]) for channel in range(3)]
        return np.concatenate(each, axis=1)


@pytest.mark.parametrize(
    ("shape", "tile", "scale"), [((97, 61), 16, 1.0), ((70, 83), 12, 0.6), ((30, 40, 36), 16, 1.0)]
)
def test_classes_do_not_depend_on_tiles(shape, tile, scale):
    dimensions = len(shape)
    image = np.concatenate([spots(shape, seed) for seed in (1, 2, 3)])
    network = ThreeMaps(stride=(4,) * dimensions, halo=(5,) * dimensions)
    readout = ObjectClassesReadout(ToyReadout(), ("dark", "bright"))
    results = []
    for side, memory in ((128, 1_000_000_000), (tile, 1)):
        sink = np.zeros(shape, np.int32)
        table = find_instances(
            View.at_scales(image, (scale,) * dimensions, identity, np.array([[0.0, 1.0]] * 3)),
            network,
            readout,
            sink=sink,
            tile=side,
            memory=memory,
        )
        results.append(table)
    whole, tiled = results
    assert len(whole["label"]) > 5 and whole.keys() == tiled.keys()
    for name in whole:
        np.testing.assert_array_equal(whole[name], tiled[name], err_msg=name)
    assert np.ptp(whole["probability of bright"]) > 0.01


def test_parameters_survive_the_card(card_of):
    objects = METHODS["stars"].readout_class().suited_to(2, 30.0)
    readout = ObjectClassesReadout(objects, CLASSES)
    card = card_of("stars", json.loads(json.dumps(readout_parameters(readout))))
    assert map_reader_of(card) == readout
    assert readout_of(card) == objects and object_classes_of(card) == CLASSES
    plain = card_of("stars", json.loads(json.dumps(readout_parameters(objects))))
    assert map_reader_of(plain) == objects and object_classes_of(plain) == ()


@pytest.mark.parametrize("classes", [(), ("one",), ("two", "two")])
def test_classes_that_cannot_be_told_apart_are_refused(classes):
    with pytest.raises(UsageError, match="2 to 255"):
        ObjectClassesReadout(ToyReadout(), classes)
