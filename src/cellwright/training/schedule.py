"""How far a training has come, and the learning rate there."""

import math

from cellwright.training.settings import FitSettings

WARMUP_SHARE = 0.1
"""The warm-up takes no more than this share of the budget, however short that is."""


def progress_made(settings: FitSettings, step: int, seconds: float) -> float:
    """Return the share of the budget that is used up, from 0 to 1.

    Parameters
    ----------
    settings : FitSettings
        With a budget in steps or in minutes.
    step : int
        Steps done.
    seconds : float
        Time spent so far, in s.
    """
    if settings.steps is not None:
        return min(1.0, step / settings.steps)
    assert settings.minutes is not None  # the settings have exactly one budget
    return min(1.0, seconds / (60 * settings.minutes))


def learning_rate(settings: FitSettings, step: int, seconds: float) -> float:
    """Return the rate of the step that comes after `step` steps and `seconds` s.

    A linear rise over the warm-up, times half a cosine over the budget.
    """
    done = progress_made(settings, step, seconds)
    risen = max((step + 1) / (settings.warmup_steps + 1), done / WARMUP_SHARE)
    return settings.learning_rate * min(1.0, risen) * 0.5 * (1 + math.cos(math.pi * done))
