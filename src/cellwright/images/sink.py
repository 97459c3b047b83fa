"""Where labels are collected while an image is processed in regions."""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright._errors import OutputError
from cellwright._types import AnyArray, LabelArray
from cellwright.images.image import Image
from cellwright.images.sources import RawFile
from cellwright.images.write import write_labels

IN_MEMORY_PIXELS = 64 * 1024**2


class LabelSink:
    """Labels (int32) that are read and written in regions, in memory or in a scratch file.

    It is a `PixelSource`; ``sink[y0:y1, x0:x1] = labels`` writes. Use it in a ``with`` block,
    or call `close`, so that the scratch file is removed.

    Parameters
    ----------
    shape : tuple of int
        ``([Z,] Y, X)``.
    scratch : Path, optional
        An existing empty file to use instead of memory.
    """

    dtype = np.dtype(np.int32)

    def __init__(self, shape: tuple[int, ...], scratch: Path | None = None) -> None:
        self.shape = shape
        self._scratch = scratch
        self._pixels: LabelArray | RawFile
        if scratch is None:
            self._pixels = np.zeros(shape, np.int32)
        else:
            os.truncate(scratch, math.prod(shape) * self.dtype.itemsize)
            self._pixels = RawFile(scratch, shape, self.dtype)

    def __enter__(self) -> LabelSink:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __getitem__(self, key: Any) -> LabelArray:
        return np.asarray(self._pixels[key])

    def __setitem__(self, key: Any, labels: LabelArray) -> None:
        try:
            self._pixels[key] = labels
        except OSError as error:
            raise OutputError(
                f"Cannot write to the scratch file '{self._scratch}': {error.strerror or error}. "
                "Free space on that disk, or choose an output folder on another."
            ) from error

    def save(
        self,
        path: str | Path,
        like: Image | None = None,
        relabel: NDArray[Any] | None = None,
        *,
        compression: str = "deflate",
        ngff: str = "0.5",
        overwrite: bool = False,
    ) -> None:
        """Write the labels to a file, block by block.

        Parameters
        ----------
        path : str or Path
            As for `cellwright.images.write.write_labels`.
        like : Image, optional
            The image that was labelled.
        relabel : array of int, optional
            Label ``v`` is written as ``relabel[v]``; ``relabel[0]`` should be 0.
        compression, ngff, overwrite
            As for `cellwright.images.write.write_labels`.
        """
        largest = None if relabel is None else int(relabel.max(initial=0))
        source = self if relabel is None else _Relabelled(self, relabel)
        write_labels(
            path,
            source,
            like=like,
            largest=largest,
            compression=compression,
            ngff=ngff,
            overwrite=overwrite,
        )

    def close(self) -> None:
        """Remove the scratch file, if there is one."""
        if self._scratch is not None:
            self._scratch.unlink(missing_ok=True)


class _Relabelled:
    """A sink seen through a look-up table."""

    def __init__(self, sink: LabelSink, table: NDArray[Any]) -> None:
        self.shape = sink.shape
        self.dtype = np.dtype(np.int64)
        self._sink = sink
        self._table = table

    def __getitem__(self, key: Any) -> AnyArray:
        return np.asarray(self._table[self._sink[key]])


def open_label_sink(shape: tuple[int, ...], folder: str | Path) -> LabelSink:
    """Return a sink in memory for up to 64 Mpixel, else one in a scratch file in `folder`.

    Raises
    ------
    OutputError
        If the scratch file cannot be made.
    """
    if math.prod(shape) <= IN_MEMORY_PIXELS:
        return LabelSink(shape)
    try:
        handle, name = tempfile.mkstemp(prefix=".labels-", suffix=".scratch", dir=folder)
        os.close(handle)
        return LabelSink(shape, Path(name))
    except OSError as error:
        raise OutputError(
            f"Cannot make a scratch file in '{folder}': {error.strerror or error}. "
            "Choose another output folder, or free space and check its permissions."
        ) from error
