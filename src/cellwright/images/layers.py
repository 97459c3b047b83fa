"""Label images in layers: objects that overlap, each of them whole in one layer."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from cellwright._errors import AxesError, FormatError, InputError
from cellwright._types import IntArray, LabelArray
from cellwright.images.image import Image
from cellwright.images.raster import READER as RASTER
from cellwright.images.read import IGNORE, labels_of, read

_MOST = 64  # layers
_NAME = "layer "
"""How the channels of such an image are called, which tells it from any other."""


def layer_names(count: int) -> tuple[str, ...]:
    """Return the names of the channels of an image of so many layers."""
    return tuple(f"{_NAME}{number}" for number in range(1, count + 1))


def count_layers(path: Path) -> int:
    """Return how many layers a label image has, 1 where it is not in layers; reads no pixels."""
    image = _layered(path)
    return 1 if image is None else image.sizes["C"]


def read_layers(path: Path, axes: str | None = None) -> LabelArray:
    """Read a label image, in layers or not.

    Parameters
    ----------
    path : Path
        As for `read_labels`; layers are channels that are called so.
    axes : str, optional
        What the axes of a file without layers are, where it does not tell.

    Returns
    -------
    ndarray, shape (L, [T,] [Z,] Y, X), int32
        0 is background, 1..N are objects, each in one layer; -1, in all layers, is to be ignored.

    Raises
    ------
    FormatError
        If the pixels are no labels, or an object lies in several layers.
    """
    image = _layered(path)
    if image is None:
        return labels_of(read(path, axes=axes), path)[0][None]
    layers = np.stack([labels_of(image.region(C=c), path)[0] for c in range(image.sizes["C"])])
    own = [np.unique(layer[layer > 0]) for layer in layers]
    numbers, uses = np.unique(np.concatenate(own), return_counts=True)
    if (uses > 1).any():
        raise FormatError(
            f"'{path}' has the object {numbers[uses > 1][0]} in several layers. Each object lies "
            "whole in one of them; give other objects other numbers."
        )
    return agreed(layers)


def agreed(layers: LabelArray) -> LabelArray:
    """Return layers in which pixels that one does not know, and no object has, are -1 in all."""
    if len(layers) == 1 or layers.min(initial=0) >= 0:
        return layers
    unknown = (layers < 0).any(0) & (layers <= 0).all(0)
    return np.where(unknown, IGNORE, np.maximum(layers, 0)).astype(np.int32)


def in_layers(objects: Iterable[IntArray], shape: tuple[int, ...]) -> LabelArray:
    """Lay objects into layers, each into the first one that has room.

    Parameters
    ----------
    objects : iterable of ndarray, shape (P,), int64
        The pixels of objects 1..N, as indices in raster order.
    shape : tuple of int
        Size ([Z,] Y, X) of the image, in px.

    Returns
    -------
    ndarray, shape (L, [Z,] Y, X), int32
        At least one layer.

    Raises
    ------
    InputError
        If more than 64 layers were needed.
    """
    layers = [np.zeros(math.prod(shape), np.int32)]
    for number, pixels in enumerate(objects, start=1):
        free = next((layer for layer in layers if not layer[pixels].any()), None)
        if free is None:
            free = np.zeros_like(layers[0])
            layers.append(free)
        free[pixels] = number
        if len(layers) > _MOST:
            raise InputError(
                f"More than {_MOST} objects lie over each other. Are some there many times?"
            )
    return np.stack(layers).reshape(-1, *shape)


def flattened(layers: LabelArray) -> LabelArray:
    """Return labels in which each pixel is of one object: that of the highest number.

    Parameters
    ----------
    layers : ndarray, shape (L, [Z,] Y, X), int32

    Returns
    -------
    ndarray, shape ([Z,] Y, X), int32
    """
    flat: LabelArray = layers[0] if len(layers) == 1 else layers.max(0)
    return flat


def overlapping(layers: LabelArray) -> int:
    """Return how many objects share more than a rim with another one: 2 × 2 pixels.

    Outlines that are drawn along each other share a line of pixels, which is no overlap.
    """
    if len(layers) == 1:
        return 0
    several = np.count_nonzero(layers > 0, axis=0) > 1
    rows = several[..., 1:, :] & several[..., :-1, :]
    shared = rows[..., 1:] & rows[..., :-1]
    numbers = np.unique(layers[..., 1:, 1:][:, shared])
    return int(np.count_nonzero(numbers > 0))


def _layered(path: Path) -> Image | None:
    """Return an image if it says that its channels are layers."""
    if path.suffix.lower() in RASTER.suffixes:
        return None
    try:
        image = read(path)
    except AxesError:
        return None  # who has to be told the axes says nothing about channels
    names = image.channel_names or ()
    return image if names and all(name.startswith(_NAME) for name in names) else None
