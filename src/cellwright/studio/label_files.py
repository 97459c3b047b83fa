"""Label files that the studio edits or shows: opened without reading too much, and kept."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._errors import FormatError, OutputError
from cellwright._types import AnyArray
from cellwright.images.image import PixelSource
from cellwright.images.read import LARGEST_LABEL, read, read_labels
from cellwright.images.sources import split_index
from cellwright.studio.canvas import CHUNK
from cellwright.studio.levels import smaller_copies
from cellwright.studio.tools import UNKNOWN

_REMEDY = "Move them away, or annotate the image they belong to."


def open_labels(
    path: Path, axes: str, shape: tuple[int, ...], remedy: str = _REMEDY
) -> PixelSource:
    """Open labels that fit an image; those of large files are read region by region."""
    known = "".join(
        axis for axis, size in zip(axes, shape, strict=True) if size > 1 or axis in "YX"
    )
    image = read(path, axes=known)
    source: PixelSource = image.data
    if isinstance(image.data, np.ndarray):
        source, _ = read_labels(path, axes=known)
    if source.shape != shape:
        raise FormatError(
            f"The labels '{path}' have the shape {source.shape}, their image has {shape} "
            f"({axes}). {remedy}"
        )
    if source.dtype.kind not in "ui":
        raise FormatError(f"'{path}' holds {source.dtype} pixels; labels are whole numbers.")
    return source


class SmallerCopies:
    """Labels of a file of which every n-th pixel is read from its smaller copies, where it can be.

    Only for files that were written here: others may hold means of labels there.

    Parameters
    ----------
    labels : PixelSource
    path : Path
        Their file.
    """

    def __init__(self, labels: PixelSource, path: Path) -> None:
        self.shape, self.dtype = labels.shape, np.dtype(labels.dtype)
        self._by_factor: dict[int, PixelSource] = {1: labels}
        if isinstance(labels, np.ndarray):
            return
        for image in smaller_copies(path, labels.shape):
            self._by_factor[round(labels.shape[-1] / image.shape[-1])] = image.data

    def __getitem__(self, key: Any) -> AnyArray:
        box, inside = split_index(key, self.shape)
        steps = [part.step if isinstance(part, slice) else 1 for part in inside[-2:]]
        wanted = [range(p.start, p.stop, n) for p, n in zip(box[-2:], steps, strict=True)]
        factor = max(f for f in self._by_factor if self._has(f, wanted))
        if factor == 1:
            return np.asarray(self._by_factor[1][key])
        plane = (slice(r.start // factor, r[-1] // factor + 1, r.step // factor) for r in wanted)
        found = np.asarray(self._by_factor[factor][(*box[:-2], *plane)])
        return found[(*inside[:-2], slice(None), slice(None))]

    def _has(self, factor: int, wanted: Sequence[range]) -> bool:
        """Whether a copy has all of the wanted rows and columns."""
        sizes = self._by_factor[factor].shape[-2:]
        return factor == 1 or all(
            r and r.step % factor == 0 and r[-1] // factor < size
            for r, size in zip(wanted, sizes, strict=True)
        )


def label_range(path: Path | None, labels: PixelSource) -> tuple[int, int]:
    """Return the smallest and the largest label."""
    smallest = largest = 0
    for index in np.ndindex(*labels.shape[:-2]):
        for start in range(0, labels.shape[-2], CHUNK):
            block = np.asarray(labels[(*index, slice(start, start + CHUNK), slice(None))])
            smallest, largest = min(smallest, int(block.min())), max(largest, int(block.max()))
    if smallest < UNKNOWN or largest >= LARGEST_LABEL:
        raise FormatError(
            f"'{path}' holds values from {smallest} to {largest}; the studio edits labels from 0 "
            f"to {LARGEST_LABEL - 1}, and -1 for what is not known."
        )
    return smallest, largest


def keep_labels(source: Path, kept: Path, *, stays: bool) -> None:
    """Put labels that were not written here into a safe place.

    Parameters
    ----------
    source, kept : Path
        The file, and the copy of it.
    stays : bool
        It is replaced by what is written here; or else it is moved, for there would be two label
        files for one image.

    Raises
    ------
    OutputError
        If the copy cannot be written.
    """
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        if stays:
            shutil.copy2(source, kept)
        else:
            shutil.move(source, kept)
    except OSError as error:
        raise OutputError(f"Cannot keep a copy of '{source}' as '{kept}': {error}.") from error
