"""The maps of the classical pipeline: foreground and relief, by filters alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from cellwright._errors import InputError, ModelError, UsageError
from cellwright._types import BoolArray, FloatArray
from cellwright.images.filters import gaussian, gaussian_radius
from cellwright.methods.classical import steps

_NEIGHBOURHOOD = 1.5  # width of the local mean, in diameters
_HOLES = 0.5  # greatest extent of a hole, in diameters
_STEEPNESS = 4.0  # logits from the level to twice the level
_SURE = 8.0  # greatest logit either way
_FILLED = 0.5  # logit of a hole
_LOWEST = {"shape": 0.5, "blobs": 0.005}  # where the relief begins: px deep, or of contrast
_LARGEST = 1e4  # px; no kernel may be wider


@dataclass(frozen=True, slots=True)
class ClassicalFilters:
    """Background, smoothing, a threshold between global and local, and a relief to part objects.

    It stands where other models have a network: ``filters(pixels)`` returns the maps that
    `cellwright.methods.watershed.readout.WatershedReadout` reads. Nothing in it looks farther than
    `halo`, so that a part of an image, cut out with that much around it, yields the same maps as
    the whole. What must be known of the whole image (what is background, and Otsu's level) is in
    the normalisation of its pixels; see `cellwright.images.normalise.Normalisation`.

    Parameters
    ----------
    diameter : float
        Of a typical object, in px.
    dimensions : int
        2 for planes, 3 for volumes.
    background : float
        Width of the Gaussian that takes the background, in diameters; 0 leaves it.
    smoothing : float
        Width of the Gaussian that takes the noise, in px.
    factor, locality, least : float
        Of the threshold; see `steps.level`.
    seeds : {"shape", "blobs"}
        Whether touching objects part where their outline narrows, or where it is dark between them.
    detail : float
        Width of the Gaussian that smooths the relief, in diameters.
    deepest : float
        Depth at which the relief is flat, in px: half the width of the largest objects.
    anisotropy : float
        Distance of planes in px of the plane, for volumes.

    Raises
    ------
    UsageError
        If a number is negative or not finite, the diameter or the anisotropy is 0, or a name is
        unknown.
    """

    diameter: float = 20.0
    dimensions: int = 2
    background: float = 0.0
    smoothing: float = 1.0
    factor: float = 1.0
    locality: float = 0.6
    least: float = 0.25
    seeds: Literal["shape", "blobs"] = "shape"
    detail: float = 0.06
    deepest: float = 48.0
    anisotropy: float = 1.0

    def __post_init__(self) -> None:
        if self.seeds not in _LOWEST:
            raise UsageError(f"seeds is '{self.seeds}'; it is {' or '.join(_LOWEST)}.")
        if self.dimensions not in (2, 3):
            raise UsageError(f"Images have 2 or 3 dimensions, not {self.dimensions}.")
        for name in sorted(set(self.__dataclass_fields__) - {"seeds", "dimensions"}):
            value = getattr(self, name)
            least = 0 if name not in ("diameter", "anisotropy", "detail", "least") else 1e-6
            if not least <= value < math.inf:
                raise UsageError(f"{name} is {value}; give a number above 0.")

    @property
    def stride(self) -> tuple[int, ...]:
        """Sizes may be any: 1 per spatial axis."""
        return (1,) * self.dimensions

    @property
    def halo(self) -> tuple[int, ...]:
        """How far from a pixel the maps look, in px along each spatial axis."""
        widths = (
            self.smoothing,
            self.background * self.diameter,
            _NEIGHBOURHOOD * self.diameter,
            self.detail * self.diameter,
        )
        chain = np.sum([[gaussian_radius(w) for w in self._widths(width)] for width in widths], 0)
        relief = self.deepest if self.seeds == "shape" else 1
        chain = chain + [math.ceil(length) for length in self._widths(relief)]
        return tuple(int(radius) + self._holes for radius in chain)

    @property
    def bytes_per_pixel(self) -> int:
        """Memory that they take while they run, per pixel."""
        return 60

    def __call__(self, pixels: FloatArray) -> FloatArray:
        """Return the maps of normalised pixels.

        Parameters
        ----------
        pixels : ndarray, shape (N, C, [Z,] Y, X), float32
            0 is the background and 1 Otsu's level; the mean of the channels is used.

        Returns
        -------
        ndarray, shape (N, 2, [Z,] Y, X), float32
            Logit of the foreground, 0 at the level; the relief, at least 0: the logarithm of how
            deep in the foreground a pixel lies, or how much of a blob it is.

        Raises
        ------
        InputError
            If the pixels have another number of axes.
        """
        if pixels.ndim != 2 + self.dimensions:
            raise InputError(
                f"Pixels of shape {pixels.shape} are no stack of {self.dimensions}D images."
            )
        return np.stack([self._maps(one.mean(axis=0, dtype=np.float32)) for one in pixels])

    def _maps(self, pixels: FloatArray) -> FloatArray:
        """Return both maps of one channel, shape (2, [Z,] Y, X)."""
        smooth = gaussian(pixels, self._widths(self.smoothing))
        around = self._widths(_NEIGHBOURHOOD * self.diameter)
        if self.background > 0:
            smooth = steps.flattened(smooth, self._widths(self.background * self.diameter))
        level = steps.level(gaussian(smooth, around), self.factor, self.locality, self.least)
        logit = np.clip(_STEEPNESS * (smooth / level - 1), -_SURE, _SURE)
        mask = smooth > level
        filled = steps.filled(mask, self._holes)
        logit[filled & ~mask] = _FILLED
        return np.stack([logit, self._relief(filled, smooth)])

    def _relief(self, mask: BoolArray, smooth: FloatArray) -> FloatArray:
        width = self._widths(self.detail * self.diameter)
        if self.seeds == "shape":
            heights = gaussian(steps.depth(mask, self.anisotropy, self.deepest), width)
        else:
            heights = steps.blobs(smooth, width)
        lowest = np.float32(_LOWEST[self.seeds])
        relief: FloatArray = np.log(np.maximum(heights, lowest) / lowest)
        return relief

    @property
    def _holes(self) -> int:
        return math.ceil(_HOLES * self.diameter)

    def _widths(self, width: float) -> steps.Widths:
        """Return a width in px along each spatial axis."""
        return (width / self.anisotropy, width, width)[3 - self.dimensions :]


def filters_from_json(content: Mapping[str, Any]) -> ClassicalFilters:
    """Return the filters that the card of a model describes; it is not trusted.

    Raises
    ------
    ModelError
        If a parameter is unknown, or out of range.
    """
    try:
        filters = ClassicalFilters(**content)
        wide = max(filters.halo) > _LARGEST
    except (TypeError, UsageError, OverflowError) as error:
        raise ModelError(f"The filters of the model are broken: {error}") from error
    if wide:
        raise ModelError(f"The filters of the model look {max(filters.halo):,} px far: too far.")
    return filters
