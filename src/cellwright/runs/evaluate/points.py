"""How well a model of points does on annotated images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cellwright._progress import progress
from cellwright._types import AnyArray, BoolArray, DoubleArray, IntArray, LabelArray, Table
from cellwright.datasets.points import Points, load_points
from cellwright.datasets.records import Example
from cellwright.images.image import Image
from cellwright.measure.tables import from_rows
from cellwright.metrics.calibration import calibration_figures
from cellwright.metrics.points import (
    PointMatching,
    PointScores,
    by_class,
    class_of,
    correct,
    match_points,
)
from cellwright.models.detections import Detections
from cellwright.models.points import PointModel
from cellwright.reports.drawing import draw_marks
from cellwright.runs.evaluate.scoring import image_of, joined
from cellwright.runs.evaluate.subsets import (
    WHOLE,
    facts_of,
    nothing_known,
    scores_of_each,
    subsets_of,
)


@dataclass(frozen=True, slots=True)
class ScoredPoints:
    """One example beside what a model found in it.

    Parameters
    ----------
    example : Example
    image : Image
        Axes ``"C[Z]YX"``.
    truth : Points
    found : Detections
        What lies where the annotation says anything at all.
    classes : tuple of str
        That the model knows.
    """

    example: Example
    image: Image
    truth: Points
    found: Detections
    classes: tuple[str, ...]

    @property
    def positions(self) -> DoubleArray:
        """Where points were found, shape (N, D), in px."""
        return positions_of(self.found.table, len(self.image.shape) - 1)

    @property
    def expected(self) -> float:
        """How many points there are according to the density, found or not."""
        return sum((self.found.counts or {}).values())

    @property
    def marked(self) -> tuple[DoubleArray, DoubleArray]:
        """True and found positions, to be compared within their class."""
        return (
            by_class(self.truth.positions, numbers_of(self.truth.names, self.classes)),
            by_class(self.positions, numbers_of(self.found.table["class"], self.classes)),
        )


@dataclass(slots=True)
class PointEvaluation:
    """Scores of a model, collected image by image.

    Parameters
    ----------
    tolerance : float
        How far a right point is from the true one at most, in px within a plane.
    spacing : tuple of float
        Size of a pixel along each axis, in px within a plane.
    """

    tolerance: float
    spacing: tuple[float, ...]
    warnings: list[str] = field(default_factory=list)
    _scores: dict[str, PointScores] = field(default_factory=dict)
    _confidence: list[AnyArray] = field(default_factory=list)
    _correct: list[BoolArray] = field(default_factory=list)
    _rows: list[dict[str, Any]] = field(default_factory=list)
    _count_errors: list[float] = field(default_factory=list)

    def add(self, scored: ScoredPoints) -> None:
        """Take up one image."""
        truth, found = scored.marked
        judged = scored.truth.known is None or scored.truth.known.any()
        for name in subsets_of(scored.example) if judged else ():
            self._part(name).add(truth, found)
        if judged and len(scored.classes) > 1:
            for number, name in enumerate(scored.classes):
                own = [part[class_of(part) == number] for part in (truth, found)]
                self._part(f"class: {name}").add(*own)
        matching = match_points(truth, found, self.tolerance, spacing=(1.0, *self.spacing))
        self._confidence.append(scored.found.table["confidence"])
        self._correct.append(correct(matching, len(found)))
        self._rows.append(_row(scored, matching))
        if not judged:
            self.warnings.append(nothing_known(scored.example))
            self._rows[-1] |= dict.fromkeys(("precision", "recall", "f1"), np.nan)
        if scored.truth.known is None:
            self._count_errors.append(scored.expected - len(scored.truth))

    def to_json(self) -> dict[str, Any]:
        """Return all scores, as they stand in ``metrics.json``."""
        return {
            **self._part(WHOLE).as_dict(),
            "density": self._density(),
            "calibration": calibration_figures(joined(self._confidence), joined(self._correct)),
            **{
                f"per_{what}": scores_of_each(what, self._scores, PointScores.as_dict)
                for what in ("class", "kind", "group")
            },
        }

    def _density(self) -> dict[str, float | None]:
        """Return how far counts by density are off; None where not all is annotated."""
        errors = self._count_errors
        return {
            "count_error": float(np.sum(errors)) if errors else None,
            "mean_absolute_count_error": float(np.mean(np.abs(errors))) if errors else None,
        }

    def table(self) -> Table:
        """Return one row per image."""
        return from_rows(self._rows)

    def drawn(self, scored: ScoredPoints) -> tuple[LabelArray, LabelArray]:
        """Return rings around true points, and around those that were found, for pictures."""
        size, radius = scored.image.shape[1:], self.tolerance / 2
        true = draw_marks(scored.truth.positions, size, radius)
        return true, draw_marks(scored.positions, size, radius)

    def _part(self, name: str) -> PointScores:
        return self._scores.setdefault(name, PointScores(self.tolerance, (1.0, *self.spacing)))


def numbers_of(names: AnyArray, classes: Sequence[str]) -> IntArray:
    """Return the numbers of named classes; those that a model does not know are one more."""
    numbers = {name: number for number, name in enumerate(classes)}
    return np.array([numbers.get(str(name), len(classes)) for name in names], np.int64)


def positions_of(table: Table, dimensions: int) -> DoubleArray:
    """Return the positions (N, D) in a table of detections, in px."""
    columns = [table[f"centroid-{axis}"] for axis in range(dimensions)]
    return np.stack(columns, 1).astype(np.float64)


def evaluate_points(
    model: PointModel, examples: Sequence[Example], *, threshold: float | None = None
) -> PointEvaluation:
    """Score a model on examples, without writing anything.

    Parameters
    ----------
    model : PointModel
    examples : sequence of Example
        Images with points, see `cellwright.datasets.points.as_points`.
    threshold : float, optional
        Least confidence; the model's own by default.
    """
    evaluation = PointEvaluation(model.tolerance, model.spacing)
    for scored in score_points(model, examples, threshold=threshold):
        evaluation.add(scored)
    return evaluation


def score_points(
    model: PointModel, examples: Sequence[Example], *, threshold: float | None = None
) -> Iterator[ScoredPoints]:
    """Find the points of examples one by one.

    Raises
    ------
    DatasetError
        If an example has other dimensions than the model, or a file does not fit.
    """
    dimensions = model.card.network.dimensions
    for example in progress(examples, "Evaluating"):
        image = image_of(example, dimensions)
        truth = load_points(example, image.shape[1:])
        found = model.detect(image, threshold=threshold)
        if truth.known is not None:
            pixels = positions_of(found.table, dimensions).round().astype(int)
            inside = np.clip(pixels, 0, np.array(truth.known.shape) - 1)
            found = _kept(found, truth.known[tuple(inside.T)])
        yield ScoredPoints(example, image, truth, found, model.classes)


def _kept(found: Detections, stay: BoolArray) -> Detections:
    table = {name: column[stay] for name, column in found.table.items()}
    return replace(found, table=table, evidence=found.evidence[stay])


def _row(scored: ScoredPoints, matching: PointMatching) -> dict[str, Any]:
    counts = matching.counts
    true_points = counts.true_positives + counts.false_negatives
    found_points = counts.true_positives + counts.false_positives
    return {
        **facts_of(scored.example),
        "true_points": true_points,
        "found_points": found_points,
        "count_error": found_points - true_points,
        "points_by_density": scored.expected,
        "precision": counts.precision,
        "recall": counts.recall,
        "f1": counts.f1,
        "rmse": matching.rmse,
        "warnings": "; ".join(scored.found.warnings),
    }
