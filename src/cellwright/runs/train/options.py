"""What a training depends on, besides the images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cellwright._arguments import (
    as_path,
    check_above_zero,
    check_one_of,
    check_texts,
    check_whole_numbers,
    check_within,
    described,
    given,
)
from cellwright._errors import UsageError
from cellwright._words import option
from cellwright.datasets.augmentation import STRENGTHS
from cellwright.images.image import check_said_axes
from cellwright.methods.registry import LEARNERS, find_method
from cellwright.models.card import check_name
from cellwright.networks.registry import network_description
from cellwright.training.settings import LEARNING_RATES

DEFAULT_STEPS = 2000
SMALLEST_PATCH = 16  # px
BALANCES = ("kind", "group")
"""What training images may be balanced by."""


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What a training depends on, besides the images.

    Parameters
    ----------
    method : str, optional
        How objects or classes are described to the network; a name in the registry of methods.
        Or ``"classical"`` or ``"pixels"``, which learn without a network, in seconds; of what
        follows, only `seed`, `axes` and `name` are for them.
        When not given, that of the model to start from, or else ``"offsets"`` for objects in
        planes, ``"watershed"`` in volumes, and what the annotation is called: ``"classes"``,
        ``"boxes"``, ``"points"``.
    network : mapping
        Options of the network that differ from its defaults, such as ``{"width": 48}``, and its
        ``"name"`` in the registry of networks where it is no U-Net.
    steps : int, optional
    minutes : float, optional
        The budget; `DEFAULT_STEPS` when neither is given.
    seed : int
        Of every random choice.
    batch_size : int, optional
        Patches in one step; when not given, 4 of the usual size or more smaller ones, or usually
        2 volumes.
    patch : int, optional
        Side of a patch in px; of volumes, the lateral one. When not given, as the images suggest:
        256 at most, or usually 64 for volumes.
    strength : str
        Of the augmentation: ``"none"``, ``"light"``, ``"standard"`` or ``"strong"``.
    optimiser : {"muon", "adamw", "sgd"}
    learning_rate : float, optional
        That of `LEARNING_RATES` for the optimiser when not given.
    weight_decay : float
        How strongly weights are pulled to 0.
    patience : int, optional
        Validations in a row without a better one after which the training ends; without, the
        budget is used up.
    recipe : mapping
        Settings of how the method is learned that differ from its defaults, such as
        ``{"gap_weight": 10}``; see `cellwright.methods.recipe_settings`.
    balance : {"kind", "group"}, optional
        Training images of each kind, or group, are drawn equally often; without, all images are.
    start_from : str, optional
        Name or package of a model whose weights to start from; its network is taken, too, but
        for what `network` says. A network of another name is taken as it is, with what fits of
        the weights.
    stage_rate, frozen_stages : float, int
        How slowly, or how late, the stages near the pixels learn; see `FitSettings`.
    diameter : float, optional
        Of what points mark, in px; a found point is right within a quarter of it. That of the
        annotated objects when not given; 12 where points alone are annotated.
    axes : str, optional
        Axes of the images where the files do not say.
    name : str, optional
        Of the model; made from the name of the output folder by default.

    Raises
    ------
    UsageError
        If there is no such method or network, or an argument is of a wrong kind or out of range.
    ModelError
        If the name is none that a model may have.
    """

    method: str | None = None
    network: Mapping[str, Any] = field(default_factory=dict)
    steps: int | None = None
    minutes: float | None = None
    seed: int = 0
    batch_size: int | None = None
    patch: int | None = None
    strength: str = "standard"
    optimiser: str = "muon"
    learning_rate: float | None = None
    weight_decay: float = 1e-2
    patience: int | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)
    balance: str | None = None
    start_from: str | None = None
    stage_rate: float = 1.0
    frozen_stages: int = 0
    diameter: float | None = None
    axes: str | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        check_texts(**given(method=self.method))
        check_said_axes(self.axes)
        if self.method is not None and self.method not in LEARNERS:
            find_method(self.method)
        if self.name is not None:
            check_name(self.name)
        if self.start_from is not None:
            # A path becomes text, as it stands in run.json.
            object.__setattr__(self, "start_from", str(as_path(self.start_from, "start_from")))
        if self.steps is not None and self.minutes is not None:
            raise UsageError(
                f"Give the length of the training once: {option('steps', 'minutes')}, not both."
            )
        check_one_of(tuple(LEARNING_RATES), optimiser=self.optimiser)
        check_whole_numbers(
            1, **given(steps=self.steps, batch_size=self.batch_size, patience=self.patience)
        )
        check_whole_numbers(SMALLEST_PATCH, **given(patch=self.patch))
        check_whole_numbers(0, seed=self.seed, frozen_stages=self.frozen_stages)
        check_above_zero(**given(minutes=self.minutes, learning_rate=self.learning_rate))
        check_above_zero(**given(diameter=self.diameter))
        check_within(0, math.inf, weight_decay=self.weight_decay)
        check_within(0, 1, stage_rate=self.stage_rate)
        check_above_zero(stage_rate=self.stage_rate)
        check_one_of(tuple(STRENGTHS), strength=self.strength)
        _check_network(self.network)
        _check_mapping(self.recipe, "recipe", "{'gap_weight': 10}")
        check_one_of(BALANCES, **given(balance=self.balance))

    @property
    def rate(self) -> float:
        """The highest learning rate."""
        return self.learning_rate or LEARNING_RATES[self.optimiser]

    @property
    def budget(self) -> dict[str, Any]:
        """Steps or minutes, and how often to validate, as `FitSettings` takes them."""
        if self.minutes is not None:
            return {"steps": self.steps, "minutes": self.minutes}
        steps = self.steps or DEFAULT_STEPS
        return {"steps": steps, "validate_every": min(250, max(10, steps // 8))}


def _check_network(network: Any) -> None:
    """Refuse what can be told without torch; the options of its kind are checked as it is built."""
    _check_mapping(network, "network", "{'name': 'unet', 'width': 48}")
    if "name" in network:
        network_description(network["name"])
    check_whole_numbers(1, **{one: network[one] for one in ("width", "depth") if one in network})


def _check_mapping(value: Any, name: str, example: str) -> None:
    if not isinstance(value, Mapping):
        raise UsageError(
            f"{name} must be a mapping of names to values, such as {example}, not "
            f"{described(value)}."
        )
