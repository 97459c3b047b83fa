"""How models of boxes are trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from cellwright._errors import DatasetError
from cellwright._words import counted, option
from cellwright.datasets.augmentation import augmentation
from cellwright.datasets.boxes import ONE_CLASS, class_names
from cellwright.datasets.examples import load_pixels
from cellwright.datasets.objects import with_class_names
from cellwright.datasets.records import Dataset, Example
from cellwright.inference.diameter import choose_scale
from cellwright.methods.boxes.readout import BoxesReadout
from cellwright.methods.boxes.suppression import FARTHEST
from cellwright.methods.recipe_settings import new_recipe
from cellwright.models.card import InputContract, ModelCard
from cellwright.networks.plan import NetworkPlan
from cellwright.reports.page import Number
from cellwright.runs.evaluate.boxes import (
    BoxEvaluation,
    evaluate_boxes,
    score_boxes,
    true_boxes,
)
from cellwright.runs.evaluate.pictures import worst_and_best
from cellwright.runs.train.box_patches import packed_boxes
from cellwright.runs.train.learning import Learning
from cellwright.runs.train.lesson import Lesson
from cellwright.runs.train.prepare import drawn, object_contract
from cellwright.runs.train.tasks import AP50, Finished
from cellwright.runs.train.tune_boxes import box_model, tuned_boxes

if TYPE_CHECKING:
    from torch import nn

_SIZED = 200  # training images whose objects are measured
_LARGE = 98  # percentile of the largest objects of images that a readout must reach around
BOX_NETWORK = {"name": "fpn", "width": 24, "stem": 4}
"""The network when none is asked for: it looks far, on a coarse grid."""


@dataclass(frozen=True, slots=True)
class BoxTask:
    """What is where, by a box around it."""

    name: str = "boxes"
    monitor: str = AP50
    monitored: str = "boxes found in validation patches: AP50"

    @property
    def methods(self) -> dict[int, str]:
        """The method when none is asked for, by dimensions."""
        return {2: "boxes", 3: "boxes"}

    def taken(self, dataset: Dataset) -> Dataset:
        """Return the dataset with the names of the classes of its boxes, or numbered objects.

        Raises
        ------
        DatasetError
            If it is annotated with something else.
        """
        if dataset.task == "instances":
            told = with_class_names(dataset).classes
            return replace(dataset, classes=told or (ONE_CLASS,))
        if dataset.task != "boxes":
            raise DatasetError(
                f"'{dataset.root}' is annotated with {dataset.task}, but the method 'boxes' needs "
                f"boxes or numbered objects. Leave out {option('method')}."
            )
        annotated = [example for example in dataset.examples if example.labels is not None]
        return replace(dataset, classes=class_names(annotated))

    def contract(self, dataset: Dataset, seed: int) -> tuple[InputContract, tuple[str, ...]]:
        """Decide what the network is to see, and say what is wrong with single images."""
        contract, problems = object_contract(dataset, seed)
        sizes = [diameter for diameter, _ in _sizes(dataset.part("train"), seed)]
        scale = _seen_at(float(np.median(sizes)), contract)
        return replace(contract, scale=round(scale, 4)), problems

    def learning(self, lesson: Lesson, plan: NetworkPlan, workers: int) -> Learning:
        """Return how the network learns, from the patches of a plan."""
        dataset, contract, options = lesson.dataset, lesson.contract, lesson.options
        farthest = FARTHEST * _largest(dataset.part("train"), contract, options.seed)
        readout = BoxesReadout.suited_to(len(plan.patch), farthest, dataset.classes)
        recipe = new_recipe(lesson.method, readout, lesson.recipe_settings())
        variation = augmentation(options.strength)
        if dataset.task == "boxes":
            variation = replace(variation, paste=0.0)  # which needs the objects' pixels
        # Objects are learned at the scale at which they will be seen.
        variation = replace(
            variation,
            magnification=contract.scale or 1.0,
            diameter_range=contract.diameter_range,
        )
        patches = lesson.patches(plan, variation)
        if dataset.task == "instances" and len(dataset.classes) > 1:
            patches = replace(patches, classes=dataset.classes)
        learning = lesson.learning(recipe, patches, workers)
        pack = partial(packed_boxes, dataset.classes)
        return replace(learning, pack=pack, network=BOX_NETWORK)

    def validation(self, learning: Learning) -> Callable[[nn.Module], Mapping[str, float]]:
        """Return what judges the network during the training."""
        from cellwright.runs.train.validation import BoxValidation

        readout: Any = learning.recipe.readout
        return BoxValidation(learning, readout)

    def described(self, dataset: Dataset, contract: InputContract) -> tuple[str, str]:
        """Return the description and the limits of the model."""
        return (
            f"Finds {', '.join(dataset.classes)} and the boxes around them, as annotated in "
            f"'{dataset.root.name}'.",
            f"Made for images like those in '{dataset.root.name}', at the same magnification; of "
            "others say how large their objects are (the diameter). Check them by eye.",
        )

    def tuned(
        self, draft: ModelCard, files: Mapping[str, bytes], examples: Sequence[Example], seed: int
    ) -> ModelCard:
        """Choose parameters, the meaning of evidence and the least confidences."""
        return tuned_boxes(draft, files, examples, seed)

    def finished(
        self, draft: ModelCard, files: Mapping[str, bytes], examples: Sequence[Example], seed: int
    ) -> Finished:
        """Choose what is left to choose on validation images, and score the model on them."""
        card = self.tuned(draft, files, examples, seed)
        model = box_model(card, files)
        evaluation = evaluate_boxes(model, examples)
        figures = box_figures(evaluation)
        of = "validation images, on which thresholds and confidence were also chosen"
        card = replace(card, evaluation={"of": of, **figures})
        overview = [
            Number(name, f"{value:.3f}")
            for name, value in figures.items()
            if name.startswith("AP") and value is not None
        ]
        again, told = partial(score_boxes, model), partial(_told, model.classes)
        return Finished(card, overview, worst_and_best(evaluation, "F1", examples, again, told))

    def headline(self, card: ModelCard) -> str:
        """Return how good the model is, in one sentence."""
        figures = card.evaluation
        scores = ", ".join(
            f"{name} {figures[name]:.3f}"
            for name in ("AP50", "AP75", "AP")
            if figures[name] is not None
        )
        return f"{scores or 'no box'} on {counted(figures['images'], 'validation image')}"


def box_figures(evaluation: BoxEvaluation) -> dict[str, Any]:
    """Return the figures of a model's card."""
    metrics = evaluation.to_json()
    figures: dict[str, Any] = {"images": metrics["images"], "objects": metrics["true_objects"]}
    scores = ("AP50", "AP75", "AP", "precision", "recall")
    per_class = metrics["per_class"] if len(metrics["per_class"]) > 1 else {}
    for kind, values in [("", metrics), *per_class.items()]:
        for name in scores:
            value = values[name]
            title = f"{name}, {kind}" if kind else name
            figures[title] = None if value is None else round(value, 4)
    error = metrics["calibration"]["expected_calibration_error"]
    return figures | {"expected calibration error": None if error is None else round(error, 4)}


