"""What goes into learning, whatever learns, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cellwright.datasets.augmentation import Augmentation
from cellwright.datasets.records import Dataset
from cellwright.datasets.sampler import Patches
from cellwright.methods.recipe import AnyRecipe
from cellwright.models.card import InputContract, NetworkFacts
from cellwright.runs.learning import Learning
from cellwright.runs.options import TrainOptions
from cellwright.training.history import Row

if TYPE_CHECKING:
    from cellwright.runs.tasks import Task

BATCH_SIZES = {2: 4, 3: 2}
"""Patches in one step when nothing is said, by dimensions."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is to be learned, and from what.

    Parameters
    ----------
    task : Task
    dataset : Dataset
        Annotated examples, divided.
    contract : InputContract
        What the model is to see.
    method : str
    options : TrainOptions
    volume : tuple of int, optional
        Size (Z, Y, X) of the smallest training volume, in px; None for planes.
    """

    task: Task
    dataset: Dataset
    contract: InputContract
    method: str
    options: TrainOptions
    volume: tuple[int, ...] | None

    @property
    def dimensions(self) -> int:
        """2 for planes, 3 for volumes."""
        return 2 if self.volume is None else 3

    def patches(self, shape: tuple[int, ...], variation: Augmentation) -> Patches:
        """Return what patches of a shape ([Z,] Y, X), in px, are like; without targets."""
        return Patches(
            shape=shape,
            batch_size=self.options.batch_size or BATCH_SIZES[len(shape)],
            augmentation=variation,
            normalisation=self.contract.normalisation,
            channels=len(self.contract.channels),
        )

    def learning(self, recipe: AnyRecipe, patches: Patches, workers: int) -> Learning:
        """Return how a network learns the dataset by a recipe."""
        return Learning(
            recipe=recipe,
            train=self.dataset.part("train"),
            validation=self.dataset.part("val"),
            patches=patches,
            seed=self.options.seed,
            workers=workers,
        )


@dataclass(frozen=True, slots=True)
class Machine:
    """What learns, which changes nothing about the result but rounding.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda"}
    workers : int
        Processes that prepare images.
    threads : int, optional
        CPU threads of the network.
    """

    device: str = "auto"
    workers: int = 0
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class Learned:
    """What was learned, before anything is chosen on validation images.

    Parameters
    ----------
    contract : InputContract
        What the model sees.
    facts : NetworkFacts
    files : mapping
        Content of the files of its package, by name.
    readout : mapping
        Parameters of the readout.
    training : mapping
        How it was learned, for the card: at least the ``"seconds"`` that it took.
    history : sequence of Row
        What the validations said; empty where nothing was learned step by step.
    """

    contract: InputContract
    facts: NetworkFacts
    files: Mapping[str, bytes]
    readout: Mapping[str, Any]
    training: Mapping[str, Any]
    history: Sequence[Row] = ()
