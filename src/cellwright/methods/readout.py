"""The contract of a readout: how the maps of a network become objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from cellwright._types import FloatArray, IntArray, LabelArray


@dataclass(frozen=True, slots=True)
class Instances:
    """The objects that were read from maps.

    Parameters
    ----------
    labels : ndarray, shape ([Z,] Y, X), int32
        0 is background, 1..N are objects.
    anchors : ndarray, shape (N, D), int64
        Position ([z,] y, x) of the pixel that owns object i + 1, in px. No two objects share one.
    evidence : ndarray, shape (N, F), float32
        Numbers about every object, from which its confidence is computed.
    """

    labels: LabelArray
    anchors: IntArray
    evidence: FloatArray


class MapReader(Protocol):
    """Turns maps into objects, looking only at a bounded neighbourhood of each.

    Because of the bounds, an object can be decoded from any window that holds its surroundings
    and comes out the same; this is what makes a result independent of the tiles.

    Attributes
    ----------
    outputs : tuple of str
        Names of the maps, in channel order.
    evidence_names : tuple of str
        Names of the columns of `Instances.evidence`.
    reach : int
        No pixel of an object is farther than this from its anchor along either axis, in px.
    margin : int
        Objects anchored in a window depend only on the maps within this distance of the window,
        in px; at least `reach`.
    """

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the maps, in channel order."""

    @property
    def evidence_names(self) -> tuple[str, ...]:
        """Names of the columns of `Instances.evidence`."""

    @property
    def reach(self) -> int:
        """Farthest pixel of an object from its anchor along either axis, in px."""

    @property
    def margin(self) -> int:
        """How far around a window the maps decide about the objects anchored in it, in px."""

    def decode(self, maps: FloatArray) -> Instances:
        """Return the objects in `maps`.

        Parameters
        ----------
        maps : ndarray, shape (K, [Z,] Y, X), float32
            One map per name in `outputs`.
        """


class Readout(MapReader, Protocol):
    """The `MapReader` of a method.

    A frozen dataclass, whose fields are its parameters as the card of a model holds them.

    Attributes
    ----------
    tunable : mapping of str to tuple of float
        Parameters that are chosen on validation images once the network is trained, and the
        values to try; a good order is from the most to the least important.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def tunable(self) -> Mapping[str, tuple[float, ...]]:
        """Parameters that are chosen on validation images, and the values to try."""

    @classmethod
    def suited_to(cls, dimensions: int, diameter: float) -> Self:
        """Return a readout with parameters that suit the data.

        Parameters
        ----------
        dimensions : int
            2 for planes, 3 for volumes.
        diameter : float
            Of the largest objects on the network's grid, in px.

        Raises
        ------
        UsageError
            If the method does not work in so many dimensions.
        """


@runtime_checkable
class SpacedReadout(Protocol):
    """A readout whose shapes in volumes depend on how far apart their planes are."""

    def spaced(self, anisotropy: float) -> Self:
        """Return it for planes that lie so many times as far apart as pixels."""


@runtime_checkable
class OverlapReadout(Protocol):
    """A readout whose maps tell the whole shape of objects that others hide in part."""

    def covered(self, maps: FloatArray, found: Instances) -> IntArray:
        """Return the pixels of objects that others hide.

        Parameters
        ----------
        maps : ndarray, shape (K, [Z,] Y, X), float32
        found : Instances
            What `decode` made of them.

        Returns
        -------
        ndarray, shape (M, 1 + D), int64
            Index of the object from 0, then ([z,] y, x) in px of a pixel that belongs to it, too,
            though another object has it in the labels; connected with what is seen of it.
        """
