"""Reading and writing label images: 0 is background, 1..N are objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cellwright._errors import AxesError, FormatError, OutputError
from cellwright._types import AnyArray, LabelArray
from cellwright.images.encoding import Encoding
from cellwright.images.image import Image, PixelSource
from cellwright.images.omezarr import is_zarr
from cellwright.images.omezarr_write import write_labels_into
from cellwright.images.read import read, stem
from cellwright.images.write import find_writer, refuse_existing

IGNORE = -1
"""Label of pixels of which nothing is known; the only negative one that is read."""
LARGEST_LABEL = np.iinfo(np.int32).max
LOSSY = (".jpg", ".jpeg")
BLOCK_ROWS = 1024


def read_labels(path: str | Path, axes: str | None = None) -> tuple[LabelArray, str]:
    """Read a label image.

    Parameters
    ----------
    path : str or Path
        An image file of any known format, or ``STORE.zarr/labels/NAME``.
    axes : str, optional
        What the axes of the file are, in its own order, where the file does not tell.

    Returns
    -------
    labels : array of int32, shape ``([T,] [Z,] Y, X)``
        0 is background, 1..N are objects, -1 is to be ignored.
    axes : str
        One letter per axis.

    Raises
    ------
    FormatError
        If the pixels are no labels: fractions, negative, colour-coded or several channels.
    """
    image = read(path, axes=axes)
    pixels = image.to_numpy()
    order = image.axes
    if "C" in order:
        pixels = _single_channel(pixels, order.index("C"), image, Path(path))
        order = order.replace("C", "")
    if pixels.dtype.kind == "f" and not np.array_equal(pixels, np.rint(pixels)):
        raise FormatError(
            f"'{path}' holds fractions, so it is no label image. Labels are whole numbers: "
            "0 for background, 1, 2, 3 … for the objects."
        )
    smallest, largest = (pixels.min(), pixels.max()) if pixels.size else (0, 0)
    if smallest < IGNORE or largest > LARGEST_LABEL:
        raise FormatError(
            f"'{path}' holds values from {smallest} to {largest}; labels lie between 0 "
            f"(background) and {LARGEST_LABEL}, and -1 marks pixels to ignore."
        )
    return np.ascontiguousarray(pixels, dtype=np.int32), order


def _single_channel(pixels: AnyArray, axis: int, image: Image, path: Path) -> AnyArray:
    first: AnyArray = pixels.take(0, axis)
    if image.is_rgb and np.all(pixels == np.expand_dims(first, axis)):
        return first
    problem = "is colour-coded" if image.is_rgb else f"has {pixels.shape[axis]} channels"
    raise FormatError(
        f"'{path}' {problem}, so it is no label image. Save one whole number per pixel: "
        "0 for background, 1, 2, 3 … for the objects."
    )


def write_labels(
    path: str | Path,
    labels: PixelSource,
    *,
    like: Image | None = None,
    largest: int | None = None,
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
    compression, ngff, overwrite
        As for `cellwright.images.write.write`.

    Raises
    ------
    OutputError
        If the labels are negative or the format would change them.
    AxesError
        If the labels do not fit the axes of `like`.
    """
    path = Path(path)
    into_store = path.parent.name == "labels" and is_zarr(path.parent.parent)
    writer = None if into_store else find_writer(path)
    if path.suffix.lower() in LOSSY:
        raise OutputError(f"Cannot write '{path}': JPEG changes values, so labels would be lost.")
    refuse_existing(path, overwrite)
    if largest is None:
        largest = _largest_label(labels, path)
    dtype = np.dtype(np.uint16 if largest <= np.iinfo(np.uint16).max else np.uint32)
    image = _as_image(_Converted(labels, dtype), like, path)
    encoding = Encoding(compression, ngff, labels=True)
    if writer is None:
        write_labels_into(path.parent.parent, path.name, image, encoding)
    else:
        writer(path, image, encoding)


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
    )


class _Converted:
    """A source read as another pixel type."""

    def __init__(self, source: PixelSource, dtype: np.dtype[Any]) -> None:
        self.shape = source.shape
        self.dtype = dtype
        self._source = source

    def __getitem__(self, key: Any) -> AnyArray:
        return np.asarray(self._source[key]).astype(self.dtype)
