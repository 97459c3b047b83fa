"""Reading OME-Zarr 0.4 (Zarr 2) and 0.5 (Zarr 3): single images, labels, series, plates.

Pixels stay lazy. A chunk that is absent holds the fill value, as Zarr defines it.

References
----------
https://ngff.openmicroscopy.org/0.4 and https://ngff.openmicroscopy.org/0.5
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from cellwright._errors import FormatError
from cellwright.images.scene import Reader, Scene, check_level
from cellwright.images.sources import ChunkedSource, reading
from cellwright.images.units import micrometres, seconds

METADATA_FILES = ("zarr.json", ".zattrs", ".zgroup", ".zarray")


def is_zarr(path: Path) -> bool:
    """Whether a folder is a Zarr group or array."""
    return path.is_dir() and any((path / name).is_file() for name in METADATA_FILES)


def ome_attributes(folder: Path) -> dict[str, Any]:
    """Return the OME metadata of a Zarr group, of either version; empty when it has none."""
    with reading(folder):
        if (folder / "zarr.json").is_file():
            content = json.loads((folder / "zarr.json").read_text(encoding="utf-8"))
            found = content.get("attributes", {}).get("ome", {})
        elif (folder / ".zattrs").is_file():
            found = json.loads((folder / ".zattrs").read_text(encoding="utf-8"))
        else:
            found = {}
    return found if isinstance(found, dict) else {}


def label_names(path: Path) -> tuple[str, ...]:
    """Return the names of the label images stored beside the pixels of an OME-Zarr."""
    return tuple(ome_attributes(path / "labels").get("labels", ()))


def _images(path: Path) -> dict[str, Path]:
    """Return the folder of every image in a store by scene name."""
    attributes = ome_attributes(path)
    if "multiscales" in attributes:
        return {"0": path}
    if "plate" in attributes:
        return _plate_images(path, attributes["plate"])
    numbered = sorted(int(f.name) for f in path.iterdir() if f.name.isdecimal() and is_zarr(f))
    folders = [path / str(number) for number in numbered]
    found = {f.name: f for f in folders if "multiscales" in ome_attributes(f)}
    if not found:
        raise FormatError(
            f"'{path}' is a Zarr folder without OME-Zarr metadata (multiscales), so its axes are "
            "not known. Save it as OME-Zarr 0.4 or 0.5, or give the folder of an image inside it."
        )
    return found


def _plate_images(path: Path, plate: Mapping[str, Any]) -> dict[str, Path]:
    found = {}
    for well in plate.get("wells", ()):
        folder = _inside(path, well["path"])
        for field in ome_attributes(folder).get("well", {}).get("images", ()):
            name = "_".join((*PurePosixPath(well["path"]).parts, field["path"]))
            found[name] = _inside(folder, field["path"])
    if not found:
        raise FormatError(f"'{path}' is an OME-Zarr plate that lists no images.")
    return found


def _inside(folder: Path, relative: str) -> Path:
    """Join a path that metadata give, which may not lead out of the store."""
    parts = PurePosixPath(relative).parts
    if not parts or ".." in parts or PurePosixPath(relative).is_absolute():
        raise FormatError(f"'{folder}' refers to '{relative}', which is not inside it.")
    return folder.joinpath(*parts)


def _list_scenes(path: Path) -> tuple[str, ...]:
    with reading(path):
        return tuple(_images(path))


def _open_scene(path: Path, index: int, level: int) -> Scene:
    with reading(path):
        folder = list(_images(path).values())[index]
        attributes = ome_attributes(folder)
        multiscale = attributes["multiscales"][0]
        datasets = multiscale["datasets"]
        check_level(level, len(datasets), path)
        source = _chunked(_inside(folder, datasets[level]["path"]))
        axes = _axes(multiscale, folder)
        if len(axes) != len(source.shape):
            raise FormatError(
                f"'{folder}' names {len(axes)} axes ({axes}) for an array of shape "
                f"{source.shape}. Its metadata are wrong; export it anew."
            )
        scale = _scale(multiscale, datasets[level], len(axes), folder)
        units = [axis.get("unit") for axis in multiscale["axes"]]
        sizes = [micrometres(value, unit) for value, unit in zip(scale, units, strict=True)]
        times = [seconds(value, unit) for value, unit in zip(scale, units, strict=True)]
    return Scene(
        source,
        axes,
        {axis: size for axis, size in zip(axes, sizes, strict=True) if size is not None},
        next((t for a, t in zip(axes, times, strict=True) if a == "T" and t is not None), None),
        _channel_names(attributes),
    )


def _axes(multiscale: Mapping[str, Any], folder: Path) -> str:
    axes = multiscale.get("axes")
    if not isinstance(axes, list) or not all(isinstance(a, dict) and a.get("name") for a in axes):
        raise FormatError(
            f"'{folder}' does not name its axes as OME-Zarr 0.4 and 0.5 do "
            f"(it says version {multiscale.get('version', 'unknown')}). Convert it to 0.4 or 0.5."
        )
    letters = [str(axis["name"]).upper() for axis in axes]
    return "".join(letter if len(letter) == 1 else "?" for letter in letters)


def _scale(
    multiscale: Mapping[str, Any], dataset: Mapping[str, Any], count: int, folder: Path
) -> list[float | None]:
    """Return the product of the scales of a level and of the whole image, one per axis.

    None where neither has any.
    """
    scales: list[Sequence[float]] = [
        transformation["scale"]
        for holder in (dataset, multiscale)
        for transformation in holder.get("coordinateTransformations", ())
        if transformation.get("type") == "scale"
    ]
    for factors in scales:
        if len(factors) != count:
            raise FormatError(f"'{folder}' gives {len(factors)} scales for {count} axes.")
    if not scales:
        return [None] * count
    return [math.prod(map(float, factors)) for factors in zip(*scales, strict=True)]


def _channel_names(attributes: Mapping[str, Any]) -> list[str] | None:
    channels = attributes.get("omero", {}).get("channels", ())
    names = [channel.get("label") for channel in channels]
    return [str(name) for name in names] if names and all(names) else None


def _chunked(folder: Path) -> ChunkedSource:
    array = _OpenArray(folder)()
    return ChunkedSource(_OpenArray(folder), array.shape, array.dtype, array.chunks)


class _OpenArray:
    """Opens a Zarr array for reading; can be sent to another process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self) -> Any:
        import zarr

        if not is_zarr(self._folder):
            raise FormatError(
                f"'{self._folder}' is missing, though the metadata of its image name it. "
                "The store is incomplete; copy it again."
            )
        return zarr.open_array(str(self._folder), mode="r")


READER = Reader(
    "OME-Zarr",
    (".zarr",),
    lambda path, head: is_zarr(path),
    _list_scenes,
    _open_scene,
)
