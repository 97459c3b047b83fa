"""From a foreground map and a relief to objects."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import FloatArray
from cellwright.methods.logits import logit
from cellwright.methods.mirrors import Mirrored, along
from cellwright.methods.readout import Instances
from cellwright.methods.watershed import flooding
from cellwright.methods.watershed.evidence import describe

RELIEFS = ("depth", "nearness")
"""What a network may learn as the relief; see `WatershedReadout`."""


@dataclass(frozen=True, slots=True)
class WatershedReadout:
    """Objects are the hills of a relief, within the foreground, that rise enough above the passes.

    Parameters
    ----------
    threshold : float
        A pixel is foreground above this probability.
    persistence : float
        How far the top of an object rises above the highest way to a higher one, and above 0; the
        height of an object is 1.
    smoothing : int
        How many times the relief is averaged over neighbours.
    smallest : int
        Least number of pixels of an object.
    travel : int
        How far, along each axis, pixels may lie from the top that they climb to, and that from
        the top of the object, in px.
    relief : str
        What the network learns: ``"depth"`` within the object, 1 where it is deepest, or
        ``"nearness"`` to its centroid.
    anisotropy : float
        Distance of planes over distance of pixels within a plane, for the depth of objects.

    Raises
    ------
    UsageError
        If there is no such relief.

    References
    ----------
    Bai & Urtasun (2017), "Deep watershed transform for instance segmentation", CVPR.
    Vincent & Soille (1991), "Watersheds in digital spaces", IEEE TPAMI 13:583.
    Edelsbrunner, Letscher & Zomorodian (2002), "Topological persistence and simplification",
    Discrete & Computational Geometry 28:511.
    """

    threshold: float = 0.5
    persistence: float = 0.2
    smoothing: int = 1
    smallest: int = 8
    travel: int = 48
    relief: str = "depth"
    anisotropy: float = 1.0

    evidence_names: ClassVar[tuple[str, ...]] = (
        "foreground",
        "edge certainty",
        "top",
        "edge height",
        "log size",
        "log roughness",
    )
    tunable: ClassVar[Mapping[str, tuple[float, ...]]] = {
        "persistence": (0.1, 0.2, 0.3),
        "threshold": (0.35, 0.5, 0.65),
    }
    learned: ClassVar[tuple[str, ...]] = ("relief",)

    def __post_init__(self) -> None:
        if self.relief not in RELIEFS:
            raise UsageError(
                f"There is no relief '{self.relief}'; choose from {', '.join(RELIEFS)}."
            )

    @classmethod
    def suited_to(cls, dimensions: int, diameter: float) -> Self:
        """Return a readout for objects of up to this diameter in px; planes and volumes alike."""
        return cls(travel=max(cls().travel, math.ceil(diameter)))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the maps."""
        return ("foreground", self.relief)

    @property
    def reach(self) -> int:
        """Farthest pixel of an object from its top along either axis, in px."""
        return 2 * self.travel

    @property
    def margin(self) -> int:
        """How far around a window the maps decide about the objects anchored in it, in px.

        The tops of an object lie within one `travel` of its own; which way each of them goes is
        decided by tops up to one farther; their pixels, up to another one farther, and those they
        touch have ways that are known from the maps within twice that again, and neighbours.
        """
        return 5 * self.travel + 2 + self.smoothing

    def mirrored(self, axis: str) -> Mirrored:
        """Return how its maps are put right that were found in a mirror image."""
        return along(self.outputs, axis)

    def decode(self, maps: FloatArray) -> Instances:
        """Return the objects in `maps`.

        Parameters
        ----------
        maps : ndarray, shape (2, [Z,] Y, X), float32
            Logit of the foreground; the relief.

        Returns
        -------
        Instances
            Anchored at their tops.
        """
        shape = maps.shape[1:]
        volume = np.ascontiguousarray(maps if len(shape) == 3 else maps[:, None], np.float32)
        logits, relief = volume
        for _ in range(self.smoothing):
            relief = flooding.smoothed(relief)
        foreground = logits > logit(self.threshold)
        basins, tops = flooding.basins_of(relief, foreground, self.travel)
        joins = flooding.merges(relief, basins, tops, self.persistence, self.travel)
        group = flooding.follow(joins, tops, volume.shape[1:], self.travel)
        labels, tops = flooding.number_objects(basins, tops, group, self.smallest)
        evidence = describe(labels, tops, logits, relief)
        anchors = np.stack(np.unravel_index(tops, shape), 1).astype(np.int64)
        return Instances(labels.reshape(shape), anchors, evidence)
