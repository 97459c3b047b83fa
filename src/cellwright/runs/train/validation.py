"""How well a network does during its training: on the same patches each time, at full speed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import nn

from cellwright._types import AnyArray, FloatArray, LabelArray
from cellwright.inference.overlaps import layered
from cellwright.methods.boxes.geometry import middles_in
from cellwright.methods.boxes.readout import BoxesReadout
from cellwright.methods.classes.readout import ClassesReadout
from cellwright.methods.object_classes.readout import ObjectClassesReadout
from cellwright.methods.points.readout import PointsReadout
from cellwright.methods.readout import Instances, OverlapReadout, Readout
from cellwright.metrics.detection import DetectionScores
from cellwright.metrics.matching import Counts, InstanceScores, match_overlaps
from cellwright.metrics.overlap import OverlapTable, layered_overlap_table, overlap_table
from cellwright.metrics.points import best_f1, by_class, correct, match_points
from cellwright.metrics.semantic import SemanticScores
from cellwright.runs.train.box_patches import unpacked_boxes
from cellwright.runs.train.learning import Learning
from cellwright.runs.train.packing import unpacked_objects, unpacked_points
from cellwright.runs.train.tasks import AP50, AVERAGE_PRECISION, CLASS_ACCURACY, DICE, F1
from cellwright.training.device import to_tensors


class InstanceValidation:
    """Loss and average precision on fixed patches of the validation images.

    Parameters
    ----------
    learning : Learning
    readout : Readout
    """

    def __init__(self, learning: Learning, readout: Readout) -> None:
        self._patches = _Patches(learning)
        self._readout = readout

    def __call__(self, network: nn.Module) -> dict[str, float]:
        """Return ``loss`` and, pooled at IoU ≥ 0.5, ``average_precision``."""
        scores = InstanceScores(thresholds=(0.5,))
        losses = []
        for loss, maps, batch in self._patches.run(network):
            losses.append(loss)
            for one, labels in zip(maps, batch["labels"], strict=True):
                found = self._readout.decode(one)
                scores.add_overlaps(_overlaps(labels, one, found, self._readout))
        return {
            "loss": float(np.mean(losses)),
            AVERAGE_PRECISION: scores.pooled("average_precision", 0.5),
        }


class ObjectClassValidation:
    """As `InstanceValidation`, but an object of known class is right only if its class is, too.

    Parameters
    ----------
    learning : Learning
        With truths that `packed_objects` made.
    readout : ObjectClassesReadout
    """

    def __init__(self, learning: Learning, readout: ObjectClassesReadout) -> None:
        self._patches = _Patches(learning)
        self._readout = readout

    def __call__(self, network: nn.Module) -> dict[str, float]:
        """Return ``loss``; pooled at IoU ≥ 0.5, ``average_precision`` and ``class_accuracy``."""
        losses, counts, wrong, known = [], Counts(), 0, 0
        for loss, maps, batch in self._patches.run(network):
            losses.append(loss)
            for one, packed in zip(maps, batch["labels"], strict=True):
                true = unpacked_objects(packed)
                found = self._readout.decode(one)
                shared = _overlaps(true.labels, one, found, self._readout.objects)
                pairs = match_overlaps(shared, 0.5)
                kinds = true.kinds[pairs.truth]
                told = self._readout.likeliest(found)[pairs.prediction - 1] + 1
                known += int(np.count_nonzero(kinds))
                wrong += int(np.count_nonzero((kinds > 0) & (kinds != told)))
                counts += pairs.counts
        counts += Counts(-wrong, wrong, wrong)
        return {
            "loss": float(np.mean(losses)),
            AVERAGE_PRECISION: counts.average_precision,
            CLASS_ACCURACY: 1 - wrong / max(known, 1),
        }


class ClassValidation:
    """Loss and overlap of the classes on fixed patches of the validation images.

    Parameters
    ----------
    learning : Learning
    readout : ClassesReadout
    """

    def __init__(self, learning: Learning, readout: ClassesReadout) -> None:
        self._patches = _Patches(learning)
        self._readout = readout

    def __call__(self, network: nn.Module) -> dict[str, float]:
        """Return ``loss`` and ``dice``, the mean over the classes without the background."""
        scores = SemanticScores(self._readout.outputs)
        losses = []
        for loss, maps, batch in self._patches.run(network):
            losses.append(loss)
            for one, classes in zip(maps, batch["labels"], strict=True):
                scores.add(classes, self._readout.decode(one))
        return {"loss": float(np.mean(losses)), DICE: scores.mean_dice()}


class PointValidation:
    """Loss and F1 on fixed patches of the validation images.

    Parameters
    ----------
    learning : Learning
        With truths that `packed_points` made.
    readout : PointsReadout
        Whose threshold finds more than is right.
    """

    def __init__(self, learning: Learning, readout: PointsReadout) -> None:
        self._patches = _Patches(learning)
        self._readout = readout

    def __call__(self, network: nn.Module) -> dict[str, float]:
        """Return ``loss`` and, pooled at the best threshold, ``f1``."""
        losses, scores, right, true_points = [], [], [], 0
        spacing = (1.0, *self._readout.spacing)
        for loss, maps, batch in self._patches.run(network):
            losses.append(loss)
            told = zip(maps, batch["labels"], batch["known"], strict=True)
            for one, packed, known in told:
                true = unpacked_points(packed)
                found = self._readout.decode(one)
                pixels = np.clip(found.positions.round().astype(int), 0, np.array(known.shape) - 1)
                # What lies where nobody looked is neither right nor wrong.
                stay = known[tuple(pixels.T)] > 0
                marked = by_class(found.positions[stay], found.classes[stay])
                matching = match_points(true, marked, self._readout.tolerance, spacing=spacing)
                scores.append(found.scores[stay])
                right.append(correct(matching, int(stay.sum())))
                true_points += len(true)
        best = best_f1(np.concatenate(scores), np.concatenate(right), true_points)
        return {"loss": float(np.mean(losses)), F1: best.f1}


class BoxValidation:
    """Loss and average precision on fixed patches of the validation images.

    Parameters
    ----------
    learning : Learning
        With truths that `packed_boxes` made.
    readout : BoxesReadout
    """

    def __init__(self, learning: Learning, readout: BoxesReadout) -> None:
        self._patches = _Patches(learning)
        self._readout = readout

    def __call__(self, network: nn.Module) -> dict[str, float]:
        """Return ``loss`` and, the mean over classes at IoU ≥ 0.5, ``AP50``."""
        losses, scores = [], DetectionScores(thresholds=(0.5,))
        for loss, maps, batch in self._patches.run(network):
            losses.append(loss)
            for one, packed, weight in zip(maps, batch["labels"], batch["weight"], strict=True):
                true, kinds, known = unpacked_boxes(packed)
                found = self._readout.decode(one)
                shown = np.clip(found.boxes, 0, np.tile(one.shape[1:], 2))
                unknown = middles_in(shown, np.asarray(weight) == 0)
                scores.add(
                    true, kinds, shown, found.classes, found.scores,
                    ignored=~known, unjudged=unknown,
                )  # fmt: skip
        return {"loss": float(np.mean(losses)), AP50: scores.average_precision()}


def _overlaps(
    truth: LabelArray, maps: FloatArray, found: Instances, readout: Readout
) -> OverlapTable:
    """Return what true objects, in layers or not, share with those that were found."""
    if truth.ndim < maps.ndim:
        return overlap_table(truth, found.labels)
    assert isinstance(readout, OverlapReadout)  # others learn no layers
    hidden = readout.covered(maps[: len(readout.outputs)], found)
    hidden[:, 0] += 1
    return layered_overlap_table(truth, layered(found.labels, hidden))


class _Patches:
    """The patches, prepared once."""

    def __init__(self, learning: Learning) -> None:
        self._recipe = learning.recipe
        self._batches = learning.validation_batches()

    def run(self, network: nn.Module) -> Iterator[tuple[float, FloatArray, Mapping[str, AnyArray]]]:
        """Yield of each batch the loss, the maps, and the ``labels`` and targets."""
        device = next(network.parameters()).device
        for arrays in self._batches:
            batch: Mapping[str, torch.Tensor] = to_tensors(arrays, device)
            with torch.no_grad():
                maps = network(batch["pixels"])
                loss = float(self._recipe.loss(maps, dict(batch))["loss"])
            yield loss, maps.float().cpu().numpy(), arrays
