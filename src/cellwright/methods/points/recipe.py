"""How a network learns points."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from torch import Tensor
from torch.nn import functional

from cellwright._errors import DatasetError
from cellwright._types import AnyArray
from cellwright.datasets.points import Points
from cellwright.methods.points import heat
from cellwright.methods.points.readout import DENSEST, PIXELS, PointsReadout


@dataclass(frozen=True, slots=True)
class PointsRecipe:
    """Targets and loss of points.

    The loss is the sum of three, each per point: the cross-entropy of the heat; the error of the
    way to the points, where there is heat; and the Poisson likelihood of the density, which sums
    to the number of points, even where heat that overlaps does not.

    Parameters
    ----------
    readout : PointsReadout
        Reads what the network learns; gives the width of the heat.
    shift_weight : float
        Of an error of the way of 1 px.

    References
    ----------
    Zhou, Wang & Krähenbühl (2019), "Objects as points", arXiv:1904.07850.
    Lempitsky & Zisserman (2010), "Learning to count objects in images", NeurIPS (densities).
    """

    readout: PointsReadout = field(default_factory=PointsReadout)
    shift_weight: float = 4.0

    def targets(self, labels: Points) -> dict[str, AnyArray]:
        """Return what the network should say about one patch.

        Parameters
        ----------
        labels : Points
            In and around the patch, whose size that of `Points.known` is.

        Returns
        -------
        dict of ndarray
            ``heat`` (classes, [Z,] Y, X) float32, 0 to 1; ``shifts`` (D, [Z,] Y, X) float32, the
            way to the nearest point in px, 0 where there is no heat; ``density`` (classes, [Z,] Y,
            X) float32, points per pixel; ``known`` ([Z,] Y, X) float32, 1 or 0.

        Raises
        ------
        DatasetError
            If a point is of a class that the readout does not have.
        """
        points, classes = labels, self.readout.classes
        if unknown := sorted(set(points.names.tolist()) - set(classes)):
            raise DatasetError(
                f"A point is of the class '{unknown[0]}', but the model knows only "
                f"{', '.join(classes)}."
            )
        assert points.known is not None  # a patch says what is known
        shape = points.known.shape
        axes = len(shape)
        places = np.zeros((len(points), 3))
        places[:, 3 - axes :] = points.positions
        volume = (1,) * (3 - axes) + shape
        each = [places[points.names == name] for name in classes]
        warmth = [heat.warm(own, volume, self.readout.widths)[0] for own in each]
        _, shifts = heat.warm(places, volume, self.readout.widths)
        density = [heat.crowd(own, volume, self.readout.widths) for own in each]
        return {
            "heat": np.stack(warmth).reshape(len(classes), *shape),
            "density": np.stack(density).reshape(len(classes), *shape),
            "shifts": shifts[3 - axes :].reshape(axes, *shape),
            "known": points.known.astype(np.float32),
        }

    def loss(self, outputs: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss of one batch and its parts.

        Parameters
        ----------
        outputs : Tensor, shape (N, classes + D + classes, [Z,] Y, X)
            What the network says.
        batch : dict of Tensor
            `targets` of N patches, stacked.

        Returns
        -------
        dict of Tensor
            ``loss`` and its summands ``heat``, ``shift`` and ``density``; scalars.
        """
        outputs, truth, known = outputs.float(), batch["heat"], batch["known"]
        count = truth.shape[1]
        pixelwise = functional.binary_cross_entropy_with_logits(
            outputs[:, :count], truth, reduction="none"
        ).sum(1)
        share = truth.amax(1) * known
        total = share.sum().clamp(min=1)
        error = (outputs[:, count:-count] - batch["shifts"]).abs().sum(1)
        logarithm, density = outputs[:, -count:].clamp(max=DENSEST), batch["density"]
        unlikely = (logarithm.exp() / PIXELS - density * logarithm).sum(1)
        parts = {
            "heat": (pixelwise * known).sum() / total,
            "shift": self.shift_weight * (error * share).sum() / total,
            "density": (unlikely * known).sum() / (density.sum(1) * known).sum().clamp(min=1),
        }
        return {"loss": sum(parts.values(), outputs.new_zeros(())), **parts}
