"""From class maps to the class of every pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from cellwright._errors import UsageError
from cellwright._types import AnyArray, FloatArray
from cellwright.methods.mirrors import Mirrored, unmoved


@dataclass(frozen=True, slots=True)
class ClassesReadout:
    """Every pixel gets its likeliest class.

    Parameters
    ----------
    classes : tuple of str
        Names of the classes 1..n; 0 is the background.

    Raises
    ------
    UsageError
        If there is none, there are more than 255, or two have the same name.
    """

    classes: tuple[str, ...] = ("foreground",)

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", tuple(self.classes))  # JSON has lists only
        names = {"background", *self.classes}
        if not 1 <= len(self.classes) <= 255 or len(names) != 1 + len(self.classes):
            raise UsageError(
                f"The pixel classes are {', '.join(self.classes) or 'none'}: give 1 to 255 names, "
                "each once, without 'background'."
            )

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the maps, in channel order."""
        return ("background", *self.classes)

    def mirrored(self, axis: str) -> Mirrored:
        """Return how its maps are put right that were found in a mirror image."""
        return unmoved(len(self.outputs))

    def decode(self, maps: FloatArray) -> AnyArray:
        """Return the likeliest class of every pixel.

        Parameters
        ----------
        maps : ndarray, shape (K, [Z,] Y, X), float32
            One logit per name in `outputs`.

        Returns
        -------
        ndarray, shape ([Z,] Y, X), uint8
            Of several that are equally likely, the first.
        """
        likeliest: AnyArray = _likeliest(maps.reshape(len(maps), -1))
        return likeliest.reshape(maps.shape[1:])


@njit(cache=True)
def _likeliest(maps: FloatArray) -> AnyArray:
    """Return which map of (K, N) is highest at each pixel, (N,), uint8; the first of equals."""
    count, pixels = maps.shape
    result = np.zeros(pixels, np.uint8)
    best = maps[0].copy()
    for k in range(1, count):
        for i in range(pixels):
            if maps[k, i] > best[i]:
                best[i] = maps[k, i]
                result[i] = k
    return result
