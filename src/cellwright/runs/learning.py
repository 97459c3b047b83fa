"""What the training loop is given: batches, and the loss of one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from cellwright._types import AnyArray, FloatArray
from cellwright.datasets.augmentation import Augmentation, augmentation
from cellwright.datasets.loader import batches
from cellwright.datasets.records import Example
from cellwright.images.normalise import Normalisation
from cellwright.methods.recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor, nn

_VALIDATION_PATCHES = 48
_WITHOUT_END = sys.maxsize


@dataclass(frozen=True, slots=True)
class Learning:
    """How one network learns one dataset.

    Parameters
    ----------
    recipe : Recipe
        Targets and loss.
    train, validation : tuple of Example
    normalisation : Normalisation
    augmentation : Augmentation
        How training patches vary; its `diameter_range` also holds for validation.
    channels : int
        That the network takes.
    patch : tuple of int
        Size of a patch, ([Z,] Y, X) in px.
    batch_size : int
    seed : int
    workers : int
        Processes that prepare batches.
    weights : tuple of float, optional
        Relative probability of each training example; equal turns when not given.
    pack : callable, optional
        Makes one array of the truth of a patch, where that is none: the same shape for all.
    network : mapping
        Description of the network where no other is asked for.
    separate : bool
        Whether the labels number objects, of which parts that a patch cuts apart become objects
        of their own; classes stay what they are.
    classes : tuple of str
        Classes of numbered objects that are learned; the truth of a patch are `Objects` then.
    """

    recipe: Recipe
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    normalisation: Normalisation
    augmentation: Augmentation
    channels: int
    patch: tuple[int, ...]
    batch_size: int
    seed: int
    workers: int
    weights: tuple[float, ...] | None = None
    pack: Callable[[Any], AnyArray] | None = None
    network: Mapping[str, Any] = field(default_factory=lambda: {"name": "unet"})
    separate: bool = True
    classes: tuple[str, ...] = ()

    def train_batches(self, first_step: int) -> Iterator[Mapping[str, AnyArray]]:
        """Yield training batches from `first_step` on, without end."""
        return batches(
            self.train,
            patch_shape=self.patch,
            batch_size=self.batch_size,
            augmentation=self.augmentation,
            normalisation=self.normalisation,
            transform=partial(_targets, self.recipe),
            seed=self.seed,
            steps=_WITHOUT_END,
            first_step=first_step,
            workers=self.workers,
            weights=self.weights,
            channels=self.channels,
            separate=self.separate,
            classes=self.classes,
        )

    def step_loss(self, network: nn.Module, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss of one batch and its parts."""
        return self.recipe.loss(network(batch["pixels"]), batch)

    def validation_batches(self) -> list[Mapping[str, AnyArray]]:
        """Return the same patches of the validation images each time, not varied."""
        plain = replace(
            augmentation("none"),
            diameter_range=self.augmentation.diameter_range,
            reference_diameter=self.augmentation.reference_diameter,
            foreground=1.0 if self.separate else 0.0,
        )
        patches = min(_VALIDATION_PATCHES, 4 * len(self.validation))
        return list(
            batches(
                self.validation,
                patch_shape=self.patch,
                batch_size=self.batch_size,
                augmentation=plain,
                normalisation=self.normalisation,
                transform=partial(_targets_and_truth, self.recipe, self.pack),
                seed=self.seed,
                steps=-(-patches // self.batch_size),
                channels=self.channels,
                separate=self.separate,
                classes=self.classes,
            )
        )


def _targets(recipe: Recipe, pixels: FloatArray, truth: Any) -> dict[str, AnyArray]:
    return recipe.targets(truth)


def _targets_and_truth(
    recipe: Recipe, pack: Callable[[Any], AnyArray] | None, pixels: FloatArray, truth: Any
) -> dict[str, AnyArray]:
    return recipe.targets(truth) | {"labels": pack(truth) if pack else truth}
