"""What differs between trainings, by what is learned: objects, or classes of pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cellwright.datasets.records import Dataset, Example
from cellwright.models.card import InputContract, ModelCard
from cellwright.networks.plan import NetworkPlan
from cellwright.reports.annotated import ValidationExample
from cellwright.reports.page import Grid, Number
from cellwright.runs.train.learning import Learning
from cellwright.runs.train.lesson import Lesson

if TYPE_CHECKING:
    from torch import nn

AVERAGE_PRECISION = "average_precision"
DICE = "dice"
F1 = "f1"
AP50 = "AP50"
"""What models of objects, of classes, of points and of boxes are judged by while they learn."""
CLASS_ACCURACY = "class_accuracy"
"""What is told besides of models that tell classes of objects apart."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A model that is complete, and what its report shows of it.

    Parameters
    ----------
    card : ModelCard
        With all that was chosen on validation images, and its evaluation.
    overview : sequence of Number
        The figures that matter most.
    pictures : sequence of ValidationExample
        The worst and the best validation images.
    confusion : Grid, optional
        Which classes were taken for which.
    """

    card: ModelCard
    overview: Sequence[Number]
    pictures: Sequence[ValidationExample]
    confusion: Grid | None = None


class Task(Protocol):
    """How one kind of model is trained."""

    @property
    def name(self) -> str:
        """The task, as on the card of a model."""

    @property
    def methods(self) -> Mapping[int, str]:
        """The method when none is asked for, for planes (2) and volumes (3)."""

    @property
    def monitor(self) -> str:
        """What the validation is judged by: the name of its value."""

    @property
    def monitored(self) -> str:
        """What people call that value."""

    def taken(self, dataset: Dataset) -> Dataset:
        """Return a dataset with its annotations as this task takes them.

        Raises
        ------
        DatasetError
            If it cannot.
        """

    def contract(self, dataset: Dataset, seed: int) -> tuple[InputContract, tuple[str, ...]]:
        """Decide what the network is to see, and say what is wrong with single images."""

    def learning(self, lesson: Lesson, plan: NetworkPlan, workers: int) -> Learning:
        """Return how the network learns, from the patches of a plan."""

    def validation(self, learning: Learning) -> Callable[[nn.Module], Mapping[str, float]]:
        """Return what judges the network during the training."""

    def described(self, dataset: Dataset, contract: InputContract) -> tuple[str, str]:
        """Return the description and the limits of the model."""

    def tuned(
        self, draft: ModelCard, files: Mapping[str, bytes], examples: Sequence[Example], seed: int
    ) -> ModelCard:
        """Choose what is left to choose on validation images."""

    def finished(
        self, draft: ModelCard, files: Mapping[str, bytes], examples: Sequence[Example], seed: int
    ) -> Finished:
        """Choose what is left to choose on validation images, and score the model on them."""

    def headline(self, card: ModelCard) -> str:
        """Return how good the model is, in one sentence."""
