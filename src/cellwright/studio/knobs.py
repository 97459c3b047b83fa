"""What a person can turn to have the maps of a model read in another way, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cellwright._errors import UsageError
from cellwright.models.card import ModelCard
from cellwright.models.readouts import readout_of

SMALLEST = "smallest object"
"""The knob that every model has: objects with fewer pixels of the image are left out."""
_LARGEST_AREA = 400.0  # px; of an object that one may want to leave out, at least


@dataclass(frozen=True, slots=True)
class Knob:
    """One number that decides how maps are read.

    Parameters
    ----------
    name : str
        Of the parameter of the readout, or `SMALLEST`.
    words : str
        What people call it.
    about : str
        What happens when it is turned up.
    low, high, step : float
        Its range.
    value : float
        That of the model.
    """

    name: str
    words: str
    about: str
    low: float
    high: float
    step: float
    value: float = 0.0


def _share(name: str, words: str, about: str) -> Knob:
    return Knob(name, words, about, 0.05, 0.95, 0.01)


_FOREGROUND = _share("threshold", "Foreground from", "Higher: tighter outlines, fewer objects.")
_OBJECT = _share("threshold", "Object from", "Higher: only what the model is sure of.")
_OVERLAP = _share("overlap", "Overlap allowed", "Higher: more objects where they crowd.")
_PARTING = Knob("persistence", "Join parts up to", "Higher: fewer, larger objects.", 0.02, 1, 0.02)
_FLOW_ERROR = Knob("flow_error", "Odd shapes up to", "Lower: only regular shapes.", 0.1, 4, 0.1)
_OF_METHODS: Mapping[str, tuple[Knob, ...]] = {
    "boundary": (_FOREGROUND,),
    "pixels": (_FOREGROUND,),
    "classical": (_FOREGROUND, _PARTING),
    "watershed": (_FOREGROUND, _PARTING),
    "embeddings": (
        _FOREGROUND,
        _share("certainty", "Seeds from", "Higher: only objects with a sure centre."),
    ),
    "flows": (_FOREGROUND, _FLOW_ERROR),
    "flows-distance": (
        _FOREGROUND,
        _FLOW_ERROR,
        _share("rest", "Middle line from", "Higher: thicker middle lines, fewer parts."),
    ),
    "masks": (_OBJECT, _OVERLAP),
    "stars": (_OBJECT, _OVERLAP),
    "offsets": (
        _FOREGROUND,
        Knob("seed_distance", "Join centres up to, px", "Higher: fewer objects.", 1, 20, 1),
    ),
}


def knobs_of(card: ModelCard) -> tuple[Knob, ...]:
    """Return what can be turned of a model of objects, at its own values."""
    readout = readout_of(card)
    area = np.pi / 4 * (card.input.diameter or 0.0) ** 2
    largest = 10 * float(np.ceil(max(_LARGEST_AREA, area) / 10))
    own = (_at(knob, getattr(readout, knob.name)) for knob in _OF_METHODS.get(card.method, ()))
    about = "Smaller ones are left out."
    return (*own, Knob(SMALLEST, "Smallest object, px", about, 0, largest, 10))


def settings(knobs: tuple[Knob, ...], asked: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers that were asked for, where they differ from the model's own.

    Raises
    ------
    UsageError
        If there is no such knob, or a number is out of its range.
    """
    known = {knob.name: knob for knob in knobs}
    found: dict[str, float] = {}
    for name, value in asked.items():
        knob = known.get(name)
        if knob is None:
            raise UsageError(f"There is no '{name[:40]}' to turn, but {', '.join(known)}.")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UsageError(f"'{name}' must be a number.")
        if not knob.low <= value <= knob.high:
            raise UsageError(f"'{name}' lies between {knob.low:g} and {knob.high:g}.")
        if value != knob.value:
            found[name] = int(value) if isinstance(knob.value, int) else float(value)
    return found


def _at(knob: Knob, value: float) -> Knob:
    """Return a knob at the value of a model, which lies in its range whatever that is."""
    range_ = {"low": min(knob.low, value), "high": max(knob.high, value), "value": value}
    return Knob(**asdict(knob) | range_)
