"""What is chosen on validation images once a network has learned boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from cellwright.datasets.records import Example
from cellwright.models.boxes import BoxModel
from cellwright.models.card import ModelCard
from cellwright.models.package import Package
from cellwright.models.readouts import boxes_of
from cellwright.quality.calibration import Calibration, fit_calibration
from cellwright.runs.evaluate.boxes import NOT_KNOWN, new_scores, score_boxes
from cellwright.runs.evaluate.scoring import joined
from cellwright.runs.train.prepare import drawn
from cellwright.runs.train.tuning import (
    FEWEST_OBJECTS,
    MOST_EXAMPLES,
    best_confidence,
    chosen_parameters,
    uncalibrated,
)

NESTED = (1.0, 0.9, 0.8)
"""Shares of nested boxes to try; see `BoxesReadout`."""


def tuned_boxes(
    card: ModelCard, files: Mapping[str, bytes], examples: Sequence[Example], seed: int
) -> ModelCard:
    """Choose the readout's parameters one by one, then calibrate, and choose the confidences.

    The least confidence of each class is that with its highest F1: what is best for all boxes
    together is best for the most frequent class. What nested boxes are is chosen by that F1, too,
    since those that average precision sees besides are left out in use.

    Parameters, Returns
    -------------------
    As for `cellwright.runs.train.tuning.tuned_card`.
    """
    card, earlier = uncalibrated(card)
    some = drawn(examples, MOST_EXAMPLES, seed)

    def precision(candidate: ModelCard) -> float:
        return _mean_precision(candidate, files, some)

    best = chosen_parameters(card, boxes_of(card).tunable, precision)
    candidates = (replace(best, readout={**best.readout, "nested": share}) for share in NESTED)
    tuned = [_calibrated(candidate, files, examples, earlier) for candidate in candidates]
    return max(tuned, key=lambda one: one[1])[0]


def _calibrated(
    card: ModelCard,
    files: Mapping[str, bytes],
    examples: Sequence[Example],
    earlier: Calibration | None,
) -> tuple[ModelCard, float]:
    """Say what the evidence of the readout means, and choose the least confidences.

    Returns
    -------
    card : ModelCard
        As it was where too few objects are found.
    f1 : float
        With these confidences, the mean over classes.
    """
    evidence, correct, kinds, true_kinds = [], [], [], []
    for scored in score_boxes(box_model(card, files), examples):
        partners = scored.partners()
        told = partners != NOT_KNOWN
        evidence.append(scored.found.evidence[told])
        correct.append(partners[told] >= 0)
        kinds.append(scored.kinds[told])
        true_kinds.append(scored.true_kinds[scored.truth.known])
    values, right = joined(evidence), joined(correct).astype(bool)
    if len(right) < FEWEST_OBJECTS:
        return card, 0.0
    names = boxes_of(card).evidence_names
    calibration = fit_calibration(values, right, names, earlier=earlier)
    confidence = calibration.confidence(values)
    least = best_confidence(confidence, right, len(joined(true_kinds)))
    own, scores = {}, []
    for number, name in enumerate(boxes_of(card).classes):
        of_kind, true = joined(kinds) == number, int(np.sum(joined(true_kinds) == number))
        if true >= FEWEST_OBJECTS:
            own[name] = best_confidence(confidence[of_kind], right[of_kind], true)
        sure = of_kind & (confidence >= own.get(name, least))
        scores.append(2 * np.sum(right & sure) / max(np.sum(sure) + true, 1))
    tuned = replace(
        card,
        calibration=calibration.to_json(),
        threshold=least,
        class_thresholds=own if len(scores) > 1 else {},
    )
    return tuned, float(np.mean(scores))


def _mean_precision(
    card: ModelCard, files: Mapping[str, bytes], examples: Sequence[Example]
) -> float:
    """Return the average precision, averaged over classes and the thresholds of the IoU."""
    scores = new_scores()
    for scored in score_boxes(box_model(card, files), examples):
        scored.add_to(scores)
    return scores.average_precision()


def box_model(card: ModelCard, files: Mapping[str, bytes]) -> BoxModel:
    """Return the model that a card and files make."""
    return BoxModel(Package(card, files, sha256="", source="the trained network"))
