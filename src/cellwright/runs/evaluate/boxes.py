"""How well a model of boxes does on annotated images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cellwright._errors import DatasetError
from cellwright._progress import progress
from cellwright._types import AnyArray, BoolArray, IntArray, LabelArray, Table
from cellwright.datasets.boxes import ONE_CLASS, Boxes, load_boxes
from cellwright.datasets.examples import load_labels
from cellwright.datasets.objects import Objects, load_kinds, tells_classes
from cellwright.datasets.records import BoxLabels, Example
from cellwright.images.image import Image
from cellwright.measure.tables import from_rows
from cellwright.methods.boxes.geometry import boxes_of, middles_in
from cellwright.metrics.calibration import calibration_figures
from cellwright.metrics.detection import DetectionScores, box_iou, match_in_turn
from cellwright.metrics.matching import Counts
from cellwright.models.boxes import BoxModel
from cellwright.models.detections import Detections
from cellwright.reports.annotated import box_frames
from cellwright.runs.evaluate.scoring import IOU, image_of, joined
from cellwright.runs.evaluate.subsets import (
    WHOLE,
    facts_of,
    nothing_known,
    scores_of_each,
    subsets_of,
)

NOT_KNOWN = -2
"""In place of a partner: the box lies where nobody knows what is there."""
MOST_DETECTIONS = 10_000
"""Of each class in an image, where COCO counts 100: fields of cells hold more than photographs."""
_ALONE = -1


@dataclass(frozen=True, slots=True)
class ScoredBoxes:
    """One example beside what a model found in it.

    Parameters
    ----------
    example : Example
    image : Image
        Axes ``"CYX"``.
    truth : Boxes
    found : Detections
        All of them, however unsure.
    classes : tuple of str
        That the model tells apart.
    """

    example: Example
    image: Image
    truth: Boxes
    found: Detections
    classes: tuple[str, ...]

    @property
    def true_kinds(self) -> IntArray:
        """Number of the class of each true box."""
        return _numbers(self.truth.names, self.classes)

    @property
    def kinds(self) -> IntArray:
        """Number of the class of each box that was found."""
        return _numbers(self.found.table["class"], self.classes)

    @property
    def unjudged(self) -> BoolArray:
        """Return which found boxes lie where nobody looked for objects."""
        if self.truth.looked is None:
            return np.zeros(len(self.found), np.bool_)
        return middles_in(self.found.boxes, ~self.truth.looked)

    @property
    def confidence(self) -> AnyArray:
        """Confidence of each box that was found."""
        return self.found.table["confidence"]

    def add_to(self, scores: DetectionScores) -> None:
        """Let this image count."""
        scores.add(
            self.truth.corners,
            self.true_kinds,
            self.found.boxes,
            self.kinds,
            self.confidence,
            ignored=~self.truth.known,
            unjudged=self.unjudged,
        )

    def sure(self, least: Mapping[str, float]) -> BoolArray:
        """Return which found boxes have the least confidence of their class."""
        kinds = self.found.table["class"].tolist()
        return np.asarray(self.confidence >= np.array([least[kind] for kind in kinds]), np.bool_)

    def partners(self, sure: BoolArray | None = None) -> IntArray:
        """Return which true box each found one matches, within its class.

        Parameters
        ----------
        sure : ndarray, shape (N,), bool, optional
            Only these look for one; all of them when not given.

        Returns
        -------
        ndarray, shape (N,), int64
            -1 without one, `NOT_KNOWN` where it is not known what is there.
        """
        partners = np.where(self.unjudged, NOT_KNOWN, _ALONE)
        for kind in range(len(self.classes)):
            true = np.flatnonzero(self.true_kinds == kind)
            own = np.flatnonzero((self.kinds == kind) & (True if sure is None else sure))
            own = own[np.argsort(-self.confidence[own], kind="stable")]
            iou = box_iou(self.found.boxes[own], np.asarray(self.truth.corners[true], np.float64))
            unknown = ~self.truth.known[true]
            matched = match_in_turn(iou, unknown, IOU)
            right = matched >= 0
            partners[own[right]] = np.where(unknown, NOT_KNOWN, true)[matched[right]]
        return partners


@dataclass(slots=True)
class BoxEvaluation:
    """Scores of a model, collected image by image.

    Parameters
    ----------
    classes : tuple of str
        That the model tells apart.
    least : mapping of str to float
        Confidence from which a box of a class counts as found where boxes are counted; average
        precisions are about all of them.
    """

    classes: tuple[str, ...]
    least: Mapping[str, float]
    warnings: list[str] = field(default_factory=list)
    _scores: dict[str, DetectionScores] = field(default_factory=dict)
    _confidence: list[AnyArray] = field(default_factory=list)
    _correct: list[AnyArray] = field(default_factory=list)
    _rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, scored: ScoredBoxes) -> None:
        """Take up one image."""
        truth = scored.truth
        for name in subsets_of(scored.example):
            scored.add_to(self._scores.setdefault(name, new_scores()))
        sure = scored.sure(self.least)
        partners = scored.partners(sure)
        counted = sure & (partners != NOT_KNOWN)
        self._confidence.append(scored.confidence[counted])
        self._correct.append(partners[counted] >= 0)
        row: dict[str, Any] = {**facts_of(scored.example)}
        for number, name in enumerate(self.classes):
            own = counted & (scored.kinds == number)
            row[f"true {name}"] = int(((scored.true_kinds == number) & truth.known).sum())
            row[f"found {name}"] = int(own.sum())
            row[f"right {name}"] = int((partners[own] >= 0).sum())
        true, found, right = (
            sum(row[f"{what} {name}"] for name in self.classes)
            for what in ("true", "found", "right")
        )
        row |= _rates(true, found, right)
        if truth.looked is not None and not truth.looked.any():
            self.warnings.append(nothing_known(scored.example))
            row |= dict.fromkeys(_rates(0, 0, 0), np.nan)
        self._rows.append(row | {"warnings": "; ".join(scored.found.warnings)})

    def to_json(self) -> dict[str, Any]:
        """Return all scores, as they stand in ``metrics.json``."""
        counts = {name: self._counts(name) for name in self.classes}
        total = [sum(count[n] for count in counts.values()) for n in range(3)]
        whole = self._scores[WHOLE]
        return {
            "images": len(self._rows),
            "true_objects": total[0],
            "predicted_objects": total[1],
            **_known(whole),
            **_rates(*total),
            "per_class": {
                name: {
                    "true_objects": counts[name][0],
                    "predicted_objects": counts[name][1],
                    "threshold": self.least[name],
                    "AP": _finite(whole.average_precision(kind=number)),
                    "AP50": _finite(whole.average_precision(0.5, number)),
                    "AP75": _finite(whole.average_precision(0.75, number)),
                    **_rates(*counts[name]),
                }
                for number, name in enumerate(self.classes)
            },
            "calibration": calibration_figures(
                joined(self._confidence), joined(self._correct).astype(bool)
            ),
            "per_kind": scores_of_each("kind", self._scores, _known),
            "per_group": scores_of_each("group", self._scores, _known),
        }

    def table(self) -> Table:
        """Return one row per image."""
        return from_rows(self._rows)

    def drawn(self, scored: ScoredBoxes) -> tuple[LabelArray, LabelArray]:
        """Return frames of true boxes, and of those found that are sure enough, for pictures."""
        size = scored.image.shape[1:]
        found = scored.found.boxes[scored.sure(self.least)]
        return box_frames(scored.truth.corners, size), box_frames(found, size)

    def _counts(self, name: str) -> tuple[int, int, int]:
        """Return how many objects of a class there are, were found, and rightly so."""
        true, found, right = (
            sum(row[f"{what} {name}"] for row in self._rows) for what in ("true", "found", "right")
        )
        return true, found, right


def evaluate_boxes(
    model: BoxModel, examples: Sequence[Example], *, threshold: float | None = None
) -> BoxEvaluation:
    """Score a model on examples, without writing anything."""
    evaluation = BoxEvaluation(model.classes, model.least_of_classes(threshold))
    for scored in score_boxes(model, examples):
        evaluation.add(scored)
    return evaluation


def score_boxes(model: BoxModel, examples: Sequence[Example]) -> Iterator[ScoredBoxes]:
    """Find the boxes of examples one by one.

    Parameters
    ----------
    model : BoxModel
    examples : sequence of Example
        Images with boxes or numbered objects.

    Raises
    ------
    DatasetError
        If an example is a volume, a file does not fit, or it has a class that the model lacks.
    """
    for example in progress(examples, "Evaluating"):
        image = image_of(example, model.card.network.dimensions)
        truth = true_boxes(example, image.shape[1:], model.classes)
        if unknown := sorted(set(truth.names[truth.known].tolist()) - set(model.classes)):
            kinds = "of no class" if unknown == [ONE_CLASS] else f"of the class '{unknown[0]}'"
            raise DatasetError(
                f"'{example.image}' has objects {kinds}, but the model tells "
                f"{', '.join(model.classes)} apart and is scored on these."
            )
        found = model.detect(image, threshold=0.0)
        yield ScoredBoxes(example, image, truth, found, model.classes)


def new_scores() -> DetectionScores:
    """Return scores to which images can be added."""
    return DetectionScores(most_detections=MOST_DETECTIONS)


def true_boxes(
    example: Example, shape: tuple[int, ...], classes: Sequence[str] = (ONE_CLASS,)
) -> Boxes:
    """Return the annotated boxes of an example, or those around its numbered objects.

    Parameters
    ----------
    example : Example
    shape : tuple of int
        Of its image, (Y, X) in px.
    classes : sequence of str
        What numbered objects may be. Of several, an object is what is said of it, and boxes around
        others are not known.

    Raises
    ------
    DatasetError
        If the image is a volume, or a file cannot be used.
    """
    if len(shape) != 2:
        raise DatasetError(
            f"'{example.image}' is a volume, but boxes are found in planes only. Choose another "
            "method."
        )
    if isinstance(example.labels, BoxLabels):
        return load_boxes(example)
    labels = load_labels(example, shape)
    looked = None if (labels >= 0).all() else labels >= 0
    if len(classes) == 1 or not tells_classes(example):
        corners, _, known = boxes_of(labels)
        return Boxes(corners, np.full(len(corners), ONE_CLASS), known, looked=looked)
    corners, kinds, known = boxes_of(Objects(labels, load_kinds(example, labels, classes)))
    return Boxes(corners, np.array(classes, np.str_)[kinds], known, looked=looked)


def _numbers(names: AnyArray, classes: Sequence[str]) -> IntArray:
    """Return the numbers of named classes; -1 of those that there are not."""
    numbers = {name: number for number, name in enumerate(classes)}
    return np.array([numbers.get(str(name), -1) for name in names], np.int64)


def _rates(true: int, found: int, right: int) -> dict[str, float]:
    counts = Counts(right, found - right, true - right)
    return {"precision": counts.precision, "recall": counts.recall, "F1": counts.f1}


def _known(scores: DetectionScores) -> dict[str, float | None]:
    return {name: _finite(value) for name, value in scores.as_dict().items()}


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
