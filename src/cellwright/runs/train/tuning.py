"""What is chosen on validation images once a network is trained: threshold and confidence."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import numpy as np

from cellwright._progress import progress
from cellwright._types import AnyArray, BoolArray, LabelArray, Table
from cellwright.datasets.examples import load_layers, whole_object_facts
from cellwright.datasets.records import Example
from cellwright.images.layers import overlapping
from cellwright.inference.overlaps import layered
from cellwright.metrics.matching import InstanceScores
from cellwright.metrics.overlap import layered_overlap_table
from cellwright.models.card import ModelCard
from cellwright.models.instances import InstanceModel
from cellwright.models.package import Package
from cellwright.models.readouts import readout_of
from cellwright.quality.calibration import Calibration, fit_calibration
from cellwright.runs.evaluate.scoring import image_of, joined, score
from cellwright.runs.train.prepare import drawn

CONFIDENCE_THRESHOLDS = tuple(step / 20 for step in range(15))
USUAL_CONFIDENCE = 1 / 3
"""Of the highest average precision: what a poor model finds is the less sure, right or not."""
PULL = 12
"""Objects by which a confidence must be better for each 1 that it is away from the usual one."""
MOST_EXAMPLES = 40
"""Validation images on which parameters are tried."""
MOST_KEPT = 1_000_000_000
"""Bytes of maps that are kept to be read again."""
FEWEST_OBJECTS = 20
"""A calibration from fewer would be arbitrary."""

_Find: TypeAlias = Callable[..., Table]
"""Writes objects into labels, with parameters of the readout."""


def tuned_card(
    card: ModelCard, files: Mapping[str, bytes], examples: Sequence[Example], seed: int
) -> ModelCard:
    """Choose the readout's parameters one by one, then calibrate, and choose the confidence.

    Parameters
    ----------
    card : ModelCard
        With the calibration, if any, of the model that it began from.
    files : mapping
        Its package's files.
    examples : sequence of Example
        Validation images; of many, some are drawn.
    seed : int
        Of that draw.

    Returns
    -------
    ModelCard
        With readout, calibration and threshold. Without a calibration where the model finds too
        few objects for one.
    """
    card, earlier = uncalibrated(card)
    tunable = readout_of(card).tunable
    looks = _Looks(_model(card, files), drawn(examples, MOST_EXAMPLES, seed), tunable)
    best = chosen_parameters(card, tunable, looks.precision)
    return calibrated_card(best, files, examples, earlier)


def uncalibrated(card: ModelCard) -> tuple[ModelCard, Calibration | None]:
    """Return a card without calibration, and the calibration that it had."""
    earlier = Calibration.from_json(card.calibration) if card.calibration else None
    return replace(card, calibration=None), earlier


def chosen_parameters(
    card: ModelCard,
    tunable: Mapping[str, Sequence[float]],
    precision: Callable[[ModelCard], float],
) -> ModelCard:
    """Return the card with the best value of each parameter, chosen one after the other.

    Parameters
    ----------
    card : ModelCard
    tunable : mapping of str to sequence of float
        Parameters of the readout and the values to try; of equally good ones, the first is taken.
    precision : callable
        How good a card is; each is asked about once, because the answer is slow.
    """
    known: dict[str, float] = {}

    def remembered(candidate: ModelCard) -> float:
        parameters = json.dumps(dict(candidate.readout))
        if parameters not in known:
            known[parameters] = precision(candidate)
        return known[parameters]

    for name, values in tunable.items():
        card = max((_with_parameter(card, name, value) for value in values), key=remembered)
    return card


def best_confidence(confidence: AnyArray, correct: BoolArray, true_objects: int) -> float:
    """Return the least confidence with which AP, and so F1, at IoU ≥ 0.5 is highest.

    Among few objects, the highest is a matter of chance; a confidence far from the usual one is
    only taken where the difference is more than `PULL` allows for chance
    (``benchmarks/bench_least_confidence.py``).

    Parameters
    ----------
    confidence : ndarray, shape (N,)
    correct : ndarray, shape (N,), bool
    true_objects : int
        Number of annotated objects in the images.
    """
    thresholds = np.array(CONFIDENCE_THRESHOLDS)
    stay = confidence >= thresholds[:, None]
    right = np.count_nonzero(correct & stay, axis=1)
    precision = right / np.maximum(np.count_nonzero(stay, axis=1) + true_objects - right, 1)
    usual = USUAL_CONFIDENCE * precision.max()
    worth = precision - PULL * np.abs(thresholds - usual) / max(len(confidence), 1)
    return float(thresholds[np.argmax(worth)])


def calibrated_card(
    card: ModelCard,
    files: Mapping[str, bytes],
    examples: Sequence[Example],
    earlier: Calibration | None = None,
) -> ModelCard:
    """Say what the evidence of the readout means, and choose the least confidence.

    Parameters
    ----------
    card : ModelCard
        Of a model without calibration.
    files, examples
        As for `tuned_card`.
    earlier : Calibration, optional
        Of the model that it began from.

    Returns
    -------
    ModelCard
        As `tuned_card` returns it; the readout stays as it is.
    """
    evidence, correct, true_objects = [], [], 0
    for scored in score(_model(card, files), examples, tell_size=True):
        known = scored.known
        evidence.append(scored.found.evidence[known])
        correct.append(scored.correct[known])
        true_objects += len(scored.overlaps.truth_labels)
    values, right = joined(evidence), joined(correct).astype(bool)
    if len(right) < FEWEST_OBJECTS:
        return card
    names = readout_of(card).evidence_names
    calibration = fit_calibration(values, right, names, earlier=earlier)
    threshold = best_confidence(calibration.confidence(values), right, true_objects)
    return replace(card, calibration=calibration.to_json(), threshold=threshold)


class _Looks:
    """What a model says of examples, to be read with other parameters.

    The network sees an image once, as long as all maps together fit into `MOST_KEPT`. Others are
    looked at each time, and their maps are never held whole.
    """

    def __init__(
        self, model: InstanceModel, examples: Sequence[Example], tunable: Iterable[str]
    ) -> None:
        self._model, self._examples, self._tunable = model, examples, tuple(tunable)
        self._kept: dict[str, tuple[_Find, LabelArray]] = {}
        self._bytes = 0

    def precision(self, card: ModelCard) -> float:
        """Return the pooled average precision, averaged over the thresholds of the IoU."""
        scores = InstanceScores()
        parameters = {name: card.readout[name] for name in self._tunable if name in card.readout}
        for example in progress(self._examples, "Choosing"):
            found, truth = self._read(example, parameters)
            scores.add_overlaps(layered_overlap_table(truth, found))
        return float(np.mean([scores.pooled("average_precision", t) for t in scores.thresholds]))

    def _read(
        self, example: Example, parameters: Mapping[str, float]
    ) -> tuple[LabelArray, LabelArray]:
        """Return what is found, whole where true objects overlap, and what is annotated: layers."""
        find, truth = self._kept.get(example.id) or self._look(example)
        labels = np.zeros(truth.shape[1:], np.int32)
        whole = self._model.tells_overlaps and overlapping(truth) > 0
        covered = self._model.covering(parameters) if whole else None
        find(labels, parameters=parameters, covered=covered)
        return layered(labels, covered.rows) if covered else labels[None], truth

    def _look(self, example: Example) -> tuple[_Find, LabelArray]:
        """Return what finds objects in an example, at the scale of its annotated ones, and these.

        They have the shape (L, [Z,] Y, X), in layers.
        """
        model = self._model
        image = image_of(example, model.card.network.dimensions)
        truth = load_layers(example, image.shape[1:])
        seen = model.seen(image, None)
        scale = model.scale(seen, whole_object_facts(truth).diameter)
        pixels = math.prod(seen.shape) * math.prod(seen.scales(scale))
        needed = int(pixels * model.bytes_of_maps) + truth.nbytes
        if self._bytes + needed > MOST_KEPT:
            return partial(model.find_objects, seen, scale), truth
        self._bytes += needed
        self._kept[example.id] = partial(model.read_objects, model.find_maps(seen, scale)), truth
        return self._kept[example.id]


def _with_parameter(card: ModelCard, name: str, value: float) -> ModelCard:
    return replace(card, readout={**card.readout, name: value})


def _model(card: ModelCard, files: Mapping[str, bytes]) -> InstanceModel:
    return InstanceModel(Package(card, files, sha256="", source="the trained network"))
