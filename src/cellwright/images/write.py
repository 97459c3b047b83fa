"""Writing images and labels: one function each for every format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._arguments import as_path, check_flags, described
from cellwright._errors import AxesError, InputError, OutputError, UsageError
from cellwright._types import AnyArray
from cellwright._words import by_place
from cellwright.images.arrays import as_image
from cellwright.images.encoding import Encoding
from cellwright.images.image import Image, PixelSource
from cellwright.images.omezarr import is_zarr
from cellwright.images.omezarr_write import write_labels_into, write_omezarr
from cellwright.images.raster import write_raster
from cellwright.images.read import stem
from cellwright.images.tiff_write import write_tiff

LOSSY = (".jpg", ".jpeg")
BLOCK_ROWS = 1024
Writer = Callable[[Path, Image, Encoding], None]
WRITERS: Mapping[str, Writer] = {
    ".tif": write_tiff,
    ".tiff": write_tiff,
    ".png": write_raster,
    ".jpg": write_raster,
    ".jpeg": write_raster,
    ".zarr": write_omezarr,
}


def write(
    path: str | Path,
    image: Image | AnyArray,
    *,
    compression: str = "deflate",
    ngff: str = "0.5",
    overwrite: bool = False,
) -> None:
    """Write an image in the format of the file name's ending.

    ``.ome.tif`` OME-TIFF, ``.tif`` ImageJ hyperstack (with OME-XML for pixel types that ImageJ
    does not know, and beyond two gigabytes), ``.ome.zarr`` OME-Zarr, ``.png`` and ``.jpg`` one
    plane without metadata.
    Axes, pixel size, frame interval and channel names are kept by all but the last two. The
    result appears when it is complete; lazy images are written without loading them whole.

    Parameters
    ----------
    path : str or Path
        Where to.
    image : Image or array
        What; an array of shape (Y, X), or (Y, X, 3) for colours.
    compression : {"deflate", "zstd", "lzw", "none"}
        Lossless compression of TIFF and OME-Zarr.
    ngff : {"0.5", "0.4"}
        Version of OME-Zarr.
    overwrite : bool
        Replace what is there.

    Raises
    ------
    OutputError
        If there is something already, the format cannot hold the image, or writing fails.
    UsageError
        If the ending, compression or version is unknown, or an argument is of a wrong kind.
    InputError
        If it is neither an image nor such an array.
    """
    path, image = as_path(path, "path"), as_image(image)
    writer = find_writer(path)
    refuse_existing(path, overwrite)
    writer(path, image, Encoding(compression, ngff))


def write_labels(
    path: str | Path,
    labels: PixelSource,
    *,
    like: Image | None = None,
    largest: int | None = None,
    partly_known: bool = False,
    compression: str = "deflate",
    ngff: str = "0.5",
    overwrite: bool = False,
) -> None:
    """Write labels as uint16, or as uint32 where there are more than 65,535.

    Parameters
    ----------
    path : str or Path
        A ``.tif``, ``.ome.tif``, ``.png`` or ``.ome.zarr`` that is made, or
        ``STORE.zarr/labels/NAME`` to add the labels to an OME-Zarr image.
    labels : array of integers or lazy source, shape ``([T,] [Z,] Y, X)``
        0 is background. A lazy source is written block by block.
    like : Image, optional
        The image that was labelled: gives axes, pixel size, frame interval and name. Without it
        three axes are Z, Y, X.
    largest : int, optional
        The largest label, when known; otherwise it is looked up.
    partly_known : bool
        Labels of an annotation, which may be -1: not known. They are written as int32.
    compression, ngff, overwrite
        As for `write`.

    Raises
    ------
    OutputError
        If labels are no integers, others are negative or above `largest`, or the format would
        change them.
    AxesError
        If the labels do not fit the axes of `like`.
    InputError
        If `labels` is no array.
    UsageError
        As for `write`.
    """
    path = as_path(path, "path")
    if isinstance(labels, Image) or not isinstance(labels, PixelSource) or len(labels.shape) < 2:
        raise InputError(
            f"Labels are an array of integers with axes Y and X, not {described(labels)}. Those of "
            "a segmentation are found.labels, those of an image image.to_numpy()."
        )
    if like is not None and not isinstance(like, Image):
        raise UsageError(f"like must be an image from cellwright.read, not {described(like)}.")
    into_store = path.parent.name == "labels" and is_zarr(path.parent.parent)
    writer = None if into_store else find_writer(path)
    if path.suffix.lower() in LOSSY:
        raise OutputError(f"Cannot write '{path}': JPEG changes values, so labels would be lost.")
    refuse_existing(path, overwrite)
    if labels.dtype.kind not in "biu":
        raise OutputError(
            f"Cannot write '{path}': the labels are {labels.dtype}, not integers. Give one integer "
            "per object and 0 for background."
        )
    dtype: np.dtype[Any]
    if partly_known:
        dtype = np.dtype(np.int32)
    else:
        largest = _largest_label(labels, path) if largest is None else largest
        dtype = np.dtype(np.uint16 if largest <= np.iinfo(np.uint16).max else np.uint32)
    image = _as_image(_Converted(labels, dtype, path), like, path)
    encoding = Encoding(compression, ngff, labels=True)
    if writer is None:
        write_labels_into(path.parent.parent, path.name, image, encoding)
    else:
        writer(path, image, encoding)


def find_writer(path: Path) -> Writer:
    """Return the writer for a file name's ending, or raise `UsageError` that lists the endings."""
    try:
        return WRITERS[path.suffix.lower()]
    except KeyError:
        raise UsageError(
            f"Cannot tell the format of '{path}' from its ending; use one of {', '.join(WRITERS)}."
        ) from None


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raise `OutputError` when `path` exists and may not be replaced."""
    check_flags(overwrite=overwrite)
    if path.exists() and not overwrite:
        allow = by_place("give --overwrite", "say overwrite=True")
        raise OutputError(f"'{path}' exists already. Choose another name, or {allow}.")


def _largest_label(labels: PixelSource, path: Path) -> int:
    smallest = largest = 0
    for index in np.ndindex(*labels.shape[:-2]):
        for start in range(0, labels.shape[-2], BLOCK_ROWS):
            block = np.asarray(labels[(*index, slice(start, start + BLOCK_ROWS))])
            smallest = min(smallest, int(block.min(initial=0)))
            largest = max(largest, int(block.max(initial=0)))
    if smallest < 0:
        raise OutputError(f"Cannot write '{path}': labels are 0 or more, not {smallest}.")
    return largest


def _as_image(labels: PixelSource, like: Image | None, path: Path) -> Image:
    if like is None:
        return Image(labels, "ZYX"[-len(labels.shape) :], name=stem(path))
    axes = like.axes.replace("C", "")
    if len(axes) != len(labels.shape):
        raise AxesError(
            f"Labels of shape {labels.shape} do not fit '{like.name}' with axes {like.axes}; "
            f"they need the axes {axes}."
        )
    return Image(
        labels,
        axes,
        pixel_size=like.pixel_size,
        frame_interval=like.frame_interval,
        name=like.name,
        lateral_size=like.lateral_size,
    )


class _Converted:
    """A source of labels read as another pixel type, which must not change them."""

    def __init__(self, source: PixelSource, dtype: np.dtype[Any], path: Path) -> None:
        self.shape = source.shape
        self.dtype = dtype
        self._source = source
        self._path = path

    def __getitem__(self, key: Any) -> AnyArray:
        labels = np.asarray(self._source[key])
        written = labels.astype(self.dtype)
        if not np.array_equal(written, labels):
            raise OutputError(
                f"Cannot write '{self._path}': there are labels from {labels.min()} to "
                f"{labels.max()}, beyond what was said of them."
            )
        return written
