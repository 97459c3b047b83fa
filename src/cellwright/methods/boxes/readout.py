"""From class probabilities and distances to the sides of a box to detections."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import FloatArray, IntArray
from cellwright.datasets.boxes import ONE_CLASS
from cellwright.methods.boxes import geometry
from cellwright.methods.boxes.suppression import FARTHEST, central, rounds_of
from cellwright.methods.logits import logit
from cellwright.methods.mirrors import Mirrored, unmoved
from cellwright.methods.peaks import peaks

_IMPROBABLE = 0.1  # score of what hardly ever is an object
_ROUNDS = 2  # of suppression; see `margin`


@dataclass(frozen=True, slots=True)
class FoundBoxes:
    """The boxes that were read from maps, the surest first.

    Parameters
    ----------
    boxes : ndarray, shape (N, 4), float32
        ``min_row, min_col, max_row, max_col`` in px, the first pixel lying between 0 and 1. They
        may reach beyond the maps.
    classes : ndarray, shape (N,), int64
        Index of the class, from 0.
    scores : ndarray, shape (N,), float32
        0 to 1.
    anchors : ndarray, shape (N, 2), int64
        Position (y, x) of the pixel that owns each box, in px. No two boxes share one.
    evidence : ndarray, shape (N, F), float32
        Numbers about every box, from which its confidence is computed.
    """

    boxes: FloatArray
    classes: IntArray
    scores: FloatArray
    anchors: IntArray
    evidence: FloatArray

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True, slots=True)
class BoxesReadout:
    """Objects are boxes around the pixels that are surest to be in the middle of one.

    Each pixel that no neighbour exceeds proposes a box; of those that overlap, whatever their
    classes, the surest is kept: an object is of one class.

    Parameters
    ----------
    classes : tuple of str
        Names of the classes.
    threshold : float
        Least score of a detection, between 0 and 1: the geometric mean of the probability of its
        class and its quality, which is the overlap that the network expects it to have with the
        true box.
    overlap : float
        A box is dropped whose intersection over union with a better one exceeds this.
    longest : int
        Longest distance from the anchor to a side, in px.
    unit : float
        Distance in px whose logarithm the network writes as 0.
    nested : float
        A box is dropped, too, if it and a better one of its class have more than this share of
        the smaller one in common: 0.75 to 1, which lets nested boxes be.

    Raises
    ------
    UsageError
        If a parameter is out of range, or there is no class.

    References
    ----------
    Tian et al. (2019), "FCOS: fully convolutional one-stage object detection", ICCV.
    """

    classes: tuple[str, ...] = (ONE_CLASS,)
    threshold: float = 0.5
    overlap: float = 0.5
    longest: int = 64
    unit: float = 8.0
    nested: float = 1.0

    evidence_names: ClassVar[tuple[str, ...]] = (
        "probability",
        "quality",
        "inside",
        "runner-up",
        "log size",
        "elongation",
    )
    tunable: ClassVar[Mapping[str, tuple[float, ...]]] = {
        "overlap": (0.5, 0.4, 0.6),
    }

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", tuple(self.classes))  # a card holds lists
        if not self.classes or len(set(self.classes)) < len(self.classes):
            raise UsageError(f"Boxes need classes, each once, not {self.classes}.")
        for name in ("threshold", "overlap"):
            if not 0 < getattr(self, name) < 1:
                raise UsageError(f"The {name} of boxes must lie between 0 and 1.")
        if not FARTHEST <= self.nested <= 1:
            raise UsageError(f"The share of nested boxes must lie between {FARTHEST} and 1.")

    @classmethod
    def suited_to(
        cls, dimensions: int, diameter: float, classes: tuple[str, ...] = (ONE_CLASS,)
    ) -> Self:
        """Return a readout for objects of up to this diameter in px, of these classes.

        A side may be a whole diameter away: the longer half of a box four times as long as wide.
        Improbable boxes are told, too: how probable those must be that count is decided later, by
        their confidence.

        Raises
        ------
        UsageError
            If the images are volumes.
        """
        if dimensions != 2:
            raise UsageError("Boxes are found in planes only; choose another method for volumes.")
        longest = max(cls().longest, math.ceil(diameter))
        return cls(classes, threshold=_IMPROBABLE, longest=longest)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the maps."""
        kinds = (f"class {name}" for name in self.classes)
        return (*kinds, "top", "left", "bottom", "right", "quality")

    @property
    def reach(self) -> int:
        """Farthest side of a box from the middle of its anchor along either axis, in px."""
        return self.longest

    @property
    def margin(self) -> int:
        """How far around a window the maps decide about the boxes anchored in it, in px.

        Anchors lie in the middle part of their boxes, so that those of boxes which overlap by
        more than `overlap`, or are nested, are at most ``rival`` apart. A box kept in the second
        round depends on the better ones that near, on what they were dropped for, and on what
        might have hidden that. An anchor is above its neighbours.
        """
        rival = max(2 - self.overlap / FARTHEST, self.nested < 1) * self.longest
        return math.ceil((2 * _ROUNDS - 1) * rival) + 1

    def mirrored(self, axis: str) -> Mirrored:
        """Return how its maps are put right that were found in a mirror image."""
        sides = {"row": ("top", "bottom"), "column": ("left", "right")}[axis]
        swapped = dict(zip(sides, reversed(sides), strict=True))
        order = [self.outputs.index(swapped.get(name, name)) for name in self.outputs]
        return replace(unmoved(len(order)), order=np.array(order, np.int64))

    def decode(self, maps: FloatArray) -> FoundBoxes:
        """Return the detections in `maps`.

        Parameters
        ----------
        maps : ndarray, shape (classes + 5, Y, X), float32
            Logit of the probability of each class; logarithm of the distance over `unit` px to
            the top, left, bottom and right side; logit of the quality.
        """
        maps = np.ascontiguousarray(maps, np.float32)
        count = len(self.classes)
        # The score, a geometric mean, is at most the root of the probability.
        floor = self.threshold**2
        best = np.ascontiguousarray(maps[:count].max(0, keepdims=True))
        places = np.ascontiguousarray(peaks(best, logit(floor))[:, 1:])
        chances, distances = geometry.proposals(maps, places, count, self.unit, float(self.longest))
        classes = chances[:, :count].argmax(1)
        scores = np.sqrt(chances[:, :count].max(1) * chances[:, count])
        usable = np.flatnonzero((scores >= self.threshold) & central(distances))
        surest = usable[np.argsort(-scores[usable], kind="stable")]
        rounds = rounds_of(
            places[surest], distances[surest], classes[surest], self.overlap, self.nested
        )
        kept = surest[(rounds > 0) & (rounds <= _ROUNDS)]

        places, distances, classes = places[kept], distances[kept], classes[kept]
        middles = np.tile(places + 0.5, 2)
        boxes = middles + distances * np.array([-1, -1, 1, 1])
        inside = geometry.mean_in_middle(maps, classes, places, distances)
        return FoundBoxes(
            boxes.astype(np.float32),
            classes,
            scores[kept].astype(np.float32),
            places,
            _evidence(chances[kept], distances, inside),
        )


def _evidence(chances: FloatArray, distances: FloatArray, inside: FloatArray) -> FloatArray:
    """Return the columns that `BoxesReadout.evidence_names` names."""
    ranked = np.sort(chances[:, :-1], 1)
    second = ranked[:, -2] if ranked.shape[1] > 1 else np.zeros(len(ranked))
    height, width = (distances[:, :2] + distances[:, 2:]).T.astype(np.float64)
    columns = [
        ranked[:, -1],
        chances[:, -1],
        inside,
        second,
        np.log(height * width),
        np.abs(np.log(height / width)),
    ]
    return np.stack(columns, 1).astype(np.float32)
