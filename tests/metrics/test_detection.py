"""Average precision of boxes: known answers, an independent reference, hostile input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright._errors import InputError
from cellwright.metrics.detection import DetectionScores, box_iou

SQUARE = [0, 0, 10, 10]


def scores_of(*images, **options):
    scores = DetectionScores(**options)
    for image in images:
        scores.add(*(np.array(part) for part in image))
    return scores


def random_images(seed, count=3, kinds=2):
    """Return true and detected boxes of images; most detections lie near a true box."""
    rng = np.random.default_rng(seed)
    images = []
    for _ in range(count):
        number = rng.integers(0, 6)
        corner = rng.integers(0, 30, (number, 2)).astype(float)
        truth = np.hstack([corner, corner + rng.integers(4, 15, (number, 2))])
        near = truth[rng.random(number) < 0.8] if number else truth
        boxes = np.vstack([near, near[:2]]) + rng.integers(-2, 3, (len(near) + len(near[:2]), 4))
        boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
        images.append(
            (
                truth,
                rng.integers(1, kinds + 1, number),
                boxes,
                rng.integers(1, kinds + 1, len(boxes)),
                rng.permutation(len(boxes)) / 10 + rng.random() / 100,
            )
        )
    return images


def reference(images, threshold, kind):
    """Return the average precision by the plainest of means."""
    detections, truth = [], 0
    for number, (_, true_kinds, boxes, kinds, confidence) in enumerate(images):
        truth += np.count_nonzero(true_kinds == kind)
        detections += [
            (confidence[i], number, boxes[i]) for i in range(len(boxes)) if kinds[i] == kind
        ]
    if truth == 0:
        return None
    taken, right = set(), []
    for _, number, box in sorted(detections, key=lambda one: -one[0]):
        true, true_kinds = images[number][:2]
        best, best_iou = None, threshold
        for j, other in enumerate(true):
            if true_kinds[j] != kind or (number, j) in taken:
                continue
            height = min(box[2], other[2]) - max(box[0], other[0])
            width = min(box[3], other[3]) - max(box[1], other[1])
            shared = max(height, 0) * max(width, 0)
            areas = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (box, other))
            iou = shared / (areas - shared)
            if iou > best_iou or (best is None and shared and iou == best_iou):
                best, best_iou = j, iou
        if best is not None:
            taken.add((number, best))
        right.append(best is not None)
    total = 0.0
    for recall in np.linspace(0, 1, 101):
        total += max(
            (
                sum(right[: n + 1]) / (n + 1)
                for n in range(len(right))
                if sum(right[: n + 1]) / truth >= recall
            ),
            default=0.0,
        )
    return total / 101


def test_overlap_of_boxes():
    others = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10], [2, 2, 4, 4]], float)
    assert box_iou(np.array([SQUARE], float), others)[0] == pytest.approx([1, 1 / 3, 0, 0.04])


def test_perfect_boxes_score_1_and_none_score_0():
    assert scores_of(([SQUARE], [1], [SQUARE], [1], [0.3])).average_precision() == 1
    nothing = ([SQUARE], [1], np.empty((0, 4)), [], [])
    assert scores_of(nothing).average_precision() == 0
    assert np.isnan(scores_of((np.empty((0, 4)), [], [SQUARE], [1], [0.3])).average_precision())


def test_a_false_alarm_hurts_only_where_it_is_surer():
    far = [40, 40, 50, 50]
    sure = ([SQUARE], [1], [far, SQUARE], [1, 1], [0.9, 0.5])
    unsure = ([SQUARE], [1], [far, SQUARE], [1, 1], [0.1, 0.5])
    assert scores_of(sure).average_precision(0.5) == pytest.approx(0.5)
    assert scores_of(unsure).average_precision(0.5) == 1


def test_a_second_box_on_the_same_object_is_wrong_and_another_class_is_too():
    twice = ([SQUARE], [1], [SQUARE, SQUARE, SQUARE], [1, 1, 2], [0.8, 0.9, 0.95])
    scores = scores_of(twice)
    assert scores.classes == (1,)
    assert scores.average_precision(0.5) == 1  # the second comes after all is found
    half = ([SQUARE, [40, 40, 50, 50]], [1, 1], [SQUARE, SQUARE], [1, 1], [0.8, 0.9])
    assert scores_of(half).average_precision(0.5) == pytest.approx(51 / 101)


def test_ignored_objects_neither_count_nor_harm():
    truth = np.array([SQUARE, [40, 40, 50, 50]])
    scores = DetectionScores()
    scores.add(truth, [1, 1], truth[[1, 1, 0]], [1, 1, 1], [0.9, 0.8, 0.7], ignored=[False, True])
    assert scores.average_precision(0.5) == 1


def test_what_nobody_can_judge_is_right_where_it_matches_and_not_false_elsewhere():
    boxes = np.array([[40, 40, 50, 50], SQUARE])
    for unjudged, expected in (([False, False], 0.5), ([True, True], 1.0)):
        scores = DetectionScores()
        scores.add([SQUARE], [1], boxes, [1, 1], [0.9, 0.8], unjudged=unjudged)
        assert scores.average_precision(0.5) == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.3, 0.5, 0.75]))
def test_equal_to_the_reference(seed, threshold):
    images = random_images(seed)
    scores = scores_of(*images, thresholds=(threshold,))
    expected = {kind: reference(images, threshold, kind) for kind in (1, 2)}
    assert scores.classes == tuple(kind for kind, value in expected.items() if value is not None)
    for kind in scores.classes:
        assert scores.average_precision(threshold, kind) == pytest.approx(expected[kind])


def test_only_the_surest_detections_count():
    boxes = np.array([[i * 20, 0, i * 20 + 10, 10] for i in range(5)])
    image = (boxes, np.ones(5, int), boxes, np.ones(5, int), np.linspace(0.9, 0.1, 5))
    assert scores_of(image, most_detections=2).average_precision(0.5) == pytest.approx(41 / 101)


@pytest.mark.parametrize(
    ("boxes", "kinds", "confidence", "message"),
    [
        ([[0, 0, 10]], [1], [0.5], "shape"),
        ([[10, 0, 0, 10]], [1], [0.5], "no end before its start"),
        ([[0, 0, np.nan, 10]], [1], [0.5], "is none"),
        ([SQUARE], [1, 2], [0.5], "There are 1 boxes"),
        ([SQUARE], [1], [np.inf], "finite"),
    ],
)
def test_what_cannot_be_is_refused(boxes, kinds, confidence, message):
    with pytest.raises(InputError, match=message):
        DetectionScores().add([SQUARE], [1], boxes, kinds, confidence)
