"""How a network learns flows."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from cellwright._types import AnyArray, LabelArray
from cellwright.methods.flows.readout import FlowsReadout
from cellwright.methods.losses import binary_cross_entropy, weighted_mean
from cellwright.methods.seams import seam_weights


@dataclass(frozen=True, slots=True)
class FlowsRecipe:
    """Targets and loss of flows; which flows, the readout says.

    The loss is the sum of two: binary cross-entropy of the foreground, in which the seams between
    close objects weigh more; and half the mean square error of the flows times `unit`, over the
    objects alone: nothing moves through the background.

    Parameters
    ----------
    readout : FlowsReadout
    seam_weight : float
        Extra weight in both of a pixel within `seam` px of two objects.
    seam : int
        In px.

    References
    ----------
    Stringer et al. (2021), "Cellpose: a generalist algorithm for cellular segmentation", Nature
    Methods 18:100 (the two losses, and flows of length 5).
    """

    readout: FlowsReadout = field(default_factory=FlowsReadout)
    seam_weight: float = 2.0
    seam: int = 2

    def targets(self, labels: LabelArray) -> dict[str, AnyArray]:
        """Return what the network should say about one patch.

        Parameters
        ----------
        labels : ndarray, shape ([Z,] Y, X), int32
            -1 is unknown and takes no part in the loss, 0 background, 1..N objects.

        Returns
        -------
        dict
            ``foreground`` ([Z,] Y, X) float32; ``weight`` ([Z,] Y, X) float32, 0 where unknown;
            ``flows`` (D, [Z,] Y, X) float32, 0 where none is to be learned.
        """
        volume = np.ascontiguousarray(labels if labels.ndim == 3 else labels[None])
        flows = self.readout.flows_of(volume)[3 - labels.ndim :]
        return {
            "foreground": (labels > 0).astype(np.float32),
            "weight": seam_weights(labels, self.seam, self.seam_weight),
            "flows": flows.reshape(labels.ndim, *labels.shape),
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
            ``loss`` and its summands ``foreground`` and ``flow``; scalars.
        """
        outputs, weight, flows = outputs.float(), batch["weight"], batch["flows"]
        foreground = binary_cross_entropy(outputs[:, 0], batch["foreground"], weight)
        # Parts that the border of a patch cut off from their centre have no flow to learn.
        moving = weight * (flows != 0).any(1)
        miss = (outputs[:, 1:] - self.readout.unit * flows).square().mean(1) / 2
        flow = weighted_mean(miss, moving)
        return {"loss": foreground + flow, "foreground": foreground, "flow": flow}