def _sizes(examples: Sequence[Example], seed: int) -> list[tuple[float, float]]:
    """Return the typical diameter and the longest side of the objects of images that have any."""
    sizes = []
    for example in drawn(examples, _SIZED, seed):
        boxes = true_boxes(example, load_pixels(example)[0].shape[1:])
        if (diameter := boxes.diameter) is not None:
            sides = boxes.corners[boxes.known, 2:] - boxes.corners[boxes.known, :2]
            sizes.append((diameter, float(sides.max())))
    return sizes


def _seen_at(diameter: float, contract: InputContract) -> float:
    """Return the network pixels per pixel of a training image with such objects."""
    assert contract.diameter is not None and contract.diameter_range is not None  # boxes have sizes
    return choose_scale(diameter, contract.diameter, contract.diameter_range)


def _largest(examples: Sequence[Example], contract: InputContract, seed: int) -> float:
    """Return the longest side of the largest objects on the network's grid, in px."""
    assert contract.diameter is not None and contract.diameter_range is not None  # boxes have sizes
    longest = [side * _seen_at(size, contract) for size, side in _sizes(examples, seed)]
    # What is typical for one image may be as large as the range allows in another.
    room = contract.diameter_range[1] / contract.diameter
    return float(np.percentile(longest, _LARGE)) * room


def _told(classes: Sequence[str], row: Mapping[str, Any]) -> str:
    """Say how well a model did on an image."""
    counts = "; ".join(
        f"{name}: {row[f'true {name}']} annotated, {row[f'found {name}']} found" for name in classes
    )
    return f"F1 {row['F1']:.2f}; {counts}"
