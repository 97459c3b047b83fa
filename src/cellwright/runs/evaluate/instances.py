"""How well a model that finds objects does on annotated images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cellwright._types import AnyArray, LabelArray, Table
from cellwright.datasets.examples import binary_labels_warning
from cellwright.datasets.records import Example
from cellwright.images.layers import flattened, overlapping
from cellwright.measure.tables import from_rows
from cellwright.metrics.calibration import calibration_figures
from cellwright.metrics.matching import IOU_THRESHOLDS, Counts, InstanceScores
from cellwright.metrics.object_classes import ObjectClassScores
from cellwright.models.instances import InstanceModel
from cellwright.runs.evaluate.scoring import Scored, joined, score
from cellwright.runs.evaluate.subsets import (
    WHOLE,
    facts_of,
    nothing_known,
    scores_of_each,
    subsets_of,
)

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
        Of all images, and of each kind and group, by the names that `subsets_of`
        gives.
    classes : ObjectClassScores, optional
        Where classes of objects are told apart.
    warnings : list of str
        Why single scores may mean little.
    """

    scores: dict[str, InstanceScores] = field(default_factory=lambda: {WHOLE: InstanceScores()})
    _confidence: list[AnyArray] = field(default_factory=list)
    _correct: list[AnyArray] = field(default_factory=list)
    _rows: list[dict[str, Any]] = field(default_factory=list)
    classes: ObjectClassScores | None = None
    warnings: list[str] = field(default_factory=list)

    def add(self, scored: Scored) -> None:
        """Take up one image."""
        example, truth = scored.example, scored.truth
        counts: dict[float, Counts] | None = None
        judged = (truth >= 0).any()
        if not judged:
            self.warnings.append(nothing_known(example))
        for name in subsets_of(example) if judged else ():
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
        return {
            **_with_mean(self.scores[WHOLE]),
            **({} if self.classes is None else self.classes.as_dict()),
            "calibration": self.calibration(),
            "per_kind": scores_of_each("kind", self.scores, _with_mean),
            "per_group": scores_of_each("group", self.scores, _with_mean),
        }

    def table(self) -> Table:
        """Return one row per image."""
        return from_rows(self._rows)

    def drawn(self, scored: Scored) -> tuple[LabelArray, LabelArray]:
        """Return the annotated objects of an image and those that were found, for pictures."""
        return flattened(scored.truth), scored.labels


def evaluate_examples(
    model: InstanceModel, examples: Sequence[Example], *, threshold: float | None = None
) -> Evaluation:
    """Score a model on examples, without writing anything."""
    classes = model.object_classes
    evaluation = Evaluation(classes=ObjectClassScores(classes) if classes else None)
    for scored in score(model, examples, threshold=threshold):
        evaluation.add(scored)
    return evaluation


def _with_mean(scores: InstanceScores) -> dict[str, Any]:
    """Return scores with the mean average precision over all thresholds."""
    told = scores.as_dict()
    means: dict[str, float | None] = dict.fromkeys(("pooled", "per_image"))
    if told["images"]:
        for how in means:
            means[how] = float(np.mean([one["average_precision"] for one in told[how].values()]))
    return {"mean_average_precision": means, **told}


def _row(scored: Scored, counts: Mapping[float, Counts] | None) -> dict[str, Any]:
    """Return the row of an image; without counts where nobody knows what is there."""
    half = Counts() if counts is None else counts[0.5]
    scores = {f"AP@{t:g}": np.nan for t in IOU_THRESHOLDS} | {"F1@0.5": np.nan, "PQ": np.nan}
    if counts is not None:
        scores = {f"AP@{t:g}": counts[t].average_precision for t in IOU_THRESHOLDS}
        scores |= {"F1@0.5": half.f1, "PQ": half.panoptic_quality}
    return {
        **facts_of(scored.example),
        "true_objects": half.true_positives + half.false_negatives,
        "predicted_objects": len(scored.found.table["label"]),
        **scores,
        "scale": scored.found.scale,
        "diameter": scored.found.diameter,
        "warnings": "; ".join(scored.found.warnings),
    }
