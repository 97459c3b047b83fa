"""What a comparison depends on, besides the images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cellwright._arguments import (
    check_above_zero,
    check_flags,
    check_texts,
    check_whole_numbers,
    described,
    given,
)
from cellwright._errors import UsageError
from cellwright.images.image import check_said_axes
from cellwright.methods.registry import LEARNERS, find_method
from cellwright.networks.registry import network_description

DEFAULT_MINUTES = 60.0


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """What a comparison depends on, besides the images.

    Parameters
    ----------
    methods : tuple of str
        Names in the registry of methods; chosen by the shapes of the objects when empty.
    networks : tuple of str
        Names in the registry of networks; chosen by the task when empty.
    minutes : float
        That all of it takes at most, or little more: training, judging and the final model.
    folds : int, optional
        Parts of the images, on each of which the candidates are judged that learned the others.
        The validation images that the dataset states when not given, or 3.
    search : bool
        Whether settings for the best candidate are searched for, in half of the time.
    seed : int
        Of every random choice.
    axes : str, optional
        Axes of the images where the files do not say.

    Raises
    ------
    UsageError
        If there is no such method or network, or a number is out of range.
    """

    methods: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    minutes: float = DEFAULT_MINUTES
    folds: int | None = None
    search: bool = False
    seed: int = 0
    axes: str | None = None

    def __post_init__(self) -> None:
        for name in ("methods", "networks"):
            object.__setattr__(self, name, _names(getattr(self, name), name))
        for method in self.methods:
            if method not in LEARNERS:
                find_method(method)
        for network in self.networks:
            network_description(network)
        check_above_zero(minutes=self.minutes)
        check_whole_numbers(2, **given(folds=self.folds))
        check_whole_numbers(0, seed=self.seed)
        check_flags(search=self.search)
        check_said_axes(self.axes)


def _names(value: Any, what: str) -> tuple[str, ...]:
    """Return what was given as several names."""
    if isinstance(value, str):
        raise UsageError(f"Give several {what}, or one in brackets: {what}=('{value}',).")
    if not isinstance(value, Sequence):
        raise UsageError(f"{what} must be names in brackets, not {described(value)}.")
    for one in value:
        check_texts(**{f"Each of {what}": one})
    return tuple(value)
