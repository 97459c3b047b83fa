"""What goes into learning, whatever learns, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cellwright.datasets.augmentation import Augmentation
from cellwright.datasets.records import Dataset
from cellwright.datasets.sampler import Patches
from cellwright.methods.recipe import AnyRecipe
from cellwright.models.card import InputContract, NetworkFacts
from cellwright.networks.plan import Fingerprint, NetworkPlan, plan_network
from cellwright.runs.train.learning import Learning
from cellwright.runs.train.options import TrainOptions
from cellwright.training.history import Row

if TYPE_CHECKING:
    from cellwright.runs.train.tasks import Task


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
    size : tuple of int
        Of the smallest training volume (Z, Y, X), or of typical planes (Y, X), in px.
    """

    task: Task
    dataset: Dataset
    contract: InputContract
    method: str
    options: TrainOptions
    size: tuple[int, ...]

    @property
    def dimensions(self) -> int:
        """2 for planes, 3 for volumes."""
        return len(self.size)

    def plan(self) -> NetworkPlan:
        """Return the plan of the network and of its patches."""
        contract, options = self.contract, self.options
        scale = contract.scale or 1.0
        plan = plan_network(
            Fingerprint(
                size=tuple(round(length * scale) for length in self.size),
                images=len(self.dataset.part("train")),
                diameter=contract.diameter_range[0] if contract.diameter_range else None,
                anisotropy=contract.anisotropy or 1.0,
            ),
            side=options.patch,
            depth=options.network.get("depth"),
            width=options.network.get("width"),
        )
        return replace(plan, batch=options.batch_size or plan.batch)

    def patches(self, plan: NetworkPlan, variation: Augmentation) -> Patches:
        """Return what the patches of a plan are like; without targets."""
        return Patches(
            shape=plan.patch,
            batch_size=plan.batch,
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
        CPU threads of the network; None takes the cores that the workers leave.
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
