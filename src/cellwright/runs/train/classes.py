"""How models of pixel classes are trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from cellwright._words import counted
from cellwright.datasets.augmentation import augmentation
from cellwright.datasets.pixel_classes import as_pixel_classes, count_class_pixels
from cellwright.datasets.records import Dataset, Example
from cellwright.methods.classes.readout import ClassesReadout
from cellwright.methods.recipe_settings import BALANCED, new_recipe
from cellwright.models.card import InputContract, ModelCard
from cellwright.models.classes import ClassModel
from cellwright.models.package import Package
from cellwright.networks.plan import NetworkPlan
from cellwright.reports.page import Number
from cellwright.runs.evaluate.classes import ClassEvaluation, evaluate_classes, score_classes
from cellwright.runs.evaluate.pictures import worst_and_best
from cellwright.runs.train.learning import Learning
from cellwright.runs.train.lesson import Lesson
from cellwright.runs.train.prepare import class_contract
from cellwright.runs.train.tasks import DICE, Finished

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class ClassTask:
    """What every pixel is."""

    name: str = "classes"
    monitor: str = DICE
    monitored: str = "classes in validation patches: mean Dice"

    @property
    def methods(self) -> dict[int, str]:
        """The method when none is asked for, by dimensions."""
        return {2: "classes", 3: "classes"}

    def taken(self, dataset: Dataset) -> Dataset:
        """Return the dataset with the values in its labels as classes."""
        return as_pixel_classes(dataset)

    def contract(self, dataset: Dataset, seed: int) -> tuple[InputContract, tuple[str, ...]]:
        """Decide what the network is to see, and say what is wrong with single images."""
        return class_contract(dataset, seed)

    def learning(self, lesson: Lesson, plan: NetworkPlan, workers: int) -> Learning:
        """Return how the network learns, from the patches of a plan."""
        # Pasted objects, empty fields and places of objects are for labels that number objects.
        variation = augmentation(lesson.options.strength)
        variation = replace(variation, paste=0.0, empty=0.0, foreground=0.0)
        settings = lesson.recipe_settings()
        if settings.get("class_weights") == BALANCED:
            settings["class_weights"] = _balanced(lesson.dataset)
        recipe = new_recipe(lesson.method, ClassesReadout(lesson.dataset.classes), settings)
        patches = replace(lesson.patches(plan, variation), separate=False)
        return lesson.learning(recipe, patches, workers)

    def validation(self, learning: Learning) -> Callable[[nn.Module], Mapping[str, float]]:
        """Return what judges the network during the training."""
        from cellwright.runs.train.validation import ClassValidation

        readout: Any = learning.recipe.readout
        return ClassValidation(learning, readout)

    def described(self, dataset: Dataset, contract: InputContract) -> tuple[str, str]:
        """Return the description and the limits of the model."""
        return (
            f"Tells {', '.join(dataset.classes)} from the background, as annotated in "
            f"'{dataset.root.name}'.",
            f"Made for images like those in '{dataset.root.name}', at the same magnification. "
            "Check other images by eye.",
        )

    def tuned(
        self, draft: ModelCard, files: Mapping[str, bytes], examples: Sequence[Example], seed: int
    ) -> ModelCard:
        """Return the card as it is: there is nothing left to choose."""
        return draft

    def finished(
        self, draft: ModelCard, files: Mapping[str, bytes], examples: Sequence[Example], seed: int
    ) -> Finished:
        """Score the model on validation images; there is nothing left to choose."""
        model = ClassModel(Package(draft, files, sha256="", source=draft.name))
        evaluation = evaluate_classes(model, examples)
        card = replace(draft, evaluation=_figures(evaluation))
        overview = [
            Number(name, f"{value:.3f}")
            for name, value in card.evaluation.items()
            if name.startswith(("Dice", "Jaccard")) and value is not None
        ]
        again = partial(score_classes, model)
        return Finished(card, overview, worst_and_best(evaluation, "dice", examples, again, _told))

    def headline(self, card: ModelCard) -> str:
        """Return how good the model is, in one sentence."""
        dice = ", ".join(f"{name} {value:.3f}" for name, value in _dice(card).items())
        scores = f"Dice of {dice}," if dice else "no known pixel"
        return f"{scores} on {counted(card.evaluation['images'], 'validation image')}"


def _balanced(dataset: Dataset) -> tuple[float, ...]:
    """Return the weights of the background and the classes with which all count alike."""
    from cellwright.methods.losses import class_weights

    counts = count_class_pixels(dataset.part("train"), len(dataset.classes))
    return tuple(class_weights(counts).tolist())


def _dice(card: ModelCard) -> dict[str, float]:
    """Return the Dice of each class that the validation images have."""
    return {
        name.removeprefix("Dice, "): value
        for name, value in card.evaluation.items()
        if name.startswith("Dice, ") and value is not None
    }


def _figures(evaluation: ClassEvaluation) -> dict[str, Any]:
    """Return the figures of the model's card."""
    metrics = evaluation.to_json()
    figures: dict[str, Any] = {"of": "validation images", "images": metrics["images"]}
    for title, score in (("Dice", "dice"), ("Jaccard", "jaccard"), ("boundary F", "boundary_f")):
        for name, value in metrics[score].items():
            if name not in ("background", "mean"):
                figures[f"{title}, {name}"] = None if value is None else round(value, 4)
    return figures


def _told(row: Mapping[str, Any]) -> str:
    """Say how well a model did on an image."""
    return f"Dice {row['dice']:.2f}, mean of the classes"
