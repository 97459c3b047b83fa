"""A model of points: from an image to positions between its pixels, without torch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from cellwright._types import AnyArray
from cellwright.images.image import Image
from cellwright.inference.runtime import Device
from cellwright.methods.points.readout import PointsReadout
from cellwright.models.channels import Channel
from cellwright.models.detections import Detections, numbered
from cellwright.models.package import Package
from cellwright.models.places import PlaceModel
from cellwright.models.readouts import points_of
from cellwright.models.spots import shapes_at


class PointModel(PlaceModel[PointsReadout]):
    """A model that says where objects are, and what. Made by `load_model`."""

    def __init__(
        self, package: Package, *, device: Device = "auto", threads: int | None = None
    ) -> None:
        super().__init__(package, points_of(package.card), device=device, threads=threads)

    @property
    def tolerance(self) -> float:
        """How far a right point is from the true one at most, in px within a plane."""
        return self._readout.tolerance

    @property
    def spacing(self) -> tuple[float, ...]:
        """Size of a pixel along each axis, in px within a plane."""
        return self._readout.spacing

    def detect(
        self,
        image: Image | AnyArray,
        *,
        channel: Channel | Sequence[Channel] | None = None,
        threshold: float | None = None,
        tile: int | None = None,
    ) -> Detections:
        """Find the objects of a plane or a volume, seen at its own scale.

        Parameters
        ----------
        image : Image or array
            Axes ``"[C]YX"``, or ``"[C]ZYX"`` for a model of volumes; a lazy one is read region by
            region.
        channel : int or str, or sequence of them, optional
            Which channels to use, by index from 0 or by name.
        threshold : float, optional
            Least confidence of an object, 0 to 1; the model's own when not given.
        tile : int, optional
            Side of a tile, in px; the result does not depend on it.

        Returns
        -------
        Detections
            In raster order of the pixels that are surest of them; a confidence is the probability
            that a true point is nearer than `tolerance`. There are no boxes, but ``intensity`` and
            ``sigma``, see `cellwright.models.spots.shapes_at`.

        Raises
        ------
        AxesError
            If the image is not a single plane or volume.
        InputError
            If a pixel is NaN or infinite.
        UsageError
            If a channel must be chosen, or an option is out of range.
        """
        self.check_tile(tile)
        least = self.least_confidence(threshold)
        seen = self.seen(image, channel)
        places = self._places(seen, 1.0, tile, self._readout.expected_counts)
        positions = (places.positions("positions") + 0.5) / places.scale - 0.5
        table = self._what(places) | numbered("centroid", positions.T)
        stay = np.flatnonzero(table["confidence"] >= least)
        rows = {name: column[stay] for name, column in table.items()}
        widths = self._readout.widths[3 - len(places.scale) :] / places.scale
        rows |= shapes_at(seen.source, positions[stay], widths.tolist())
        novelty = self.distance(seen.source)
        return Detections(
            table={"label": np.arange(1, len(stay) + 1, dtype=np.int32), **rows},
            scale=1.0,
            diameter=math.nan,
            evidence=places.column("evidence")[stay],
            novelty=novelty,
            warnings=self.warnings(seen.source, novelty),
            counts=dict(zip(self.classes, places.total.tolist(), strict=True)),
        )
