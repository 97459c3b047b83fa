"""How a network learns the class of every pixel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cellwright._errors import DatasetError, UsageError
from cellwright._types import AnyArray, LabelArray
from cellwright.methods.classes.readout import ClassesReadout
from cellwright.methods.losses import cross_entropy, soft_dice, tversky

_SMOOTHING = 20.0  # px; keeps overlap losses calm on patches without a class


@dataclass(frozen=True, slots=True)
class ClassesRecipe:
    """Targets and loss of pixel classes.

    Parameters
    ----------
    readout : ClassesReadout
    terms : mapping of str to float
        Summands of the loss and their weights: ``"cross-entropy"``, ``"focal"``, ``"dice"`` and
        ``"tversky"``. The overlap losses leave the background out.
    class_weights : tuple of float, optional
        Of background and classes in cross-entropy and focal loss, such as
        `cellwright.methods.losses.class_weights` gives them; all alike when not given.

    Raises
    ------
    UsageError
        If a term is unknown, or the weights are not one per class.
    """

    readout: ClassesReadout = field(default_factory=ClassesReadout)
    terms: Mapping[str, float] = field(default_factory=lambda: {"cross-entropy": 1.0, "dice": 1.0})
    class_weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        unknown = set(self.terms) - set(_TERMS)
        if unknown or not self.terms:
            raise UsageError(
                f"The loss is a sum of {', '.join(_TERMS)}, not of "
                f"{', '.join(sorted(self.terms)) or 'nothing'}."
            )
        count = len(self.readout.outputs)
        if self.class_weights is not None and len(self.class_weights) != count:
            raise UsageError(
                f"There are {count} classes with the background, but "
                f"{len(self.class_weights)} class weights."
            )

    def targets(self, labels: LabelArray) -> dict[str, AnyArray]:
        """Return what the network should say about one patch.

        Parameters
        ----------
        labels : ndarray, shape ([Z,] Y, X), int32
            -1 is unknown and takes no part in the loss, 0 background, 1..n classes.

        Returns
        -------
        dict
            ``classes`` ([Z,] Y, X) uint8, 0 where unknown; ``known`` ([Z,] Y, X) bool.

        Raises
        ------
        DatasetError
            If a label is beyond the last class.
        """
        highest = int(labels.max(initial=0))
        if highest > len(self.readout.classes):
            raise DatasetError(
                f"A label is {highest}, but there are {len(self.readout.classes)} classes "
                f"({', '.join(self.readout.classes)}). Are the labels numbered objects?"
            )
        return {"classes": np.maximum(labels, 0).astype(np.uint8), "known": labels >= 0}

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
            ``loss`` and its summands, one per term; scalars.
        """
        classes, known = batch["classes"].long(), batch["known"].bool()
        weights = None
        if self.class_weights is not None:
            weights = torch.tensor(self.class_weights, device=outputs.device)
        parts = {
            name: weight * _TERMS[name](outputs.float(), classes, known, weights)
            for name, weight in self.terms.items()
        }
        return {"loss": torch.stack(list(parts.values())).sum(), **parts}


def _overlap(
    kind: Callable[..., Tensor], outputs: Tensor, classes: Tensor, known: Tensor
) -> Tensor:
    """Return an overlap loss of all classes but the background."""
    one_hot = functional.one_hot(classes, outputs.shape[1]).movedim(-1, 1)
    probability = torch.softmax(outputs, 1)
    return kind(probability[:, 1:], one_hot[:, 1:], known[:, None], smooth=_SMOOTHING)


_TERMS: dict[str, Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]] = {
    "cross-entropy": lambda o, c, known, weights: cross_entropy(o, c, known, weights=weights),
    "focal": lambda o, c, known, weights: cross_entropy(o, c, known, weights=weights, gamma=2.0),
    "dice": lambda o, c, known, _: _overlap(soft_dice, o, c, known),
    "tversky": lambda o, c, known, _: _overlap(tversky, o, c, known),
}
