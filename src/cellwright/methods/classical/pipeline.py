"""The classical pipeline: background, threshold, seeds, watershed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cellwright._errors import InputError, UsageError
from cellwright._types import AnyArray, FloatArray, LabelArray
from cellwright.images.normalise import OBJECTS, Normalisation
from cellwright.methods.classical.filters import ClassicalFilters
from cellwright.methods.classical.readout import ClassicalReadout

_TRAVEL = 0.75  # of the largest extent: from a pixel to the top of its object, along an axis


@dataclass(frozen=True, slots=True)
class ClassicalPipeline:
    """Objects without a network: a normalisation, filters and a watershed, in few parameters.

    Lengths follow the diameter, so that the same parameters suit larger pixels once the diameter
    is changed.

    Parameters
    ----------
    diameter : float
        Of a typical object, in px.
    polarity : {"bright", "dark", "rare"}
        What objects are, compared with the background.
    background, smoothing, factor, locality, least, seeds, detail
        As in `ClassicalFilters`.
    neck : float
        How narrow or dim the passage between two parts of one object may be, compared with the
        lesser part: from 0 (whatever touches is one) to 1 (every peak is one).
    smallest : float
        Least size of an object, as a share of a disc or ball of that diameter.
    largest : float
        Greatest extent of an object, in diameters.
    joint : bool
        Whether channels share one level, as colours do.
    anisotropy : float
        Distance of planes in px of the plane, for volumes.

    Raises
    ------
    UsageError
        If a number is out of range, or a name is unknown.
    """

    diameter: float = 20.0
    polarity: str = "bright"
    background: float = 0.0
    smoothing: float = 1.0
    factor: float = 1.0
    locality: float = 0.6
    least: float = 0.25
    seeds: Literal["shape", "blobs"] = "shape"
    detail: float = 0.06
    neck: float = 0.93
    smallest: float = 0.1
    largest: float = 4.0
    joint: bool = False
    anisotropy: float = 1.0

    def __post_init__(self) -> None:
        if self.polarity not in OBJECTS:
            raise UsageError(f"polarity is '{self.polarity}'; it is {' or '.join(OBJECTS)}.")
        for name in ("neck", "smallest", "largest"):
            if not 0 < getattr(self, name) < math.inf:
                raise UsageError(f"{name} is {getattr(self, name)}; give a number above 0.")
        self.filters(2)

    @property
    def normalisation(self) -> Normalisation:
        """What makes the background 0 and Otsu's level 1."""
        return Normalisation(joint=self.joint, kind=self.polarity)

    def filters(self, dimensions: int) -> ClassicalFilters:
        """Return the filters, for planes (2) or volumes (3)."""
        return ClassicalFilters(
            diameter=self.diameter,
            dimensions=dimensions,
            background=self.background,
            smoothing=self.smoothing,
            factor=self.factor,
            locality=self.locality,
            least=self.least,
            seeds=self.seeds,
            detail=self.detail,
            deepest=self.largest * self.diameter / 2,
            anisotropy=self.anisotropy,
        )

    def readout(self, dimensions: int) -> ClassicalReadout:
        """Return what makes objects of the maps of the filters."""
        return ClassicalReadout(
            persistence=max(-math.log(self.neck), 0.0),
            smoothing=0,
            smallest=max(1, math.ceil(self.smallest * self._size(dimensions))),
            travel=math.ceil(_TRAVEL * self.largest * self.diameter),
            anisotropy=self.anisotropy,
        )

    def segment(self, pixels: AnyArray) -> LabelArray:
        """Return the objects of an image.

        Parameters
        ----------
        pixels : ndarray, shape (C, [Z,] Y, X)
            Intensities in any unit; the mean of the channels is used, each normalised.

        Returns
        -------
        ndarray, shape ([Z,] Y, X), int32
            0 is background, 1..N are objects.

        Raises
        ------
        InputError
            If the array is not of this form, is empty, or holds NaN or infinity.
        """
        return self.segment_normalised(normalised(pixels, self.normalisation))

    def segment_normalised(self, pixels: FloatArray) -> LabelArray:
        """Return the objects of an image that was normalised; see `segment`."""
        dimensions = pixels.ndim - 1
        return self.readout(dimensions).decode(self.filters(dimensions)(pixels[None])[0]).labels

    def _size(self, dimensions: int) -> float:
        """Return the number of pixels of a typical object."""
        if dimensions == 2:
            return math.pi / 4 * self.diameter**2
        return math.pi / 6 * self.diameter**3 / self.anisotropy


def normalised(pixels: AnyArray, normalisation: Normalisation) -> FloatArray:
    """Return the pixels (C, [Z,] Y, X) of a whole image, normalised.

    Raises
    ------
    InputError
        If the array is not of this form, is empty, or holds NaN or infinity.
    """
    if pixels.ndim not in (3, 4) or 0 in pixels.shape:
        raise InputError(
            f"Pixels of shape {pixels.shape} are no image: "
            "give (channels, [planes,] rows, columns)."
        )
    if not np.isfinite(pixels).all():
        raise InputError("The image holds NaN or infinity; replace such pixels first.")
    return normalisation.apply(pixels, normalisation.limits(pixels))
