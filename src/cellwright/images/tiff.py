"""Reading TIFF: plain, OME-TIFF, ImageJ hyperstacks, Aperio slides.

Files whose pixels take more than 64 MiB are read region by region.
"""

from __future__ import annotations

import logging
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from cellwright._errors import FormatError
from cellwright.images.image import PixelSource
from cellwright.images.scene import RGB, SAMPLES, Reader, Scene, check_level
from cellwright.images.sources import ChunkedSource, Inverted, OpaqueColour, RawFile, reading
from cellwright.images.tiff_metadata import (
    TiffMetadata,
    from_aperio,
    from_imagej,
    from_ome,
    from_resolution,
)

# tifffile reports oddities of files through logging; without a handler Python would print them.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

EAGER_BYTES = 64 * 1024**2
SLIDES = ("svs", "ndpi")
MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
LARGEST_RATIO = 50_000
"""No stream of these general compressions expands more than this, even all zeros."""
PLAIN_COMPRESSIONS = ("NONE", "LZW", "ADOBE_DEFLATE", "DEFLATE", "PACKBITS", "ZSTD", "LZMA")


def _recognises(path: Path, head: bytes) -> bool:
    return head[:4] in MAGIC


def _series(file: tifffile.TiffFile) -> list[Any]:
    """Return the images of a file, without the thumbnails and labels of a slide."""
    for page in file.pages[:1]:
        if 0 in (page.imagewidth, page.imagelength):
            raise FormatError(
                f"'{file.filehandle.path}' holds no pixels: by its header it is "
                f"{page.imagewidth} × {page.imagelength} px large. Export it anew."
            )
    series = list(file.series)
    if not series:
        raise FormatError(f"'{file.filehandle.path}' is a TIFF file without an image.")
    return series[:1] if series[0].kind in SLIDES else series


def _list_scenes(path: Path) -> tuple[str, ...]:
    with reading(path), tifffile.TiffFile(path) as file:
        return tuple(series.name for series in _series(file))


def _open_scene(path: Path, index: int, level: int) -> Scene:
    with reading(path), tifffile.TiffFile(path) as file:
        series = _series(file)[index]
        check_level(level, len(series.levels), path)
        finest, chosen = series, series.levels[level]
        axes = chosen.get_axes(False)
        _check_complete(chosen, path)
        source = _source(path, index, level, chosen)
        if chosen.keyframe.photometric.name == "MINISWHITE" and not file.is_imagej:
            source = _as_shown(source, chosen.keyframe, path)
        names = None
        if SAMPLES in axes and _is_colour(chosen):
            source, names = _colour(source, axes, path), RGB
        metadata = _metadata(file, index, finest)
        shrunk = {a: finest.get_shape(False)[axes.index(a)] / n for a, n in _sizes(chosen).items()}
        spacing = {axis: size * shrunk[axis] for axis, size in metadata.spacing.items()}
    return Scene(source, axes, spacing, metadata.frame_interval, names or metadata.channel_names)


def _sizes(series: Any) -> dict[str, int]:
    return dict(zip(series.get_axes(False), series.get_shape(False), strict=True))


def _is_colour(series: Any) -> bool:
    photometric = series.keyframe.photometric.name
    samples = _sizes(series)[SAMPLES]
    return photometric in ("RGB", "YCBCR") and samples in (3, 4)


def _as_shown(source: PixelSource, page: Any, path: Path) -> PixelSource:
    """Return pixels that were stored with 0 for white as they look.

    ImageJ says the same of images that are only shown with an inverted lookup table; theirs are
    the numbers that were measured, and are not for this function.
    """
    if source.dtype.kind not in "bu":
        raise FormatError(
            f"'{path}' says that its least value is white (MINISWHITE), but its pixels of type "
            f"{source.dtype} have no greatest one that would be black. Save it anew with 0 for "
            "black."
        )
    inverted = Inverted(source, 2**page.bitspersample - 1)
    return inverted[(slice(None),) * len(inverted.shape)] if _in_memory(source) else inverted


def _in_memory(source: PixelSource) -> bool:
    return isinstance(source, np.ndarray)


def _colour(source: PixelSource, axes: str, path: Path) -> PixelSource:
    if source.shape[axes.index(SAMPLES)] == 3:
        return source
    if axes[-1] != SAMPLES:
        raise FormatError(
            f"'{path}' stores red, green, blue and transparency as separate planes. "
            "Save it as RGB without transparency."
        )
    opaque = OpaqueColour(source, path)
    # An array is small and may be checked at once.
    return opaque[(slice(None),) * len(axes)] if _in_memory(source) else opaque


