"""From seeds, offsets and bandwidths to objects."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from cellwright._types import FloatArray, IntArray
from cellwright.methods.embeddings import clustering
from cellwright.methods.embeddings.overlapping import covered
from cellwright.methods.logits import logit
from cellwright.methods.mirrors import Mirrored, along
from cellwright.methods.numbering import number_visible
from cellwright.methods.overlaps import connected
from cellwright.methods.readout import Instances
from cellwright.methods.tidy import tidy

_AXES = ("plane", "row", "column")
_NARROWEST = 0.5  # px
WIDEST = 6.0
"""Greatest logarithm, of either sign, of a bandwidth over `bandwidth`."""

_ROUNDS = 2  # of taking seeds; see `margin`


@dataclass(frozen=True, slots=True)
class EmbeddingsReadout:
    """Objects are the pixels that gather around a seed, within the bandwidth that it has learned.

    Every pixel points to the centre of its object and says how far from there, along each axis,
    the pixels of the object may end up. Seeds are the pixels most certain to point right, in order;
    each captures the pixels whose Gaussian membership exceeds one half.

    Parameters
    ----------
    dimensions : int
        2 for planes, 3 for volumes.
    threshold : float
        Pixels at which the seed map is not above this are background.
    certainty : float
        Least seed map at a seed.
    smallest : int
        Least number of pixels of an object.
    longest : int
        Longest distance from a seed to the pixels it captures, along either axis, in px.
    unit : float
        Offset in px that the network writes as 1.
    bandwidth : float
        Bandwidth in px that the network writes as 0; it writes the logarithm of the ratio.

    References
    ----------
    Neven et al. (2019), "Instance segmentation by jointly optimizing spatial embeddings and
    clustering bandwidth", CVPR.
    Lalit, Tomancak & Jug (2022), "EmbedSeg: embedding-based instance segmentation for biomedical
    microscopy data", Medical Image Analysis 81:102523.
    """

    dimensions: int = 2
    threshold: float = 0.35
    certainty: float = 0.75
    smallest: int = 8
    longest: int = 32
    unit: float = 8.0
    bandwidth: float = 16.0

    evidence_names: ClassVar[tuple[str, ...]] = (
        "seed",
        "inside",
        "distance",
        "disagreement",
        "log size",
    )
    tunable: ClassVar[Mapping[str, tuple[float, ...]]] = {
        "certainty": (0.5, 0.75, 0.9),
        "threshold": (0.2, 0.35, 0.5),
    }

    @classmethod
    def suited_to(cls, dimensions: int, diameter: float) -> Self:
        """Return a readout for objects of up to this diameter in px; planes and volumes alike."""
        longest = max(cls().longest, math.ceil(diameter))
        return cls(dimensions=dimensions, longest=longest, bandwidth=longest / 2)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the maps: the seeds, then the offset and the bandwidth along every axis."""
        axes = _AXES[3 - self.dimensions :]
        return (
            "seed",
            *(f"{axis} offset" for axis in axes),
            *(f"{axis} bandwidth" for axis in axes),
        )

    @property
    def reach(self) -> int:
        """Farthest pixel of an object from its seed along either axis, in px."""
        return self.longest

    @property
    def margin(self) -> int:
        """How far around a window the maps decide about the objects anchored in it, in px.

        Seeds that compete for a pixel lie one `reach` from it. Whether one is kept in the second
        round depends on seeds three times as far, and on the neighbours of those. In planes
        objects are made whole, for which the objects in their holes must be known in full.
        """
        pixels = 3 * self.reach + 1 if self.dimensions == 2 else self.reach
        return pixels + 2 * _ROUNDS * self.reach + 1

    def mirrored(self, axis: str) -> Mirrored:
        """Return how its maps are put right that were found in a mirror image."""
        return along(self.outputs, axis)

    def decode(self, maps: FloatArray) -> Instances:
        """Return the objects in `maps`.

        Parameters
        ----------
        maps : ndarray, shape (1 + 2 D, [Z,] Y, X), float32
            Logit of the seed map; offset to the centre along each axis in `unit` px; logarithm of
            the bandwidth along each axis in `bandwidth` px.

        Returns
        -------
        Instances
            Anchored at their seeds.
        """
        shape, axes = maps.shape[1:], maps.ndim - 1
        logits, offsets, scales = self._embedded(maps)
        seeds = clustering.seeds_of(logits, offsets, scales, logit(self.certainty))
        at_seeds = (slice(None), *seeds.T)
        shifts = np.ascontiguousarray(offsets[at_seeds].T)
        sharpness = np.ascontiguousarray(scales[at_seeds].T)
        rounds = clustering.rounds_of(seeds, shifts, sharpness, self.reach)
        kept = (rounds > 0) & (rounds <= _ROUNDS)
        seeds, shifts, sharpness = seeds[kept], shifts[kept], sharpness[kept]

        labels = clustering.assign(
            logits, offsets, logit(self.threshold), seeds, shifts, sharpness, self.reach
        )
        if axes == 2:
            labels = tidy(labels[0], len(seeds))[None]
        seeds = seeds[number_visible(labels, len(seeds), self.smallest)]
        evidence = clustering.describe(labels, logits, offsets, scales, seeds)
        return Instances(labels.reshape(shape), seeds[:, 3 - axes :], evidence)

    def covered(self, maps: FloatArray, found: Instances) -> IntArray:
        """Return the pixels of objects that others hide; see `OverlapReadout`."""
        axes = maps.ndim - 1
        _, offsets, scales = self._embedded(maps)
        seeds = np.zeros((len(found.anchors), 3), np.int64)
        seeds[:, 3 - axes :] = found.anchors
        at_seeds = (slice(None), *seeds.T)
        shifts = np.ascontiguousarray(offsets[at_seeds].T)
        sharpness = np.ascontiguousarray(scales[at_seeds].T)
        labels = np.ascontiguousarray(found.labels.reshape(offsets.shape[1:]))
        hidden = covered(labels, offsets, seeds, shifts, sharpness, self.reach)
        return connected(found.labels, hidden[:, [0, *range(4 - axes, 4)]])

    def _embedded(self, maps: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return seed map (Z, Y, X), offsets in px and 1 / bandwidths in 1/px (3, Z, Y, X)."""
        axes = maps.ndim - 1
        volume = np.asarray(maps if axes == 3 else maps[:, None], np.float32)
        logits = np.ascontiguousarray(volume[0])
        offsets = _along_axes(volume[1 : 1 + axes] * np.float32(self.unit), fill=0)
        scales = np.exp(-volume[1 + axes :].clip(-WIDEST, WIDEST)) / np.float32(self.bandwidth)
        return logits, offsets, _along_axes(scales.clip(1 / self.longest, 1 / _NARROWEST), fill=1)


def _along_axes(maps: FloatArray, fill: float) -> FloatArray:
    """Return maps along planes, rows and columns; that along planes is constant in a plane."""
    if len(maps) == 3:
        return np.ascontiguousarray(maps)
    return np.concatenate([np.full_like(maps[:1], fill), maps])
