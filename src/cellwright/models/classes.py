"""A model of pixel classes: from an image to the class of every pixel, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cellwright._types import AnyArray
from cellwright.images.arrays import as_image
from cellwright.images.image import Image
from cellwright.inference.apply import find_classes
from cellwright.inference.rolling import RowSink
from cellwright.inference.runtime import Device
from cellwright.models.channels import Channel
from cellwright.models.model import Model
from cellwright.models.package import Package
from cellwright.models.readouts import classes_of


@dataclass(frozen=True, slots=True)
class ClassSegmentation:
    """The classes of the pixels of an image.

    Parameters
    ----------
    classes : ndarray, shape ([Z,] Y, X), uint8, or None
        Number of the class of every pixel, 0 for the background; None when they were written to a
        sink of the caller.
    names : tuple of str
        What the numbers 0, 1, 2 ... mean.
    novelty : float
        Distance from the training images, of which 99 % lie within 1; NaN when unknown.
    warnings : tuple of str
        What the user should know.
    """

    classes: AnyArray | None
    names: tuple[str, ...]
    novelty: float
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Say what was told apart, without the pixels."""
        image = (
            "" if self.classes is None else f", in {' × '.join(map(str, self.classes.shape))} px"
        )
        return f"<ClassSegmentation: {', '.join(self.names)}{image}>"


class ClassModel(Model):
    """A model that says of every pixel what it is. Made by `load_model`."""

    def __init__(
        self, package: Package, *, device: Device = "auto", threads: int | None = None
    ) -> None:
        super().__init__(package, device=device, threads=threads)
        self._readout = classes_of(package.card)

    @property
    def names(self) -> tuple[str, ...]:
        """What the classes 0, 1, 2 ... mean."""
        return self._readout.outputs

    def segment(
        self,
        image: Image | AnyArray,
        *,
        channel: Channel | Sequence[Channel] | None = None,
        tile: int | None = None,
        sink: RowSink | None = None,
    ) -> ClassSegmentation:
        """Say of every pixel of a plane or a volume what it is.

        Parameters
        ----------
        image : Image or array
            Axes ``"[C]YX"``, or ``"[C]ZYX"`` for a model of volumes; a lazy one is read region by
            region.
        channel : int or str, or sequence of them, optional
            Which channels to use, by index from 0 or by name.
        tile : int, optional
            Side of a tile, in px; the result does not depend on it.
        sink : optional
            Takes the classes row by row, for images that do not fit into memory.

        Returns
        -------
        ClassSegmentation

        Raises
        ------
        AxesError
            If the image is not a single plane or volume.
        InputError
            If a pixel is NaN or infinite.
        UsageError
            If a channel must be chosen, or the tile is none.
        """
        self.check_tile(tile)
        seen = self.seen(image, channel)
        target: RowSink = np.zeros(seen.shape, np.uint8) if sink is None else sink
        find_classes(
            self.view(seen, 1.0),
            self.looking(seen),
            self._readout.decode,
            maps=len(self._readout.outputs),
            sink=target,
            tile=tile,
        )
        novelty = self.distance(seen.source)
        classes = np.asarray(target) if sink is None else None
        return ClassSegmentation(classes, self.names, novelty, self.warnings(seen.source, novelty))

    def predict(self, image: Image | AnyArray) -> AnyArray:
        """Return the class of every pixel: the short way, for notebooks.

        Parameters
        ----------
        image : Image or ndarray
            An array of shape (Y, X), or (Y, X, 3) for colours.

        Returns
        -------
        ndarray, shape (Y, X), uint8

        Raises
        ------
        AxesError, InputError, UsageError
            As for `segment`, and for arrays of other shapes.
        """
        found = self.segment(as_image(image)).classes
        assert found is not None  # no sink was given
        return found
