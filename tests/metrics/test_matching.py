import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import linear_sum_assignment

from cellwright._errors import InputError
from cellwright.metrics.matching import Counts, InstanceScores, match, splits_and_merges
from cellwright.metrics.overlap import overlap_table

label_images = hnp.arrays(np.int32, (6, 7), elements=st.integers(0, 4))
label_volumes = hnp.arrays(np.uint16, (2, 4, 5), elements=st.integers(0, 3))
thresholds = st.sampled_from([0.05, 0.2, 0.4, 0.5, 0.6, 0.75, 1.0])


def pairs_by_definition(truth, prediction):
    """Count shared pixels the slow way."""
    return {
        (t, p): int(np.sum((truth == t) & (prediction == p)))
        for t in np.unique(truth[truth > 0])
        for p in np.unique(prediction[prediction > 0])
        if np.any((truth == t) & (prediction == p))
    }


def best_matching(truth, prediction, threshold):
    """Solve the dense assignment problem: the most pairs, then the largest total IoU."""
    names = [np.unique(a[a > 0]) for a in (truth, prediction)]
    iou = np.array(
        [[np.sum((truth == t) & (prediction == p)) / np.sum((truth == t) | (prediction == p))
          for p in names[1]] for t in names[0]]
    ).reshape(names[0].size, names[1].size)  # fmt: skip
    worth = np.where(iou >= threshold, 100 + iou, 0.0)
    chosen = linear_sum_assignment(worth, maximize=True)
    matched = iou[chosen][worth[chosen] > 0]
    return matched.size, matched.sum()


def field_of_squares(seed):
    """Return 64 squares and a prediction that moved each and lost some."""
    rng = np.random.default_rng(seed)
    truth, prediction = np.zeros((2, 128, 128), int)
    positions = [(y, x) for y in range(4, 120, 16) for x in range(4, 120, 16)]
    for label, (y, x) in enumerate(positions, start=1):
        (h, w), (dy, dx) = rng.integers(6, 13, 2), rng.integers(-2, 3, 2)
        truth[y : y + h, x : x + w] = label
        if rng.random() < 0.85:
            prediction[y + dy : y + dy + h, x + dx : x + dx + w] = label
    return truth, prediction


@given(label_images, label_images)
def test_overlaps_are_the_shared_pixels(truth, prediction):
    table = overlap_table(truth, prediction)
    counted = zip(table.truth, table.prediction, table.pixels, strict=True)
    assert {(t, p): n for t, p, n in counted} == pairs_by_definition(truth, prediction)
    assert dict(zip(table.truth_labels, table.truth_areas, strict=True)) == {
        label: np.sum(truth == label) for label in np.unique(truth[truth > 0])
    }


def test_label_values_may_be_anything():
    truth = np.array([[7, 7, 0, 2**60]])
    prediction = np.array([[1, 1, 0, 2**32 - 1]], np.uint32)
    found = match(truth, prediction)
    assert found.truth.tolist() == [7, 2**60]
    assert found.prediction.tolist() == [1, 2**32 - 1]


def test_the_table_grows_with_the_objects():
    truth = np.arange(1, 200_001).reshape(400, 500)
    found = match(truth, 600_003 - 3 * truth)
    assert found.counts == Counts(200_000, 0, 0, 200_000.0)
    np.testing.assert_array_equal(found.prediction, 600_003 - 3 * found.truth)


@given(label_images, label_images, thresholds)
@settings(max_examples=200)
def test_matching_is_the_best_assignment(truth, prediction, threshold):
    found = match(truth, prediction, threshold)
    pairs, total = best_matching(truth, prediction, threshold)
    assert found.counts.true_positives == pairs
    assert found.counts.iou_sum == pytest.approx(total)
    assert np.unique(found.truth).size == np.unique(found.prediction).size == pairs


@given(label_volumes, label_volumes, thresholds)
def test_swapping_the_labellings_swaps_the_errors(truth, prediction, threshold):
    one = match(truth, prediction, threshold).counts
    other = match(prediction, truth, threshold).counts
    assert one.true_positives == other.true_positives
    assert one.false_positives == other.false_negatives
    assert one.false_negatives == other.false_positives
    assert one.iou_sum == pytest.approx(other.iou_sum)


@given(label_volumes, label_volumes, thresholds, st.permutations([11, 5, 900]))
def test_scores_ignore_label_values_and_orientation(truth, prediction, threshold, names):
    renamed = np.array([0, *names])[prediction]
    one = match(truth, prediction, threshold).counts
    other = match(truth.T, renamed.T, threshold).counts
    assert one.iou_sum == pytest.approx(other.iou_sum)
    assert one.true_positives == other.true_positives


