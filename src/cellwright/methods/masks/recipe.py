"""How a network learns boxes, prototypes and their weights."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cellwright._types import AnyArray, LabelArray
from cellwright.methods.boxes import geometry as boxes
from cellwright.methods.boxes.recipe import overlaps
from cellwright.methods.distance import depth
from cellwright.methods.losses import binary_cross_entropy, weighted_mean
from cellwright.methods.masks.geometry import TERMS, middleness, spread_anchors
from cellwright.methods.masks.readout import MasksReadout
from cellwright.methods.numbering import consecutive
from cellwright.methods.overlaps import claimed

_FAR = 12.0  # greatest logarithm, up or down, of a distance over the unit; keeps areas finite
_SMOOTHING = 1.0  # px; keeps the Dice loss calm on masks without pixels
_LARGEST = 50.0  # logit; keeps the loss finite where boxes are far too large


@dataclass(frozen=True, slots=True)
class MasksRecipe:
    """Targets and loss of masks in boxes.

    The loss is the sum of three: binary cross-entropy of the object probability, which is 1 in the
    middle of an object and falls off to its edge; one less the generalised overlap of told and
    true boxes, in which the middle weighs more; and cross-entropy and Dice loss of the masks of
    some pixels of every object, within their boxes and a little around them.

    Parameters
    ----------
    readout : MasksReadout
        Reads what the network learns.
    anchors : int
        Pixels of a patch whose masks are learned in one step.
    around : float
        Share of a box by which it is larger on each side where its mask is learned.

    References
    ----------
    As of `MasksReadout`, and Rezatofighi et al. (2019), "Generalized intersection over union",
    CVPR.
    """

    readout: MasksReadout = field(default_factory=MasksReadout)
    anchors: int = 32
    around: float = 0.2

    def targets(self, labels: LabelArray) -> dict[str, AnyArray]:
        """Return what the network should say about one patch.

        Parameters
        ----------
        labels : ndarray, shape (Y, X), int32
            -1 is unknown and takes no part in the loss, 0 background, 1..N objects.

        Returns
        -------
        dict of ndarray
            ``object`` (Y, X) float32, see `middleness`; ``known`` (Y, X) float32, 1 or 0;
            ``distances`` (4, Y, X) float32, to the top, left, bottom and right side of the box in
            px, 0 outside objects; ``label`` (Y, X) int32; ``anchors`` (A, 3) int64, rows
            ``y, x, label``, -1 where there are fewer.
        """
        objects, count = consecutive(labels)
        distances = boxes.distances_to_sides(objects, boxes.boxes_around(objects))
        inside = depth(np.ascontiguousarray(objects[None]), 1.0)[0]
        middle = middleness(objects, inside, distances, count)
        return {
            "object": middle,
            "known": (labels >= 0).astype(np.float32),
            "distances": distances,
            "label": objects,
            "anchors": spread_anchors(objects, middle, count, self.anchors),
        }

    def whole_targets(self, layers: LabelArray) -> dict[str, AnyArray]:
        """Return what the network should say where objects may overlap.

        A pixel of several objects tells the box of the one in whose middle it is most; the masks
        are whole.

        Parameters
        ----------
        layers : ndarray, shape (L, Y, X), int32
            See `OverlapRecipe`.

        Returns
        -------
        dict of ndarray
            As `targets`, and ``layers`` (L, Y, X) int32, the objects whole.
        """
        objects, count = consecutive(layers)
        each = [self.targets(layer) for layer in layers]
        middles, distances = (np.stack([one[n] for one in each]) for n in ("object", "distances"))
        middle, labels = middles.max(0), claimed(middles, objects)
        return {
            "object": middle,
            "known": each[0]["known"],
            "distances": claimed(middles, distances),
            "label": labels,
            "layers": objects,
            "anchors": spread_anchors(labels, middle, count, self.anchors),
        }

    def loss(self, outputs: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss of one batch and its parts.

        Parameters
        ----------
        outputs : Tensor, shape (N, 11 + 2 P, Y, X)
            What the network says; see `MasksReadout.decode`.
        batch : dict of Tensor
            `targets` of N patches, stacked.

        Returns
        -------
        dict of Tensor
            ``loss`` and its summands ``object``, ``box`` and ``mask``; scalars.
        """
        outputs = outputs.float()
        truth, true = batch["object"], batch["distances"]
        told = self.readout.unit * torch.exp(outputs[:, 1:5].clamp(-_FAR, _FAR))
        _, generalised = overlaps(told, torch.where(truth[:, None] > 0, true, told))
        parts = {
            "object": binary_cross_entropy(outputs[:, 0], truth, batch["known"]),
            "box": weighted_mean(1 - generalised, truth),
            "mask": self._mask_loss(outputs, batch),
        }
        return {"loss": sum(parts.values(), outputs.new_zeros(())), **parts}

    def _mask_loss(self, outputs: Tensor, batch: dict[str, Tensor]) -> Tensor:
        patch, which = torch.nonzero(batch["anchors"][..., 2] > 0, as_tuple=True)
        if len(patch) == 0:
            return outputs.sum() * 0
        row, column, label = batch["anchors"][patch, which].unbind(1)
        # Pixels in and a little around the box of each anchor: which anchor, and where.
        sides = batch["distances"][patch, :, row, column]
        height, width = sides[:, 0] + sides[:, 2], sides[:, 1] + sides[:, 3]
        extra = 1 + self.around * torch.stack([height, width, height, width], 1)
        top, left, bottom, right = (sides + extra).unbind(1)
        y = torch.arange(outputs.shape[2], device=outputs.device) - row[:, None]
        x = torch.arange(outputs.shape[3], device=outputs.device) - column[:, None]
        rows = (y >= -top[:, None]) & (y <= bottom[:, None])
        columns = (x >= -left[:, None]) & (x <= right[:, None])
        anchor, i, j = torch.nonzero(rows[:, :, None] & columns[:, None], as_tuple=True)

        layers = batch.get("layers", batch["label"][:, None])
        seen = layers[patch[anchor], :, i, j]
        mine = (seen == label[anchor, None]).any(1).float()
        known = (seen >= 0).all(1).float()
        logit = self._logits(outputs, patch, row, column, anchor, i, j)
        count = len(patch)
        area = torch.zeros(count, device=outputs.device).index_add(0, anchor, known)
        losses = functional.binary_cross_entropy_with_logits(logit, mine, reduction="none")
        crossed = (losses * known / area[anchor].clamp(min=1)).sum() / count
        probability = torch.sigmoid(logit) * known

        def summed(values: Tensor) -> Tensor:
            return torch.zeros(count, device=outputs.device).index_add(0, anchor, values)

        shared, either = summed(probability * mine), summed(probability + mine)
        dice = 1 - ((2 * shared + _SMOOTHING) / (either + _SMOOTHING)).mean()
        return crossed + dice

    def _logits(
        self,
        outputs: Tensor,
        patch: Tensor,
        row: Tensor,
        column: Tensor,
        anchor: Tensor,
        i: Tensor,
        j: Tensor,
    ) -> Tensor:
        """Return the logit of every pixel (i, j) for the mask of its anchor."""
        first, unit = 5 + self.readout.prototypes, self.readout.unit
        weights = outputs[patch, first:, row, column]
        dy, dx = (i - row[anchor]) / unit, (j - column[anchor]) / unit
        terms = torch.stack([torch.ones_like(dy), dy, dx, dy * dy, dy * dx, dx * dx], 1)
        prototypes = outputs[:, 5:first].movedim(1, -1)[patch[anchor], i, j]
        basis = torch.cat([prototypes, terms], 1)
        assert basis.shape[1] == self.readout.prototypes + TERMS
        return (basis * weights[anchor]).sum(1).clamp(-_LARGEST, _LARGEST)
