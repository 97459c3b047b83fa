"""How a network learns centre offsets."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from cellwright._types import AnyArray, LabelArray
from cellwright.methods.losses import binary_cross_entropy, dice, weighted_mean
from cellwright.methods.offsets import geometry
from cellwright.methods.offsets.readout import OffsetsReadout
from cellwright.methods.seams import near_another

_SMOOTHING = 20.0  # px; keeps the Dice loss finite on patches without objects
_SMALLEST_RADIUS = 2.0  # px; the precision asked of the smallest objects


@dataclass(frozen=True, slots=True)
class OffsetsRecipe:
    """Targets and loss of the centre-offsets method.

    The loss is the sum of three: binary cross-entropy of the foreground, in which the seams
    between close objects weigh more; its Dice loss; and the distance of each predicted centre from
    the true one in radii of the object, so that small and large objects count alike, and those
    that touch another, which a wrong centre would merge, count more.

    Parameters
    ----------
    readout : OffsetsReadout
        Reads what the network learns; gives the unit of the offsets.
    seam_weight : float
        Extra weight in the cross-entropy of a pixel within `seam` px of two objects.
    seam : int
        In px.
    contact_weight : float
        Extra weight, in the distance of the centres, of objects that come within `seam` px of
        another.
    """

    readout: OffsetsReadout = field(default_factory=OffsetsReadout)
    seam_weight: float = 2.0
    seam: int = 2
    contact_weight: float = 2.0

    def targets(self, labels: LabelArray) -> dict[str, AnyArray]:
        """Return what the network should say about one patch.

        Parameters
        ----------
        labels : ndarray, shape (Y, X), int32
            -1 is unknown and takes no part in the loss, 0 background, 1..N objects.

        Returns
        -------
        dict
            ``foreground`` (Y, X) float32; ``weight`` (Y, X) float32, 0 where unknown; ``offsets``
            (2, Y, X) float32 in px; ``radius`` (Y, X) float32, of the object at each pixel in px,
            0 outside objects; ``importance`` (Y, X) float32, of that object in the centre loss.
        """
        count = max(int(labels.max(initial=0)), 1)
        centre, area = geometry.centres(labels, count)
        radius = np.zeros(count + 1, np.float32)
        radius[1:] = np.sqrt(area / np.pi)
        seams = near_another(labels, self.seam)
        importance = np.ones(count + 1, np.float32)
        importance[labels[(seams > 0) & (labels > 0)]] += self.contact_weight
        importance[0] = 0
        return {
            "foreground": (labels > 0).astype(np.float32),
            "weight": (labels >= 0) * (1 + self.seam_weight * seams),
            "offsets": geometry.offsets_to_centres(labels, centre),
            "radius": radius[np.maximum(labels, 0)],
            "importance": importance[np.maximum(labels, 0)],
        }

    def loss(self, outputs: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss of one batch and its parts.

        Parameters
        ----------
        outputs : Tensor, shape (N, 3, Y, X)
            What the network says.
        batch : dict of Tensor
            `targets` of N patches, stacked.

        Returns
        -------
        dict of Tensor
            ``loss`` and its summands ``foreground``, ``overlap`` and ``centre``; scalars.
        """
        truth, weight, radius = batch["foreground"], batch["weight"], batch["radius"]
        foreground = binary_cross_entropy(outputs[:, 0], truth, weight)
        known = (weight > 0)[:, None]
        overlap = dice(outputs[:, :1], truth[:, None], known, smooth=_SMOOTHING)
        miss = (outputs[:, 1:3] * self.readout.unit - batch["offsets"]).abs().sum(1)
        size = radius.clamp(min=_SMALLEST_RADIUS)
        share = batch["importance"] / size  # small objects have few pixels: let them speak louder
        centre = weighted_mean(miss / size, share)
        total = foreground + overlap + centre
        return {"loss": total, "foreground": foreground, "overlap": overlap, "centre": centre}
