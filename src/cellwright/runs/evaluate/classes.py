"""How well a model of pixel classes does on annotated images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cellwright._progress import progress
from cellwright._types import AnyArray, LabelArray, Table
from cellwright.datasets.records import Example
from cellwright.images.image import Image
from cellwright.measure.tables import from_rows
from cellwright.metrics.semantic import SemanticScores
from cellwright.models.classes import ClassModel, ClassSegmentation
from cellwright.runs.evaluate.scoring import load_image
from cellwright.runs.evaluate.subsets import WHOLE, facts_of, scores_of_each, subsets_of


@dataclass(frozen=True, slots=True)
class ScoredClasses:
    """One example beside what a model found in it.

    Parameters
    ----------
    example : Example
    image : Image
        Axes ``"C[Z]YX"``.
    truth : ndarray, shape ([Z,] Y, X), int32
        Numbers of classes; -1 is unknown.
    found : ClassSegmentation
        With its classes in memory.
    """

    example: Example
    image: Image
    truth: LabelArray
    found: ClassSegmentation

    @property
    def classes(self) -> AnyArray:
        """The class of every pixel that was found, shape ([Z,] Y, X)."""
        assert self.found.classes is not None  # no sink is used here
        return self.found.classes


@dataclass(slots=True)
class ClassEvaluation:
    """Scores of a model, collected image by image.

    Parameters
    ----------
    names : tuple of str
        What the classes 0, 1, 2 ... mean.
    """

    names: tuple[str, ...]
    warnings: list[str] = field(default_factory=list)
    _scores: dict[str, SemanticScores] = field(default_factory=dict)
    _rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, scored: ScoredClasses) -> None:
        """Take up one image."""
        for name in subsets_of(scored.example):
            scores = self._scores.setdefault(name, SemanticScores(self.names))
            scores.add(scored.truth, scored.classes)
        alone = SemanticScores(self.names)
        alone.add(scored.truth, scored.classes)
        dice = alone.as_dict()["dice"]
        self._rows.append(
            {
                **facts_of(scored.example),
                "dice": alone.mean_dice(),
                **{
                    f"dice {name}": np.nan if dice[name] is None else dice[name]
                    for name in self.names[1:]
                },
                "warnings": "; ".join(scored.found.warnings),
            }
        )

    def to_json(self) -> dict[str, Any]:
        """Return all scores, as they stand in ``metrics.json``."""
        return {
            **self._scores[WHOLE].as_dict(),
            "per_kind": scores_of_each("kind", self._scores, SemanticScores.as_dict),
            "per_group": scores_of_each("group", self._scores, SemanticScores.as_dict),
        }

    def table(self) -> Table:
        """Return one row per image."""
        return from_rows(self._rows)

    def drawn(self, scored: ScoredClasses) -> tuple[AnyArray, AnyArray]:
        """Return the annotated classes of an image and those that were found, for pictures."""
        return scored.truth, scored.classes


def evaluate_classes(model: ClassModel, examples: Sequence[Example]) -> ClassEvaluation:
    """Score a model on examples, without writing anything."""
    evaluation = ClassEvaluation(model.names)
    for scored in score_classes(model, examples):
        evaluation.add(scored)
    return evaluation


def score_classes(model: ClassModel, examples: Sequence[Example]) -> Iterator[ScoredClasses]:
    """Segment examples one by one.

    Raises
    ------
    DatasetError
        If an example has other dimensions than the model, or a file does not fit.
    """
    for example in progress(examples, "Evaluating"):
        image, truth = load_image(example, model.card.network.dimensions)
        yield ScoredClasses(example, image, truth, model.segment(image))
