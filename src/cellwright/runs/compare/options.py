"""What a comparison depends on, besides the images."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cellwright._arguments import check_flags, check_texts, check_whole_numbers, given
from cellwright._errors import UsageError
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
            if isinstance(one := getattr(self, name), str):
                raise UsageError(f"Give several {name}, or one in brackets: {name}=('{one}',).")
        for method in self.methods:
            if method not in LEARNERS:
                find_method(method)
        for network in self.networks:
            network_description(network)
        if not isinstance(self.minutes, int | float) or not 0 < self.minutes < math.inf:
            raise UsageError(
                f"The minutes of a comparison must be a number above 0, not {self.minutes!r}."
            )
        check_whole_numbers(2, **given(folds=self.folds))
        check_whole_numbers(0, seed=self.seed)
        check_flags(search=self.search)
        check_texts(**given(axes=self.axes))
