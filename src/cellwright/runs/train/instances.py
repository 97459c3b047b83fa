"""How models that find objects are trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from cellwright._words import counted
from cellwright.datasets.augmentation import augmentation
from cellwright.datasets.examples import count_layers
from cellwright.datasets.objects import with_class_names
from cellwright.datasets.records import Dataset, Example
from cellwright.methods.readout import SpacedReadout
from cellwright.methods.recipe import OverlapRecipe
from cellwright.methods.recipe_settings import new_recipe
from cellwright.methods.registry import new_readout
from cellwright.models.card import InputContract, ModelCard
from cellwright.models.instances import InstanceModel
from cellwright.models.package import Package
from cellwright.networks.plan import NetworkPlan
from cellwright.reports.page import Number
from cellwright.runs.evaluate.instances import Evaluation, evaluate_examples
from cellwright.runs.evaluate.pictures import worst_and_best
from cellwright.runs.evaluate.scoring import score
from cellwright.runs.train.learning import Learning
from cellwright.runs.train.lesson import Lesson
from cellwright.runs.train.object_classes import (
    ACCURACY,
    class_figures,
    class_problems,
    confusion_grid,
    with_object_classes,
)
from cellwright.runs.train.packing import packed_layers, packed_objects
from cellwright.runs.train.prepare import object_contract
from cellwright.runs.train.tasks import AVERAGE_PRECISION, Finished
from cellwright.runs.train.tuning import tuned_card

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class InstanceTask:
    """Objects, of which each pixel belongs to one."""

    name: str = "instances"
    monitor: str = AVERAGE_PRECISION
    monitored: str = "objects found in validation patches: AP at IoU 0.5"

    @property
    def methods(self) -> dict[int, str]:
        """The method when none is asked for, by dimensions."""
        return {2: "offsets", 3: "watershed"}

    def taken(self, dataset: Dataset) -> Dataset:
        """Return the dataset with the classes of its objects, if there are several."""
        return with_class_names(dataset)

    def contract(self, dataset: Dataset, seed: int) -> tuple[InputContract, tuple[str, ...]]:
        """Decide what the network is to see, and say what is wrong with single images."""
        contract, problems = object_contract(dataset, seed)
        return contract, (*problems, *class_problems(dataset))

    def learning(self, lesson: Lesson, plan: NetworkPlan, workers: int) -> Learning:
        """Return how the network learns, from the patches of a plan."""
        contract, classes = lesson.contract, lesson.dataset.classes
        assert contract.diameter_range is not None  # objects have sizes
        readout = new_readout(lesson.method, len(plan.patch), contract.diameter_range[1])
        if isinstance(readout, SpacedReadout):
            readout = readout.spaced(contract.anisotropy or 1.0)
        recipe = new_recipe(lesson.method, readout, lesson.recipe_settings())
        variation = augmentation(lesson.options.strength)
        # Objects are learned at the size at which they will be seen: in images that were alike, all
        # at one scale; in others, those of uncommon size at a common one.
        variation = replace(
            variation,
            magnification=contract.scale or 1.0,
            diameter_range=contract.diameter_range,
            reference_diameter=None if contract.scale else contract.diameter,
        )
        patches = lesson.patches(plan, variation)
        if isinstance(recipe, OverlapRecipe):
            patches = replace(patches, layers=_layers_of(lesson.dataset))
        if not classes:
            learning = lesson.learning(recipe, patches, workers)
            return learning if patches.layers == 1 else replace(learning, pack=packed_layers)
        learning = lesson.learning(
            with_object_classes(recipe, lesson.dataset), replace(patches, classes=classes), workers
        )
        return replace(learning, pack=packed_objects)

    def validation(self, learning: Learning) -> Callable[[nn.Module], Mapping[str, float]]:
        """Return what judges the network during the training."""
        from cellwright.runs.train.validation import InstanceValidation, ObjectClassValidation

        readout: Any = learning.recipe.readout
        if learning.patches.classes:
            return ObjectClassValidation(learning, readout)
        return InstanceValidation(learning, readout)

    def described(self, dataset: Dataset, contract: InputContract) -> tuple[str, str]:
        """Return the description and the limits of the model."""
        kinds = f" ({', '.join(dataset.kinds)})" if dataset.kinds else ""
        return (
            f"Finds the objects annotated in '{dataset.root.name}'.",
            f"Made for images like those in '{dataset.root.name}'{kinds}, with objects about "
            f"{contract.diameter:g} px across after scaling. Check other images by eye.",
        )

    def tuned(
        self, draft: ModelCard, files: Mapping[str, bytes], examples: Sequence[Example], seed: int
    ) -> ModelCard:
        """Choose parameters, the meaning of evidence and the least confidence."""
        return tuned_card(draft, files, examples, seed)

    def finished(
        self, draft: ModelCard, files: Mapping[str, bytes], examples: Sequence[Example], seed: int
    ) -> Finished:
        """Choose what is left to choose on validation images, and score the model on them."""
        card = self.tuned(draft, files, examples, seed)
        model = InstanceModel(Package(card, files, sha256="", source=card.name))
        evaluation = evaluate_examples(model, examples)
        figures, told = _figures(evaluation), class_figures(evaluation.classes)
        card = replace(card, evaluation={**figures, **told})
        names = ("AP@0.5 per image", "AP@0.5 pooled", "AP@0.75 per image", "panoptic quality")
        return Finished(
            card,
            [
                Number(name, f"{card.evaluation[name]:.3f}")
                for name in (*names, *told)
                if name in card.evaluation
            ],
            worst_and_best(evaluation, "AP@0.5", examples, partial(score, model), _told),
            confusion_grid(evaluation.classes),
        )

    def headline(self, card: ModelCard) -> str:
        """Return how good the model is, in one sentence."""
        figures = card.evaluation
        if not figures["images"]:
            return "no known pixel on validation images"
        told = f", class accuracy {figures[ACCURACY]:.3f}" if ACCURACY in figures else ""
        return (
            f"AP@0.5 {figures['AP@0.5 per image']:.3f} per image, {figures['AP@0.5 pooled']:.3f} "
            f"pooled{told}, on {counted(figures['images'], 'validation image')}"
        )


def _layers_of(dataset: Dataset) -> int:
    """Return how many layers it takes to learn every object whole."""
    return max(count_layers(each) for part in ("train", "val") for each in dataset.part(part))


def _figures(evaluation: Evaluation) -> dict[str, Any]:
    """Return the figures of the model's card."""
    metrics = evaluation.to_json()
    figures = {
        "of": "validation images, on which thresholds and confidence were also chosen",
        "images": metrics["images"],
        "objects": metrics["true_objects"],
    }
    if not metrics["images"]:
        return figures
    for threshold in ("0.5", "0.75", "0.9"):
        for how in ("per_image", "pooled"):
            precision = metrics[how][threshold]["average_precision"]
            figures[f"AP@{threshold} {how.replace('_', ' ')}"] = round(precision, 4)
    figures["panoptic quality"] = round(metrics["pooled"]["0.5"]["panoptic_quality"], 4)
    for kind, scores in metrics["per_kind"].items():
        precision = scores["per_image"]["0.5"]["average_precision"]
        figures[f"AP@0.5 per image, {kind}"] = round(precision, 4)
    return figures


def _told(row: Mapping[str, Any]) -> str:
    """Say how well a model did on an image."""
    return (
        f"AP@0.5 {row['AP@0.5']:.2f}, {row['true_objects']} objects annotated, "
        f"{row['predicted_objects']} found"
    )
