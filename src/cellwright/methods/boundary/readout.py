"""From three class maps to objects."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from cellwright._types import FloatArray
from cellwright.methods.boundary import geometry
from cellwright.methods.components import components
from cellwright.methods.mirrors import Mirrored, along
from cellwright.methods.readout import Instances

_EXTENT = 3  # of the largest diameter: long objects are longer than a disc of their area


@dataclass(frozen=True, slots=True)
class BoundaryReadout:
    """Objects are the connected insides, grown over their boundary.

    Parameters
    ----------
    threshold : float
        A pixel is inside an object above this probability.
    growth : int
        How far insides grow into what is not background, in px.
    smallest : int
        Least number of pixels of an inside.
    largest : int
        Greatest extent of an inside along each axis, in px; what is larger is no object.

    References
    ----------
    Caicedo et al. (2019), "Nucleus segmentation across imaging experiments: the 2018 Data Science
    Bowl", Nature Methods 16:1247 (classes of inside and boundary).
    """

    threshold: float = 0.5
    growth: int = 3
    smallest: int = 6
    largest: int = 192

    outputs: ClassVar[tuple[str, ...]] = ("background", "inside", "boundary")
    evidence_names: ClassVar[tuple[str, ...]] = (
        "foreground",
        "inside",
        "boundary",
        "log size",
        "log roughness",
    )
    tunable: ClassVar[Mapping[str, tuple[float, ...]]] = {"threshold": (0.35, 0.5, 0.65)}

    @classmethod
    def suited_to(cls, dimensions: int, diameter: float) -> Self:
        """Return a readout for objects of up to this diameter in px; planes and volumes alike."""
        return cls(largest=max(cls().largest, math.ceil(_EXTENT * diameter)))

    @property
    def reach(self) -> int:
        """Farthest pixel of an object from its first one along either axis, in px."""
        return self.largest + self.growth

    @property
    def margin(self) -> int:
        """How far around a window the maps decide about the objects anchored in it, in px.

        The pixels that an object could take lie within `reach`; the rivals that could take them
        before it are at most `growth` farther, and must be seen to be small enough.
        """
        return self.reach + self.growth + self.largest

    def mirrored(self, axis: str) -> Mirrored:
        """Return how its maps are put right that were found in a mirror image."""
        return along(self.outputs, axis)

    def decode(self, maps: FloatArray) -> Instances:
        """Return the objects in `maps`.

        Parameters
        ----------
        maps : ndarray, shape (3, [Z,] Y, X), float32
            Logits of background, inside and boundary.

        Returns
        -------
        Instances
            Anchored at the first pixel of their inside in raster order.
        """
        shape = maps.shape[1:]
        volume = np.ascontiguousarray(maps if len(shape) == 3 else maps[:, None], np.float32)
        probability = geometry.probabilities(volume)
        inside = probability[1] > self.threshold
        labels, anchors = components(inside, self.largest, self.smallest)
        geometry.grow(labels, probability[0] < 0.5, self.growth)
        evidence = geometry.describe(labels, len(anchors), probability)
        return Instances(labels.reshape(shape), anchors[:, 3 - len(shape) :], evidence)
