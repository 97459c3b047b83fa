"""From a map of heat to points."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import DoubleArray, FloatArray, IntArray
from cellwright.datasets.boxes import ONE_CLASS
from cellwright.methods.logits import logit
from cellwright.methods.mirrors import Mirrored, along
from cellwright.methods.peaks import peaks
from cellwright.methods.points import heat

_AXES = ("plane", "row", "column")
PIXELS = 1000
"""The network tells how many points there are in so many pixels, as a logarithm."""
DENSEST = 9.0
"""Greatest of these logarithms."""
_NARROWEST, _WIDEST = 1.0, 4.0  # standard deviation of heat, in px
_BETWEEN_PLANES = 0.5  # least of these along planes: a point between two of them warms both


@dataclass(frozen=True, slots=True)
class FoundPoints:
    """The points that were read from maps.

    Parameters
    ----------
    positions : ndarray, shape (N, D), float32
        ([z,] y, x) in px; whole numbers are the centres of pixels.
    classes : ndarray, shape (N,), int64
        Index of the class, from 0.
    scores : ndarray, shape (N,), float32
        Probability at the anchor.
    anchors : ndarray, shape (N, D), int64
        Pixel that owns each point. No two points share one.
    evidence : ndarray, shape (N, F), float32
        Numbers about every point, from which its confidence is computed.
    """

    positions: FloatArray
    classes: IntArray
    scores: FloatArray
    anchors: IntArray
    evidence: FloatArray


@dataclass(frozen=True, slots=True)
class PointsReadout:
    """Points are where the peaks of maps of heat point to; of those that are close, the hottest.

    It has what the contract of readouts asks for, but that points have positions instead of
    pixels: all that decides about a point lies within `margin` of its anchor.

    Parameters
    ----------
    dimensions : int
        2 for planes, 3 for volumes.
    classes : tuple of str
        Names of the classes, each of which has a map of heat.
    threshold : float
        Least probability at a point.
    apart : float
        Two points are more than this far apart along some axis, in px within a plane.
    width : float
        Standard deviation of the heat around a point, in px within a plane.
    anisotropy : float
        Distance of planes over distance of pixels within a plane.

    Raises
    ------
    UsageError
        If the width or the anisotropy is not positive, or there is no class.

    References
    ----------
    Zhou, Wang & Krähenbühl (2019), "Objects as points", arXiv:1904.07850.
    """

    dimensions: int = 2
    classes: tuple[str, ...] = (ONE_CLASS,)
    threshold: float = 0.4
    apart: float = 2.0
    width: float = 1.5
    anisotropy: float = 1.0

    evidence_names: ClassVar[tuple[str, ...]] = ("probability", "mass", "disagreement")

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", tuple(self.classes))  # a card holds lists
        if not self.classes or len(set(self.classes)) < len(self.classes):
            raise UsageError(f"Points need classes, each once, not {self.classes}.")
        if not (self.width > 0 and self.anisotropy > 0):
            raise UsageError(
                "The width and the anisotropy of points must be above 0; "
                f"got {self.width} and {self.anisotropy}."
            )

    @classmethod
    def suited_to(
        cls, dimensions: int, diameter: float, classes: tuple[str, ...] = (ONE_CLASS,)
    ) -> Self:
        """Return a readout for objects of about this diameter in px, of these classes."""
        width = min(max(_NARROWEST, diameter / 8), _WIDEST)
        return cls(dimensions=dimensions, classes=classes, apart=width, width=width)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the maps: points of each class, the way to them, and how many there are."""
        ways = (f"{axis} shift" for axis in _AXES[3 - self.dimensions :])
        kinds = self.classes
        return (*(f"point {kind}" for kind in kinds), *ways, *(f"density {kind}" for kind in kinds))

    @property
    def tolerance(self) -> float:
        """How far a right point is from the true one at most, in px within a plane."""
        return 2 * self.width

    @property
    def spacing(self) -> tuple[float, ...]:
        """Size of a pixel along each axis, in px within a plane."""
        return (self.anisotropy, 1.0, 1.0)[3 - self.dimensions :]

    @property
    def widths(self) -> DoubleArray:
        """Standard deviation of the heat along planes, rows and columns, in px."""
        along_planes = max(self.width / self.anisotropy, _BETWEEN_PLANES)
        return np.array([along_planes, self.width, self.width])

    @property
    def mass(self) -> float:
        """Sum of the heat of one point over the pixels."""
        widths = self.widths[3 - self.dimensions :]
        return float(np.prod(math.sqrt(2 * math.pi) * widths))

    @property
    def reach(self) -> int:
        """Farthest point from its anchor along either axis, in px."""
        return math.ceil(self.width)

    @property
    def margin(self) -> int:
        """How far around a window the maps decide about the points anchored in it, in px.

        Points that are close may be anchored so much farther as both are from their anchors, and
        a peak is above its neighbours.
        """
        farthest = self.apart / min(self.anisotropy, 1)
        return max(math.ceil(farthest) + 2 * self.reach + 1, self._radius)

    @property
    def _radius(self) -> int:
        return math.ceil(2 * self.width)

    def mirrored(self, axis: str) -> Mirrored:
        """Return how its maps are put right that were found in a mirror image."""
        return along(self.outputs, axis)

    def decode(self, maps: FloatArray) -> FoundPoints:
        """Return the points in `maps`.

        Parameters
        ----------
        maps : ndarray, shape (classes + D + classes, [Z,] Y, X), float32
            Logit of the heat of each class; the way to the nearest point along each axis in px;
            logarithm of the number of points of each class in 1000 pixels.

        Returns
        -------
        FoundPoints
            In raster order of their anchors.
        """
        axes, count = maps.ndim - 1, len(self.classes)
        volume = np.asarray(maps if axes == 3 else maps[:, None], np.float32)
        logits = np.ascontiguousarray(volume[:count].max(0))
        shifts = np.zeros((3, *logits.shape), np.float32)
        shifts[3 - axes :] = volume[count : count + axes]
        floor = logit(self.threshold)
        anchors = peaks(logits, floor)
        ways = shifts[(slice(None), *anchors.T)].T.clip(-self.reach, self.reach)
        apart = self.apart / np.array([self.anisotropy, 1, 1])
        kept = heat.distinct(logits, anchors, ways, apart, self.reach)
        anchors, ways = anchors[kept], ways[kept]
        evidence = heat.describe(logits, shifts, anchors, ways, self._radius)
        evidence[:, 1] /= self.mass
        own = slice(3 - axes, None)
        return FoundPoints(
            positions=(anchors + ways).astype(np.float32)[:, own],
            classes=volume[(slice(0, count), *anchors.T)].argmax(0),
            scores=evidence[:, 0].copy(),
            anchors=anchors[:, own],
            evidence=evidence,
        )

    def expected_counts(self, maps: FloatArray) -> DoubleArray:
        """Return how many points of each class there are, found or not, shape (classes,).

        Where points crowd so that they cannot be told apart, there are more than are found.

        Parameters
        ----------
        maps : ndarray, shape (classes + D + classes, [Z,] Y, X), float32
            See `decode`.
        """
        density = np.exp(np.minimum(maps[-len(self.classes) :], DENSEST, dtype=np.float64))
        counts: DoubleArray = density.sum(axis=tuple(range(1, maps.ndim))) / PIXELS
        return counts
