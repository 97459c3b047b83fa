import pytest

from cellwright._errors import UsageError
from cellwright.training.schedule import learning_rate, progress_made
from cellwright.training.settings import FitSettings

BY_STEPS = FitSettings(steps=1000, learning_rate=1.0, warmup_steps=99)
BY_TIME = FitSettings(minutes=10, learning_rate=1.0, warmup_steps=10**6)


def test_warm_up_then_half_a_cosine():
    rates = [learning_rate(BY_STEPS, step, 0) for step in range(1001)]
    assert rates[0] == pytest.approx(0.01)
    assert rates.index(max(rates)) == 99
    assert rates[:100] == sorted(rates[:100])
    assert rates[99:] == sorted(rates[99:], reverse=True)
    assert rates[500] == pytest.approx(0.5)
    assert rates[1000] == 0


def test_a_budget_in_time_follows_the_clock():
    assert learning_rate(BY_TIME, 5, 300) == pytest.approx(0.5)
    assert learning_rate(BY_TIME, 5, 600) == 0
    assert progress_made(BY_TIME, 5, 150) == 0.25
    assert progress_made(BY_TIME, 5, 9999) == 1


def test_the_warm_up_is_over_after_a_tenth_of_the_budget():
    assert learning_rate(BY_TIME, 5, 30) == pytest.approx(0.5, abs=0.01)
    assert learning_rate(BY_TIME, 5, 60) == pytest.approx(0.976, abs=0.001)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "either steps or minutes"),
        ({"steps": 5, "minutes": 1}, "either steps or minutes"),
        ({"steps": 0}, "steps must be a whole number, 1 or more, not 0"),
        ({"steps": 5, "optimiser": "adam"}, "optimiser is one of muon, adamw, sgd, not 'adam'"),
        ({"steps": 5, "device": "gpu"}, "device is one of auto, cpu, cuda"),
        ({"steps": 5, "ema_decay": 1.0}, "ema_decay must be below 1"),
        ({"steps": 5, "momentum": "much"}, "momentum must be a number from 0 to 1, not 'much'"),
        ({"steps": 5, "learning_rate": -1.0}, "learning_rate must be a number above 0, not -1.0"),
    ],
)
def test_wrong_settings_are_explained(options, message):
    with pytest.raises(UsageError, match=message):
        FitSettings(**options)