def _check_complete(series: Any, path: Path) -> None:
    """Raise `FormatError` unless the file is long enough for what its header claims.

    Nothing is allocated before this: a header can claim any size.
    """
    missing = sum(page is None for page in series.pages)
    if missing:
        raise FormatError(
            f"'{path}' lacks {missing} of its {len(series.pages)} planes. They may be in other "
            "files of the same data set: put those beside it, or save the image as one file."
        )
    size = path.stat().st_size
    if series.dataoffset is not None:
        if series.dataoffset + series.nbytes > size:
            raise FormatError(_too_short(path, series.dataoffset + series.nbytes, size))
        return
    frame = series.keyframe
    plain = frame.compression.name in PLAIN_COMPRESSIONS
    for page in series.pages:
        if page.parent is not series.parent:
            continue  # a plane in another file of a data set; that file is checked when read
        ends = [o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=False)]
        if not ends or max(ends) > size:
            raise FormatError(_too_short(path, max(ends, default=frame.nbytes), size))
        stored = sum(page.databytecounts)
        ratio = 1 if frame.compression.name == "NONE" else LARGEST_RATIO
        sparse = 0 in page.databytecounts
        if stored == 0 or (plain and not sparse and stored * ratio < _stored_bytes(frame)):
            raise FormatError(_too_short(path, size - stored + frame.nbytes, size))


def _stored_bytes(frame: Any) -> int:
    """Return the bytes of a page as stored: a pixel may take less than a byte."""
    return int(frame.size) * int(frame.bitspersample) // 8


def _too_short(path: Path, wanted: int, size: int) -> str:
    return (
        f"'{path}' is truncated or its header is wrong: it claims pixels up to byte {wanted:,}, "
        f"but the file has {size:,}. Copy the file again, or export it anew."
    )


def _source(path: Path, index: int, level: int, series: Any) -> PixelSource:
    shape = series.get_shape(False)
    if series.nbytes <= EAGER_BYTES:
        pixels: PixelSource = series.asarray().reshape(shape)
        return pixels
    if series.dataoffset is not None:
        dtype = np.dtype(series.parent.byteorder + series.dtype.char)
        return RawFile(path, shape, dtype, series.dataoffset)
    opener = _OpenArray(path, index, level)
    return ChunkedSource(opener, shape, series.dtype, opener().chunks)


class _OpenArray:
    """Opens one level of one series for region reads; can be sent to another process."""

    def __init__(self, path: Path, index: int, level: int) -> None:
        self._where = (path, index, level)

    def __call__(self) -> Any:
        import zarr

        path, index, level = self._where
        file = tifffile.TiffFile(path)
        store = _series(file)[index].aszarr(level=level, squeeze=False)
        array = zarr.open_array(store, mode="r", zarr_format=2)
        weakref.finalize(array, file.close)
        return array


def _metadata(file: tifffile.TiffFile, index: int, series: Any) -> TiffMetadata:
    page = series.keyframe
    resolution = _resolution(page)
    if series.kind == "ome":
        return _ome_metadata(file, index)
    if series.kind == "imagej":
        return from_imagej(file.imagej_metadata or {}, resolution, _sizes(series).get("C", 1))
    if series.kind == "svs":
        return from_aperio(page.description)
    unit = page.tags.get("ResolutionUnit")
    units: dict[int, str] = {2: "inch", 3: "cm"}
    return from_resolution(resolution, units.get(int(unit.value), "") if unit else "inch")


def _ome_metadata(file: tifffile.TiffFile, index: int) -> TiffMetadata:
    described = from_ome(file.ome_metadata)
    if len(described) == len(file.series):
        return described[index][1]
    # Images of which the file holds no plane are described, too: only names tell which is which.
    found = [about for name, about in described if name == file.series[index].name]
    alike = found and all(about == found[0] for about in found)
    return found[0] if alike else TiffMetadata()


def _resolution(page: Any) -> dict[str, float]:
    """Return pixels per unit along X and Y as the resolution tags give them."""
    found = {}
    for axis in "XY":
        tag = page.tags.get(f"{axis}Resolution")
        if tag is not None and tag.count == 1 and tag.value[1]:
            found[axis] = tag.value[0] / tag.value[1]
    return found


READER = Reader(
    "TIFF",
    (".tif", ".tiff", ".svs"),
    _recognises,
    _list_scenes,
    _open_scene,
)
