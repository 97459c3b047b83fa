"""The classical pipeline: background, threshold, seeds, watershed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cellwright._errors import InputError, UsageError
from cellwright._types import AnyArray, FloatArray, LabelArray
from cellwright.images.filters import gaussian
from cellwright.methods.classical import steps

_NEIGHBOURHOOD = 1.5  # width of the local mean, in diameters


@dataclass(frozen=True, slots=True)
class ClassicalPipeline:
    """Objects without a network.

    Lengths follow the diameter, so that the same parameters suit larger pixels once the diameter
    is changed.

    Parameters
    ----------
    diameter : float
        Of a typical object, in px.
    polarity : {"bright", "dark"}
        What objects are, compared with the background.
    background : float
        Width of the Gaussian that takes the background, in diameters; 0 leaves it.
    smoothing : float
        Width of the Gaussian that takes the noise, in px.
    factor, locality : float
        Of the threshold; see `steps.foreground`.
    seeds : {"shape", "blobs"}
        Whether touching objects part where their outline narrows, or where it is dark between them.
    detail : float
        Width of the Gaussian that smooths the map of seeds, in diameters.
    neck : float
        How narrow or dim the passage between two parts of one object may be, compared with the
        lesser part; see `steps.split`.
    smallest : float
        Least size of an object, as a share of a disc or ball of that diameter.
    contrast : float
        Least contrast of an object to the background, in standard deviations of its noise.
    anisotropy : float
        Distance of planes in px of the plane, for volumes.

    Raises
    ------
    UsageError
        If a number is negative or not finite, the diameter or the anisotropy is 0, or a name is
        unknown.
    """

    diameter: float = 20.0
    polarity: Literal["bright", "dark"] = "bright"
    background: float = 0.0
    smoothing: float = 1.0
    factor: float = 1.0
    locality: float = 0.6
    seeds: Literal["shape", "blobs"] = "shape"
    detail: float = 0.06
    neck: float = 0.93
    smallest: float = 0.1
    contrast: float = 4.0
    anisotropy: float = 1.0

    def __post_init__(self) -> None:
        for name in ("polarity", "seeds"):
            known = {"polarity": ("bright", "dark"), "seeds": ("shape", "blobs")}[name]
            if getattr(self, name) not in known:
                raise UsageError(f"{name} is '{getattr(self, name)}'; it is {' or '.join(known)}.")
        numbers = set(self.__dataclass_fields__) - {"polarity", "seeds"}
        for name in sorted(numbers):
            value = getattr(self, name)
            least = 0 if name not in ("diameter", "anisotropy", "detail") else 1e-6
            if not least <= value < math.inf:
                raise UsageError(f"{name} is {value}; give a number above 0.")

    def segment(self, pixels: AnyArray) -> LabelArray:
        """Return the objects of an image.

        Parameters
        ----------
        pixels : ndarray, shape (C, [Z,] Y, X)
            Intensities in any unit; the mean of the channels is used.

        Returns
        -------
        ndarray, shape ([Z,] Y, X), int32
            0 is background, 1..N are objects.

        Raises
        ------
        InputError
            If the array is not of this form, is empty, or holds NaN or infinity.
        """
        grey = self._grey(pixels)
        around = self._widths(_NEIGHBOURHOOD * self.diameter, grey.ndim)
        mask = steps.foreground(grey, self.factor, self.locality, around)
        if not mask.any():
            return np.zeros(grey.shape, np.int32)
        width = self._widths(self.detail * self.diameter, grey.ndim)
        if self.seeds == "shape":
            heights = steps.depth(mask, (self.anisotropy, 1.0, 1.0)[-grey.ndim :], width)
        else:
            heights = steps.blobs(grey, width)
        labels = steps.split(mask, heights, self.neck)
        return steps.kept(labels, grey, self.smallest * self._size(grey.ndim), self.contrast)

    def _grey(self, pixels: AnyArray) -> FloatArray:
        """Return one smooth channel in which objects are bright and the background is near 0."""
        if pixels.ndim not in (3, 4) or 0 in pixels.shape:
            raise InputError(
                f"Pixels of shape {pixels.shape} are no image: "
                "give (channels, [planes,] rows, columns)."
            )
        grey = pixels.mean(axis=0, dtype=np.float64)
        if not np.isfinite(grey).all():
            raise InputError("The image holds NaN or infinity; replace such pixels first.")
        low, high = np.percentile(grey, (1, 99.9))
        if low == high:
            low, high = grey.min(), grey.max()
        sign, zero = (1, low) if self.polarity == "bright" else (-1, high)
        grey = (sign * (grey - zero) / max(high - low, 1e-30)).astype(np.float32)
        smooth = gaussian(grey, self._widths(self.smoothing, grey.ndim))
        if self.background > 0:
            width = self._widths(self.background * self.diameter, grey.ndim)
            smooth = steps.flattened(smooth, width)
        return smooth

    def _widths(self, width: float, dimensions: int) -> steps.Widths:
        """Return a width in px along each spatial axis."""
        return (width / self.anisotropy, width, width)[3 - dimensions :]

    def _size(self, dimensions: int) -> float:
        """Return the number of pixels of a typical object."""
        if dimensions == 2:
            return math.pi / 4 * self.diameter**2
        return math.pi / 6 * self.diameter**3 / self.anisotropy
