"""From boxes and weighted prototypes to masks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import FloatArray, IntArray
from cellwright.methods.boxes.suppression import FARTHEST, central, rounds_of
from cellwright.methods.logits import logit
from cellwright.methods.masks.geometry import TERMS, covered, paint, sizes_of
from cellwright.methods.numbering import number_visible
from cellwright.methods.overlaps import connected
from cellwright.methods.peaks import peaks
from cellwright.methods.readout import Instances
from cellwright.methods.tidy import tidy

_SHORTEST = 0.5  # px; a box holds its anchor
_FURTHEST_OFF = 30.0  # logarithm, up or down, of a distance over the unit
_ROUNDS = 2  # of suppression; see `margin`


@dataclass(frozen=True, slots=True)
class MasksReadout:
    """Objects are masks in boxes around the deepest pixels.

    Every pixel tells a box and the weights of a few prototypes, maps that all objects share, and
    of terms that grow with the distance from the pixel. The weighted sum, within the box, is the
    mask. Of boxes that overlap too much the surest is kept; a pixel in several masks belongs to
    the one that claims it most.

    Parameters
    ----------
    prototypes : int
        Number of shared maps.
    threshold : float
        Least probability of an object at its anchor.
    overlap : float
        A box is dropped whose intersection over union with a better one exceeds this.
    visible : float
        An object is dropped of whose mask others claim more than the rest of this share.
    smallest : int
        Least number of pixels of an object.
    longest : int
        Longest distance from the anchor to a side of the box, in px.
    unit : float
        Distance in px that the network writes as 1, and for boxes its logarithm as 0.

    Raises
    ------
    UsageError
        If a share is out of range, or there is no prototype.

    References
    ----------
    Bolya et al. (2019), "YOLACT: real-time instance segmentation", ICCV (prototypes).
    Tian, Shen & Chen (2020), "Conditional convolutions for instance segmentation", ECCV (masks
    that know where they are seen from).
    """

    prototypes: int = 8
    threshold: float = 0.5
    overlap: float = 0.6
    visible: float = 0.5
    smallest: int = 8
    longest: int = 48
    unit: float = 8.0

    evidence_names: ClassVar[tuple[str, ...]] = (
        "score",
        "certainty",
        "visible",
        "filled",
        "log size",
    )
    tunable: ClassVar[Mapping[str, tuple[float, ...]]] = {
        "threshold": (0.3, 0.4, 0.5, 0.6, 0.7),
        "overlap": (0.4, 0.5, 0.6, 0.7),
    }
    learned: ClassVar[tuple[str, ...]] = ("prototypes",)

    def __post_init__(self) -> None:
        for name in ("threshold", "overlap", "visible"):
            if not 0 < getattr(self, name) < 1:
                raise UsageError(f"'{name}' of masks must lie between 0 and 1.")
        if self.prototypes < 1:
            raise UsageError(f"Masks need at least one prototype, not {self.prototypes}.")

    @classmethod
    def suited_to(cls, dimensions: int, diameter: float) -> Self:
        """Return a readout for objects of up to this diameter in px.

        Raises
        ------
        UsageError
            If the images are volumes.
        """
        if dimensions != 2:
            raise UsageError("Masks are found in planes only; choose another method for volumes.")
        return cls(longest=max(cls().longest, math.ceil(diameter)))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the maps."""
        return (
            "object",
            *("top", "left", "bottom", "right"),
            *(f"prototype {number}" for number in range(self.prototypes)),
            *(f"weight {number}" for number in range(self.prototypes + TERMS)),
        )

    @property
    def reach(self) -> int:
        """Farthest pixel of an object from its anchor along either axis, in px."""
        return self.longest

    @property
    def margin(self) -> int:
        """How far around a window the maps decide about the objects anchored in it, in px.

        What suppression keeps depends on boxes as far away as those of `BoxesReadout`; masks then
        contest each other's pixels once more, up to twice `longest` away.
        """
        rival = (2 - self.overlap / FARTHEST) * self.longest
        return math.ceil((2 * _ROUNDS - 1) * rival) + 2 * self.longest + 2

    def decode(self, maps: FloatArray) -> Instances:
        """Return the objects in `maps`.

        Parameters
        ----------
        maps : ndarray, shape (11 + 2 P, Y, X), float32
            With P prototypes: logit of the object probability; logarithms of the distances over
            `unit` px to the top, left, bottom and right side of the box; prototypes; their
            weights, and those of 1, dy, dx, dy², dy dx and dx², in `unit` px from the anchor.
        """
        first = 5 + self.prototypes
        prototypes = np.ascontiguousarray(maps[5:first], np.float32)
        anchors, scores, distances = self._proposals(maps)
        one_class = np.zeros(len(anchors), np.int64)
        rounds = rounds_of(anchors, distances, one_class, self.overlap, 1.0)  # nested ones may be
        kept = np.flatnonzero((rounds > 0) & (rounds <= _ROUNDS))
        anchors, scores, distances = anchors[kept], scores[kept], distances[kept]

        weights = np.ascontiguousarray(maps[(slice(first, None), *anchors.T)].T)
        labels, size, certainty = paint(prototypes, weights, anchors, distances, self.unit)
        labels = tidy(labels, len(anchors))
        shown = sizes_of(labels, len(anchors))
        hidden = shown < self.visible * size
        labels[np.concatenate([[False], hidden])[labels]] = 0
        left = number_visible(labels[None], len(anchors), self.smallest)
        box = (distances[:, :2] + distances[:, 2:]).astype(np.float64).prod(1)
        columns = [scores, certainty, shown / np.maximum(size, 1), size / box, np.log1p(shown)]
        evidence = np.stack(columns, 1).astype(np.float32)
        return Instances(labels, anchors[left], evidence[left])

    def covered(self, maps: FloatArray, found: Instances) -> IntArray:
        """Return the pixels of objects that others hide; see `OverlapReadout`."""
        first = 5 + self.prototypes
        prototypes = np.ascontiguousarray(maps[5:first], np.float32)
        anchors = np.ascontiguousarray(found.anchors)
        weights = np.ascontiguousarray(maps[(slice(first, None), *anchors.T)].T)
        distances = self._distances(maps, anchors)
        hidden = covered(prototypes, weights, anchors, distances, self.unit, found.labels)
        return connected(found.labels, hidden)

    def _proposals(self, maps: FloatArray) -> tuple[IntArray, FloatArray, FloatArray]:
        """Return anchors (N, 2), logits (N,) and distances (N, 4) in px, the best first."""
        likely = np.ascontiguousarray(maps[:1], np.float32)
        places = peaks(likely, logit(self.threshold))[:, 1:]
        places = np.ascontiguousarray(places)
        distances = self._distances(maps, places)
        scores = maps[(0, *places.T)]
        usable = np.flatnonzero(central(distances))
        best_first = usable[np.argsort(-scores[usable], kind="stable")]
        return places[best_first], scores[best_first], distances[best_first]

    def _distances(self, maps: FloatArray, places: IntArray) -> FloatArray:
        """Return the distances to the sides of the boxes told at places, shape (N, 4), in px."""
        told = maps[(slice(1, 5), *places.T)].T.clip(-_FURTHEST_OFF, _FURTHEST_OFF)
        distances = (np.exp(told) * np.float32(self.unit)).clip(_SHORTEST, self.longest)
        return np.ascontiguousarray(distances, np.float32)
