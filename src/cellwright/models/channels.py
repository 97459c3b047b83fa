"""Giving a network the channels it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from cellwright._arguments import described
from cellwright._errors import AxesError, UsageError
from cellwright._types import AnyArray
from cellwright._words import by_place, option
from cellwright.images.image import Image, PixelSource
from cellwright.images.tint import only_dye, several_dyes
from cellwright.models.card import RGB
from cellwright.models.sampling import pixel_sample

Channel: TypeAlias = int | str


@dataclass(frozen=True, slots=True)
class ChannelSource:
    """An image as (C, [Z,] Y, X) with the channels of a network, read where it is lazy.

    Parameters
    ----------
    pixels : array or lazy source, shape ([C,] [Z,] Y, X)
    dimensions : int
        Number of spatial axes.
    chosen : tuple of int, optional
        The channels that are used, in this order; all by default.
    channels : int
        How many channels the network takes: a single one is repeated.
    mean : bool
        Whether the channels are averaged into one first.
    dyes : bool
        Whether it is a picture of several dyes, each in a colour of its own, taken as it is.
    """

    pixels: PixelSource
    dimensions: int
    chosen: tuple[int, ...] | None
    channels: int
    mean: bool = False
    dyes: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Channels of the network, then pixels."""
        return (self.channels, *self.pixels.shape[-self.dimensions :])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a pixel."""
        return np.dtype(np.float32) if self.mean else np.dtype(self.pixels.dtype)

    @property
    def distinct(self) -> ChannelSource:
        """The same without repeated channels."""
        present = self.pixels.shape[0] if self._has_channels else 1
        count = 1 if self.mean else len(self.chosen) if self.chosen else present
        return replace(self, channels=count)

    @property
    def _has_channels(self) -> bool:
        return len(self.pixels.shape) > self.dimensions

    def __getitem__(self, key: tuple[slice, ...]) -> AnyArray:
        """Read a region given by one slice per axis."""
        wanted, *where = key
        if not self._has_channels:
            region = np.asarray(self.pixels[tuple(where)])[np.newaxis]
        elif self.chosen is None:
            region = np.asarray(self.pixels[(slice(None), *where)])
        else:
            parts = [self.pixels[(slice(index, index + 1), *where)] for index in self.chosen]
            region = np.concatenate(parts)
        if self.mean:
            region = region.mean(axis=0, keepdims=True, dtype=np.float32)
        if len(region) == 1:
            region = np.broadcast_to(region, (self.channels, *region.shape[1:]))
        return region[wanted]


def channels_for(
    image: Image,
    wanted: tuple[str, ...],
    channel: Channel | Sequence[Channel] | None,
    dimensions: int = 2,
) -> ChannelSource:
    """Return the pixels of an image with the channels that a network takes.

    One channel is repeated. A colour image goes to a colour network as it is, unless it shows one
    dye in false colour and is grey in truth, and to a network of one channel as the mean of its
    colours. Of several fluorescence channels one must be
    chosen, unless the network takes that many.

    Parameters
    ----------
    image : Image
        Axes ``"[C]YX"`` for planes, ``"[C]ZYX"`` for volumes.
    wanted : tuple of str
        Names of the network's channels.
    channel : int or str, or sequence of them, optional
        Which channels of the image to use, by index from 0 or by name.
    dimensions : int
        2 for a network that sees planes, 3 for volumes.

    Raises
    ------
    AxesError
        If the image has other axes.
    UsageError
        If there is no such channel, or too few or too many remain.
    """
    spatial = "ZYX"[-dimensions:]
    if image.axes.removeprefix("C") != spatial:
        raise AxesError(
            f"'{image.name}' has axes {image.axes}, but the model works on "
            f"{'single planes' if dimensions == 2 else 'volumes'} ({spatial} or C{spatial}). "
            f"Choose another model, or give it a part of the image{by_place('', ': image.region')}."
        )
    chosen = check_channels(image, wanted, channel)
    count = len(chosen) if chosen else image.sizes.get("C", 1)
    mean = count > 1 == len(wanted)
    dyes = False
    if chosen is None and image.is_rgb:
        sample = pixel_sample(ChannelSource(image.data, dimensions, None, count))
        dye, dyes = None if mean else only_dye(sample), several_dyes(sample)
        chosen = None if dye is None else (dye,)
    return ChannelSource(image.data, dimensions, chosen, len(wanted), mean, dyes)


def channel_warnings(source: ChannelSource) -> tuple[str, ...]:
    """Say so when a model looks at several dyes at once."""
    if not source.dyes:
        return ()
    return (
        "Several dyes in one picture: red, green and blue show different things here, and the "
        "model was given all of them at once, so that objects are missed or run together. Choose "
        f"the colour of the objects with {option('channel')}: red, green or blue.",
    )


def check_channels(
    image: Image, wanted: tuple[str, ...], channel: Channel | Sequence[Channel] | None
) -> tuple[int, ...] | None:
    """Return which channels of an image `channels_for` takes; None for all. No pixel is read.

    Parameters
    ----------
    image : Image
        Of any axes.
    wanted, channel
        As for `channels_for`.

    Raises
    ------
    UsageError
        If there is no such channel, or too few or too many remain.
    """
    present = image.sizes.get("C", 1)
    chosen = channel_numbers(image, channel) or None
    count = len(chosen) if chosen else present
    as_grey = image.is_rgb and chosen is None and len(wanted) == 1
    alike = count == len(wanted) and (chosen is not None or image.is_rgb == (wanted == RGB))
    if count == 1 or as_grey or alike:
        return chosen
    names = image.channel_names or tuple(map(str, range(present)))
    raise UsageError(
        f"'{image.name}' has {present} channels ({', '.join(names)}), but the model takes "
        f"{'a colour image or one channel' if wanted == RGB else ', '.join(wanted)}. "
        f"Choose with {option('channel')}."
    )


def as_channels(channel: Channel | Sequence[Channel] | None) -> tuple[Channel, ...]:
    """Return the channels that are asked for, of which one may stand alone; none for all.

    Raises
    ------
    UsageError
        If they are no names or numbers.
    """
    if channel is None:
        return ()
    if isinstance(channel, int | str):
        return (channel,)
    if isinstance(channel, Sequence) and all(isinstance(one, int | str) for one in channel):
        return tuple(channel)
    raise UsageError(
        f"channel must be the name or the number of one, or several, not {described(channel)}."
    )


def channel_numbers(image: Image, channel: Channel | Sequence[Channel] | None) -> tuple[int, ...]:
    """Return the numbers of the channels of an image that are asked for; see `as_channels`.

    Raises
    ------
    UsageError
        If there is no such channel.
    """
    return tuple(_index_of(one, image) for one in as_channels(channel))


def _index_of(channel: Channel, image: Image) -> int:
    present = image.sizes.get("C", 1)
    names = image.channel_names or ()
    if channel in names:
        return names.index(str(channel))
    index = int(channel) if str(channel).isdecimal() else -1
    if 0 <= index < present:
        return index
    called = f"no channel '{channel}'"
    if present == 1:
        raise UsageError(
            f"'{image.name}' has {called}, but a single one: leave out {option('channel')}."
        )
    named = f" or by name ({', '.join(names)})" if names else ""
    raise UsageError(f"'{image.name}' has {called}. Choose 0 to {present - 1}{named}.")
