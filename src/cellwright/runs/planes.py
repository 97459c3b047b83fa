"""Which planes of a stack a two-dimensional model is given."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from cellwright._errors import AxesError
from cellwright._types import AnyArray
from cellwright.images.image import Image

Depth = Literal["max", "mean", "each"]


@dataclass(frozen=True, slots=True)
class Plane:
    """One two-dimensional image of a stack: axes ``"YX"`` or ``"CYX"``.

    Parameters
    ----------
    image : Image
        The pixels, lazy where the stack is lazy and has neither T nor Z.
    index : tuple of int
        Where the plane lies along the axes that `stack_axes` names.
    """

    image: Image
    index: tuple[int, ...]


def stack_axes(image: Image, depth: Depth | None) -> str:
    """Return the axes along which `planes` walks: ``""``, ``"T"``, ``"Z"`` or ``"TZ"``."""
    time = "T" if "T" in image.axes else ""
    return time + ("Z" if "Z" in image.axes and depth == "each" else "")


def planes(image: Image, depth: Depth | None) -> Iterator[Plane]:
    """Walk through an image plane by plane.

    Parameters
    ----------
    image : Image
        Any axes of ``TCZYX``.
    depth : {"max", "mean", "each"}, optional
        What becomes of Z: its maximum or mean, or each plane on its own.

    Yields
    ------
    Plane
        Frame by frame, and plane by plane within a frame.

    Raises
    ------
    AxesError
        If the image has a Z axis of more than one plane and `depth` is None.
    """
    if depth is None and image.sizes.get("Z", 1) > 1:
        raise AxesError(
            f"'{image.name}' has {image.sizes['Z']} Z planes, and the model works on single "
            "planes. Say what to do with them: --z max, --z mean or --z each."
        )
    for index in np.ndindex(*stack_shape(image, depth)):
        yield plane_at(image, depth, index)


def stack_shape(image: Image, depth: Depth | None) -> tuple[int, ...]:
    """Return how many planes there are along each of `stack_axes`."""
    return tuple(image.sizes[axis] for axis in stack_axes(image, depth))


def plane_at(image: Image, depth: Depth | None, index: tuple[int, ...]) -> Plane:
    """Return one of the planes that `planes` walks through."""
    where = dict(zip(stack_axes(image, depth), index, strict=True))
    if "Z" in image.axes and "Z" not in where:
        return Plane(_project(image, where, depth), index)
    return Plane(image.region(**where) if where else image, index)


def _project(image: Image, where: dict[str, int], depth: Depth | None) -> Image:
    """Return the maximum or mean over Z, reading one plane at a time."""
    first = image.region(**where, Z=0)
    if image.sizes["Z"] == 1:
        return first
    slices = (image.region(**where, Z=z).to_numpy() for z in range(image.sizes["Z"]))
    return replace(first, data=_reduce(slices, depth, image.sizes["Z"]))


def _reduce(slices: Iterator[AnyArray], depth: Depth | None, count: int) -> AnyArray:
    first = next(slices)
    if depth == "max":
        for plane in slices:
            np.maximum(first, plane, out=first)
        return first
    total = first.astype(np.float32)
    for plane in slices:
        total += plane
    return total / np.float32(count)
