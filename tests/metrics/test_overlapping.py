"""Scores of objects that overlap, beside an implementation of masks one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from cellwright._errors import InputError
from cellwright.metrics.matching import InstanceScores, match_overlaps
from cellwright.metrics.overlap import layered_overlap_table, overlap_table

SIZE = (12, 14)


@st.composite
def boxes(draw):
    """Rectangles that may overlap, as masks."""
    masks = []
    for _ in range(draw(st.integers(0, 7))):
        y, x = draw(st.integers(0, 9)), draw(st.integers(0, 11))
        mask = np.zeros(SIZE, bool)
        mask[y : y + draw(st.integers(1, 7)), x : x + draw(st.integers(1, 7))] = True
        masks.append(mask)
    return masks


def in_layers(masks):
    layers = [np.zeros(SIZE, np.int32)]
    for number, mask in enumerate(masks, 1):
        free = [layer for layer in layers if not layer[mask].any()]
        if not free:
            layers.append(np.zeros(SIZE, np.int32))
        (free or layers[-1:])[0][mask] = number
    return np.stack(layers)


def counts_by_definition(truth, found, threshold):
    iou = np.array([[(t & f).sum() / (t | f).sum() for f in found] for t in truth])
    iou = iou.reshape(len(truth), len(found))
    worth = np.where(iou >= threshold, 100 + iou, 0)
    chosen = linear_sum_assignment(worth, maximize=True)
    right = worth[chosen] > 0
    return int(right.sum()), float(iou[chosen][right].sum())


@settings(max_examples=150, deadline=None)
@given(boxes(), boxes(), st.sampled_from([0.1, 0.3, 0.5, 0.75, 1.0]))
def test_matching_is_that_of_whole_masks(truth, found, threshold):
    table = layered_overlap_table(in_layers(truth), in_layers(found))
    counts = match_overlaps(table, threshold).counts
    right, total = counts_by_definition(truth, found, threshold)
    assert counts.true_positives == right
    assert counts.false_positives == len(found) - right
    assert counts.false_negatives == len(truth) - right
    assert counts.iou_sum == pytest.approx(total)


@settings(max_examples=50, deadline=None)
@given(boxes(), boxes(), boxes())
def test_what_is_not_known_counts_for_neither_side(truth, found, unknown):
    """As if these pixels were not there; an object that lies in them alone is none."""
    hidden = np.any([np.zeros(SIZE, bool), *unknown], 0)
    layers = in_layers(truth)
    layers[:, hidden & (layers <= 0).all(0)] = -1
    gone = layers[0] < 0
    table = layered_overlap_table(layers, in_layers(found))
    rest = [mask & ~gone for mask in found]
    sizes = {n: mask.sum() for n, mask in enumerate(rest, 1) if mask.any()}
    areas = zip(table.predicted_labels.tolist(), table.predicted_areas.tolist(), strict=True)
    assert dict(areas) == sizes
    assert table.truth_areas.tolist() == [mask.sum() for mask in truth]


def test_a_known_answer():
    """Two discs, one half over the other: flat labels lose the lower one at IoU 0.75."""
    truth, whole = np.zeros((2, 2, 10, 20), np.int32)
    truth[0, :, :10] = 1
    truth[1, :, 6:16] = 2
    whole[0, :, :10] = 5
    whole[1, :, 7:16] = 6
    flat = whole.max(0, keepdims=True)
    scores = {name: InstanceScores(thresholds=(0.5, 0.75)) for name in ("whole", "flat")}
    for name, found in (("whole", whole), ("flat", flat)):
        scores[name].add_overlaps(layered_overlap_table(truth, found))
    assert scores["whole"].pooled("average_precision", 0.75) == 1
    assert scores["whole"].counts(0.5).iou_sum == pytest.approx(1 + 0.9)
    assert scores["flat"].pooled("average_precision", 0.75) == pytest.approx(1 / 3)


def test_one_layer_is_as_without():
    rng = np.random.default_rng(0)
    truth, found = rng.integers(0, 5, (2, 30, 30))
    flat, layered = overlap_table(truth, found), layered_overlap_table(truth[None], found[None])
    for name in ("truth", "prediction", "pixels", "truth_areas", "predicted_areas"):
        np.testing.assert_array_equal(getattr(flat, name), getattr(layered, name))


def test_layers_of_another_image_are_refused():
    with pytest.raises(InputError, match="same image"):
        layered_overlap_table(np.zeros((2, 4, 4), int), np.zeros((1, 4, 5), int))
