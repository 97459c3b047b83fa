"""How a network learns object probabilities and distances along rays."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from cellwright._types import AnyArray, LabelArray
from cellwright.methods.distance import depth
from cellwright.methods.losses import binary_cross_entropy, weighted_mean
from cellwright.methods.overlaps import claimed
from cellwright.methods.stars import geometry
from cellwright.methods.stars.rays import star
from cellwright.methods.stars.readout import StarsReadout


@dataclass(frozen=True, slots=True)
class StarsRecipe:
    """Targets and loss of stars.

    The loss is the sum of three: binary cross-entropy of the object probability, which is the
    depth of the pixel within its object; the mean error of the distances, in which deep pixels
    weigh more; and a small pull of distances to 0 where there is no object.

    Parameters
    ----------
    readout : StarsReadout
        Reads what the network learns; gives the rays and the unit of the distances.
    distance_weight : float
        Of an error of the distances of 1 px.
    background_weight : float
        Of a distance of 1 px in the background.

    References
    ----------
    Schmidt et al. (2018), "Cell detection with star-convex polygons", MICCAI.
    Weigert et al. (2020), "Star-convex polyhedra for 3D object detection and segmentation in
    microscopy", WACV.
    """

    readout: StarsReadout = field(default_factory=StarsReadout)
    distance_weight: float = 0.2
    background_weight: float = 1e-3

    def targets(self, labels: LabelArray) -> dict[str, AnyArray]:
        """Return what the network should say about one patch.

        Parameters
        ----------
        labels : ndarray, shape ([Z,] Y, X), int32
            -1 is unknown and takes no part in the loss, 0 background, 1..N objects.

        Returns
        -------
        dict of ndarray
            ``object`` ([Z,] Y, X) float32, 0 to 1; ``distances`` (R, [Z,] Y, X) float32 in px, -1
            where unknown; ``known`` ([Z,] Y, X) float32, 1 or 0.
        """
        volume = np.ascontiguousarray(labels if labels.ndim == 3 else labels[None])
        readout = self.readout
        directions, _ = star(labels.ndim, readout.rays, readout.anisotropy)
        distances = geometry.distances_along(volume, directions)
        return {
            "object": depth(volume, readout.anisotropy).reshape(labels.shape),
            "distances": distances.reshape(readout.rays, *labels.shape),
            "known": (labels >= 0).astype(np.float32),
        }

    def whole_targets(self, layers: LabelArray) -> dict[str, AnyArray]:
        """Return what the network should say where objects may overlap.

        A pixel of several objects speaks for the one in which it lies deepest.

        Parameters
        ----------
        layers : ndarray, shape (L, [Z,] Y, X), int32
            See `OverlapRecipe`.

        Returns
        -------
        dict of ndarray
            As `targets`.
        """
        each = [self.targets(layer) for layer in layers]
        depths, distances = (np.stack([one[n] for one in each]) for n in ("object", "distances"))
        return {
            "object": depths.max(0),
            "distances": claimed(depths, distances),
            "known": each[0]["known"],
        }

    def loss(self, outputs: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss of one batch and its parts.

        Parameters
        ----------
        outputs : Tensor, shape (N, 1 + rays, [Z,] Y, X)
            What the network says.
        batch : dict of Tensor
            `targets` of N patches, stacked.

        Returns
        -------
        dict of Tensor
            ``loss`` and its summands ``object``, ``distance`` and ``background``; scalars.
        """
        truth, known = batch["object"], batch["known"]
        told = outputs[:, 1:]
        # Rays are many and objects fill a small part of a volume: only there they are compared.
        inside = truth > 0
        rays = told.movedim(1, -1)[inside].float() * self.readout.unit
        distances = batch["distances"].movedim(1, -1)[inside]
        share = truth[inside][:, None] * (distances >= 0)
        error = weighted_mean((rays - distances).abs(), share)
        length = torch.linalg.vector_norm(told, 1, dim=1, dtype=torch.float32)
        stray = weighted_mean(length * ~inside, known) * (self.readout.unit / self.readout.rays)
        parts = {
            "object": binary_cross_entropy(outputs[:, 0].float(), truth, known),
            "distance": self.distance_weight * error,
            "background": self.background_weight * stray,
        }
        return {"loss": sum(parts.values(), outputs.new_zeros(())), **parts}