@given(label_volumes)
def test_a_perfect_prediction_scores_one(truth):
    counts = match(truth, truth, 1.0).counts
    assert counts.average_precision == counts.panoptic_quality == counts.f1 == 1
    assert counts.segmentation_quality == 1


def test_ties_at_one_half_give_one_pair():
    counts = match(np.array([[1, 1]]), np.array([[1, 2]]), 0.5).counts
    assert counts == Counts(1, 1, 0, 0.5)


def test_more_pairs_win_over_a_better_pair():
    # Truth 1 fits prediction 1 best, yet giving it prediction 2 leaves prediction 1 for truth 2.
    truth = np.array([[1, 1, 1, 1, 2]])
    prediction = np.array([[2, 1, 1, 1, 1]])
    found = match(truth, prediction, 0.1)
    assert found.prediction.tolist() == [2, 1]


def test_unknown_pixels_count_for_neither_side():
    truth = np.array([[1, 1, -1, -1, -1, 0]])
    prediction = np.array([[1, 1, 1, 1, 2, 0]])
    assert match(truth, prediction, 1.0).counts == Counts(1, 0, 0, 1.0)


@pytest.mark.parametrize(
    ("threshold", "expected", "panoptic"),
    [
        # stardist 0.9.2, stardist.matching.matching(truth, prediction, thresh); cellpose 4.2.1.1,
        # cellpose.metrics.average_precision, gives the same counts. Run on 2026-11-21.
        (0.3, (52, 0, 12), 0.5236077801934604),
        (0.5, (40, 12, 24), 0.43379158809267243),
        (0.7, (9, 43, 55), 0.12492909924737339),
        (0.9, (1, 51, 63), 0.017241379310344827),
    ],
)
def test_scores_agree_with_stardist_and_cellpose(threshold, expected, panoptic):
    counts = match(*field_of_squares(7), threshold).counts
    found = (counts.true_positives, counts.false_positives, counts.false_negatives)
    assert found == expected
    assert counts.panoptic_quality == pytest.approx(panoptic, rel=1e-6)


def test_ratios_of_nothing():
    nothing, missed, invented = Counts(), Counts(0, 0, 3), Counts(0, 2, 0)
    assert nothing.average_precision == nothing.precision == nothing.panoptic_quality == 1
    assert missed.precision == missed.recall == missed.f1 == missed.panoptic_quality == 0
    assert invented.precision == invented.recall == invented.average_precision == 0


def test_splits_and_merges_by_name():
    truth = np.array([[1, 1, 1, 1, 0, 2, 2, 3, 3, 4]])
    prediction = np.array([[1, 1, 2, 2, 0, 3, 3, 3, 3, 4]])
    assert splits_and_merges(overlap_table(truth, prediction)) == (1, 1)
    assert splits_and_merges(overlap_table(prediction, truth)) == (1, 1)
    assert splits_and_merges(overlap_table(truth, truth)) == (0, 0)


def test_scores_of_a_set_are_pooled_and_averaged():
    scores = InstanceScores(thresholds=(0.5, 0.9))
    crowded = np.arange(1, 10).reshape(3, 3)
    scores.add(crowded, crowded)
    scores.add(np.array([[1]]), np.array([[0]]))
    scores.add(np.array([[0]]), np.array([[0]]))
    result = scores.as_dict()
    assert result["pooled"]["0.5"]["average_precision"] == 0.9
    assert result["per_image"]["0.9"]["average_precision"] == pytest.approx(2 / 3)
    assert (result["images"], result["true_objects"], result["count_error"]) == (3, 10, -1)
    assert result["relative_count_error"] == -0.1
    assert result["mean_absolute_count_error"] == pytest.approx(1 / 3)


def test_scores_of_no_images_are_undefined_where_they_are_means():
    result = InstanceScores().as_dict()
    assert result["per_image"]["0.5"]["average_precision"] is None
    assert result["relative_count_error"] is None


@pytest.mark.parametrize(
    ("truth", "prediction", "threshold", "message"),
    [
        (np.zeros((2, 3), int), np.zeros((3, 2), int), 0.5, r"\(2, 3\).*\(3, 2\)"),
        (np.zeros((2, 2)), np.zeros((2, 2), int), 0.5, "float64"),
        (np.zeros((2, 2), int), np.full((2, 2), -1), 0.5, "-1"),
        (np.full((2, 2), 2**63, np.uint64), np.zeros((2, 2), int), 0.5, "2\\*\\*63"),
        (np.zeros((2, 2), int), np.zeros((2, 2), int), 0.0, "threshold 0.0"),
        (np.zeros((2, 2), int), np.zeros((2, 2), int), 1.5, "threshold 1.5"),
    ],
)
def test_unusable_input_is_refused(truth, prediction, threshold, message):
    with pytest.raises(InputError, match=message):
        match(truth, prediction, threshold)
