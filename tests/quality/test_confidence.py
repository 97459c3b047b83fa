import json
from dataclasses import replace

import numpy as np
import pytest

from cellwright._errors import InputError, ModelError
from cellwright.metrics.calibration import reliability_curve
from cellwright.quality.calibration import Calibration, fit_calibration

NAMES = ("peak", "area")


def objects(count, seed, curved=False):
    """Evidence, the true probability to be right, and one outcome of it."""
    random = np.random.default_rng(seed)
    evidence = random.normal([3.0, -1.0], [2.0, 0.5], (count, 2))
    peak, area = (evidence[:, 0] - 3) / 2, (evidence[:, 1] + 1) / 0.5
    odds = 1 - peak**2 + 0.5 * peak * area if curved else 0.7 + 1.5 * peak - 0.8 * area
    probability = 1 / (1 + np.exp(-odds))
    return evidence, probability, random.random(count) < probability


def test_known_coefficients_are_found_again():
    evidence, _, correct = objects(200_000, seed=0)
    model = fit_calibration(evidence, correct, NAMES, ridge=0)
    assert model.intercept == pytest.approx(0.7, abs=0.03)
    assert model.coefficients == pytest.approx((1.5, -0.8), abs=0.03)


@pytest.mark.parametrize("curved", [False, True])
def test_confidence_is_the_frequency_of_being_right_on_new_objects(curved):
    evidence, _, correct = objects(5_000, seed=1, curved=curved)
    model = fit_calibration(evidence, correct, NAMES, quadratic=curved)
    new, probability, outcome = objects(20_000, seed=2, curved=curved)
    confidence = model.confidence(new)
    assert reliability_curve(confidence, outcome).expected_calibration_error < 0.02
    assert np.abs(confidence - probability).mean() < 0.02


def test_a_straight_model_cannot_follow_curved_evidence():
    """The quadratic terms are needed: without them the confidence says next to nothing."""
    evidence, _, correct = objects(5_000, seed=1, curved=True)
    straight = fit_calibration(evidence, correct, NAMES).confidence(evidence)
    curved = fit_calibration(evidence, correct, NAMES, quadratic=True).confidence(evidence)
    assert np.std(straight) < 0.05 < 0.15 < np.std(curved)


def test_perfectly_parted_evidence_stays_finite_and_inside_0_and_1():
    evidence = np.array([[0.0], [0.1], [5.0], [5.1]])
    model = fit_calibration(evidence, evidence[:, 0] > 1, ["peak"], ridge=1e-3)
    confidence = model.confidence(np.array([[-1e9], [0.0], [5.0], [np.inf]], np.float32))
    assert ((confidence > 0) & (confidence < 1)).all()
    assert confidence[1] < 0.5 < confidence[2]


@pytest.mark.parametrize("correct", [True, False])
def test_all_right_or_all_wrong_gives_a_constant_short_of_certainty(correct):
    evidence = np.random.default_rng(0).random((50, 1))
    confidence = fit_calibration(evidence, np.full(50, correct), ["peak"]).confidence(evidence)
    assert np.ptp(confidence) < 1e-3
    assert abs(confidence[0] - correct) == pytest.approx(1 / 52, rel=1e-2)


def test_constant_and_unknown_evidence_do_no_harm():
    evidence, _, correct = objects(1_000, seed=3)
    with_constant = np.column_stack([evidence, np.full(1_000, 7.0)])
    plain = fit_calibration(evidence, correct, NAMES).confidence(evidence)
    model = fit_calibration(with_constant, correct, (*NAMES, "constant"))
    np.testing.assert_allclose(model.confidence(with_constant), plain, atol=1e-5)
    assert np.isfinite(model.confidence(np.full((1, 3), np.nan, np.float32))).all()


@pytest.mark.parametrize("quadratic", [False, True])
def test_a_model_survives_json(quadratic):
    evidence, _, correct = objects(500, seed=4)
    model = fit_calibration(evidence, correct, NAMES, quadratic=quadratic)
    assert Calibration.from_json(json.loads(json.dumps(model.to_json()))) == model


