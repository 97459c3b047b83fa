"""Writing OME-Zarr 0.4 (Zarr 2) and 0.5 (Zarr 3), block by block.

References
----------
https://ngff.openmicroscopy.org/0.4 and https://ngff.openmicroscopy.org/0.5
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._errors import InputError, UsageError
from cellwright._files import atomic_folder, write_json
from cellwright.images.encoding import Encoding
from cellwright.images.image import Image, PixelSource
from cellwright.images.omezarr import label_names, ome_attributes
from cellwright.images.pyramid import Shrunk, level_count

SMALLEST_LEVEL = 1024
"""Levels are added until Y and X have at most this many pixels."""
PLANE_CHUNK = 512
VOLUME_CHUNK = (32, 256, 256)
COLOURS = ("FFFFFF", "00FF00", "FF00FF", "00FFFF", "FFFF00", "FF0000", "0000FF")
RGB_COLOURS = ("FF0000", "00FF00", "0000FF")


def write_omezarr(path: Path, image: Image, encoding: Encoding) -> None:
    """Write an image as an OME-Zarr folder with a pyramid.

    The folder appears under its name when it is complete.
    """
    with atomic_folder(path) as folder:
        _write_multiscale(folder, image, encoding)


def write_labels_into(store: Path, name: str, image: Image, encoding: Encoding) -> None:
    """Add labels to an existing OME-Zarr under ``labels/NAME``, in the version of the store.

    Raises
    ------
    InputError
        If `store` is no OME-Zarr image.
    """
    attributes = ome_attributes(store)
    if "multiscales" not in attributes:
        raise InputError(f"'{store}' is no OME-Zarr image to add labels to. Write one there first.")
    version = "0.5" if (store / "zarr.json").is_file() else "0.4"
    encoding = Encoding(encoding.compression, version, labels=True)
    with atomic_folder(store / "labels" / name) as folder:
        _write_multiscale(folder, image, encoding, label_source="../../")
    names = [*(n for n in label_names(store) if n != name), name]
    kept = ome_attributes(store / "labels")
    _write_group(store / "labels", kept | {"labels": names}, version)


def _write_multiscale(
    folder: Path, image: Image, encoding: Encoding, label_source: str | None = None
) -> None:
    levels = level_count(image.shape, SMALLEST_LEVEL) + 1
    source: PixelSource = image.data
    for level in range(levels):
        source = _write_array(folder / str(level), source, image.axes, encoding)
        source = Shrunk(source, 2, labels=encoding.labels)
    attributes: dict[str, Any] = {"multiscales": [_multiscale(image, levels, encoding.ngff)]}
    if "C" in image.axes:
        attributes["omero"] = {"channels": _channels(image)}
    if encoding.labels:
        source_image = {"source": {"image": label_source}} if label_source else {}
        attributes["image-label"] = {"version": encoding.ngff, **source_image}
    _write_group(folder, attributes, encoding.ngff)


def _write_array(folder: Path, source: PixelSource, axes: str, encoding: Encoding) -> Any:
    import zarr

    chunks = _chunks(axes, source.shape)
    dimensions: dict[str, Any] = (
        {"chunk_key_encoding": {"name": "v2", "separator": "/"}}
        if encoding.ngff == "0.4"
        else {"dimension_names": list(axes.lower())}
    )
    array = zarr.create_array(
        str(folder),
        shape=source.shape,
        chunks=chunks,
        dtype=np.dtype(source.dtype),
        compressors=_compressor(encoding),
        fill_value=0,
        zarr_format=2 if encoding.ngff == "0.4" else 3,
        **dimensions,
    )
    for start in product(*(range(0, n, c) for n, c in zip(source.shape, chunks, strict=True))):
        block = tuple(slice(s, s + c) for s, c in zip(start, chunks, strict=True))
        array[block] = source[block]
    return array


def _chunks(axes: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    z, y, x = VOLUME_CHUNK if "Z" in axes else (1, PLANE_CHUNK, PLANE_CHUNK)
    wanted = {"T": 1, "C": 1, "Z": z, "Y": y, "X": x}
    return tuple(min(wanted[axis], size) for axis, size in zip(axes, shape, strict=True))


def _compressor(encoding: Encoding) -> dict[str, Any] | None:
    if encoding.compression == "none":
        return None
    if encoding.compression == "lzw":
        raise UsageError("OME-Zarr has no LZW compression; choose deflate, zstd or none.")
    name, level = ("gzip", 5) if encoding.compression == "deflate" else ("zstd", 3)
    if encoding.ngff == "0.4":
        return {"id": name, "level": level}
    return {"name": name, "configuration": {"level": level}}


def _multiscale(image: Image, levels: int, version: str) -> dict[str, Any]:
    content: dict[str, Any] = {
        "name": image.name,
        "axes": [_axis(axis, image) for axis in image.axes],
        "datasets": [
            {
                "path": str(level),
                "coordinateTransformations": [
                    {"type": "scale", "scale": [_scale(a, image, 2**level) for a in image.axes]}
                ],
            }
            for level in range(levels)
        ],
    }
    return {"version": "0.4", **content} if version == "0.4" else content


def _axis(axis: str, image: Image) -> dict[str, str]:
    if axis == "C":
        return {"name": "c", "type": "channel"}
    if axis == "T":
        known = {"unit": "second"} if image.frame_interval is not None else {}
        return {"name": "t", "type": "time", **known}
    known = {"unit": "micrometer"} if axis in image.spacing else {}
    return {"name": axis.lower(), "type": "space", **known}


def _scale(axis: str, image: Image, factor: int) -> float:
    if axis == "T":
        return image.frame_interval or 1.0
    if axis == "C":
        return 1.0
    return image.spacing.get(axis, 1.0) * (factor if axis in "YX" else 1)


def _channels(image: Image) -> list[dict[str, Any]]:
    count = image.sizes["C"]
    colours = RGB_COLOURS if image.is_rgb else COLOURS
    top = float(np.iinfo(image.dtype).max) if image.dtype.kind in "ui" else 1.0
    names = image.channel_names or (None,) * count
    return [
        {
            **({"label": name} if name is not None else {}),
            "color": colours[number % len(colours)],
            "active": True,
            "window": {"min": 0.0, "max": top, "start": 0.0, "end": top},
        }
        for number, name in enumerate(names)
    ]


def _write_group(folder: Path, attributes: dict[str, Any], version: str) -> None:
    if version == "0.4":
        write_json(folder / ".zgroup", {"zarr_format": 2})
        write_json(folder / ".zattrs", attributes)
        return
    ome = attributes | {"version": version}
    content = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": ome}}
    write_json(folder / "zarr.json", content)
