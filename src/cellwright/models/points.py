"""A model of points: from an image to positions between its pixels, without torch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from cellwright._types import AnyArray, Table
from cellwright.images.image import Image
from cellwright.inference.apply import find_places
from cellwright.inference.runtime import Device
from cellwright.models.channels import Channel
from cellwright.models.detections import Detections, numbered
from cellwright.models.model import Model, as_image, novelty_warnings
from cellwright.models.package import Package
from cellwright.models.readouts import points_of
from cellwright.models.spots import shapes_at
from cellwright.quality.calibration import Calibration


class PointModel(Model):
    """A model that says where objects are, and what. Made by `load_model`."""

    def __init__(
        self, package: Package, *, device: Device = "auto", threads: int | None = None
    ) -> None:
        super().__init__(package, device=device, threads=threads)
        card = package.card
        self._readout = points_of(card)
        self._calibration = Calibration.from_json(card.calibration) if card.calibration else None

    @property
    def classes(self) -> tuple[str, ...]:
        """What objects may be."""
        return self._readout.classes

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
        image: Image,
        *,
        channel: Channel | Sequence[Channel] | None = None,
        threshold: float | None = None,
        tile: int | None = None,
    ) -> Detections:
        """Find the objects of a plane or a volume, seen at its own scale.

        Parameters
        ----------
        image : Image
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
        least = self.least_confidence(threshold)
        seen = self.seen(image, channel)
        parts, grids = find_places(
            seen.source,
            self.network,
            self._readout,
            limits=seen.limits,
            normalise=self.card.input.normalisation.apply,
            scales=seen.scales(1.0),
            summed=self._readout.expected_counts,
            tile=tile,
        )
        anchors = np.concatenate([part.found.anchors[part.own] + part.origin for part in parts])
        order = np.lexsort(anchors.T[::-1])

        def joined(name: str) -> AnyArray:
            return np.concatenate([getattr(part.found, name)[part.own] for part in parts])[order]

        moved = [part.found.positions[part.own].astype(np.float64) + part.origin for part in parts]
        scale = np.array([grid.scale for grid in grids])
        positions = (np.concatenate(moved)[order] + 0.5) / scale - 0.5
        evidence, confidence = joined("evidence"), joined("scores")
        if self._calibration is not None:
            confidence = self._calibration.confidence(evidence)
        table: Table = {
            "class": np.array(self.classes)[joined("classes")],
            "class_prob": evidence[:, self._readout.evidence_names.index("probability")],
            "confidence": confidence,
            **numbered("centroid", positions.T),
        }
        stay = np.flatnonzero(confidence >= least)
        rows = {name: column[stay] for name, column in table.items()}
        widths = self._readout.widths[3 - len(grids) :] / scale
        rows |= shapes_at(seen.source, positions[stay], widths.tolist())
        novelty = self.distance(seen.source)
        totals = [part.total for part in parts if part.total is not None]
        counts = np.sum(totals, axis=0).tolist()
        return Detections(
            table={"label": np.arange(1, len(stay) + 1, dtype=np.int32), **rows},
            scale=1.0,
            diameter=math.nan,
            evidence=evidence[stay],
            novelty=novelty,
            warnings=novelty_warnings(novelty),
            counts=dict(zip(self.classes, counts, strict=True)),
        )

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
        """
        return self.detect(as_image(image)).table
