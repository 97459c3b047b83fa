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
from cellwright.quality.calibration import fit_calibration
from cellwright.runs.evaluate_boxes import NOT_KNOWN, new_scores, score_boxes
from cellwright.runs.prepare import drawn
from cellwright.runs.scoring import joined
from cellwright.runs.tuning import FEWEST_OBJECTS, MOST_EXAMPLES, best_confidence, chosen_parameters


def tuned_boxes(
    card: ModelCard, files: Mapping[str, bytes], examples: Sequence[Example], seed: int
) -> ModelCard:
    """Choose the readout's parameters one by one, then calibrate, and choose the confidence.

    Parameters, Returns
    -------------------
    As for `cellwright.runs.tuning.tuned_card`.
    """
    some = drawn(examples, MOST_EXAMPLES, seed)

    def precision(candidate: ModelCard) -> float:
        return _mean_precision(candidate, files, some)

    best = chosen_parameters(card, boxes_of(card).tunable, precision)
    return _calibrated(best, files, examples)


def _calibrated(
    card: ModelCard, files: Mapping[str, bytes], examples: Sequence[Example]
) -> ModelCard:
    """Say what the evidence of the readout means, and choose the least confidence."""
    evidence, correct, true_objects = [], [], 0
    for scored in score_boxes(box_model(card, files), examples):
        partners = scored.partners()
        told = partners != NOT_KNOWN
        evidence.append(scored.found.evidence[told])
        correct.append(partners[told] >= 0)
        true_objects += int(np.count_nonzero(scored.truth.known))
    values, right = joined(evidence), joined(correct).astype(bool)
    if len(right) < FEWEST_OBJECTS:
        return card
    calibration = fit_calibration(values, right, boxes_of(card).evidence_names)
    threshold = best_confidence(calibration.confidence(values), right, true_objects)
    return replace(card, calibration=calibration.to_json(), threshold=threshold)


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
