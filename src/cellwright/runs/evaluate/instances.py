"""How well a model that finds objects does on annotated images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cellwright._types import AnyArray, Table
from cellwright.datasets.examples import binary_labels_warning
from cellwright.datasets.records import Example
from cellwright.images.layers import flattened, overlapping
from cellwright.metrics.calibration import calibration_figures
from cellwright.metrics.matching import IOU_THRESHOLDS, Counts, InstanceScores
from cellwright.metrics.object_classes import ObjectClassScores
from cellwright.models.instances import InstanceModel
from cellwright.runs.evaluate.scoring import Scored, joined, score

_FLAT = (
    "Annotated objects overlap, and each was compared whole, but the model gives every pixel to "
    "one object. Those of the methods stars, masks and embeddings find whole objects."
)


@dataclass(slots=True)
class Evaluation:
    """Scores of a model, collected image by image.

    Attributes
    ----------
    scores : dict of InstanceScores
        Of all images, and of each kind and group, under ``""``, ``"kind: NAME"`` and
        ``"group: NAME"``.
    classes : ObjectClassScores, optional
        Where classes of objects are told apart.
    warnings : list of str
        Why single scores may mean little.
    """

    scores: dict[str, InstanceScores] = field(default_factory=lambda: {"": InstanceScores()})
    _confidence: list[AnyArray] = field(default_factory=list)
    _correct: list[AnyArray] = field(default_factory=list)
    _rows: list[dict[str, Any]] = field(default_factory=list)
    classes: ObjectClassScores | None = None
    warnings: list[str] = field(default_factory=list)

    def add(self, scored: Scored) -> None:
        """Take up one image."""
        example, truth = scored.example, scored.truth
        subsets = {"kind": example.kind, "group": example.group}
        counts: dict[float, Counts] = {}
        for name in ["", *(f"{what}: {which}" for what, which in subsets.items() if which)]:
            matched = self.scores.setdefault(name, InstanceScores()).add_overlaps(scored.overlaps)
            counts = {threshold: one.counts for threshold, one in matched.items()}
        known = scored.known
        self._confidence.append(scored.found.table["confidence"][known])
        self._correct.append(scored.correct[known])
        self._rows.append(_row(scored, counts))
        if self.classes is not None:
            true_kinds, kinds = scored.true_kinds, scored.kinds
            self.classes.add_overlaps(scored.overlaps, true_kinds, kinds)
            for number, name in enumerate(scored.classes, 1):
                self._rows[-1] |= {
                    f"true {name}": int(np.count_nonzero(true_kinds == number)),
                    f"found {name}": int(np.count_nonzero(kinds == number)),
                }
        mask = binary_labels_warning(example, flattened(truth))
        if mask is not None:
            self.warnings.append(mask)
        if scored.found.covered is None and _FLAT not in self.warnings and overlapping(truth):
            self.warnings.append(_FLAT)

    def calibration(self) -> dict[str, float | None]:
        """Return whether confidences mean what they say; None where that cannot be told."""
        return calibration_figures(joined(self._confidence), joined(self._correct))

    def to_json(self) -> dict[str, Any]:
        """Return all scores, as they stand in ``metrics.json``."""
        whole = self.scores[""].as_dict()
        parts: dict[str, dict[str, Any]] = {"kind": {}, "group": {}}
        for name, scores in self.scores.items():
            what, _, which = name.partition(": ")
            if what:
                parts[what][which] = _with_mean(scores.as_dict())
        return {
            **_with_mean(whole),
            **({} if self.classes is None else self.classes.as_dict()),
            "calibration": self.calibration(),
            "per_kind": parts["kind"],
            "per_group": parts["group"],
        }

    def table(self) -> Table:
        """Return one row per image."""
        return {name: np.array([row[name] for row in self._rows]) for name in self._rows[0]}


def evaluate_examples(
    model: InstanceModel, examples: Sequence[Example], *, threshold: float | None = None
) -> Evaluation:
    """Score a model on examples, without writing anything."""
    classes = model.object_classes
    evaluation = Evaluation(classes=ObjectClassScores(classes) if classes else None)
    for scored in score(model, examples, threshold=threshold):
        evaluation.add(scored)
    return evaluation


def _with_mean(scores: dict[str, Any]) -> dict[str, Any]:
    """Add the mean average precision over all thresholds."""
    means = {
        how: float(np.mean([row["average_precision"] for row in scores[how].values()]))
        for how in ("pooled", "per_image")
    }
    return {"mean_average_precision": means, **scores}


def _row(scored: Scored, counts: dict[float, Counts]) -> dict[str, Any]:
    half = counts[0.5]
    truth, predicted = half.true_positives + half.false_negatives, len(scored.found.table["label"])
    return {
        "image": scored.example.id,
        "kind": scored.example.kind or "",
        "group": scored.example.group or "",
        "true_objects": truth,
        "predicted_objects": predicted,
        **{
            f"AP@{threshold:g}": counts[threshold].average_precision for threshold in IOU_THRESHOLDS
        },
        "F1@0.5": half.f1,
        "PQ": half.panoptic_quality,
        "scale": scored.found.scale,
        "diameter": scored.found.diameter,
        "warnings": "; ".join(scored.found.warnings),
    }
