"""An image as a network sees it: resampled, normalised, padded to the stride."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cellwright._errors import InputError
from cellwright._types import AnyArray, DoubleArray, FloatArray, IntArray
from cellwright.images.image import PixelSource
from cellwright.inference.resample import Grid, resample_region
from cellwright.inference.tiles import Region

Normalise = Callable[[AnyArray, DoubleArray], FloatArray]
"""From pixels (C, [Z,] Y, X) and the limits (C, 2) of their image to float32 pixels."""


@dataclass(frozen=True, slots=True)
class View:
    """An image on the network's grid, computed where it is looked at.

    Parameters
    ----------
    source : array or lazy source, shape (C, [Z,] Y, X)
        Read region by region.
    grids : tuple of Grid
        One per spatial axis.
    normalise : callable
        ``normalise(pixels, limits)`` returns float32 pixels (C, [Z,] Y, X), each from its own
        value and the limits alone.
    limits : ndarray, shape (C, 2)
        Intensities of the whole image, for `normalise`.
    """

    source: PixelSource
    grids: tuple[Grid, ...]
    normalise: Normalise
    limits: DoubleArray

    @classmethod
    def at_scales(
        cls,
        source: PixelSource,
        scales: tuple[float, ...] | None,
        normalise: Normalise,
        limits: DoubleArray,
    ) -> View:
        """Return the view of an image of which a network sees so many pixels per pixel.

        Parameters
        ----------
        source, normalise, limits
            As above.
        scales : tuple of float, optional
            One per spatial axis; 1 when not given.

        Raises
        ------
        InputError
            If the source has no pixels.
        """
        if 0 in source.shape:
            raise InputError(f"The image has no pixels: its shape is {source.shape}.")
        sizes = source.shape[1:]
        pairs = zip(sizes, scales or (1.0,) * len(sizes), strict=True)
        return cls(source, tuple(Grid.at_scale(*pair) for pair in pairs), normalise, limits)

    @property
    def shape(self) -> tuple[int, ...]:
        """Size on the network's grid, ([Z,] Y, X) in px."""
        return tuple(grid.network for grid in self.grids)

    def __getitem__(self, region: Region) -> FloatArray:
        """Return pixels (C, [Z,] Y, X) of a region, which may reach up to a stride beyond."""
        index = [_folded(part, grid) for part, grid in zip(region, self.grids, strict=True)]
        inside = [(int(i.min()), int(i.max()) + 1) for i in index]
        spans = [grid.image_span(*span) for grid, span in zip(self.grids, inside, strict=True)]
        window = np.asarray(self.source[(slice(None), *(slice(*span) for span in spans))])
        channels = len(window)
        if window.strides[0] == 0:  # one channel, repeated: once is enough
            window = window[:1]
        seen = resample_region(window, [start for start, _ in spans], self.grids, inside)
        pixels = self.normalise(seen, self.limits[: len(window)])
        for axis, (wanted, (start, stop)) in enumerate(zip(index, inside, strict=True), 1):
            if len(wanted) != stop - start or wanted[-1] != stop - 1:
                pixels = np.take(pixels, wanted - start, axis=axis)
        return pixels if len(pixels) == channels else np.repeat(pixels, channels, axis=0)


def _folded(part: slice, grid: Grid) -> IntArray:
    """Return the network pixels of `part`; those beyond the end mirror it (or repeat the last)."""
    index = np.arange(part.start, part.stop)
    last = grid.network - 1
    mirror = 2 * last - index if part.stop - grid.network <= last else last
    return np.where(index > last, mirror, index)
