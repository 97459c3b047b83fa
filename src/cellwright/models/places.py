"""What models of boxes and of points have in common: they say where objects are, and what."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import numpy as np

from cellwright._types import AnyArray, DoubleArray, FloatArray, Table
from cellwright.images.arrays import as_image
from cellwright.images.image import Image
from cellwright.inference.apply import FoundPart, find_places
from cellwright.inference.runtime import Device
from cellwright.methods.boxes.readout import BoxesReadout
from cellwright.methods.points.readout import PointsReadout
from cellwright.models.channels import Channel
from cellwright.models.detections import Detections
from cellwright.models.model import Model, Seen
from cellwright.models.package import Package
from cellwright.quality.calibration import Calibration

R = TypeVar("R", BoxesReadout, PointsReadout)


class Places:
    """What was found in all windows, in raster order of the pixels that are surest of it.

    Parameters
    ----------
    parts : sequence of FoundPart
    scale : sequence of float
        Pixels of the network grid per pixel of the image, per spatial axis.
    size : sequence of int
        Of the network grid, in px.

    Attributes
    ----------
    scale, size : ndarray, shape (D,), float64
    """

    def __init__(
        self, parts: Sequence[FoundPart], scale: Sequence[float], size: Sequence[int]
    ) -> None:
        self.scale, self.size = np.array(scale, np.float64), np.array(size, np.float64)
        self._parts = parts
        anchors = [part.found.anchors[part.own] + part.origin for part in parts]
        self._order = np.lexsort(np.concatenate(anchors).T[::-1])

    def column(self, name: str) -> AnyArray:
        """Return what the readout says of every object under a name."""
        of_parts = [getattr(part.found, name)[part.own] for part in self._parts]
        return np.concatenate(of_parts)[self._order]

    def positions(self, name: str) -> DoubleArray:
        """Return such a column of k positions, shape (N, k · D), in px of the network grid."""
        of_parts = []
        for part in self._parts:
            inside = getattr(part.found, name)[part.own].astype(np.float64)
            of_parts.append(inside + np.tile(part.origin, inside.shape[1] // len(part.origin)))
        moved: DoubleArray = np.concatenate(of_parts)[self._order]
        return moved

    @property
    def total(self) -> AnyArray:
        """What was added up over the maps of all windows."""
        known = [part.total for part in self._parts if part.total is not None]
        total: AnyArray = np.sum(known, axis=0)
        return total


class PlaceModel(Model, ABC, Generic[R]):
    """A model that finds objects as places, by its readout."""

    def __init__(
        self, package: Package, readout: R, *, device: Device = "auto", threads: int | None = None
    ) -> None:
        super().__init__(package, device=device, threads=threads)
        card = package.card
        self._readout: R = readout
        self._calibration = Calibration.from_json(card.calibration) if card.calibration else None

    @property
    def classes(self) -> tuple[str, ...]:
        """What objects may be."""
        return self._readout.classes

    @abstractmethod
    def detect(
        self,
        image: Image,
        *,
        channel: Channel | Sequence[Channel] | None = None,
        threshold: float | None = None,
        tile: int | None = None,
    ) -> Detections:
        """Find the objects of an image."""

    def predict(self, image: Image | AnyArray) -> Table:
        """Return the table of the objects of an image: the short way, for notebooks.

        Parameters
        ----------
        image : Image or ndarray
            An array of shape (Y, X), or (Y, X, 3) for colours.

        Returns
        -------
        Table
            See `Detections`.

        Raises
        ------
        AxesError, InputError, UsageError
            As for `detect`, and for arrays of other shapes.
        """
        return self.detect(as_image(image)).table

    def _places(
        self,
        seen: Seen,
        scale: float,
        tile: int | None,
        summed: Callable[[FloatArray], AnyArray] | None = None,
    ) -> Places:
        """Find all objects at one scale, without choosing among them."""
        view, network = self.view(seen, scale), self.looking(seen)
        parts, grids = find_places(view, network, self._readout, summed=summed, tile=tile)
        return Places(parts, [grid.scale for grid in grids], [grid.network for grid in grids])

    def _what(self, places: Places) -> Table:
        """Return what the objects are, and how sure that is."""
        evidence, confidence = places.column("evidence"), places.column("scores")
        if self._calibration is not None:
            confidence = self._calibration.confidence(evidence)
        return {
            "class": np.array(self.classes)[places.column("classes")],
            "class_prob": evidence[:, self._readout.evidence_names.index("probability")],
            "confidence": confidence,
        }
