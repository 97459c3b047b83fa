"""What a reader finds in a file, and how it becomes an `Image`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._errors import AxesError, FormatError, InputError
from cellwright._words import counted, option
from cellwright.images.image import AXES, SPATIAL_AXES, Image, PixelSource, check_said_axes
from cellwright.images.sources import View

RGB = ("red", "green", "blue")
SAMPLES = "S"
"""Letter of the axis that holds the samples of one pixel (red, green, blue) in a file."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One image of a file, in the file's own axis order.

    Parameters
    ----------
    source : PixelSource
        The pixels.
    axes : str
        One letter per axis of `source`: of ``"TCZYX"``, ``"S"`` for samples of a pixel, any
        other letter for an axis whose meaning the file does not tell.
    spacing : mapping of str to float
        Pixel size in µm by axis letter, where known.
    frame_interval : float, optional
        Time between frames in s.
    channel_names : sequence of str, optional
        One name per channel.
    """

    source: PixelSource
    axes: str
    spacing: Mapping[str, float] = field(default_factory=dict)
    frame_interval: float | None = None
    channel_names: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """How files of one kind are recognised and read.

    Parameters
    ----------
    name : str
        What messages call the kind of file.
    suffixes : tuple of str
        File name endings, in lower case, with the dot.
    recognises : callable
        Tells from the path and the first bytes whether a file is of this kind.
    list_scenes : callable
        Returns the names of the images in a file: unique, and fit for file names.
    open_scene : callable
        Opens the scene of a number at a resolution level (0 is the finest).
    """

    name: str
    suffixes: tuple[str, ...]
    recognises: Callable[[Path, bytes], bool]
    list_scenes: Callable[[Path], tuple[str, ...]]
    open_scene: Callable[[Path, int, int], Scene]


def check_level(level: int, count: int, path: Path) -> None:
    """Raise `InputError` unless an image of `count` resolution levels has this one."""
    if not 0 <= level < count:
        raise InputError(
            f"'{path}' has {counted(count, 'resolution level')}, so no level {level}; "
            "levels are counted from 0, the finest."
        )


def arrange(scene: Scene, path: Path, name: str, axes: str | None) -> Image:
    """Bring a scene into the order TCZYX and drop its singleton axes other than Y and X.

    Parameters
    ----------
    scene : Scene
        What the reader found.
    path : Path
        Named in messages.
    name : str
        Name of the image.
    axes : str, optional
        What the axes of the file are, in the file's own order; replaces what the file says.

    Raises
    ------
    AxesError
        If an axis is unknown, named twice or missing.
    FormatError
        If the pixels are neither integers nor real numbers.
    """
    letters = _given_axes(axes, scene, path) if axes else scene.axes
    kept = [i for i, size in enumerate(scene.source.shape) if size > 1 or letters[i] in "YX"]
    found = "".join(letters[i] for i in kept).replace(SAMPLES, "C")
    _check_letters(found, tuple(scene.source.shape[i] for i in kept), path)
    ordered = "".join(axis for axis in AXES if axis in found)
    view = View(
        scene.source,
        tuple(kept[found.index(axis)] for axis in ordered),
        _pixel_type(scene.source.dtype, path),
        path,
    )
    # Small files are arrays already; only the others stay lazy.
    in_memory = isinstance(scene.source, np.ndarray)
    pixel_size = _known_size(scene, [axis for axis in ordered if axis in SPATIAL_AXES])
    names = tuple(scene.channel_names or ())
    channels = view.shape[ordered.index("C")] if "C" in ordered else 1
    return Image(
        view[(slice(None),) * len(ordered)] if in_memory else view,
        ordered,
        pixel_size=pixel_size,
        lateral_size=None if pixel_size or "Z" not in ordered else _known_size(scene, "YX"),
        frame_interval=scene.frame_interval if "T" in ordered else None,
        channel_names=names if names and len(names) == channels else None,
        name=name,
    )


def _known_size(scene: Scene, axes: Iterable[str]) -> tuple[float, ...] | None:
    """Return the pixel size along some axes in µm; None where one is not known."""
    size = tuple(scene.spacing.get(axis, 0.0) for axis in axes)
    return size if all(np.isfinite(one) and one > 0 for one in size) else None


def _given_axes(axes: str, scene: Scene, path: Path) -> str:
    """Spread the letters a user gave over the axes of the file, singleton axes optional."""
    shape = scene.source.shape
    wanted = axes.upper()
    check_said_axes(axes, path)
    # Readers may add an axis of one sample, which is no axis of the file.
    every = [i for i, size in enumerate(shape) if size > 1 or scene.axes[i] != SAMPLES]
    kept = [i for i, size in enumerate(shape) if size > 1 or scene.axes[i] in "YX"]
    named = next((some for some in (kept, every) if len(some) == len(wanted)), None)
    if named is None:
        sizes = " × ".join(str(shape[i]) for i in kept)
        raise AxesError(
            f"'{path}' has {len(kept)} axes ({sizes}), but '{axes}' names {len(wanted)}. "
            f"Give one letter of {AXES} for each, in this order."
        )
    letters = dict(zip(named, wanted, strict=True))
    return "".join(letters.get(i, "?") for i in range(len(shape)))


def _check_letters(found: str, shape: tuple[int, ...], path: Path) -> None:
    unknown = [size for axis, size in zip(found, shape, strict=True) if axis not in AXES]
    missing = [axis for axis in "YX" if axis not in found]
    twice = [axis for axis in AXES if found.count(axis) > 1]
    if not unknown and not missing and not twice:
        return
    sizes = " × ".join(str(size) for size in shape)
    free = [axis for axis in "ZTC" if axis not in found]
    example = "".join(
        axis if axis in AXES and found.count(axis) == 1 else (free.pop(0) if free else "?")
        for axis in found
    )
    if unknown:
        problem = f"the file does not say what its axis of size {unknown[0]} is"
    elif twice:
        problem = f"two of its axes are {twice[0]}"
    else:
        problem = f"it has no axis {missing[0]}"
    raise AxesError(
        f"'{path}' has {len(shape)} axes ({sizes}) and {problem}. Say what they are, in this "
        f"order, in letters of {AXES} (time, channel, z, y, x), such as {option(axes=example)}."
    )


def _pixel_type(dtype: np.dtype[Any], path: Path) -> np.dtype[Any]:
    """Return the type in which pixels are handed on: native byte order, bool as uint8."""
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype.kind not in "uif":
        raise FormatError(
            f"'{path}' holds pixels of type {dtype}; only integers and real numbers are images. "
            "Save its magnitude, or one of its parts, as an image."
        )
    return np.dtype(dtype).newbyteorder("=")
