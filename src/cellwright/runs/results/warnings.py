"""What a user should know before trusting the objects of an image.

Every warning is ``Kind: sentence``; reports gather the images of a kind.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cellwright._types import AnyArray, Table
from cellwright._words import by_place, option, percent
from cellwright.images.image import Image, PixelSource
from cellwright.models.card import ModelCard
from cellwright.models.channels import ChannelSource, channels_for
from cellwright.quality.images import check_plane

_NOTHING = {"Constant", "Empty"}
_OF_NOTHING = {"No objects", "Unlike the training data"}
BORDER_SHARE = 0.3
LABEL_SIDE = 512
LABEL_PIXELS = 1 << 22
LABEL_SMOOTHNESS = 0.8
"""Neighbouring pixels of an object are equal in label images and hardly ever in others."""


def image_warnings(
    image: Image, card: ModelCard, channel: Sequence[str], diameter: float
) -> list[str]:
    """Return what is wrong with an image that a model was given.

    Parameters
    ----------
    image : Image
        Axes ``"YX"`` or ``"CYX"``.
    card : ModelCard
        Of the model.
    channel : sequence of str
        The channels that the model was given; empty for all.
    diameter : float
        Median diameter of the objects that were found, in px; NaN without any.
    """
    source = channels_for(image, card.input.channels, channel or None)
    if _looks_like_labels(source):
        return [
            "Labels: this looks like a label image, not like a microscopy image. Give the image "
            "that was labelled; labels are measured with 'cellwright measure'."
        ]
    found = [
        warning
        for plane in _distinct(source)
        for warning in check_plane(plane, diameter=diameter if diameter > 0 else 20.0).warnings
    ]
    return found


def label_warnings(labels: AnyArray) -> list[str]:
    """Return what speaks against taking the pixels of an image for labels.

    Parameters
    ----------
    labels : ndarray of int, shape (..., Y, X)
    """
    rows = labels.reshape(-1, labels.shape[-1])
    rows = rows[:: max(1, rows.size // LABEL_PIXELS)]
    left, right = rows[:, :-1], rows[:, 1:]
    inside = (left > 0) & (right > 0)
    few = np.count_nonzero(inside) < 100
    if few or float(np.mean((left == right)[inside])) > LABEL_SMOOTHNESS:
        return []
    return [
        "Not labels: neighbouring pixels mostly have different values, as in microscopy images, so "
        "that what was measured are grey values, not objects. Give label images here, in which all "
        "pixels of an object have its number, and the images with "
        f"{by_place('--images', 'the argument image')}."
    ]


def object_warnings(table: Table) -> list[str]:
    """Return what a user should know about the objects of an image."""
    if len(table["label"]) == 0:
        return [
            "No objects: nothing was found. If there are some, try "
            f"{option('threshold', 'diameter', 'channel')}."
        ]
    share = float(np.mean(table["touches_border"]))
    if share > BORDER_SHARE and len(table["label"]) > 3:
        return [
            f"Border: {percent(share)} of the objects are cut off by the border of the image, so "
            f"that sizes are too small. Leave them out with {option('exclude_border')}."
        ]
    return []


def without_consequences(warnings: Sequence[str]) -> list[str]:
    """Return the warnings of one image without those that follow from another.

    In an image that shows nothing, nothing is found, and the model has learned from no such image.
    """
    shows_nothing = not _NOTHING.isdisjoint(map(kind, warnings))
    return [one for one in warnings if not (shows_nothing and kind(one) in _OF_NOTHING)]


def kind(warning: str) -> str:
    """Return the few words that a warning begins with."""
    return warning.partition(":")[0]


def gathered(images: Iterable[tuple[str, Sequence[str]]]) -> dict[str, tuple[str, ...]]:
    """Gather the warnings of images by their kind, the most frequent first.

    Parameters
    ----------
    images : iterable of (str, sequence of str)
        Name and warnings of each image.

    Returns
    -------
    dict
        The first warning of each kind, with the names of all images that have one of that kind.
    """
    first: dict[str, str] = {}
    names: dict[str, list[str]] = {}
    for image, warnings in images:
        for warning in warnings:
            first.setdefault(kind(warning), warning)
            names.setdefault(kind(warning), []).append(image)
    ordered = sorted(first, key=lambda one: -len(names[one]))
    return {first[one]: tuple(names[one]) for one in ordered}


def one_of_each_kind(warnings: list[str]) -> tuple[str, ...]:
    """Return the first warning of each kind: a movie need not repeat it for every frame."""
    first: dict[str, str] = {}
    for warning in warnings:
        first.setdefault(kind(warning), warning)
    return tuple(first.values())


@dataclass(frozen=True, slots=True)
class _Channel:
    """One channel of a source (C, Y, X) as a source (Y, X)."""

    source: ChannelSource
    number: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""
        return self.source.shape[1:]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a pixel."""
        return np.dtype(self.source.dtype)

    def __getitem__(self, key: Any) -> AnyArray:
        """Read a region."""
        rows, columns = key
        channel = slice(self.number, self.number + 1)
        plane: AnyArray = np.asarray(self.source[channel, rows, columns])[0]
        return plane


def _distinct(source: ChannelSource) -> list[PixelSource]:
    """Return the channels of a source, a repeated one once."""
    planar = len(source.pixels.shape) == 2
    used = 1 if planar else len(source.chosen or range(source.pixels.shape[0]))
    single = used == 1 or source.mean
    return [_Channel(source, number) for number in range(1 if single else source.channels)]


def _looks_like_labels(source: ChannelSource) -> bool:
    """Whether neighbouring pixels are equal wherever there is something."""
    if source.dtype.kind not in "iu":
        return False
    _, height, width = source.shape
    rows = slice(max(0, (height - LABEL_SIDE) // 2), (height + LABEL_SIDE) // 2)
    columns = slice(max(0, (width - LABEL_SIDE) // 2), (width + LABEL_SIDE) // 2)
    middle = source[slice(0, 1), rows, columns][0]
    left, right = middle[:, :-1].astype(np.int64), middle[:, 1:].astype(np.int64)
    inside = (left > 0) & (right > 0)
    values = np.unique(middle)
    if np.count_nonzero(inside) < 100 or len(values) < 4 or values[0] != 0:
        return False
    steps = np.abs(left - right)[inside]
    flat = float(np.mean(steps == 0)) > LABEL_SMOOTHNESS
    # A smooth image changes by 1 from pixel to pixel; labels jump to any other number.
    return flat and bool(np.count_nonzero(steps == 1) <= np.count_nonzero(steps > 0) / 2)
