"""What the training loop is given: batches, and the loss of one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from cellwright._types import AnyArray, FloatArray
from cellwright.datasets.augmentation import augmentation
from cellwright.datasets.loader import batches
from cellwright.datasets.records import Example
from cellwright.datasets.sampler import Patches
from cellwright.methods.recipe import AnyRecipe, object_targets

if TYPE_CHECKING:
    from torch import Tensor, nn

_VALIDATION_PATCHES = 48
_WITHOUT_END = sys.maxsize


@dataclass(frozen=True, slots=True)
class Learning:
    """How one network learns one dataset.

    Parameters
    ----------
    recipe : AnyRecipe
        Targets and loss.
    train, validation : tuple of Example
    patches : Patches
        Of the training, without targets; those of the validation are not varied, but for sizes.
    seed : int
    workers : int
        Processes that prepare batches.
    weights : tuple of float, optional
        Relative probability of each training example; equal turns when not given.
    pack : callable, optional
        Makes one array of the truth of a patch, where that is none: the same shape for all.
    network : mapping
        Description of the network where no other is asked for.
    """

    recipe: AnyRecipe
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    patches: Patches
    seed: int
    workers: int
    weights: tuple[float, ...] | None = None
    pack: Callable[[Any], AnyArray] | None = None
    network: Mapping[str, Any] = field(default_factory=lambda: {"name": "unet"})

    def train_batches(self, first_step: int) -> Iterator[Mapping[str, AnyArray]]:
        """Yield training batches from `first_step` on, without end."""
        return batches(
            self.train,
            replace(self.patches, transform=partial(_targets, self.recipe)),
            steps=_WITHOUT_END,
            first_step=first_step,
            seed=self.seed,
            weights=self.weights,
            workers=self.workers,
        )

    def step_loss(self, network: nn.Module, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss of one batch and its parts."""
        return self.recipe.loss(network(batch["pixels"]), batch)

    def validation_batches(self) -> list[Mapping[str, AnyArray]]:
        """Return the same patches of the validation images each time, not varied."""
        varied = self.patches.augmentation
        plain = replace(
            augmentation("none"),
            magnification=varied.magnification,
            diameter_range=varied.diameter_range,
            reference_diameter=varied.reference_diameter,
            foreground=1.0 if self.patches.separate else 0.0,
        )
        patches = replace(
            self.patches,
            augmentation=plain,
            transform=partial(_targets_and_truth, self.recipe, self.pack),
        )
        count = min(_VALIDATION_PATCHES, 4 * len(self.validation))
        steps = -(-count // patches.batch_size)
        return list(batches(self.validation, patches, steps=steps, seed=self.seed))


def _targets(recipe: AnyRecipe, pixels: FloatArray, truth: Any) -> dict[str, AnyArray]:
    return object_targets(recipe, truth)


def _targets_and_truth(
    recipe: AnyRecipe, pack: Callable[[Any], AnyArray] | None, pixels: FloatArray, truth: Any
) -> dict[str, AnyArray]:
    return object_targets(recipe, truth) | {"labels": pack(truth) if pack else truth}
