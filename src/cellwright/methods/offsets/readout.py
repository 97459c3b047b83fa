"""From the maps of a network to objects, by voting for centres."""

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
from cellwright.methods.offsets import voting
from cellwright.methods.readout import Instances
from cellwright.methods.tidy import tidy


@dataclass(frozen=True, slots=True)
class OffsetsReadout:
    """Objects from a foreground map and a field of offsets to their centres.

    Every foreground pixel follows its offset a few times and votes where it lands; the spots with
    the most votes are the objects. A pixel is decided on its own, so touching objects are parted
    with the precision of a pixel.

    Parameters
    ----------
    threshold : float
        A pixel is foreground above this probability.
    steps : int
        How many times the offsets are followed.
    spread : int
        Votes count for the pixels up to this far from where they fall, in px.
    seed_distance : int
        Two seeds are more than this far apart along some axis, in px.
    min_votes : float
        Fewest votes that make an object.
    capture : int
        A pixel belongs to the nearest seed up to this far from where it landed, in px.
    travel : int
        Longest way from a pixel to its centre along either axis, in px.
    unit : float
        Offset in px that the network writes as 1.

    References
    ----------
    Cheng et al., Panoptic-DeepLab, CVPR 2020 (foreground, centres and offsets to them).
    Neven et al., Instance segmentation by jointly optimizing spatial embeddings and clustering
    bandwidth, CVPR 2019 (pixels that gather at the centre of their object).
    """

    threshold: float = 0.5
    steps: int = 6
    spread: int = 1
    seed_distance: int = 3
    min_votes: float = 12.0
    capture: int = 8
    travel: int = 64
    unit: float = 8.0

    outputs: ClassVar[tuple[str, ...]] = ("foreground", "row offset", "column offset")
    evidence_names: ClassVar[tuple[str, ...]] = (
        "foreground",
        "edge certainty",
        "miss",
        "log area",
        "log roughness",
    )

    tunable: ClassVar[Mapping[str, tuple[float, ...]]] = {"threshold": (0.35, 0.5, 0.65)}

    @classmethod
    def suited_to(cls, dimensions: int, diameter: float) -> Self:
        """Return a readout for planes whose largest objects have this diameter in px."""
        if dimensions != 2:
            raise UsageError("The method 'offsets' finds objects in planes, not in volumes.")
        return cls(travel=max(cls().travel, math.ceil(diameter)))

    @property
    def reach(self) -> int:
        """Farthest pixel of an object from its seed along either axis, in px."""
        return self.travel + self.capture

    @property
    def margin(self) -> int:
        """How far around a window the maps decide about the objects seeded in it, in px.

        The pixels of an object lie within `reach`; what they touch belongs to objects whose own
        pixels lie within twice that again; and every pixel's seed depends on the votes of pixels
        one travel beyond it.
        """
        vote = self.travel + self.spread + self.seed_distance
        return 3 * self.reach + 1 + self.capture + vote

    def mirrored(self, axis: str) -> Mirrored:
        """Return how its maps are put right that were found in a mirror image."""
        return along(self.outputs, axis)

    def decode(self, maps: FloatArray) -> Instances:
        """Return the objects in `maps`.

        Parameters
        ----------
        maps : ndarray, shape (3, Y, X), float32
            Logit of the foreground; row and column offset to the centre in `unit` px.

        Returns
        -------
        Instances
        """
        logits, down, right = (np.ascontiguousarray(plane) for plane in maps[:3])
        landing = voting.land(
            logits,
            down,
            right,
            unit=self.unit,
            threshold=logit(self.threshold),
            steps=self.steps,
            reach=self.travel,
        )
        seeds = voting.seeds_of(landing, self.spread, self.seed_distance, self.min_votes)
        labels, anchors = voting.assign(landing, seeds, self.capture)
        labels = tidy(labels, len(anchors))
        evidence = voting.describe(labels, anchors, logits, down, right, self.unit)
        return Instances(labels, anchors, evidence)
