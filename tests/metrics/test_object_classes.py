import numpy as np
import pytest

from cellwright.metrics.matching import InstanceScores
from cellwright.metrics.object_classes import ObjectClassScores

SQUARES = np.zeros((4, 40), np.int32)
for number in range(1, 9):
    SQUARES[:, 5 * number - 5 : 5 * number - 1] = number
TRUE = np.array([0, 1, 1, 1, 1, 2, 2, 2, 0])  # of the last, nobody knows what it is


def scored(found, kinds, true=TRUE):
    scores = ObjectClassScores(("a", "b"), thresholds=(0.5, 0.9))
    scores.add(SQUARES, found, true, np.array(kinds))
    return scores


def test_all_right_is_one_everywhere():
    scores = scored(SQUARES, [0, 1, 1, 1, 1, 2, 2, 2, 1])
    told = scores.as_dict()
    assert told["class_accuracy"] == 1
    assert scores.confusion.tolist() == [[4, 0, 0], [0, 3, 0], [0, 0, 0]]
    for name in ("a", "b"):
        assert told["per_class"][name]["pooled"]["0.9"]["panoptic_quality"] == 1
    assert told["mean_over_classes"]["0.5"]["f1"] == 1


def test_known_mistakes_are_counted():
    found = np.where(SQUARES == 4, 0, SQUARES)  # one is missed,
    found[:, 39] = 9  # one invented, where nothing is,
    scores = scored(found, [0, 1, 1, 2, 0, 2, 2, 1, 2, 1])  # and one of each is taken for the other
    assert scores.confusion.tolist() == [[2, 1, 1], [1, 2, 0], [1, 0, 0]]
    assert scores.accuracy == pytest.approx(4 / 6)
    a, b = scores.counts("a", 0.5), scores.counts("b", 0.5)
    assert (a.true_positives, a.false_positives, a.false_negatives) == (2, 2, 2)
    assert (b.true_positives, b.false_positives, b.false_negatives) == (2, 1, 1)
    told = scores.as_dict()["per_class"]["b"]
    assert (told["true_objects"], told["predicted_objects"]) == (3, 3)
    assert told["pooled"]["0.5"]["precision"] == pytest.approx(2 / 3)


def test_quality_is_that_of_the_overlap():
    found = SQUARES.copy()
    found[0, SQUARES[0] == 1] = 0  # three quarters of it are left
    scores = scored(found, [0, 1, 1, 1, 1, 2, 2, 2, 0])
    assert scores.counts("a", 0.5).iou_sum == pytest.approx(3.75)
    assert scores.counts("a", 0.9).true_positives == 3
    assert scores.counts("a", 0.9).false_negatives == 1


def test_what_is_not_known_counts_for_nothing():
    truth = np.where(SQUARES == 5, -1, SQUARES)
    scores = ObjectClassScores(("a", "b"))
    scores.add(truth, SQUARES, TRUE, np.array([0, 1, 1, 1, 1, 1, 2, 2, 1]))
    assert scores.confusion.tolist() == [[4, 0, 0], [0, 2, 0], [0, 0, 0]]
    assert scores.counts("a", 0.5).false_positives == 0


def test_what_was_found_without_a_class_is_as_good_as_not_found():
    scores = scored(SQUARES, [0, 1, 0, 1, 1, 2, 2, 2, 0])
    assert scores.confusion.tolist() == [[3, 0, 1], [0, 3, 0], [0, 0, 0]]
    assert scores.accuracy == 1
    assert scores.counts("a", 0.5).false_negatives == 1
    assert scores.counts("a", 0.5).false_positives == 0


def test_one_class_for_all_gives_the_scores_that_are_blind_to_classes(rng):
    blind, one = InstanceScores(), ObjectClassScores(("all", "none"))
    for _ in range(3):
        truth, found = (rng.integers(0, 9, (6, 6)).repeat(4, 0).repeat(4, 1) for _ in range(2))
        blind.add(truth, found)
        one.add(truth, found, *(np.minimum(np.arange(9), 1) for _ in range(2)))
    assert [one.counts("all", t) for t in blind.thresholds] == [
        blind.counts(t) for t in blind.thresholds
    ]


def test_nothing_at_all():
    empty = np.zeros((3, 3), np.int32)
    scores = ObjectClassScores(("a", "b"))
    scores.add(empty, empty, np.zeros(1, int), np.zeros(1, int))
    assert scores.accuracy is None
    assert scores.as_dict()["mean_over_classes"]["0.5"]["f1"] is None
