"""Where pixels come from when they are not (yet) an array: files, chunks, rearranged axes.

Each class is a `PixelSource`: it has a `shape` and a `dtype`, and an index of one slice or
integer per axis reads that region and nothing else.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._errors import CellwrightError, FormatError, InputError
from cellwright._types import AnyArray
from cellwright.images.image import PixelSource

Box = tuple[slice, ...]
CACHE_BYTES = 192 * 1024**2
"""Decoded chunks kept by a `ChunkedSource`: one row of tiles of a 20,000 px wide 16-bit image
takes 20 MB, so neighbouring tiles do not decode the same strip again."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever a decoder raises inside the block into an error that names the file."""
    try:
        yield
    except CellwrightError:
        raise
    except MemoryError as error:
        raise InputError(
            f"'{path}' does not fit into memory; read a region of it, or a smaller level."
        ) from error
    except OSError as error:
        raise FormatError(
            f"Cannot read '{path}': {error.strerror or error}. "
            "Check that the file is complete and that you may read it."
        ) from error
    except Exception as error:  # decoders of broken files raise anything, struct.error included
        raise FormatError(
            f"Cannot read '{path}': {error or type(error).__name__}. "
            "The file seems truncated or damaged; copy it again or save it anew."
        ) from error


def split_index(key: Any, shape: tuple[int, ...]) -> tuple[Box, tuple[slice | int, ...]]:
    """Split an index into a contiguous box and what to take out of that box.

    Parameters
    ----------
    key : slice, int or tuple of these
        One entry per axis; axes left out at the end are taken whole.
    shape : tuple of int
        Shape of what is indexed.

    Returns
    -------
    box : tuple of slice
        Start and stop along every axis, both within `shape`.
    inside : tuple of slice or int
        Index into the pixels of the box: an integer where the axis is dropped.
    """
    entries = key if isinstance(key, tuple) else (key,)
    entries += (slice(None),) * (len(shape) - len(entries))
    box: list[slice] = []
    inside: list[slice | int] = []
    for entry, size in zip(entries, shape, strict=True):
        if isinstance(entry, slice):
            start, stop, step = entry.indices(size)
            if step < 1:
                raise IndexError("Regions are read forwards; a step must be positive.")
            box.append(slice(start, max(start, stop)))
            inside.append(slice(None, None, step))
        else:
            start = int(entry) + size if entry < 0 else int(entry)
            if not 0 <= start < size:
                raise IndexError(f"Index {entry} is outside an axis of size {size}.")
            box.append(slice(start, start + 1))
            inside.append(0)
    return tuple(box), tuple(inside)


class RawFile:
    """Uncompressed pixels in C order inside a file, read and written with plain file access.

    A memory map would count every touched page as ours; this keeps only the region asked for.

    Parameters
    ----------
    path : Path
        The file.
    shape : tuple of int
        At least two axes, the last of them contiguous in the file.
    dtype : dtype
        Type of a pixel, byte order included.
    offset : int
        Position of the first pixel in bytes.
    """

    def __init__(
        self, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], offset: int = 0
    ) -> None:
        self.path = path
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self._offset = offset

    def __getitem__(self, key: Any) -> AnyArray:
        box, inside = split_index(key, self.shape)
        pixels = np.empty([part.stop - part.start for part in box], self.dtype)
        with self.path.open("rb", buffering=0) as file:
            for position, block in self._blocks(box, pixels):
                file.seek(position)
                rest = _as_bytes(block)
                while rest:  # no system reads more than two gigabytes at once
                    count = file.readinto(rest)
                    if not count:
                        raise FormatError(f"'{self.path}' ends before its last pixel.")
                    rest = rest[count:]
        return pixels[inside]

    def __setitem__(self, key: Any, values: AnyArray) -> None:
        box, inside = split_index(key, self.shape)
        pixels = np.empty([part.stop - part.start for part in box], self.dtype)
        pixels[inside] = values
        with self.path.open("r+b", buffering=0) as file:
            for position, block in self._blocks(box, pixels):
                file.seek(position)
                rest = _as_bytes(block)
                while rest:
                    rest = rest[file.write(rest) :]

    def _blocks(self, box: Box, pixels: AnyArray) -> Iterator[tuple[int, AnyArray]]:
        """Yield the file position and the part of `pixels` of each contiguous run."""
        if pixels.size == 0:
            return
        # Trailing axes that are taken whole form one run with the axis before them.
        first = len(box) - 1
        while first > 0 and box[first] == slice(0, self.shape[first]):
            first -= 1
        strides = [int(np.prod(self.shape[axis + 1 :])) for axis in range(len(box))]
        for index in product(*(range(part.start, part.stop) for part in box[:first])):
            start = sum(i * s for i, s in zip(index, strides, strict=False))
            start += box[first].start * strides[first]
            within = tuple(i - part.start for i, part in zip(index, box, strict=False))
            yield self._offset + start * self.dtype.itemsize, pixels[within]


def _as_bytes(block: AnyArray) -> memoryview:
    """Return the memory of a contiguous array, whatever its byte order."""
    return block.reshape(-1).view(np.uint8).data


