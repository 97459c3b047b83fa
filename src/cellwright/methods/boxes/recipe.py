"""How a network learns to say what is around a pixel and where its box ends."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cellwright._errors import DatasetError
from cellwright._types import AnyArray, BoolArray, FloatArray, IntArray, LabelArray
from cellwright.datasets.boxes import Boxes
from cellwright.datasets.objects import Objects
from cellwright.methods.boxes import geometry
from cellwright.methods.boxes.readout import BoxesReadout

_TYPICAL = 4.0  # side of an object, in units, where a patch shows none
_FAR = 12.0  # greatest logarithm, up or down, of a distance over the unit; keeps areas finite


@dataclass(frozen=True, slots=True)
class BoxesRecipe:
    """Targets and loss of boxes.

    Every object counts alike, however large, and so does as much background as an object covers.
    The loss is the sum of three: the focal loss of the classes, whose target falls from 1 in the
    middle of a box to 0 at its sides; the generalised overlap of told and true boxes, in which
    central pixels weigh more; and the cross-entropy of the quality, which is to be that overlap.

    Parameters
    ----------
    readout : BoxesReadout
        Reads what the network learns; gives the classes and the unit of the distances.
    gamma : float
        How much the loss of the classes looks away from what is nearly right.
    class_weight, quality_weight : float
        Of these losses, beside that of the boxes.

    References
    ----------
    Tian et al. (2019), "FCOS: fully convolutional one-stage object detection", ICCV.
    Lin et al. (2017), "Focal loss for dense object detection", ICCV.
    Li et al. (2020), "Generalized focal loss", NeurIPS (targets between 0 and 1).
    Rezatofighi et al. (2019), "Generalized intersection over union", CVPR.
    Wu, Li & Wang (2020), "IoU-aware single-stage object detector for accurate localization",
    Image and Vision Computing.
    """

    readout: BoxesReadout = field(default_factory=BoxesReadout)
    gamma: float = 2.0
    class_weight: float = 5.0
    quality_weight: float = 0.25

    def targets(self, truth: LabelArray | Objects | Boxes) -> dict[str, AnyArray]:
        """Return what the network should say about one patch.

        Parameters
        ----------
        truth : ndarray, shape (Y, X), int32, or Objects, or Boxes
            Numbered objects, all of one class or each of its own: -1 is unknown and takes no part
            in the loss, 0 background, 1..N objects. Or boxes, which know the size of the patch.

        Returns
        -------
        dict of ndarray
            ``class`` (Y, X) int64, -1 where there is no object; ``centrality`` (Y, X) float32, of
            the pixel in its box, 0 to 1; ``distances`` (4, Y, X) float32 to the top, left, bottom
            and right side in px; ``weight`` (Y, X) float32, of which every object and as much
            background has about 1 in sum, 0 where unknown.

        Raises
        ------
        DatasetError
            If an object is of a class that the readout does not have.
        """
        if isinstance(truth, Boxes):
            assert truth.size is not None  # a patch says how large it is
            kinds = self._indices(truth)
            owners, centrality = geometry.owners_of(truth.corners, truth.known, truth.size)
            return self._targets(owners, centrality, truth.corners, kinds, truth.known)
        corners, kinds, known = geometry.boxes_of(truth)
        labels = truth.labels if isinstance(truth, Objects) else truth
        owners, centrality = geometry.owners_of(corners, known, labels.shape)
        unknown = labels == geometry.NOT_KNOWN
        owners[unknown], centrality[unknown] = geometry.NOT_KNOWN, 0
        return self._targets(owners, centrality, corners, kinds, known)

    def _indices(self, boxes: Boxes) -> IntArray:
        """Return the class of each box; of those that are not known, the first."""
        classes = {name: index for index, name in enumerate(self.readout.classes)}
        names = [str(name) for name in boxes.names[boxes.known]]
        if unknown := sorted(set(names) - set(classes)):
            raise DatasetError(
                f"A box is of the class '{unknown[0]}', but the model knows only "
                f"{', '.join(classes)}."
            )
        kinds = np.zeros(len(boxes), np.int64)
        kinds[boxes.known] = [classes[name] for name in names]
        return kinds

    def _targets(
        self,
        owners: LabelArray,
        centrality: FloatArray,
        corners: FloatArray,
        kinds: IntArray,
        known: BoolArray,
    ) -> dict[str, AnyArray]:
        areas = (corners[:, 2:] - corners[:, :2]).prod(1)
        typical = areas[known].mean() if known.any() else (_TYPICAL * self.readout.unit) ** 2
        # By owner: 0 is background, and -1, what is not known, the last.
        weights = 1 / np.concatenate([[typical], areas, [np.inf]])
        kinds_by_owner = np.concatenate([[-1], kinds, [-1]])
        return {
            "class": kinds_by_owner[owners],
            "centrality": centrality,
            "distances": geometry.distances_to_sides(owners, corners),
            "weight": weights[owners].astype(np.float32),
        }

    def loss(self, outputs: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss of one batch and its parts.

        Parameters
        ----------
        outputs : Tensor, shape (N, classes + 5, Y, X)
            What the network says.
        batch : dict of Tensor
            `targets` of N patches, stacked.

        Returns
        -------
        dict of Tensor
            ``loss`` and its summands ``class``, ``box`` and ``quality``; scalars.
        """
        outputs = outputs.float()
        count = len(self.readout.classes)
        kinds, weight, true = batch["class"], batch["weight"], batch["distances"]
        own = torch.arange(count, device=kinds.device)[:, None, None] == kinds[:, None]
        focal = _focal(outputs[:, :count], own * batch["centrality"][:, None], self.gamma)
        objects = (weight * (kinds >= 0)).sum().clamp(min=1)

        middle = weight * batch["centrality"]
        middle = middle / middle.sum().clamp(min=1e-6)
        told = self.readout.unit * torch.exp(outputs[:, count : count + 4].clamp(-_FAR, _FAR))
        overlap, generalised = overlaps(told, torch.where(middle[:, None] > 0, true, told))
        quality = functional.binary_cross_entropy_with_logits(
            outputs[:, count + 4], overlap.detach(), reduction="none"
        )
        parts = {
            "class": self.class_weight * (focal.sum(1) * weight).sum() / objects,
            "box": ((1 - generalised) * middle).sum(),
            "quality": self.quality_weight * (quality * middle).sum(),
        }
        return {"loss": sum(parts.values(), outputs.new_zeros(())), **parts}


def _focal(logits: Tensor, target: Tensor, gamma: float) -> Tensor:
    """Return the focal loss of each logit, for targets between 0 and 1."""
    wrong = (torch.sigmoid(logits) - target).abs()
    losses = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return losses * wrong**gamma


def overlaps(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Return the intersection over union of boxes around the same pixels, and its generalisation.

    Parameters
    ----------
    first, second : Tensor, shape (N, 4, Y, X)
        Distances to the top, left, bottom and right side, above 0.

    Returns
    -------
    overlap, generalised : Tensor, shape (N, Y, X)
        The second is lower by the share of the box around both that neither covers.
    """
    shared, around = (_area(edges(first, second)) for edges in (torch.minimum, torch.maximum))
    union = _area(first) + _area(second) - shared
    overlap = shared / union
    return overlap, overlap - (around - union) / around


def _area(distances: Tensor) -> Tensor:
    top, left, bottom, right = distances.unbind(1)
    return (top + bottom) * (left + right)
