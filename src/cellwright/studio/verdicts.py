"""What a round of training has come to, in plain words."""

from __future__ import annotations

from collections.abc import Sequence

from cellwright._words import counted
from cellwright.studio.rounds import Judged
from cellwright.training.history import Row
from cellwright.training.verdict import Trend, verdict

_FEW_OBJECTS = 30
"""Below this many set aside, figures vary too much from one choice of them to another."""
_GOOD = 0.85
_SAME = 0.01
_GAP = 1.5
"""Validation loss over training loss from which more images help more than more time."""
_COUNTS = 0.03


def sentences(before: Judged, after: Judged, history: Sequence[Row], worst: str) -> tuple[str, ...]:
    """Say how good a round is, what is wrong with it, and what to do next.

    Parameters
    ----------
    before, after : Judged
        The models that it started from and that it made, on the same parts.
    history : sequence of dict
        Its validations.
    worst : str
        The image on which it is least right.
    """
    said = [_progress(before, after), _count(after)]
    if after.true < _FEW_OBJECTS:
        said.append(
            f"Only {counted(after.true, 'object')} were set aside to judge by, so these figures "
            "are rough."
        )
    return (*said, _advice(before, after, history, worst))


def _progress(before: Judged, after: Judged) -> str:
    change = after.precision - before.precision
    how = "as right as before" if abs(change) < _SAME else "better" if change > 0 else "worse"
    return (
        f"On what was set aside it is {how}: average precision {before.precision:.2f} before, "
        f"{after.precision:.2f} now."
    )


def _count(after: Judged) -> str:
    error = after.count_error
    if abs(error) < _COUNTS or abs(after.found - after.true) <= 1:
        return f"Its counts are right: {after.found:,} of {counted(after.true, 'object')}."
    much = f"{100 * abs(error):.0f} % too {'many' if error > 0 else 'few'}"
    return f"It counts {much}: {after.found:,} where there are {after.true:,}."


def _advice(before: Judged, after: Judged, history: Sequence[Row], worst: str) -> str:
    trend = verdict(history).trend
    if after.precision < before.precision - _SAME:
        return "Keep the model from before, and annotate more before the next round."
    if after.precision >= _GOOD:
        return "Good enough to work with: let it propose, and correct what is wrong."
    if trend is Trend.TOO_SHORT:
        return "It had hardly begun: train longer."
    if trend is Trend.OVERFITTING or _gap(history) > _GAP:
        return (
            "It knows what it has learned better than what is new to it: more time would not help. "
            f"Annotate ten more objects like those of '{worst}', where it is least right."
        )
    if trend is Trend.IMPROVING:
        return "It was still improving: train on from this round."
    if trend is Trend.OUT_OF_BUDGET:
        return (
            "Its time was over before it had settled: train on from this round, for longer, and "
            f"annotate more objects like those of '{worst}', where it is least right."
        )
    return f"Annotate ten more objects like those of '{worst}', where it is least right."


def _gap(history: Sequence[Row]) -> float:
    """Return the last validation loss over the training loss then."""
    if not history:
        return 1.0
    last = history[-1]
    learned = last.get("train_loss", 0.0)
    return last.get("validation_loss", 0.0) / learned if learned > 0 else 1.0