class ChunkedSource:
    """Reads regions of something stored in chunks, and remembers the chunks decoded last.

    Parameters
    ----------
    open_array : callable
        Opens the chunked array at the first read; the array is indexed with slices.
    shape, dtype, chunks
        Of that array.
    """

    def __init__(
        self,
        open_array: Callable[[], Any],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        chunks: tuple[int, ...],
    ) -> None:
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self.chunks = chunks
        self._open_array = open_array
        self._array: Any = None
        self._cache: OrderedDict[tuple[int, ...], AnyArray] = OrderedDict()
        self._cached_bytes = 0

    def __getstate__(self) -> dict[str, Any]:
        """Leave open files and decoded chunks behind when sent to another process."""
        return self.__dict__ | {"_array": None, "_cache": OrderedDict(), "_cached_bytes": 0}

    def __getitem__(self, key: Any) -> AnyArray:
        box, inside = split_index(key, self.shape)
        pixels = np.empty([part.stop - part.start for part in box], self.dtype)
        steps = zip(box, self.chunks, strict=True)
        touched = [range(part.start // c, -(-part.stop // c)) for part, c in steps]
        if pixels.size == 0:
            return pixels[inside]
        for index in product(*touched):
            target, source = [], []
            for i, part, size in zip(index, box, self.chunks, strict=True):
                start, stop = max(part.start, i * size), min(part.stop, (i + 1) * size)
                target.append(slice(start - part.start, stop - part.start))
                source.append(slice(start - i * size, stop - i * size))
            pixels[tuple(target)] = self._chunk(index)[tuple(source)]
        return pixels[inside]

    def _chunk(self, index: tuple[int, ...]) -> AnyArray:
        if index in self._cache:
            self._cache.move_to_end(index)
            return self._cache[index]
        if self._array is None:
            self._array = self._open_array()
        where = tuple(slice(i * c, (i + 1) * c) for i, c in zip(index, self.chunks, strict=True))
        chunk = np.asarray(self._array[where])
        self._cache[index] = chunk
        self._cached_bytes += chunk.nbytes
        while self._cached_bytes > CACHE_BYTES and len(self._cache) > 1:
            self._cached_bytes -= self._cache.popitem(last=False)[1].nbytes
        return chunk


class OpaqueColour:
    """Red, green and blue of a source whose last axis is red, green, blue, alpha.

    Parameters
    ----------
    source : PixelSource
        Shape ``(..., 4)``.
    path : Path
        Named in messages.

    Raises
    ------
    FormatError
        When a region is read that is not fully opaque: what colour shows through is not known.
    """

    def __init__(self, source: PixelSource, path: Path) -> None:
        self.shape = (*source.shape[:-1], 3)
        self.dtype = np.dtype(source.dtype)
        self._source = source
        self._path = path

    def __getitem__(self, key: Any) -> AnyArray:
        box, inside = split_index(key, self.shape)
        pixels = np.asarray(self._source[(*box[:-1], slice(0, 4))])
        check_opaque(pixels[..., 3], self._path)
        return pixels[..., box[-1]][inside]


class Inverted:
    """Pixels that are stored with 0 for white, with 0 for black.

    Parameters
    ----------
    source : PixelSource
        Of unsigned integers, or bool.
    black : int
        The number that stands for black in `source`.
    """

    def __init__(self, source: PixelSource, black: int) -> None:
        self.shape = tuple(source.shape)
        self.dtype = np.dtype(np.uint8) if source.dtype.kind == "b" else np.dtype(source.dtype)
        self._source = source
        self._black = black

    def __getitem__(self, key: Any) -> AnyArray:
        stored = np.asarray(self._source[key]).astype(self.dtype, copy=False)
        return np.subtract(self.dtype.type(self._black), stored)


def check_opaque(alpha: AnyArray, path: Path) -> None:
    """Raise `FormatError` unless every pixel of the alpha channel has its largest value."""
    opaque = np.iinfo(alpha.dtype).max if alpha.dtype.kind in "ui" else 1
    if np.any(alpha != opaque):
        raise FormatError(
            f"'{path}' is partly transparent, so its colours depend on what lies behind. "
            "Flatten it (in Fiji: Image > Type > RGB Color) and save it again."
        )


class View:
    """Another source with its axes in another order and its singleton axes left out.

    Parameters
    ----------
    source : PixelSource
        Where the pixels are.
    order : tuple of int
        For each axis of the view, the axis of `source` it comes from. Axes that are not named
        have size 1 and are dropped.
    dtype : dtype
        Pixels are converted to it as they are read.
    path : Path
        Named in messages.
    """

    def __init__(
        self, source: PixelSource, order: tuple[int, ...], dtype: np.dtype[Any], path: Path
    ) -> None:
        self.shape = tuple(source.shape[axis] for axis in order)
        self.dtype = dtype
        self._source = source
        self._order = order
        self._path = path

    def __getitem__(self, key: Any) -> AnyArray:
        box, inside = split_index(key, self.shape)
        wanted: list[slice] = [slice(0, 1)] * len(self._source.shape)
        for part, axis in zip(box, self._order, strict=True):
            wanted[axis] = part
        with reading(self._path):
            pixels = np.asarray(self._source[tuple(wanted)])
        dropped = tuple(axis for axis in range(pixels.ndim) if axis not in self._order)
        pixels = pixels.transpose(*self._order, *dropped).reshape(
            [part.stop - part.start for part in box]
        )
        return np.asarray(pixels[inside], self.dtype, order="C")
