"""Which parts of a stack a model is given: planes, or the volumes of a movie."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from cellwright._errors import AxesError, UsageError
from cellwright._types import AnyArray
from cellwright._words import option
from cellwright.images.image import Image

Depth = Literal["max", "mean", "each"]
PLACES = {"T": "frame", "Z": "plane"}
"""Columns of tables that say where along `stack_axes` an object lies."""


@dataclass(frozen=True, slots=True)
class Plane:
    """One part of a stack that a model sees at once: axes ``"[C]YX"``, or ``"[C]ZYX"``.

    Parameters
    ----------
    image : Image
        The pixels, lazy where the stack is lazy and has neither T nor Z.
    index : tuple of int
        Where the plane lies along the axes that `stack_axes` names.
    """

    image: Image
    index: tuple[int, ...]


def stack_axes(image: Image, depth: Depth | None, dimensions: int = 2) -> str:
    """Return the axes along which `planes` walks: ``""``, ``"T"``, ``"Z"`` or ``"TZ"``."""
    time = "T" if "T" in image.axes else ""
    each = dimensions == 2 and "Z" in image.axes and depth == "each"
    return time + ("Z" if each else "")


def planes(image: Image, depth: Depth | None, dimensions: int = 2) -> Iterator[Plane]:
    """Walk through an image plane by plane, or volume by volume.

    Parameters
    ----------
    image : Image
        Any axes of ``TCZYX``.
    depth : {"max", "mean", "each"}, optional
        What becomes of Z: its maximum or mean, or each plane on its own.
    dimensions : int
        3 for a model that sees volumes.

    Yields
    ------
    Plane
        Frame by frame, and plane by plane within a frame.

    Raises
    ------
    AxesError
        If the image has a Z axis of more than one plane and `depth` is None, or none where the
        model needs one.
    UsageError
        If `depth` is given for a model that sees volumes.
    """
    check_depth(image, depth, dimensions)
    for index in np.ndindex(*stack_shape(image, depth, dimensions)):
        yield plane_at(image, depth, index, dimensions)


def check_depth(image: Image, depth: Depth | None, dimensions: int) -> None:
    """Refuse an image, or a wish about its Z axis, that `planes` cannot walk through.

    Raises
    ------
    AxesError, UsageError
        As `planes`.
    """
    if dimensions == 3 and "Z" not in image.axes:
        raise AxesError(
            f"'{image.name}' has axes {image.axes}, but the model works on volumes. If one of its "
            f"axes is Z, say so with {option('axes')}."
        )
    if dimensions == 3 and depth is not None:
        raise UsageError(f"The model works on whole volumes: leave out {option('z')}.")
    if dimensions == 2 and depth is None and image.sizes.get("Z", 1) > 1:
        raise AxesError(
            f"'{image.name}' has {image.sizes['Z']} Z planes, and the model works on single "
            f"planes. Say what to do with them: {option(z='max')}, or mean, or each. Whole volumes "
            f"are for models that learned from such: {option(model='nuclei-3d')}, or one of yours."
        )


def stack_shape(image: Image, depth: Depth | None, dimensions: int = 2) -> tuple[int, ...]:
    """Return how many parts there are along each of `stack_axes`."""
    return tuple(image.sizes[axis] for axis in stack_axes(image, depth, dimensions))


def plane_at(
    image: Image, depth: Depth | None, index: tuple[int, ...], dimensions: int = 2
) -> Plane:
    """Return one of the parts that `planes` walks through."""
    where = dict(zip(stack_axes(image, depth, dimensions), index, strict=True))
    if dimensions == 2 and "Z" in image.axes and "Z" not in where:
        return Plane(_project(image, where, depth), index)
    return Plane(image.region(**where) if where else image, index)


def middle_part(image: Image, depth: Depth | None, dimensions: int = 2) -> tuple[Plane, int]:
    """Return the middle one of the parts that `planes` walks through, and its number."""
    shape = stack_shape(image, depth, dimensions)
    index = tuple(size // 2 for size in shape)
    number = int(np.ravel_multi_index(index, shape)) if shape else 0
    return plane_at(image, depth, index, dimensions), number


def flat(image: Image) -> Image:
    """Return the middle plane of a volume, to be looked at; a plane as it is."""
    return image.region(Z=image.sizes["Z"] // 2) if "Z" in image.axes else image


def _project(image: Image, where: dict[str, int], depth: Depth | None) -> Image:
    """Return the maximum or mean over Z, reading one plane at a time."""
    first = image.region(**where, Z=0)
    if image.sizes["Z"] == 1:
        return first
    slices = (image.region(**where, Z=z).to_numpy() for z in range(image.sizes["Z"]))
    return replace(first, data=_reduce(slices, depth, image.sizes["Z"]))


def _reduce(slices: Iterator[AnyArray], depth: Depth | None, count: int) -> AnyArray:
    first = np.array(next(slices))  # may be a part of the image itself, which stays as it is
    if depth == "max":
        for plane in slices:
            np.maximum(first, plane, out=first)
        return first
    total = first.astype(np.float32)
    for plane in slices:
        total += plane
    return total / np.float32(count)
