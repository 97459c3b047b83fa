"""What a training depends on, besides the images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cellwright._errors import UsageError
from cellwright.methods.registry import LEARNERS, find_method
from cellwright.models.card import check_name

DEFAULT_STEPS = 2000


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
        Options of the U-Net that differ from its defaults, such as ``{"width": 48}``.
    steps : int, optional
    minutes : float, optional
        The budget; `DEFAULT_STEPS` when neither is given.
    seed : int
        Of every random choice.
    batch_size : int, optional
        Patches in one step; 4, or 2 volumes, when not given.
    patch : int, optional
        Side of a patch in px; of volumes, the lateral one. 256, or 64 for volumes, when not given.
    strength : str
        Of the augmentation: ``"none"``, ``"light"``, ``"standard"`` or ``"strong"``.
    learning_rate : float
    weight_decay : float
        How strongly weights are pulled to 0.
    start_from : str, optional
        Name or package of a model whose weights to start from; its network is taken, too, but
        for what `network` says.
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
        If there is no such method, or a number is not above 0.
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
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    start_from: str | None = None
    stage_rate: float = 1.0
    frozen_stages: int = 0
    diameter: float | None = None
    axes: str | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        if self.method is not None and self.method not in LEARNERS:
            find_method(self.method)
        if self.name is not None:
            check_name(self.name)
        for name in ("steps", "minutes", "batch_size", "patch", "diameter"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UsageError(f"The option {name} of a training must be above 0, not {value!r}.")

    @property
    def budget(self) -> dict[str, Any]:
        """Steps or minutes, and how often to validate, as `FitSettings` takes them."""
        if self.minutes is not None:
            return {"steps": self.steps, "minutes": self.minutes}
        steps = self.steps or DEFAULT_STEPS
        return {"steps": steps, "validate_every": min(250, max(10, steps // 8))}
