"""Matching of points: brute force, known answers, hostile input."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from cellwright._errors import InputError
from cellwright.metrics.points import (
    BestF1,
    PointScores,
    best_f1,
    by_class,
    class_of,
    correct,
    match_points,
)


def all_matchings(truth, found, radius):
    """Return the most pairs and the least sum of their distances, over all ways to match."""
    if len(truth) > len(found):
        truth, found = found, truth
    distance = np.hypot.reduce(truth[:, None] - found[None], 2)
    best = (0, 0.0)
    for order in permutations(range(len(found)), len(truth)):
        pairs = [distance[i, j] for i, j in enumerate(order) if distance[i, j] <= radius]
        best = min(best, (-len(pairs), sum(pairs)))
    return -best[0], best[1]


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.integers(0, 5), st.integers(0, 5), st.sampled_from([0.5, 2, 9])
)
def test_matchings_are_the_best_of_all(seed, true, found, radius):
    rng = np.random.default_rng(seed)
    truth, prediction = rng.uniform(0, 5, (true, 3)), rng.uniform(0, 5, (found, 3))
    matched = match_points(truth, prediction, radius)
    pairs, total = all_matchings(truth, prediction, radius)
    assert matched.counts.true_positives == pairs == len(matched.distance)
    assert matched.distance.sum() == pytest.approx(total)
    assert (matched.distance <= radius).all()
    assert len(set(matched.truth)) == len(set(matched.prediction)) == pairs
    there = truth[matched.truth] - prediction[matched.prediction]
    assert matched.distance == pytest.approx(np.hypot.reduce(there, 1))


def test_many_points_match_as_a_dense_assignment_says():
    rng = np.random.default_rng(3)
    truth = rng.uniform(0, 200, (800, 2))
    prediction = truth[100:] + rng.normal(0, 1.5, (700, 2))
    matched = match_points(truth, prediction, 4.0)
    distance = np.hypot.reduce(truth[:, None] - prediction[None], 2)
    cost = np.where(distance <= 4, distance, 1e6)
    rows, columns = linear_sum_assignment(cost)
    close = cost[rows, columns] <= 4
    assert matched.counts.true_positives == close.sum()
    assert matched.distance.sum() == pytest.approx(cost[rows, columns][close].sum())


def test_the_nearest_is_not_taken_where_that_leaves_another_alone():
    matched = match_points([[0.0], [3.0]], [[2.0], [5.0]], 2.5)
    assert matched.prediction.tolist() == [0, 1] and matched.distance.tolist() == [2, 2]
    assert matched.rmse == 2


def test_spacing_turns_pixels_into_lengths():
    truth, prediction = [[1.0, 4.0, 4.0]], [[2.0, 4.0, 4.0]]
    assert match_points(truth, prediction, 1.0).counts.f1 == 1
    assert match_points(truth, prediction, 1.0, spacing=(2.0, 0.5, 0.5)).counts.f1 == 0


def test_scores_pool_the_images():
    scores = PointScores(radius=1.0)
    scores.add([[0, 0], [9, 9]], [[0, 0.5]])
    scores.add(np.zeros((0, 2)), [[3, 3], [4, 4], [5, 5]])
    scores.add([[2, 2]], [[2, 2]])
    counts = scores.counts
    assert (counts.true_positives, counts.false_positives, counts.false_negatives) == (2, 3, 1)
    facts = scores.as_dict()
    assert facts["count_error"] == 2 and facts["mean_absolute_count_error"] == 4 / 3
    assert facts["rmse"] == pytest.approx(np.sqrt(0.25 / 2))
    assert facts["true_points"] == 3 and facts["found_points"] == 5


def test_nothing_to_find_and_nothing_found_is_right():
    scores = PointScores(radius=1.0)
    scores.add([], [])
    assert scores.counts.f1 == 1 and scores.as_dict()["rmse"] is None


@pytest.mark.parametrize(
    ("truth", "prediction", "options"),
    [
        ([[0, 0]], [[0, 0, 0]], {}),
        ([0, 0], [[0, 0]], {}),
        ([[np.nan, 0]], [[0, 0]], {}),
        ([[0, 0]], [[0, 0]], {"radius": 0}),
        ([[0, 0]], [[0, 0]], {"spacing": (1, 1, 1)}),
    ],
)
def test_what_are_no_points_is_said(truth, prediction, options):
    with pytest.raises(InputError):
        match_points(truth, prediction, **{"radius": 1.0, **options})


def test_points_of_different_classes_do_not_match():
    truth = by_class(np.array([[1.0, 1.0], [5.0, 5.0]]), np.array([0, 1]))
    found = by_class(np.array([[1.0, 1.5], [5.0, 5.0]]), np.array([0, 0]))
    matching = match_points(truth, found, 2.0)
    assert matching.counts.true_positives == 1 and matching.rmse == 0.5
    assert correct(matching, 2).tolist() == [True, False]
    assert class_of(truth).tolist() == [0, 1]


def test_the_best_threshold_is_that_of_every_threshold_tried():
    rng = np.random.default_rng(3)
    for _ in range(40):
        confidence = np.round(rng.uniform(0, 1, 12), 1)
        right = rng.random(12) < confidence
        best = best_f1(confidence, right, 14)
        tried = {
            level: 2 * right[confidence >= level].sum() / ((confidence >= level).sum() + 14)
            for level in np.unique(confidence)
        }
        assert best.f1 == pytest.approx(max(tried.values()))
        kept = confidence >= best.threshold
        assert 2 * right[kept].sum() / (kept.sum() + 14) == pytest.approx(best.f1)
    assert best_f1(np.zeros(0), np.zeros(0, bool), 0) == BestF1(1.0, 0.0)
    assert best_f1(np.zeros(0), np.zeros(0, bool), 3) == BestF1(0.0, 0.0)