@pytest.mark.parametrize(
    "change", [{"mean": None}, {"scale": [1.0]}, {"coefficients": [1.0] * 4}, {"intercept": "x"}]
)
def test_a_damaged_model_is_refused(change):
    evidence, _, correct = objects(100, seed=4)
    content = fit_calibration(evidence, correct, NAMES).to_json() | change
    with pytest.raises(ModelError, match="damaged"):
        Calibration.from_json(content)


def test_evidence_that_does_not_fit_is_refused():
    evidence, _, correct = objects(100, seed=4)
    model = fit_calibration(evidence, correct, NAMES)
    with pytest.raises(ModelError, match="peak, area"):
        model.confidence(evidence[:, :1])
    with pytest.raises(InputError, match="does not fit"):
        fit_calibration(evidence[:50], correct, NAMES)
    with pytest.raises(InputError, match="does not fit"):
        fit_calibration(np.zeros((0, 2)), np.zeros(0), NAMES)
    with pytest.raises(InputError, match="finite"):
        fit_calibration(np.full((2, 2), np.inf), np.array([True, False]), NAMES)


def test_no_objects_have_no_confidence():
    evidence, _, correct = objects(100, seed=4)
    model = fit_calibration(evidence, correct, NAMES)
    assert model.confidence(evidence[:0]).shape == (0,)


def test_few_objects_change_what_an_earlier_model_knew_but_little_and_many_decide():
    evidence, _, correct = objects(4000, seed=3)
    earlier = fit_calibration(evidence, correct, NAMES)
    # In the new images the evidence has another range, and means the opposite.
    other = 3 * evidence + 2
    moved = replace(
        earlier,
        mean=tuple(3 * m + 2 for m in earlier.mean),
        scale=tuple(3 * s for s in earlier.scale),
    )
    np.testing.assert_allclose(
        fit_calibration(other, correct, NAMES, earlier=moved).confidence(other),
        earlier.confidence(evidence),
        atol=0.01,
    )
    chosen = np.arange(12)
    few = fit_calibration(other[chosen], ~correct[chosen], NAMES, earlier=moved).confidence(other)
    alone = fit_calibration(other[chosen], ~correct[chosen], NAMES).confidence(other)
    many = fit_calibration(other, ~correct, NAMES, earlier=moved).confidence(other)
    known = earlier.confidence(evidence)
    assert np.corrcoef(few, known)[0, 1] > 0.5 > 0 > np.corrcoef(alone, known)[0, 1]
    assert np.abs(many - fit_calibration(other, ~correct, NAMES).confidence(other)).max() < 0.05


def test_an_earlier_model_of_other_evidence_is_left_aside():
    evidence, _, correct = objects(200, seed=3)
    plain = fit_calibration(evidence, correct, NAMES)
    other = replace(plain, names=tuple(f"{name}, squared" for name in NAMES), intercept=9.0)
    assert fit_calibration(evidence, correct, NAMES, earlier=other) == plain


@pytest.mark.parametrize("curved", [False, True])
def test_beyond_what_an_earlier_model_has_seen_no_slopes_are_made_up(curved):
    evidence, _, correct = objects(2000, seed=4)
    earlier = fit_calibration(evidence, correct, NAMES, quadratic=curved)
    far = 7 * evidence + 40  # 20 standard deviations away, and much wider
    few = np.arange(40)
    alone = fit_calibration(far[few], correct[few], NAMES).confidence(far)
    begun = fit_calibration(far[few], correct[few], NAMES, earlier=earlier).confidence(far)

    def loss(confidence):
        return -np.log(np.where(correct, confidence, 1 - confidence)).mean()

    assert loss(begun) < loss(alone) + 0.1
    assert 0.3 < np.median(begun) < 0.95


def test_evidence_that_is_the_same_of_all_objects_says_nothing():
    evidence, _, correct = objects(100, seed=5)
    alike = np.column_stack([evidence, np.full(100, 0.1) + 1e-17 * np.arange(100)])
    names = (*NAMES, "alike")
    earlier = fit_calibration(alike, correct, names)
    model = fit_calibration(alike[:30], correct[:30], names, earlier=earlier)
    assert model.scale[-1] == 1
    assert np.abs(model.confidence(alike) - earlier.confidence(alike)).max() < 0.3
    with pytest.raises(ModelError, match="scale is not above 0"):
        Calibration.from_json({**earlier.to_json(), "scale": [1.0, 0.0, 1.0]})
