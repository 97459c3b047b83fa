import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellwright.inference.diameter import Sample, choose_scale, estimate_diameter, find_scale

RANGE = {"reference": 20.0, "comfortable": (10.0, 40.0)}


def discs(*diameters, confidence=1.0):
    area = np.pi * np.array(diameters) ** 2 / 4
    return Sample(area, np.broadcast_to(np.asarray(confidence, np.float32), area.shape), 1e6)


def diameter(sample):
    return estimate_diameter(sample.area, sample.confidence)


class World:
    """An image full of discs, which a network finds well only at a comfortable size."""

    def __init__(self, diameter):
        self.diameter = diameter
        self.asked = []

    def __call__(self, scale):
        self.asked.append(scale)
        seen = self.diameter * scale
        fit = math.exp(-(math.log(seen / 20) ** 2))
        pieces = 1 if seen < 60 else 12  # what is too large falls to pieces
        size = self.diameter / math.sqrt(pieces)
        return discs(*[size] * 30 * pieces, confidence=0.95 * fit / (1 if pieces == 1 else 3))


def test_the_diameter_is_that_of_the_middle_object():
    assert diameter(discs(8, 10, 30)) == pytest.approx(10)


def test_objects_that_are_not_believed_do_not_count():
    sample = discs(3, 3, 3, 3, 25, confidence=[0.05, 0.05, 0.05, 0.05, 0.9])
    assert diameter(sample) == pytest.approx(25)


def test_many_small_objects_explain_more_than_the_blobs_they_lie_in():
    small = discs(*[6] * 200, confidence=0.4)
    blobs = discs(*[90] * 3, confidence=0.4)
    assert small.explained > blobs.explained
    assert sum(small.area) < sum(blobs.area)


def test_a_smaller_part_with_the_same_objects_per_pixel_explains_as_much():
    whole = discs(*[10] * 40, confidence=0.8)
    half = Sample(whole.area[:20], whole.confidence[:20], whole.pixels / 2)
    assert half.explained == pytest.approx(whole.explained)


def test_no_objects_have_no_diameter():
    assert math.isnan(diameter(discs()))
    assert math.isnan(estimate_diameter(np.array([0]), np.array([0.9])))


@pytest.mark.parametrize(
    ("estimate", "scale"), [(10, 1), (40, 1), (25, 1), (80, 0.25), (5, 4), (math.nan, 1)]
)
def test_scale_is_one_where_comfortable_and_else_meets_the_reference(estimate, scale):
    assert choose_scale(estimate, **RANGE) == scale


@given(st.floats(4, 120))
def test_objects_of_any_size_are_brought_to_a_comfortable_one(diameter):
    world = World(diameter)
    scale = find_scale(world, **RANGE)
    assert 10 <= diameter * scale <= 40
    if scale != 1:
        assert diameter * scale == pytest.approx(20)


def test_a_comfortable_image_is_segmented_once():
    world = World(22)
    assert find_scale(world, **RANGE) == 1.0
    assert world.asked == [1.0]


def test_an_empty_image_keeps_its_scale():
    assert find_scale(lambda scale: discs(), **RANGE) == 1.0


def test_a_single_large_object_counts_where_it_is_nearly_certain():
    def sample(confidence):
        def at(scale):
            return discs(300, confidence=confidence) if scale < 0.5 else discs()

        return at

    assert find_scale(sample(0.95), **RANGE) == pytest.approx(20 / 300)
    assert find_scale(sample(0.6), **RANGE) == 1


def test_a_single_object_that_is_nearly_certain_is_not_looked_at_again():
    asked = []

    def sample(scale):
        asked.append(scale)
        return discs(22, confidence=0.95) if scale == 1 else discs(*[6] * 40, confidence=0.9)

    assert find_scale(sample, **RANGE) == 1
    assert asked == [1]


def looked_at(asked, found):
    """Return a sampler that notes the scales, and finds what is listed for each."""

    def sample(scale):
        asked.append(scale)
        return found.get(scale, discs())

    return sample


def test_a_network_of_one_scale_keeps_to_it_though_others_look_better():
    asked = []
    single = discs(70, confidence=0.5)
    sample = looked_at(asked, {0.5: single, 1.0: discs(*[6] * 90, confidence=0.95)})
    assert find_scale(sample, **RANGE, usual=0.5) == 0.5
    assert asked == [0.5]


def test_it_leaves_that_scale_where_it_fails_and_another_convinces():
    grain = discs(*[5] * 90, confidence=0.1)
    asked = []
    large = looked_at(asked, {1.0: grain, 0.25: discs(*[80] * 9, confidence=0.8)})
    assert find_scale(large, **RANGE, usual=1.0) == pytest.approx(20 / 80)
    doubtful = looked_at(asked, {1.0: grain, 0.25: discs(*[80] * 9, confidence=0.5)})
    assert find_scale(doubtful, **RANGE, usual=1.0) == 1
    assert find_scale(looked_at(asked, {}), **RANGE, usual=0.5) == 0.5


def test_objects_that_are_comfortable_at_the_usual_scale_stay_at_it():
    assert choose_scale(70, **RANGE, usual=0.5) == 0.5
    assert choose_scale(30, **RANGE, usual=0.3) == pytest.approx(20 / 30)
