"""What the curves of a training say, in plain words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from cellwright._types import DoubleArray
from cellwright._words import counted, percent
from cellwright.training.history import Row

FEWEST_VALIDATIONS = 4
"""Below this many, curves say nothing."""
RISE = 0.05
"""Over-fitting: the validation loss ends this share above its lowest value …"""
FALL = 0.02
"""… while the training loss fell by this share since then."""
GAIN = 0.02
"""Still improving: the last quarter of the validations lowered the loss by this share."""
HIGH = 0.5
"""Settled: the loss gained no more while the learning rate was this share of its peak or above."""
SWING = 0.25
"""Unstable: over the second half the loss goes up and down by this share at each validation."""


class Trend(Enum):
    """What a training has come to."""

    TOO_SHORT = "too short"
    UNSTABLE = "unstable"
    OVERFITTING = "over-fitting"
    IMPROVING = "still improving"
    OUT_OF_BUDGET = "out of budget"
    FINE = "fine"


@dataclass(frozen=True)
class Verdict:
    """A trend, and the sentence for the report."""

    trend: Trend
    text: str


def verdict(history: Sequence[Row]) -> Verdict:
    """Judge a training by its training and validation loss.

    Parameters
    ----------
    history : sequence of dict
        Rows with ``train_loss``, ``validation_loss`` and ``learning_rate``, as `fit` records
        them; without the latter, the rate is taken to be the same throughout.

    Returns
    -------
    Verdict
        The first that holds of: too short, unstable, over-fitting, still improving, out of
        budget, fine. The thresholds are constants of this module.
    """
    rows = [row for row in history if {"train_loss", "validation_loss"} <= row.keys()]
    train = np.array([row["train_loss"] for row in rows])
    validation = np.array([row["validation_loss"] for row in rows], float)
    validation[np.isnan(validation)] = np.inf  # as bad as can be, where it is compared
    if len(rows) < FEWEST_VALIDATIONS:
        return Verdict(
            Trend.TOO_SHORT,
            f"Too short to judge: only {counted(len(rows), 'validation')}. Train longer.",
        )
    if _swing(validation) > SWING:
        return Verdict(
            Trend.UNSTABLE,
            "Unstable: the validation loss jumps from one validation to the next. Lower the "
            "learning rate, use larger batches, or validate on more images.",
        )
    lowest = int(np.argmin(validation))
    rise = _share(validation[-1] - validation[lowest], validation[lowest])
    fall = _share(train[lowest] - train[-1], train[lowest])
    if rise > RISE and fall > FALL:
        return Verdict(
            Trend.OVERFITTING,
            f"Over-fitting: after step {rows[lowest]['step']:.0f} the network still got better on "
            f"the training images but {percent(rise)} worse on the validation images. More varied "
            "images, stronger augmentation or a smaller network would help; more steps will not.",
        )
    gain = _late_gain(validation)
    if gain > GAIN:
        return Verdict(
            Trend.IMPROVING,
            f"Still improving: the last quarter of the training lowered the validation loss by "
            f"{percent(gain)}. Train longer.",
        )
    rate = np.array([row.get("learning_rate", 1.0) for row in rows])
    if not _had_settled(validation[rate >= HIGH * rate.max()]):
        return Verdict(
            Trend.OUT_OF_BUDGET,
            f"The training ended with its budget: the validation loss is {validation[-1]:.3g}, "
            f"where the training loss is {train[-1]:.3g}. It stands still, as it does wherever the "
            "learning rate falls to 0, but was not seen to settle before. More steps may help.",
        )
    return Verdict(
        Trend.FINE,
        f"Fine: the validation loss has settled at {validation[-1]:.3g}, where the training loss "
        f"is {train[-1]:.3g}. More steps would change little.",
    )


def _share(change: float, of: float) -> float:
    return float(change) / max(abs(float(of)), 1e-12)


def _late_gain(validation: DoubleArray) -> float:
    """Return by which share the last quarter of the validations lowered the loss."""
    earlier = float(validation[: -max(1, len(validation) // 4)].min())
    return _share(earlier - float(validation.min()), earlier)


def _had_settled(validation: DoubleArray) -> bool:
    """Return whether a loss is seen to have settled at a learning rate that was still high."""
    return len(validation) >= FEWEST_VALIDATIONS and _late_gain(validation) <= GAIN


def _swing(validation: DoubleArray) -> float:
    """Return the mean detour between validations of the second half, relative to the loss.

    The way up and down less the way made good: 0 for a curve that only falls, or only rises.
    """
    second_half = validation[len(validation) // 2 :]
    if not np.isfinite(second_half).all():
        return math.inf
    changes = np.diff(second_half)
    detour = (np.abs(changes).sum() - abs(changes.sum())) / len(changes)
    return _share(detour, float(np.median(np.abs(second_half))))
