"""How models of points are trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from cellwright._words import counted
from cellwright.datasets.augmentation import augmentation
from cellwright.datasets.points import as_points, object_diameter
from cellwright.datasets.records import Dataset, Example
from cellwright.methods.points.readout import PointsReadout
from cellwright.methods.recipe_settings import new_recipe
from cellwright.metrics.points import correct, match_points
from cellwright.models.card import InputContract, ModelCard
from cellwright.models.package import Package
from cellwright.models.points import PointModel
from cellwright.networks.plan import NetworkPlan
from cellwright.quality.calibration import fit_calibration
from cellwright.reports.page import Number
from cellwright.runs.evaluate.pictures import worst_and_best
from cellwright.runs.evaluate.points import PointEvaluation, evaluate_points, score_points
from cellwright.runs.evaluate.scoring import joined
from cellwright.runs.train.learning import Learning
from cellwright.runs.train.lesson import Lesson
from cellwright.runs.train.packing import packed_points
from cellwright.runs.train.prepare import class_contract, drawn
from cellwright.runs.train.tasks import F1, Finished
from cellwright.runs.train.tuning import best_confidence, uncalibrated

if TYPE_CHECKING:
    from torch import nn

DIAMETER = 12.0
"""px; of what points mark, where nobody says how large that is."""
_FAINT = 0.1  # probability of the faintest points among which the right ones are chosen
_SIZED = 20  # training images whose objects are measured
_FEWEST_POINTS = 20  # a calibration from fewer would be arbitrary


@dataclass(frozen=True, slots=True)
class PointTask:
    """Where objects are."""

    name: str = "points"
    monitor: str = F1
    monitored: str = "points found in validation patches: F1"

    @property
    def methods(self) -> dict[int, str]:
        """The method when none is asked for, by dimensions."""
        return {2: "points", 3: "points"}

    def taken(self, dataset: Dataset) -> Dataset:
        """Return the dataset as a dataset of points."""
        return as_points(dataset)

    def contract(self, dataset: Dataset, seed: int) -> tuple[InputContract, tuple[str, ...]]:
        """Decide what the network is to see, and say what is wrong with single images."""
        return class_contract(dataset, seed)

    def learning(self, lesson: Lesson, plan: NetworkPlan, workers: int) -> Learning:
        """Return how the network learns, from the patches of a plan."""
        dataset, options = lesson.dataset, lesson.options
        diameter = options.diameter or _typical_diameter(dataset.part("train"), options.seed)
        readout = PointsReadout.suited_to(len(plan.patch), diameter, dataset.classes)
        readout = replace(readout, threshold=_FAINT, anisotropy=lesson.contract.anisotropy or 1.0)
        recipe = new_recipe(lesson.method, readout, lesson.recipe_settings())
        # Pasted objects are for labels that number objects.
        patches = lesson.patches(plan, replace(augmentation(options.strength), paste=0.0))
        learning = lesson.learning(recipe, patches, workers)
        return replace(learning, pack=partial(packed_points, dataset.classes))

    def validation(self, learning: Learning) -> Callable[[nn.Module], Mapping[str, float]]:
        """Return what judges the network during the training."""
        from cellwright.runs.train.validation import PointValidation

        readout: Any = learning.recipe.readout
        return PointValidation(learning, readout)

    def described(self, dataset: Dataset, contract: InputContract) -> tuple[str, str]:
        """Return the description and the limits of the model."""
        return (
            f"Finds {', '.join(dataset.classes)} as points, as annotated in '{dataset.root.name}'.",
            f"Made for images like those in '{dataset.root.name}', at the same magnification. "
            "Check other images by eye.",
        )

    def tuned(
        self, draft: ModelCard, files: Mapping[str, bytes], examples: Sequence[Example], seed: int
    ) -> ModelCard:
        """Choose what evidence means, and the least confidence."""
        return _calibrated(draft, files, examples)

    def finished(
        self, draft: ModelCard, files: Mapping[str, bytes], examples: Sequence[Example], seed: int
    ) -> Finished:
        """Choose what is left to choose on validation images, and score the model on them."""
        card = self.tuned(draft, files, examples, seed)
        model = _model(card, files)
        evaluation = evaluate_points(model, examples)
        card = replace(card, evaluation=_figures(evaluation))
        again = partial(score_points, model)
        pictures = worst_and_best(evaluation, "f1", examples, again, _told)
        return Finished(card, _overview(card.evaluation), pictures)

    def headline(self, card: ModelCard) -> str:
        """Return how good the model is, in one sentence."""
        figures = card.evaluation
        if not figures["images"]:
            return "no known pixel on validation images"
        error = figures["RMSE, px"]
        where = f", off by {error:.2f} px (RMSE)" if error is not None else ""
        return (
            f"F1 {figures['F1']:.3f} within {figures['tolerance, px']:.3g} px (precision "
            f"{figures['precision']:.3f}, recall {figures['recall']:.3f}){where}, on "
            f"{counted(figures['images'], 'validation image')}"
        )


def _typical_diameter(examples: Sequence[Example], seed: int) -> float:
    """Return the diameter in px of what points mark; `DIAMETER` where nobody says it."""
    some = drawn(examples, _SIZED, seed)
    known = [d for example in some if (d := object_diameter(example)) is not None]
    return float(np.median(known)) if known else DIAMETER


def _calibrated(
    card: ModelCard, files: Mapping[str, bytes], examples: Sequence[Example]
) -> ModelCard:
    """Say what the evidence of the readout means, and choose the least confidence."""
    card, earlier = uncalibrated(card)
    model = _model(card, files)
    evidence, right, confidence, true_points = [], [], [], 0
    for scored in score_points(model, examples, threshold=0.0):
        truth, found = scored.marked
        matching = match_points(truth, found, model.tolerance, spacing=(1.0, *model.spacing))
        evidence.append(scored.found.evidence)
        confidence.append(scored.found.table["confidence"])
        right.append(correct(matching, len(found)))
        true_points += len(truth)
    values, sure, is_right = joined(evidence), joined(confidence), joined(right).astype(bool)
    if len(is_right) >= _FEWEST_POINTS:
        calibration = fit_calibration(
            values, is_right, PointsReadout.evidence_names, earlier=earlier
        )
        sure = calibration.confidence(values)
        card = replace(card, calibration=calibration.to_json())
    return replace(card, threshold=best_confidence(sure, is_right, true_points))


def _model(card: ModelCard, files: Mapping[str, bytes]) -> PointModel:
    return PointModel(Package(card, files, sha256="", source=card.name))


def _figures(evaluation: PointEvaluation) -> dict[str, Any]:
    """Return the figures of the model's card."""
    metrics = evaluation.to_json()
    figures: dict[str, Any] = {
        "of": "validation images, on which threshold and confidence were also chosen",
        "images": metrics["images"],
        "points": metrics["true_points"],
    }
    if not metrics["images"]:
        return figures
    figures |= {
        "tolerance, px": metrics["radius"],
        "F1": metrics["f1"],
        "precision": metrics["precision"],
        "recall": metrics["recall"],
        "RMSE, px": metrics["rmse"],
        "count error per image": metrics["mean_absolute_count_error"],
        "count error per image, by density": metrics["density"]["mean_absolute_count_error"],
    }
    for what in ("class", "kind"):
        figures |= {f"F1, {name}": part["f1"] for name, part in metrics[f"per_{what}"].items()}
    return {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in figures.items()
    }


def _overview(figures: Mapping[str, Any]) -> list[Number]:
    if not figures["images"]:
        return []
    names = ("F1", "precision", "recall")
    shown = [Number(name, f"{figures[name]:.3f}") for name in names]
    if figures["RMSE, px"] is not None:
        shown.append(Number("RMSE of positions", f"{figures['RMSE, px']:.2f}", "px"))
    errors = {
        "counts off by, per image": figures["count error per image"],
        "counts by density off by, per image": figures["count error per image, by density"],
    }
    shown += [Number(name, f"{error:.1f}") for name, error in errors.items() if error is not None]
    return shown


def _told(row: Mapping[str, Any]) -> str:
    """Say how well a model did on an image."""
    return f"F1 {row['f1']:.2f}, {row['true_points']} points annotated, {row['found_points']} found"
