"""An image at every power of two of reduction, whatever levels its file has."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._errors import InputError
from cellwright._types import AnyArray
from cellwright.images.image import Image, PixelSource
from cellwright.images.pyramid import Shrunk, level_count
from cellwright.images.read import read
from cellwright.images.sources import split_index

COARSEST = 512
"""Levels are added until Y and X have at most this many pixels: one tile shows the image."""
_MOST_FILE_LEVELS = 16
_BINS = 256
_KEPT = 4  # planes of an overview
_TAIL = 0.001  # of the pixels on either side lie beyond the automatic contrast limits


@dataclass(frozen=True, slots=True)
class Place:
    """Which plane of an image is meant; axes it does not have are ignored.

    Parameters
    ----------
    t, z : int
        Frame and plane, from 0.
    """

    t: int = 0
    z: int = 0


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often intensities occur, and what to show of them.

    Parameters
    ----------
    counts : list of int
        Pixels in each of 256 equal bins.
    lowest, highest : float
        Outer edges of the first and the last bin.
    black, white : float
        Contrast limits that leave out the extremes.
    """

    counts: list[int]
    lowest: float
    highest: float
    black: float
    white: float


class Levels:
    """An image whose level k is smaller by 2ᵏ along Y and X.

    Parameters
    ----------
    image : Image
        At full resolution.
    coarser : sequence of Image
        The other levels of its file, if any.
    """

    def __init__(self, image: Image, coarser: list[Image] | None = None) -> None:
        self.image = image
        finest = image.data
        sources = [(1, finest), *((_factor(image, one), one.data) for one in coarser or ())]
        self._levels: list[PixelSource] = []
        for level in range(level_count(image.shape, COARSEST) + 1):
            factor = 2**level
            stored, source = max(
                ((f, s) for f, s in sources if f <= factor and factor % f == 0),
                key=lambda pair: pair[0],
            )
            same = stored == factor
            self._levels.append(source if same else Shrunk(source, factor // stored, labels=False))
        if len(self) > 2:
            # Whatever shows the image as a whole is one of the last two, and of one reading.
            overview = _Kept(self._levels[-2])
            self._levels[-2] = overview
            if isinstance(self._levels[-1], Shrunk):
                self._levels[-1] = Shrunk(overview, 2, labels=False)

    def __len__(self) -> int:
        """Return the number of levels."""
        return len(self._levels)

    def size(self, level: int) -> tuple[int, int]:
        """Return height and width of a level, in its pixels."""
        height, width = self._levels[level].shape[-2:]
        return height, width

    def region(
        self, level: int, channel: int, place: Place, rows: slice, columns: slice
    ) -> AnyArray:
        """Return part of one channel of one plane at a level.

        Returns
        -------
        ndarray, shape (Y, X)
            Little-endian uint8 or uint16, or float32 for all other types.

        Raises
        ------
        InputError
            If there is no such level, channel or plane.
        """
        if not 0 <= level < len(self._levels):
            raise InputError(f"There are levels 0 to {len(self._levels) - 1}, not {level}.")
        if "C" not in self.image.axes:
            _within("C", 1, channel)
        index = tuple(
            _within(axis, size, {"T": place.t, "Z": place.z, "C": channel}[axis])
            for axis, size in zip(self.image.axes[:-2], self.image.shape[:-2], strict=True)
        )
        pixels = np.asarray(self._levels[level][(*index, rows, columns)])
        return np.ascontiguousarray(pixels, shown_type(self.image.dtype))

    def histogram(self, channel: int, place: Place) -> Histogram:
        """Return the histogram of one channel of one plane, from its coarsest level."""
        pixels = self.region(len(self) - 1, channel, place, slice(None), slice(None))
        finite = pixels[np.isfinite(pixels)]
        if not finite.size:
            return Histogram([0] * _BINS, 0.0, 1.0, 0.0, 1.0)
        lowest, highest = float(finite.min()), float(finite.max())
        highest = highest if highest > lowest else lowest + 1
        counts, _ = np.histogram(finite, _BINS, (lowest, highest))
        black, white = (float(v) for v in np.quantile(finite, (_TAIL, 1 - _TAIL)))
        if self.image.is_rgb and self.image.dtype == np.uint8:
            black, white = 0.0, 255.0  # colours are meant to be seen as they are
        elif white <= black:
            black, white = lowest, highest
        return Histogram(counts.tolist(), lowest, highest, black, white)


def open_levels(path: Path, scene: str | None, axes: str | None = None) -> Levels:
    """Open an image with all levels of its file; pixels of large files are read when needed.

    Parameters
    ----------
    path : Path
    scene : str, optional
        Which image of the file, where it holds several.
    axes : str, optional
        What the axes of the file are, where it does not say.
    """
    image = read(path, scene=scene, axes=axes)
    return Levels(image, list(smaller_copies(path, image.shape, scene, axes)))


def smaller_copies(
    path: Path, shape: tuple[int, ...], scene: str | None = None, axes: str | None = None
) -> Iterator[Image]:
    """Yield the coarser levels that a file holds of an image of some shape, the finest first."""
    if not level_count(shape, COARSEST):
        return
    for level in range(1, _MOST_FILE_LEVELS):
        try:
            found = read(path, scene=scene, axes=axes, level=level)
        except InputError:
            return
        # Very small levels may lose an axis that becomes a singleton.
        if found.shape[:-2] != shape[:-2]:
            return
        yield found


def shown_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type in which pixels travel to the page."""
    return np.dtype(f"<u{dtype.itemsize}" if dtype in (np.uint8, np.uint16) else "<f4")


def plane_of(image: Image, place: Place) -> Image:
    """Return one plane of an image, ``"[C]YX"``, still unread where the image is lazy."""
    kept = "".join(axis for axis in image.axes if axis in "CYX")
    if kept == image.axes:
        return image
    fixed = {"T": place.t, "Z": place.z}
    index = tuple(fixed.get(axis) for axis in image.axes)
    return Image(
        _Plane(image.data, index),
        kept,
        pixel_size=image.pixel_size[-2:] if image.pixel_size else None,
        channel_names=image.channel_names,
        name=image.name,
    )


class _Kept:
    """A source of which planes are read as a whole, and those of late kept."""

    def __init__(self, source: PixelSource) -> None:
        self.shape = source.shape
        self.dtype = np.dtype(source.dtype)
        self._source = source
        self._plane = lru_cache(_KEPT)(self._read)

    def __getitem__(self, key: Any) -> AnyArray:
        box, inside = split_index(key, self.shape)
        *leading, rows, columns = box
        found = np.empty([part.stop - part.start for part in box], self.dtype)
        for index in product(*(range(part.start, part.stop) for part in leading)):
            at = tuple(i - part.start for i, part in zip(index, leading, strict=True))
            found[at] = self._plane(index)[rows, columns]
        return found[inside]

    def _read(self, index: tuple[int, ...]) -> AnyArray:
        return np.asarray(self._source[(*index, slice(None), slice(None))])


class _Plane:
    """A source with some leading axes held at one index, read region by region."""

    def __init__(self, source: PixelSource, index: tuple[int | None, ...]) -> None:
        self.shape = tuple(n for n, i in zip(source.shape, index, strict=True) if i is None)
        self.dtype = np.dtype(source.dtype)
        self._source = source
        self._index = index

    def __getitem__(self, key: Any) -> AnyArray:
        entries = list(key) if isinstance(key, tuple) else [key]
        entries += [slice(None)] * (len(self.shape) - len(entries))
        wanted = tuple(entries.pop(0) if i is None else i for i in self._index)
        return np.asarray(self._source[wanted])


def _factor(finest: Image, level: Image) -> int:
    """Return by what a level of a file is smaller; its size was rounded somehow."""
    ratio = max(a / b for a, b in zip(finest.shape[-2:], level.shape[-2:], strict=True))
    return 2 ** round(math.log2(ratio)) if _is_power(ratio) else 2**62


def _is_power(ratio: float) -> bool:
    return abs(math.log2(ratio) - round(math.log2(ratio))) < 0.02


def _within(axis: str, size: int, index: int) -> int:
    if not 0 <= index < size:
        raise InputError(f"The image has {axis} from 0 to {size - 1}, not {index}.")
    return index
