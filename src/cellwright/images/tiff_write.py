"""Writing TIFF, plane by plane or tile by tile, so that the pixels need not fit into memory.

``.ome.tif`` is OME-TIFF. ``.tif`` is an ImageJ hyperstack where ImageJ knows the pixel type, and
carries OME-XML where it does not (such as 32-bit labels), and in files that need BigTIFF.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from cellwright._errors import OutputError
from cellwright._files import atomic_path
from cellwright._types import AnyArray
from cellwright.images.encoding import Encoding
from cellwright.images.image import Image, PixelSource
from cellwright.images.pyramid import Shrunk, level_count
from cellwright.images.sources import View

TILE = 512
LARGEST_PLANE = 4096
"""Planes with a longer side (px) are tiled, and have a pyramid in OME-TIFF."""
IMAGEJ_TYPES = ("uint8", "uint16", "float32")
OME_TYPES = ("int8", "int16", "int32", "uint8", "uint16", "uint32", "float32", "float64")
BIGTIFF_BYTES = 2 * 1024**3
_LARGEST = 2**32 - 1  # in a tag


def write_tiff(path: Path, image: Image, encoding: Encoding) -> None:
    """Write an image as TIFF with its axes, pixel size, frame interval and channel names.

    Raises
    ------
    OutputError
        If TIFF cannot hold the pixel type, or the file cannot be written.
    """
    if image.dtype.name not in OME_TYPES:
        raise OutputError(
            f"Cannot write '{path}': TIFF programs do not read {image.dtype.name} pixels. "
            "Convert them to 8, 16 or 32 bits, or write .ome.zarr."
        )
    ome = path.name.lower().endswith((".ome.tif", ".ome.tiff")) or not _fits_imagej(image)
    large = max(image.shape[-2:]) > LARGEST_PLANE
    levels = level_count(image.shape, LARGEST_PLANE // 4) if ome and large else 0
    options: dict[str, Any] = {
        "photometric": "rgb" if image.is_rgb else "minisblack",
        "compression": None if encoding.compression == "none" else encoding.compression,
        "tile": (TILE, TILE) if large else None,
        "software": "cellwright",
        # With more workers tifffile takes all blocks from the iterator before it writes one.
        "maxworkers": 1,
    }
    order = _file_order(image, "TCZYX" if ome else "TZCYX")
    about = _ome_metadata(image) if ome else _imagej_metadata(image)
    about["axes"] = order.replace("C", "S") if image.is_rgb else order
    first = {"metadata": about, "subifds": levels, **_resolution(image, ome)}
    with (
        atomic_path(path) as temporary,
        tifffile.TiffWriter(temporary, bigtiff=_is_big(image), ome=ome, imagej=not ome) as file,
    ):
        for level in range(levels + 1):
            source = image.data
            if level:
                source = Shrunk(source, 2**level, labels=encoding.labels)
            axes = tuple(image.axes.index(axis) for axis in order)
            pixels = View(source, axes, image.dtype, path)
            blocks = _blocks(pixels, TILE if large else None, colour=image.is_rgb)
            extra = {"subfiletype": 1} if level else first
            file.write(blocks, shape=pixels.shape, dtype=pixels.dtype, **options, **extra)


def _fits_imagej(image: Image) -> bool:
    types = ("uint8",) if image.is_rgb else IMAGEJ_TYPES
    return image.dtype.name in types and not _is_big(image)


def _is_big(image: Image) -> bool:
    return math.prod(image.shape) * image.dtype.itemsize > BIGTIFF_BYTES


def _file_order(image: Image, wanted: str) -> str:
    """Return the axes of an image in the order of the file: colour samples come last."""
    order = "".join(axis for axis in wanted if axis in image.axes)
    return order.replace("C", "") + "C" if image.is_rgb else order


def _blocks(pixels: PixelSource, tile: int | None, *, colour: bool) -> Iterator[AnyArray]:
    """Yield whole planes, or tiles in the order in which TIFF stores them."""
    trailing = 3 if colour else 2
    leading, plane = pixels.shape[:-trailing], pixels.shape[len(pixels.shape) - trailing :]
    rows, columns = plane[:2]
    for index in np.ndindex(*leading):
        for y in range(0, rows, tile or rows):
            for x in range(0, columns, tile or columns):
                region = (slice(y, y + (tile or rows)), slice(x, x + (tile or columns)))
                yield np.ascontiguousarray(pixels[(*index, *region)])


def _resolution(image: Image, ome: bool) -> dict[str, Any]:
    """Return the resolution tags: pixels per µm for ImageJ, per centimetre for all others.

    There are none where the tags, fractions of 32-bit numbers, cannot say it.
    """
    if not image.spacing:
        return {}
    per_unit = tuple((1e4 if ome else 1.0) / image.spacing[axis] for axis in "XY")
    if not all(1 / _LARGEST <= number <= _LARGEST for number in per_unit):
        return {}
    unit = {"resolutionunit": "CENTIMETER"} if ome else {}
    return {"resolution": per_unit, **unit}


def _ome_metadata(image: Image) -> dict[str, Any]:
    about: dict[str, Any] = {"Name": image.name}
    for axis, size in image.spacing.items():
        about |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": "µm"}
    if image.frame_interval is not None:
        about |= {"TimeIncrement": image.frame_interval, "TimeIncrementUnit": "s"}
    if image.channel_names and not image.is_rgb:
        about["Channel"] = {"Name": list(image.channel_names)}
    return about


def _imagej_metadata(image: Image) -> dict[str, Any]:
    about: dict[str, Any] = {}
    if image.spacing:
        about["unit"] = "micron"
        if "Z" in image.spacing:
            about["spacing"] = image.spacing["Z"]
    if image.frame_interval is not None:
        about |= {"finterval": image.frame_interval, "tunit": "s"}
    if image.channel_names and not image.is_rgb:
        planes = math.prod(image.shape[:-2])
        # One label per slice, the channels changing fastest.
        about["Labels"] = list(image.channel_names) * (planes // len(image.channel_names))
    return about
