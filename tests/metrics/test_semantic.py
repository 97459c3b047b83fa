import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import cdist

from cellwright._errors import InputError
from cellwright.metrics.semantic import (
    SemanticScores,
    boundary_counts,
    boundary_f,
    class_mean,
    confusion_matrix,
    dice,
    jaccard,
)

class_images = hnp.arrays(np.uint8, (6, 7), elements=st.integers(0, 2))


@given(class_images, class_images)
def test_dice_and_jaccard_follow_their_definitions(truth, prediction):
    confusion = confusion_matrix(truth, prediction, 3)
    for name in range(3):
        a, b = truth == name, prediction == name
        if not (a | b).any():
            assert np.isnan(dice(confusion)[name])
            assert np.isnan(jaccard(confusion)[name])
            continue
        assert dice(confusion)[name] == pytest.approx(2 * (a & b).sum() / (a.sum() + b.sum()))
        assert jaccard(confusion)[name] == pytest.approx((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize("true", [bool, np.uint8, np.int64])
@pytest.mark.parametrize("predicted", [bool, np.uint16, np.uint64])
def test_classes_may_be_integers_of_any_type(true, predicted):
    truth, prediction = np.array([[0, 1, 1]]), np.array([[0, 0, 1]])
    confusion = confusion_matrix(truth.astype(true), prediction.astype(predicted), 2)
    np.testing.assert_array_equal(confusion, [[1, 0], [1, 1]])


def outline(mask):
    """List pixels of the mask with a face neighbour inside the image that is not of the mask."""
    steps = ((0, 1), (1, 0), (0, -1), (-1, 0))
    inside = {tuple(position) for position in np.argwhere(np.ones_like(mask))}
    return np.array(
        [
            (y, x)
            for y, x in np.argwhere(mask)
            if any((y + i, x + j) in inside and not mask[y + i, x + j] for i, j in steps)
        ]
    ).reshape(-1, 2)


@given(class_images, class_images, st.sampled_from([0.0, 1.0, 1.5, 2.0]))
def test_boundary_counts_follow_their_definition(truth, prediction, tolerance):
    counts = boundary_counts(truth, prediction, 3, tolerance)
    for name in range(3):
        found, true = outline(prediction == name), outline(truth == name)
        near = cdist(found, true) <= tolerance
        expected = near.any(1).sum(), len(found), near.any(0).sum(), len(true)
        assert tuple(counts[name]) == expected


def test_a_shifted_square_is_within_a_tolerance_of_its_shift():
    truth, prediction = np.zeros((2, 32, 32), np.uint8)
    truth[8:20, 8:20] = 1
    prediction[8:20, 11:23] = 1
    scores = [boundary_f(boundary_counts(truth, prediction, 2, t))[1] for t in (0, 1, 2, 3)]
    assert scores == sorted(scores)
    assert scores[0] < 0.5
    assert scores[-1] == 1


def test_a_class_found_in_vain_scores_zero_and_an_absent_one_nothing():
    truth, prediction = np.zeros((2, 8, 8), np.uint8)
    prediction[2:5, 2:5] = 1
    scores = boundary_f(boundary_counts(truth, prediction, 3))
    assert scores[1] == 0
    assert np.isnan(scores[2])
    assert class_mean(np.array([0.5, np.nan, 1.0])) == 0.75
    assert np.isnan(class_mean(np.array([np.nan])))


def test_unknown_pixels_change_nothing():
    truth = np.zeros((16, 16), int)
    truth[4:12, 4:12] = 1
    prediction = truth.copy()
    truth[:3], prediction[:2] = -1, 1
    assert confusion_matrix(truth, prediction, 2).tolist() == [[144, 0], [0, 64]]
    assert boundary_f(boundary_counts(truth, prediction, 2, 0)).tolist() == [1, 1]


def test_a_volume_equal_to_its_truth_scores_one_throughout():
    volume = np.random.default_rng(0).integers(0, 2, (3, 5, 6))
    scores = SemanticScores(("background", "membrane"), tolerance=0)
    scores.add(volume, volume)
    result = scores.as_dict()
    assert result["images"] == 1
    for score in ("dice", "jaccard", "boundary_f"):
        assert result[score] == {"background": 1, "membrane": 1, "mean": 1}


def test_scores_pool_the_pixels_of_all_images():
    scores = SemanticScores(("a", "b", "never"))
    ones = np.ones((4, 4), int)
    scores.add(ones, ones)
    scores.add(ones, np.zeros((4, 4), int))
    result = scores.as_dict()
    assert result["jaccard"] == {"a": 0, "b": 0.5, "never": None, "mean": 0.25}
    assert result["boundary_f"]["mean"] is None


@pytest.mark.parametrize(
    ("truth", "prediction", "message"),
    [
        (np.zeros((2, 3), int), np.zeros((3, 2), int), r"\(2, 3\).*\(3, 2\)"),
        (np.zeros((2, 2)), np.zeros((2, 2), int), "float64"),
        (np.full((2, 2), 2), np.zeros((2, 2), int), "true classes reach 2"),
        (np.zeros((2, 2), int), np.full((2, 2), -1), "below 0"),
    ],
)
def test_unusable_input_is_refused(truth, prediction, message):
    with pytest.raises(InputError, match=message):
        confusion_matrix(truth, prediction, 2)
