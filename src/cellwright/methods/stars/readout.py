"""From object probabilities and distances along rays to objects."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import FloatArray, IntArray
from cellwright.methods.logits import logit
from cellwright.methods.mirrors import Mirrored, unmoved
from cellwright.methods.numbering import number_visible
from cellwright.methods.overlaps import connected
from cellwright.methods.peaks import peaks
from cellwright.methods.readout import Instances
from cellwright.methods.stars import painting, shapes
from cellwright.methods.stars.proposals import stand_out
from cellwright.methods.stars.rays import fullness, star
from cellwright.methods.stars.suppression import rounds_of

_RAYS = {2: 32, 3: 96}
_SHORTEST = 1.0  # px; every outline holds its centre
_ROUNDS = 2  # of suppression; see `margin`
_NEAR = 1 / 3  # of the radius; see `StarsReadout`


@dataclass(frozen=True, slots=True)
class StarsReadout:
    """Objects are star-convex polygons, or polyhedra, around the most probable pixels.

    A pixel proposes an outline if none near it is more probable: none within a third of the
    radius of a disc, or ball, as large. Of those that overlap, the most probable is kept. Where
    outlines are large there can thus only be few, which bounds the work whatever the maps say. A
    third of the radius is less than the width of all but needles, so that neighbours do not
    silence each other.

    Parameters
    ----------
    rays : int
        Along how many directions the outline is known.
    threshold : float
        Least object probability at the centre of an object.
    overlap : float
        A worse shape is dropped that shares more than this part of the smaller one's pixels with
        a better one.
    smallest : int
        Least number of pixels of an object.
    longest : int
        Longest distance from the centre to the outline, in px.
    unit : float
        Distance in px that the network writes as 1.
    anisotropy : float
        Distance of planes over distance of pixels within a plane, at least 1.

    Raises
    ------
    UsageError
        If the planes are closer than pixels, or there are too few rays.

    References
    ----------
    Schmidt et al. (2018), "Cell detection with star-convex polygons", MICCAI.
    Weigert et al. (2020), "Star-convex polyhedra for 3D object detection and segmentation in
    microscopy", WACV.
    """

    rays: int = _RAYS[2]
    threshold: float = 0.5
    overlap: float = 0.4
    smallest: int = 8
    longest: int = 32
    unit: float = 8.0
    anisotropy: float = 1.0

    evidence_names: ClassVar[tuple[str, ...]] = (
        "score",
        "inside",
        "visible",
        "roughness",
        "log size",
    )
    tunable: ClassVar[Mapping[str, tuple[float, ...]]] = {
        "threshold": (0.3, 0.4, 0.5, 0.6, 0.7),
        "overlap": (0.3, 0.4, 0.5),
    }
    learned: ClassVar[tuple[str, ...]] = ("rays",)

    def __post_init__(self) -> None:
        if self.anisotropy < 1:
            raise UsageError(
                f"The anisotropy of stars is {self.anisotropy}, but planes must not be closer to "
                "each other than pixels; resample the volume."
            )
        if self.rays < 4:
            raise UsageError(f"Stars need at least 4 rays, not {self.rays}.")

    @classmethod
    def suited_to(cls, dimensions: int, diameter: float) -> Self:
        """Return a readout for objects of up to this diameter in px; planes and volumes alike.

        The outline may be a whole diameter away: the longest half of an object twice as long as
        wide is 0.7 diameters of the disc as large, and centres are not always in the middle.
        """
        return cls(rays=_RAYS[dimensions], longest=max(cls().longest, math.ceil(diameter)))

    def spaced(self, anisotropy: float) -> Self:
        """Return it for such planes; those closer than pixels count as equally far apart."""
        return replace(self, anisotropy=max(anisotropy, 1.0))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the maps."""
        return ("object", *(f"ray {number}" for number in range(self.rays)))

    @property
    def reach(self) -> int:
        """Farthest pixel of an object from its centre along either axis, in px."""
        return self.longest

    @property
    def margin(self) -> int:
        """How far around a window the maps decide about the objects anchored in it, in px.

        Shapes overlap up to twice `longest` away. What a round keeps depends on the shapes that
        near and on what the round before dropped; what it drops, on what it kept. Kept shapes hide
        each other once more as far away, and a centre is above what is near.
        """
        return 4 * _ROUNDS * self.longest + max(1, math.ceil(_NEAR * self.longest))

    def mirrored(self, axis: str) -> Mirrored:
        """Return how its maps are put right that were found in a mirror image.

        Raises
        ------
        UsageError
            If a ray has no mirror image among them, as in volumes.
        """
        if self.rays % 2 or axis == "plane":
            raise UsageError("Not all rays of these stars have a mirror image.")
        ray = np.arange(self.rays)
        other = -ray if axis == "row" else self.rays // 2 - ray
        order = np.concatenate([[0], 1 + other % self.rays])
        return replace(unmoved(len(order)), order=order)

    def decode(self, maps: FloatArray) -> Instances:
        """Return the objects in `maps`.

        Parameters
        ----------
        maps : ndarray, shape (1 + rays, [Z,] Y, X), float32
            Logit of the object probability; distances along the rays in `unit` px.

        Returns
        -------
        Instances
            Anchored at their centres.
        """
        shape = maps.shape[1:]
        volume = np.ascontiguousarray(maps if len(shape) == 3 else maps[:, None], np.float32)
        logits = volume[0]
        centres, scores, distances = self._proposals(volume, len(shape))
        directions, facets = star(len(shape), self.rays, self.anisotropy)
        runs, first = shapes.runs_of(distances, directions, facets, self.longest)
        large = np.flatnonzero(shapes.sizes_of(runs, first) >= self.smallest)
        runs, first = shapes.chosen(runs, first, large)
        rounds = rounds_of(runs, first, centres[large], self.overlap)
        kept = np.flatnonzero((rounds > 0) & (rounds <= _ROUNDS))
        runs, first = shapes.chosen(runs, first, kept)
        kept = large[kept]

        labels = painting.paint(runs, first, centres[kept], volume.shape[1:])
        shown = number_visible(labels, len(kept), self.smallest)
        whole = shapes.sizes_of(runs, first)[shown]
        kept = kept[shown]
        evidence = painting.describe(labels, logits, scores[kept], distances[kept], facets, whole)
        return Instances(labels.reshape(shape), centres[kept][:, 3 - len(shape) :], evidence)

    def covered(self, maps: FloatArray, found: Instances) -> IntArray:
        """Return the pixels of objects that others hide; see `OverlapReadout`."""
        dimensions = maps.ndim - 1
        volume = np.asarray(maps if dimensions == 3 else maps[:, None], np.float32)
        labels = np.ascontiguousarray(found.labels.reshape(volume.shape[1:]))
        centres = np.zeros((len(found.anchors), 3), np.int64)
        centres[:, 3 - dimensions :] = found.anchors
        directions, facets = star(dimensions, self.rays, self.anisotropy)
        distances = self._distances(volume, centres, dimensions)
        runs, first = shapes.runs_of(distances, directions, facets, self.longest)
        hidden = painting.covered(runs, first, centres, labels)
        return connected(found.labels, hidden[:, [0, *range(4 - dimensions, 4)]])

    def _proposals(
        self, volume: FloatArray, dimensions: int
    ) -> tuple[IntArray, FloatArray, FloatArray]:
        """Return centres (N, 3), logits (N,) and distances (N, R) in px, the best first."""
        logits = volume[0]
        centres = peaks(logits, logit(self.threshold))
        distances = self._distances(volume, centres, dimensions)
        radii = _NEAR * (distances**dimensions).mean(1) ** (1 / dimensions)
        out = stand_out(logits, centres, radii.astype(np.int32), self.anisotropy)
        centres, distances = centres[out], distances[out]
        scores = logits[tuple(centres.T)]
        best_first = np.argsort(-scores, kind="stable")
        distances = np.ascontiguousarray(distances[best_first])
        return centres[best_first], scores[best_first], distances

    def _distances(self, volume: FloatArray, centres: IntArray, dimensions: int) -> FloatArray:
        """Return the distances along the rays at centres, shape (N, R), in px."""
        # Flat facets cut off what bulges between the rays: so much larger, a ball stays as large.
        swell = fullness(dimensions, self.rays) ** (-1 / dimensions)
        told = volume[(slice(1, None), *centres.T)].T * np.float32(self.unit * swell)
        return np.ascontiguousarray(told.clip(_SHORTEST, self.longest))
