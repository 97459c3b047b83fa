"""What goes into learning, whatever learns, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, get_args

from cellwright._arguments import check_one_of, check_whole_numbers, given
from cellwright.datasets.augmentation import Augmentation
from cellwright.datasets.loader import balanced_weights
from cellwright.datasets.records import Dataset, Example
from cellwright.datasets.sampler import Patches
from cellwright.inference.runtime import Device
from cellwright.methods.recipe import AnyRecipe
from cellwright.methods.recipe_settings import check_recipe
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

    def recipe_settings(self) -> dict[str, Any]:
        """Return what is set of the recipe of the method; needs torch."""
        return check_recipe(self.method, self.options.recipe)

    def learning(self, recipe: AnyRecipe, patches: Patches, workers: int) -> Learning:
        """Return how a network learns the dataset by a recipe."""
        return Learning(
            recipe=recipe,
            train=self.dataset.part("train"),
            validation=self.dataset.part("val"),
            patches=patches,
            seed=self.options.seed,
            workers=workers,
            weights=_chances(self.dataset.part("train"), self.options.balance),
        )


def _chances(examples: Sequence[Example], balance: str | None) -> tuple[float, ...] | None:
    """Return how likely each example is to be drawn, where they are to be balanced."""
    return tuple(balanced_weights(examples, balance).tolist()) if balance else None


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

    Raises
    ------
    UsageError
        If there is no such device, or a number is of a wrong kind or out of range.
    """

    device: str = "auto"
    workers: int = 0
    threads: int | None = None

    def __post_init__(self) -> None:
        check_one_of(get_args(Device), device=self.device)
        check_whole_numbers(0, workers=self.workers)
        check_whole_numbers(1, **given(threads=self.threads))


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
    warnings : tuple of str
        What to think of before trusting the model.
    calibration : mapping, optional
        Of the model that it began from, where that was of the same method.
    """

    contract: InputContract
    facts: NetworkFacts
    files: Mapping[str, bytes]
    readout: Mapping[str, Any]
    training: Mapping[str, Any]
    history: Sequence[Row] = ()
    warnings: tuple[str, ...] = ()
    calibration: Mapping[str, Any] | None = None
