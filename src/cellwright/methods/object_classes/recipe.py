"""How a network learns what objects are, beside which pixels belong to which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cellwright._types import AnyArray
from cellwright.datasets.objects import Objects
from cellwright.methods.losses import cross_entropy
from cellwright.methods.object_classes.readout import ObjectClassesReadout
from cellwright.methods.recipe import Recipe, object_targets


@dataclass(frozen=True, slots=True)
class ObjectClassesRecipe:
    """Targets and loss of another method, and of the classes of its objects.

    To the loss of the objects comes the cross-entropy of the classes in the pixels of objects
    whose class is known.

    Parameters
    ----------
    objects : Recipe
        How the objects are learned.
    readout : ObjectClassesReadout
        Reads objects and classes.
    class_weights : tuple of float
        Of every class, against rare ones; see `cellwright.methods.losses.class_weights`.
    """

    objects: Recipe
    readout: ObjectClassesReadout
    class_weights: tuple[float, ...]

    def targets(self, truth: Objects) -> dict[str, AnyArray]:
        """Return what the network should say about one patch.

        Parameters
        ----------
        truth : Objects

        Returns
        -------
        dict of ndarray
            Those of the objects, and ``object_class`` ([Z,] Y, X) uint8: the number of the class
            from 1 in objects of which it is known, 0 elsewhere.
        """
        kinds = truth.kinds[np.maximum(truth.labels, 0)].astype(np.uint8)
        objects = truth.labels if truth.layers is None else truth.layers
        return {**object_targets(self.objects, objects), "object_class": kinds}

    def loss(self, outputs: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss of one batch and its parts.

        Parameters
        ----------
        outputs : Tensor, shape (N, K, [Z,] Y, X)
            What the network says.
        batch : dict of Tensor
            `targets` of N patches, stacked.

        Returns
        -------
        dict of Tensor
            ``loss`` and its summands: those of the objects, and ``object class``; scalars.
        """
        own = len(self.readout.objects.outputs)
        parts = self.objects.loss(outputs[:, :own], batch)
        kinds = batch["object_class"].long()
        weights = torch.tensor(self.class_weights, device=outputs.device)
        told = cross_entropy(outputs[:, own:], kinds - 1, kinds > 0, weights=weights)
        return {**parts, "loss": parts["loss"] + told, "object class": told}
