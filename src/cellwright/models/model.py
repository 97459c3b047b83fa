"""What every model does with an image before its network sees it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cellwright._arguments import check_numbers, check_whole_numbers, given
from cellwright._errors import InputError, UsageError
from cellwright._types import AnyArray, DoubleArray
from cellwright.images.arrays import as_image
from cellwright.images.checks import check_pixels
from cellwright.images.ground import on_bright_ground
from cellwright.images.image import Image
from cellwright.inference.mirrors import MirroredNetwork
from cellwright.inference.runtime import Device, MapNetwork
from cellwright.inference.view import View
from cellwright.models.card import ModelCard, Tta
from cellwright.models.channels import Channel, ChannelSource, channel_warnings, channels_for
from cellwright.models.engines import open_engine
from cellwright.models.package import Package
from cellwright.models.readouts import mirrored_of
from cellwright.models.sampling import Region, pixel_sample
from cellwright.quality.novelty import Novelty, image_features

_MOST_DEPTH = 20.0  # planes so many times farther apart, or nearer, than in training: a wrong file


@dataclass(frozen=True, slots=True)
class Seen:
    """An image, or a part of one, as a network sees it.

    Parameters
    ----------
    source : array or lazy source, shape (C, [Z,] Y, X)
        With the channels of the network.
    limits : ndarray, shape (C, 2)
        What the normalisation found in the whole image.
    depth : float
        Network planes per plane of the image, where the network sees it at its lateral scale.
    bright : bool
        Whether its objects lie on a bright ground.
    """

    source: Any
    limits: DoubleArray
    depth: float
    bright: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Size in px of the image, ([Z,] Y, X)."""
        return tuple(self.source.shape[1:])

    def part(self, region: Region) -> Seen:
        """Return a region of it, read into memory."""
        return replace(self, source=np.asarray(self.source[(slice(None), *region)]))

    def scales(self, lateral: float) -> tuple[float, ...]:
        """Return network pixels per pixel of the image, per spatial axis."""
        return (lateral * self.depth, lateral, lateral)[-len(self.shape) :]


class Model:
    """A model that is ready to run; what it finds is up to its kind.

    Attributes
    ----------
    card : ModelCard
        What the model is and how it came about.
    sha256 : str
        Identifies the model.
    network : MapNetwork
        Turns normalised pixels into maps.
    tta : {"never", "bright ground", "always"}
        Which images it sees in every mirror; what the card says, unless changed.
    """

    def __init__(
        self, package: Package, *, device: Device = "auto", threads: int | None = None
    ) -> None:
        self.card: ModelCard = package.card
        self.sha256 = package.sha256
        self.network: MapNetwork = open_engine(
            package.card.network,
            package.files,
            device=device,
            threads=threads,
            name=package.source,
        )
        self.tta: Tta = package.card.input.tta
        novelty = package.card.novelty
        self._novelty = Novelty.from_json(novelty) if novelty else None

    if not TYPE_CHECKING:  # who checks types is told by them

        def __getattr__(self, name: str) -> Any:
            """Say what else to ask this model for, where other kinds have a method of that name."""
            other = {"segment": "detect", "detect": "segment"}.get(name)
            if other is None:
                raise AttributeError(f"'{type(self).__name__}' has no attribute '{name}'")
            raise AttributeError(
                f"The model '{self.card.name}' is one of {self.card.task}, which cannot {name}: "
                f"use {other}(image)."
            )

    def check_tile(self, tile: int | None) -> None:
        """Raise `UsageError` unless the network can take tiles of that side, in px."""
        check_whole_numbers(max(self.network.stride), **given(tile=tile))

    def seen(self, image: Image | AnyArray, channel: Channel | Sequence[Channel] | None) -> Seen:
        """Return an image, or an array that `as_image` takes for one, as the network sees it.

        Raises
        ------
        AxesError
            If the image is not a single plane or volume, whichever the network takes.
        InputError
            If it is no image, a pixel is NaN or infinite, or the distance of planes cannot be
            right.
        UsageError
            If a channel must be chosen.
        """
        image = as_image(image)
        check_pixels(image)
        contract = self.card.input
        source = channels_for(image, contract.channels, channel, self.card.network.dimensions)
        sample = pixel_sample(source)
        limits = contract.normalisation.limits(sample)
        return Seen(source, limits, self._depth(image), on_bright_ground(sample))

    def view(self, seen: Seen, scale: float) -> View:
        """Return an image on the grid of the network.

        Parameters
        ----------
        seen : Seen
        scale : float
            Network pixels per lateral pixel of the image.
        """
        normalise = self.card.input.normalisation.apply
        return View.at_scales(seen.source, seen.scales(scale), normalise, seen.limits)

    def looking(self, seen: Seen) -> MapNetwork:
        """Return what turns that image into maps: the network, or its mean over mirror images.

        Raises
        ------
        UsageError
            If it takes the mean, and the maps of its method have none.
        """
        if self.tta == "always" or (self.tta == "bright ground" and seen.bright):
            return MirroredNetwork(self.network, mirrored_of(self.card))
        return self.network

    def least_confidence(self, threshold: float | None) -> float:
        """Return what was asked for, or the model's own.

        Raises
        ------
        UsageError
            If it is no confidence.
        """
        if threshold is None:
            return self.card.threshold
        check_numbers(threshold=threshold)
        if not 0 <= threshold <= 1:
            raise UsageError(f"The threshold is a confidence between 0 and 1, not {threshold}.")
        return threshold

    def _depth(self, image: Image) -> float:
        """Return network planes per plane of the image; 1 where distances are unknown."""
        known, trained = anisotropy(image), self.card.input.anisotropy
        if not known or not trained:
            return 1.0
        if not 1 / _MOST_DEPTH <= known / trained <= _MOST_DEPTH:
            raise InputError(
                f"'{image.name}' says that its planes are {known:.3g} times as far apart as its "
                f"pixels; the model was trained on volumes with {trained:.3g}. Correct the pixel "
                "size of the file."
            )
        return known / trained

    def distance(self, source: ChannelSource) -> float:
        """Return how far an image lies from the training images; NaN when unknown."""
        if self._novelty is None:
            return math.nan
        seen: Any = source.distinct
        if self.card.network.dimensions == 3:
            middle = seen.shape[1] // 2
            seen = seen[(slice(None), slice(middle, middle + 1), *map(slice, seen.shape[2:]))][:, 0]
        return self._novelty.distance(image_features(seen))

    def warnings(self, source: ChannelSource, novelty: float) -> tuple[str, ...]:
        """Say what speaks against what is found in an image.

        Parameters
        ----------
        source : ChannelSource
            Of a `Seen`.
        novelty : float
            Its `distance`.
        """
        learned = self._novelty is not None and self._novelty.several_dyes
        return (*(() if learned else channel_warnings(source)), *_novelty_warnings(novelty))


def anisotropy(image: Image) -> float:
    """Return the distance of planes over that of pixels; 0 where it is unknown."""
    if image.pixel_size is None or len(image.pixel_size) < 3:
        return 0.0
    return image.pixel_size[0] / image.pixel_size[-1]


def _novelty_warnings(novelty: float) -> tuple[str, ...]:
    """Say so when an image is unlike those of the training."""
    if not novelty > 1:
        return ()
    return (
        "Unlike the training data: the model has not learned from images that look like this one "
        f"(novelty {math.ceil(100 * novelty) / 100:.2f}, where its own images have 1 at most), so "
        "that it may miss objects or draw them wrong. Look at what it found before you use the "
        "numbers; if it is wrong, try another model, or train one on a few images like this.",
    )
