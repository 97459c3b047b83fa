import numpy as np
import pytest

from cellwright.training.verdict import Trend, verdict

TIME = np.linspace(0, 1, 21)
SETTLED = 0.2 + np.exp(-12 * TIME)


def history(train, validation):
    return [
        {"step": 100 * (i + 1), "train_loss": float(t), "validation_loss": float(v)}
        for i, (t, v) in enumerate(zip(train, validation, strict=True))
    ]


@pytest.mark.parametrize(
    ("train", "validation", "trend"),
    [
        (SETTLED, SETTLED + 0.05, Trend.FINE),
        (SETTLED - 0.1 * TIME, SETTLED + 0.3 * TIME**2, Trend.OVERFITTING),
        (1 - 0.8 * TIME, 1.1 - 0.8 * TIME, Trend.IMPROVING),
        ([1.0, 0.5, 0.25, 0.12], [1.0, 0.5, 0.25, 0.12], Trend.IMPROVING),
        (1 - 0.8 * TIME, np.where(TIME == 0, np.nan, 1.1 - 0.8 * TIME), Trend.IMPROVING),
        (SETTLED, SETTLED * (1 + 0.4 * (-1) ** np.arange(21)), Trend.UNSTABLE),
        (SETTLED, np.where(np.arange(21) == 19, np.nan, SETTLED), Trend.UNSTABLE),
        (SETTLED[:3], SETTLED[:3], Trend.TOO_SHORT),
    ],
)
def test_curves_are_understood(train, validation, trend):
    assert verdict(history(train, validation)).trend is trend


@pytest.mark.parametrize(
    ("pace", "validations", "trend"),
    [(20, 21, Trend.FINE), (8, 21, Trend.OUT_OF_BUDGET), (20, 6, Trend.OUT_OF_BUDGET)],
)
def test_a_loss_that_settles_only_as_the_rate_falls_proves_nothing(pace, validations, trend):
    time = np.linspace(0, 1, validations)
    loss = 0.2 + np.exp(-pace * time)
    rates = 0.5e-3 * (1 + np.cos(np.pi * time))
    rows = [
        {**row, "learning_rate": float(rate)}
        for row, rate in zip(history(loss, loss), rates, strict=True)
    ]
    judged = verdict(rows)
    assert judged.trend is trend
    assert ("More steps would change little" in judged.text) == (trend is Trend.FINE)
    assert ("More steps may help" in judged.text) == (trend is Trend.OUT_OF_BUDGET)


def test_over_fitting_says_since_when_and_how_much():
    train, validation = [1, 0.8, 0.7, 0.5, 0.4], [1, 0.8, 0.9, 0.95, 1.0]
    text = verdict(history(train, validation)).text
    assert "after step 200" in text
    assert "25 % worse" in text


def test_an_empty_history():
    assert verdict([]).trend is Trend.TOO_SHORT
