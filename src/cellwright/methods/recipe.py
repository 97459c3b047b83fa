"""The contract of a recipe: how a network learns what a readout reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from cellwright._types import AnyArray, LabelArray
from cellwright.datasets.objects import Layers
from cellwright.methods.readout import MapReader

if TYPE_CHECKING:
    from torch import Tensor


class AnyRecipe(Protocol):
    """How a network learns from patches of any truth: labels, `Objects`, `Boxes` or `Points`.

    Attributes
    ----------
    readout : object
        Reads what the network learns; its `outputs` are the channels of the network.
    """

    @property
    def readout(self) -> Any:
        """Reads what the network learns."""

    def targets(self, truth: Any, /) -> dict[str, AnyArray]:
        """Return what the network should say about one patch.

        Runs in the processes that prepare batches, without torch.

        Parameters
        ----------
        truth : object
            What is annotated in the patch.

        Returns
        -------
        dict of ndarray
            The same names and shapes for every patch of a size.
        """

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
            ``loss`` and its summands; scalars, finite even for patches without objects and
            patches of which nothing is known.
        """


@runtime_checkable
class OverlapRecipe(Protocol):
    """A recipe that also learns the whole shape of objects that others hide in part."""

    def whole_targets(self, layers: LabelArray, /) -> dict[str, AnyArray]:
        """Return what the network should say about one patch in which objects may overlap.

        Parameters
        ----------
        layers : ndarray, shape (L, [Z,] Y, X), int32
            As the labels of `Recipe.targets`, each object whole in one layer; -1 in all layers.
        """


def object_targets(recipe: Any, truth: Any) -> dict[str, AnyArray]:
    """Return what a network should say about a patch, in which objects may be `Layers`.

    Parameters
    ----------
    recipe : Recipe
        An `OverlapRecipe`, too, where objects are `Layers`.
    truth : ndarray, shape ([Z,] Y, X), int32, or Layers
    """
    if isinstance(truth, Layers):
        return dict(recipe.whole_targets(truth.labels))
    return dict(recipe.targets(truth))


class Recipe(AnyRecipe, Protocol):
    """Targets and loss of a method; a frozen dataclass made from the readout alone.

    Attributes
    ----------
    readout : MapReader
        Reads what the network learns; its `outputs` are the channels of the network.
    """

    @property
    def readout(self) -> MapReader:
        """Reads what the network learns."""

    def targets(self, labels: LabelArray, /) -> dict[str, AnyArray]:
        """Return what the network should say about one patch.

        Parameters
        ----------
        labels : ndarray, shape ([Z,] Y, X), int32
            -1 is unknown and takes no part in the loss, 0 background, 1..N objects; numbers may
            be missing.

        Returns
        -------
        dict of ndarray
            The same names and shapes for every patch of a size.
        """
