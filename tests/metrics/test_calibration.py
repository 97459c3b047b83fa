import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from cellwright._errors import InputError, UsageError
from cellwright.metrics.calibration import (
    auroc,
    brier_score,
    expected_calibration_error,
    reliability_curve,
)

predictions = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.8, 1.0]), st.booleans()),
    min_size=1,
    max_size=40,
).map(lambda rows: (np.array([r[0] for r in rows]), np.array([r[1] for r in rows])))


@given(predictions)
def test_auroc_is_the_chance_that_right_outranks_wrong(sample):
    confidence, correct = sample
    right, wrong = confidence[correct], confidence[~correct]
    if not right.size or not wrong.size:
        assert np.isnan(auroc(confidence, correct))
        return
    by_pairs = np.mean([(r > w) + 0.5 * (r == w) for r in right for w in wrong])
    assert auroc(confidence, correct) == pytest.approx(by_pairs)
    statistic = mannwhitneyu(right, wrong).statistic / (right.size * wrong.size)
    assert auroc(confidence, correct) == pytest.approx(statistic)
    assert auroc(1 - confidence, correct) == pytest.approx(1 - by_pairs)


@given(predictions, st.integers(1, 12))
def test_equal_width_error_follows_its_definition(sample, bins):
    confidence, correct = sample
    place = np.clip(np.ceil(confidence * bins - 1e-12).astype(int) - 1, 0, bins - 1)
    expected = sum(
        abs(correct[place == b].mean() - confidence[place == b].mean()) * (place == b).mean()
        for b in np.unique(place)
    )
    found = expected_calibration_error(confidence, correct, bins, "equal_width")
    assert found == pytest.approx(expected, abs=1e-12)


@given(predictions, st.randoms(use_true_random=False))
def test_the_order_of_predictions_does_not_matter(sample, random):
    confidence, correct = sample
    order = list(range(confidence.size))
    random.shuffle(order)
    for score in (expected_calibration_error, brier_score):
        assert score(confidence, correct) == pytest.approx(score(confidence[order], correct[order]))


def test_bins_of_equal_mass_share_the_predictions():
    confidence = np.random.default_rng(0).beta(5, 1, 1000)
    curve = reliability_curve(confidence, confidence > 0.5, bins=10)
    assert curve.count.tolist() == [100] * 10
    assert (np.diff(curve.confidence) > 0).all()


def test_a_constant_confidence_is_one_bin():
    curve = reliability_curve(np.full(10, 0.7), np.arange(10) < 6)
    assert curve.count.tolist() == [10]
    assert curve.expected_calibration_error == pytest.approx(0.1)


@pytest.mark.parametrize("binning", ["equal_mass", "equal_width"])
def test_drawn_outcomes_are_calibrated_and_squared_confidences_are_not(binning):
    rng = np.random.default_rng(0)
    confidence = rng.uniform(size=100_000)
    correct = rng.uniform(size=confidence.size) < confidence
    assert expected_calibration_error(confidence, correct, 15, binning) < 0.01
    # E|c - c²| over uniform c is 1/6.
    off = expected_calibration_error(confidence**2, correct, 100, binning)
    assert off == pytest.approx(1 / 6, abs=0.01)
    assert brier_score(confidence, correct) == pytest.approx(1 / 6, abs=0.01)


def test_brier_score_of_known_forecasts():
    assert brier_score([1.0, 0.0, 0.5], [True, True, False]) == pytest.approx(1.25 / 3)


def test_nothing_to_score():
    for score in (expected_calibration_error, brier_score, auroc):
        assert np.isnan(score([], []))


@pytest.mark.parametrize(
    ("confidence", "correct", "message"),
    [([0.5], [True, False], "do not fit"), ([1.2], [True], "1.2"), ([np.nan], [True], "nan")],
)
def test_unusable_confidences_are_refused(confidence, correct, message):
    for score in (expected_calibration_error, brier_score, auroc):
        with pytest.raises(InputError, match=message):
            score(confidence, correct)


def test_unknown_binning_is_refused():
    with pytest.raises(UsageError, match="equal_mass"):
        reliability_curve([0.5], [True], binning="quantile")
    with pytest.raises(UsageError, match="at least one"):
        reliability_curve([0.5], [True], bins=0)
