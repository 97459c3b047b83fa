"""How a network learns the foreground and a relief with one hill per object."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from torch import Tensor
from torch.nn import functional

from cellwright._types import AnyArray, LabelArray
from cellwright.methods.distance import depth
from cellwright.methods.losses import binary_cross_entropy, dice, weighted_mean
from cellwright.methods.seams import seam_weights
from cellwright.methods.watershed.geometry import nearness
from cellwright.methods.watershed.readout import WatershedReadout

_SMOOTHING = 20.0  # px; keeps the Dice loss calm on patches without objects
_TRANSITION = 0.1  # error of the relief from which on its loss is linear


@dataclass(frozen=True, slots=True)
class WatershedRecipe:
    """Targets and loss of the deep watershed.

    The loss is the sum of three: binary cross-entropy of the foreground, its Dice loss, and the
    error of the relief (Huber's, over its transition); in the first and the last the pixels of
    objects and the seams between close ones weigh more.

    Parameters
    ----------
    readout : WatershedReadout
        Reads what the network learns; says which relief.
    seam_weight : float
        Extra weight of a pixel within `seam` px of two objects.
    seam : int
        In px.
    object_weight : float
        Extra weight, in the error of the relief, of the pixels of objects.
    """

    readout: WatershedReadout = field(default_factory=WatershedReadout)
    seam_weight: float = 2.0
    seam: int = 2
    object_weight: float = 2.0

    def targets(self, labels: LabelArray) -> dict[str, AnyArray]:
        """Return what the network should say about one patch.

        Parameters
        ----------
        labels : ndarray, shape ([Z,] Y, X), int32
            -1 is unknown and takes no part in the loss, 0 background, 1..N objects.

        Returns
        -------
        dict of ndarray, shape ([Z,] Y, X), float32
            ``foreground``; ``relief``, 0 to 1; ``weight``, 0 where unknown.
        """
        volume = np.ascontiguousarray(labels if labels.ndim == 3 else labels[None])
        make = depth if self.readout.relief == "depth" else nearness
        return {
            "foreground": (labels > 0).astype(np.float32),
            "relief": make(volume, self.readout.anisotropy).reshape(labels.shape),
            "weight": seam_weights(labels, self.seam, self.seam_weight),
        }

    def loss(self, outputs: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss of one batch and its parts.

        Parameters
        ----------
        outputs : Tensor, shape (N, 2, [Z,] Y, X)
            What the network says.
        batch : dict of Tensor
            `targets` of N patches, stacked.

        Returns
        -------
        dict of Tensor
            ``loss`` and its summands ``foreground``, ``overlap`` and ``relief``; scalars.
        """
        outputs = outputs.float()
        truth, weight = batch["foreground"], batch["weight"]
        foreground = binary_cross_entropy(outputs[:, 0], truth, weight)
        known = (weight > 0)[:, None]
        overlap = dice(outputs[:, :1], truth[:, None], known, smooth=_SMOOTHING)
        error = functional.huber_loss(
            outputs[:, 1], batch["relief"], reduction="none", delta=_TRANSITION
        )
        share = weight * (1 + self.object_weight * truth)
        relief = weighted_mean(error, share) / _TRANSITION
        total = foreground + overlap + relief
        return {"loss": total, "foreground": foreground, "overlap": overlap, "relief": relief}
