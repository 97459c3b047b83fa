"""How well a network does during its training: on the same patches each time, at full speed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import nn

from cellwright._types import AnyArray, FloatArray
from cellwright.methods.classes.readout import ClassesReadout
from cellwright.methods.readout import Readout
from cellwright.metrics.matching import InstanceScores
from cellwright.metrics.semantic import SemanticScores
from cellwright.runs.learning import Learning
from cellwright.runs.tasks import AVERAGE_PRECISION, DICE
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
        for loss, maps, truth in self._patches.run(network):
            losses.append(loss)
            for one, labels in zip(maps, truth, strict=True):
                scores.add(labels, self._readout.decode(one).labels)
        return {
            "loss": float(np.mean(losses)),
            AVERAGE_PRECISION: scores.pooled("average_precision", 0.5),
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
        for loss, maps, truth in self._patches.run(network):
            losses.append(loss)
            for one, classes in zip(maps, truth, strict=True):
                scores.add(classes, self._readout.decode(one))
        return {"loss": float(np.mean(losses)), DICE: scores.mean_dice()}


class _Patches:
    """The patches, prepared once."""

    def __init__(self, learning: Learning) -> None:
        self._recipe = learning.recipe
        self._batches = learning.validation_batches()

    def run(self, network: nn.Module) -> Iterator[tuple[float, FloatArray, AnyArray]]:
        """Yield of each batch the loss, the maps and the labels."""
        device = next(network.parameters()).device
        for arrays in self._batches:
            batch: Mapping[str, torch.Tensor] = to_tensors(arrays, device)
            with torch.no_grad():
                maps = network(batch["pixels"])
                loss = float(self._recipe.loss(maps, dict(batch))["loss"])
            yield loss, maps.float().cpu().numpy(), arrays["labels"]
