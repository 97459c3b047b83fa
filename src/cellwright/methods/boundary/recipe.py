"""How a network learns background, inside and boundary."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from cellwright._types import AnyArray, FloatArray, LabelArray
from cellwright.methods.boundary import geometry
from cellwright.methods.boundary.readout import BoundaryReadout
from cellwright.methods.losses import cross_entropy, soft_dice

_SMOOTHING = 20.0  # px; keeps the Dice loss calm on patches without objects


@dataclass(frozen=True, slots=True)
class BoundaryRecipe:
    """Targets and loss of the three classes.

    The loss is the sum of the cross-entropy of the classes, in which the boundary and the gaps
    between close objects weigh more, and the Dice loss of inside and boundary.

    Parameters
    ----------
    readout : BoundaryReadout
    seam : int
        Pixels this near to two objects are boundary, in px.
    boundary_weight : float
        Of a boundary pixel in the cross-entropy, where others have 1.
    gap_weight, gap_width : float
        Extra weight of the background between objects: `gap_weight` where they touch, falling
        off as a Gaussian of this sigma in px with the sum of the distances to the nearest two
        (Ronneberger et al. take 10 and 5 px). 0 leaves it out.

    References
    ----------
    Ronneberger, Fischer & Brox, "U-Net", MICCAI 2015, arXiv:1505.04597, eq. 2.
    """

    readout: BoundaryReadout = field(default_factory=BoundaryReadout)
    seam: int = 1
    boundary_weight: float = 2.0
    gap_weight: float = 0.0
    gap_width: float = 5.0

    def targets(self, labels: LabelArray) -> dict[str, AnyArray]:
        """Return what the network should say about one patch.

        Parameters
        ----------
        labels : ndarray, shape ([Z,] Y, X), int32
            -1 is unknown and takes no part in the loss, 0 background, 1..N objects.

        Returns
        -------
        dict
            ``classes`` ([Z,] Y, X) uint8; ``weight`` ([Z,] Y, X) float32, 0 where unknown, and
            beside it, where what is inside of an object may look like its boundary.
        """
        volume = labels if labels.ndim == 3 else labels[None]
        classes = geometry.classes_of(np.ascontiguousarray(volume), self.seam)
        weight = np.where(classes == geometry.BOUNDARY, self.boundary_weight, 1.0)
        if self.gap_weight > 0:
            weight += (classes != geometry.INSIDE) * self._gaps(volume)
        weight = (weight * ~geometry.undecided(volume)).astype(np.float32)
        return {"classes": classes.reshape(labels.shape), "weight": weight.reshape(labels.shape)}

    def loss(self, outputs: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss of one batch and its parts.

        Parameters
        ----------
        outputs : Tensor, shape (N, 3, [Z,] Y, X)
            What the network says.
        batch : dict of Tensor
            `targets` of N patches, stacked.

        Returns
        -------
        dict of Tensor
            ``loss`` and its summands ``classes`` and ``overlap``; scalars.
        """
        truth, weight = batch["classes"].long(), batch["weight"]
        classes = cross_entropy(outputs, truth, weight)
        wanted = torch.stack([truth == geometry.INSIDE, truth == geometry.BOUNDARY], 1)
        probability = torch.softmax(outputs.float(), 1)[:, 1:]
        overlap = soft_dice(probability, wanted, (weight > 0)[:, None], smooth=_SMOOTHING)
        return {"loss": classes + overlap, "classes": classes, "overlap": overlap}

    def _gaps(self, volume: LabelArray) -> FloatArray:
        distance = geometry.two_nearest(np.ascontiguousarray(volume)).sum(0)
        gaps: FloatArray = self.gap_weight * np.exp(-((distance / self.gap_width) ** 2) / 2)
        return gaps
