"""Whether a model has learned anything, by the scores on its card."""

from __future__ import annotations

import numpy as np

from cellwright.models.card import ModelCard

LEAST_SCORE = 0.05
"""A model with a lower score on validation images, of at most 1, has not learned."""
_JUDGED_BY = {
    "instances": "AP@0.5 per image",
    "classes": "Dice",
    "boxes": "AP50",
    "points": "F1",
}
"""The figure that says it, by task: of all, or else the mean over those of classes and kinds."""


def has_learned(card: ModelCard) -> bool:
    """Return whether a model finds more than next to nothing; True where no figure says."""
    name = _JUDGED_BY.get(card.task, "")
    parts = [value for figure, value in card.evaluation.items() if figure.startswith(f"{name}, ")]
    told = [card.evaluation[name]] if name in card.evaluation else parts
    known = [float(value) for value in told if value is not None]
    return not told or float(np.mean(known or [0.0])) >= LEAST_SCORE


def learned_nothing(card: ModelCard) -> tuple[str, ...]:
    """Return what a user of a model should know before anything else: that it is of no use yet."""
    if has_learned(card):
        return ()
    return (
        f"The model '{card.name}' has not learned: it found next to nothing right in its own "
        "validation images. What it finds here means nothing; train it longer, or on other images.",
    )
