"""How a network learns points."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from torch import Tensor
from torch.nn import functional

from cellwright._types import AnyArray, LabelArray
from cellwright.methods.points import heat
from cellwright.methods.points.readout import PointsReadout


@dataclass(frozen=True, slots=True)
class PointsRecipe:
    """Targets and loss of points.

    Points are the centroids of objects; annotated points are objects of one pixel. The loss is
    the sum of two: the cross-entropy of the heat, per point, which makes it a probability that
    can be summed to a count (a focal loss would not), and the error of the way to the points,
    where there is heat.

    Parameters
    ----------
    readout : PointsReadout
        Reads what the network learns; gives the width of the heat.
    shift_weight : float
        Of an error of the way of 1 px.

    References
    ----------
    Zhou, Wang & Krähenbühl (2019), "Objects as points", arXiv:1904.07850.
    """

    readout: PointsReadout = field(default_factory=PointsReadout)
    shift_weight: float = 1.0

    def targets(self, labels: LabelArray) -> dict[str, AnyArray]:
        """Return what the network should say about one patch.

        Parameters
        ----------
        labels : ndarray, shape ([Z,] Y, X), int32
            -1 is unknown and takes no part in the loss, 0 background, 1..N objects.

        Returns
        -------
        dict of ndarray
            ``heat`` ([Z,] Y, X) float32, 0 to 1; ``shifts`` (D, [Z,] Y, X) float32, the way to the
            nearest point in px, 0 where there is no heat; ``known`` ([Z,] Y, X) float32, 1 or 0.
        """
        volume = np.ascontiguousarray(labels if labels.ndim == 3 else labels[None])
        points = heat.centroids(volume)
        warmth, shifts = heat.warm(points, volume.shape, self.readout.widths)
        return {
            "heat": warmth.reshape(labels.shape),
            "shifts": shifts[3 - labels.ndim :].reshape(labels.ndim, *labels.shape),
            "known": (labels >= 0).astype(np.float32),
        }

    def loss(self, outputs: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss of one batch and its parts.

        Parameters
        ----------
        outputs : Tensor, shape (N, 1 + D, [Z,] Y, X)
            What the network says.
        batch : dict of Tensor
            `targets` of N patches, stacked.

        Returns
        -------
        dict of Tensor
            ``loss`` and its summands ``heat`` and ``shift``; scalars.
        """
        outputs, truth, known = outputs.float(), batch["heat"], batch["known"]
        pixelwise = functional.binary_cross_entropy_with_logits(
            outputs[:, 0], truth, reduction="none"
        )
        share = truth * known
        total = share.sum().clamp(min=1)
        error = (outputs[:, 1:] - batch["shifts"]).abs().sum(1)
        parts = {
            "heat": (pixelwise * known).sum() / total,
            "shift": self.shift_weight * (error * share).sum() / total,
        }
        return {"loss": sum(parts.values(), outputs.new_zeros(())), **parts}
