"""How large the objects of an image are, and at what scale a network should see them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cellwright._types import AnyArray

OTHER_SCALES = (0.5, 0.25, 0.125, 2.0)
"""Scales that are tried when the objects at scale 1 are not convincing."""

_TRUSTED = 0.6  # share of the found area that must be right for scale 1 to be believed at once
_PLAUSIBLE = 0.4  # the same, for another scale to be considered: grain looks like small nuclei
_FAILED = 0.25  # the same, for the only scale that was learned to be doubted
_CERTAIN = 0.9  # both, where there are fewer objects than that: a single large one
_FEWEST = 3  # objects; fewer have no typical size


@dataclass(frozen=True, slots=True)
class Sample:
    """Objects found in part of an image at one scale.

    Parameters
    ----------
    area : ndarray, shape (N,)
        In px of the image, whatever the scale.
    confidence : ndarray, shape (N,)
        Probability of each to be right.
    pixels : float
        Size of the part, in px of the image.
    dimensions : int
        2 for planes, 3 for volumes, whose areas are numbers of voxels.
    """

    area: AnyArray
    confidence: AnyArray
    pixels: float
    dimensions: int = 2

    @property
    def explained(self) -> float:
        """How much of the image's structure is believed to be found, in px per pixel.

        The diameters of the objects, each counted as often as it is believed, beside the size of
        the part. Areas would favour a few large blobs over the many small objects they consist
        of, numbers the pieces into which large objects fall.
        """
        lengths = self.confidence * self.area ** (1 / self.dimensions)
        return float(np.sum(lengths, dtype=np.float64)) / self.pixels

    @property
    def objects(self) -> int:
        """How many there are."""
        return int(np.count_nonzero(self.area))

    @property
    def right(self) -> float:
        """Share of their area that is believed right; 0 without any."""
        right = float(np.sum(self.area * self.confidence, dtype=np.float64))
        return right / max(float(np.sum(self.area)), 1.0)

    @property
    def convincing(self) -> bool:
        """Whether they need no second look."""
        return self.right >= (_TRUSTED if self.objects >= _FEWEST else _CERTAIN)

    @property
    def failed(self) -> bool:
        """Whether they are hardly ever right, or there are none."""
        return self.right < _FAILED

    @property
    def diameter(self) -> float:
        """Their typical diameter in px of the image; NaN without any."""
        return estimate_diameter(self.area, self.confidence, self.dimensions)

    @property
    def plausible(self) -> bool:
        """Whether they may be what the image shows."""
        return self.right >= (_PLAUSIBLE if self.objects >= _FEWEST else _CERTAIN)


def estimate_diameter(areas: AnyArray, confidence: AnyArray, dimensions: int = 2) -> float:
    """Return the median diameter of objects, each counted as often as it is believed.

    Parameters
    ----------
    areas : ndarray, shape (N,)
        In px of the image. Objects without a pixel are left out.
    confidence : ndarray, shape (N,)
        Probability of each to be right.
    dimensions : int
        2 for planes, 3 for volumes.

    Returns
    -------
    float
        Diameter of a disc or ball of the median area, in px of the image; NaN without objects.
    """
    there = (areas > 0) & (confidence > 0)
    if not there.any():
        return math.nan
    area, weight = areas[there], confidence[there].astype(np.float64)
    order = np.argsort(area, kind="stable")
    total = np.cumsum(weight[order])
    middle = area[order][np.searchsorted(total, total[-1] / 2)]
    if dimensions == 2:
        return 2 * math.sqrt(float(middle) / math.pi)
    return float(np.cbrt(6 * float(middle) / math.pi))


def choose_scale(
    estimate: float, reference: float, comfortable: tuple[float, float], *, usual: float = 1.0
) -> float:
    """Return the scale that brings objects to a size the network is comfortable with.

    Parameters
    ----------
    estimate : float
        Diameter of the objects in px of the image; NaN when unknown.
    reference : float
        Diameter the network knows best, in px of its grid.
    comfortable : tuple of float
        Least and greatest diameter that need no other scale, in px of its grid.
    usual : float
        The scale of other images.

    Returns
    -------
    float
        Network pixels per image pixel: the usual ones when comfortable or unknown.
    """
    least, greatest = comfortable
    if math.isnan(estimate) or least <= usual * estimate <= greatest:
        return usual
    return reference / estimate


def find_scale(
    segment_sample: Callable[[float], Sample],
    *,
    reference: float,
    comfortable: tuple[float, float],
    usual: float | None = None,
    scales: Sequence[float] = OTHER_SCALES,
) -> float:
    """Find the scale for an image whose object size nobody knows.

    Scale 1 is tried first; when its objects are convincing, their size decides, so that the caller
    can keep what it found if the scale stays 1. Otherwise the size of the objects at the scale
    where they explain most of the image (`Sample.explained`) decides.

    A network that learned from images of one scale saw nothing else: what it finds at others is
    often worthless, and its confidences are, too. It keeps to that scale unless what it finds there
    is hardly ever right, and there is another where it convinces.

    Parameters
    ----------
    segment_sample : callable
        Segments a sample of the image at the scale it is given.
    reference, comfortable
        As for `choose_scale`.
    usual : float, optional
        The scale of nearly all images that the network learned from.
    scales : sequence of float
        What to try besides 1, or times the usual scale.

    Returns
    -------
    float
        Network pixels per image pixel; 1, or the usual ones, when nothing is found at any scale.
    """
    if usual is not None:
        return _unless_it_fails(segment_sample, usual, reference, comfortable, scales)
    sample = segment_sample(1.0)
    if not sample.convincing:
        others = [segment_sample(scale) for scale in scales]
        plausible = [other for other in others if other.plausible]
        sample = max([sample, *plausible], key=lambda tried: tried.explained)
    return choose_scale(sample.diameter, reference, comfortable)


def _unless_it_fails(
    segment_sample: Callable[[float], Sample],
    usual: float,
    reference: float,
    comfortable: tuple[float, float],
    scales: Sequence[float],
) -> float:
    """Return the usual scale, unless it fails plainly and another one convinces."""
    if not segment_sample(usual).failed:
        return usual
    others = [segment_sample(usual * scale) for scale in scales]
    convincing = [other for other in others if other.convincing]
    if not convincing:
        return usual
    best = max(convincing, key=lambda tried: tried.explained)
    return choose_scale(best.diameter, reference, comfortable, usual=usual)
