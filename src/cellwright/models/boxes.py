"""A model of boxes: from an image to what is where, without torch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from cellwright._arguments import check_flags
from cellwright._types import AnyArray, FloatArray, Table
from cellwright.images.image import Image
from cellwright.inference.diameter import estimate_diameter
from cellwright.inference.objects import kept, selected
from cellwright.inference.runtime import Device
from cellwright.methods.boxes.readout import BoxesReadout
from cellwright.models.channels import Channel
from cellwright.models.detections import Detections, numbered, place_columns
from cellwright.models.model import Seen
from cellwright.models.package import Package
from cellwright.models.places import PlaceModel
from cellwright.models.readouts import boxes_of
from cellwright.models.scale import told_scale

_TOUCHES = 1.0  # px of the network's grid; so near to the border a side means that it is cut
_ELLIPSE = math.pi / 4  # of the box around it


class BoxModel(PlaceModel[BoxesReadout]):
    """A model that finds objects, what they are and the boxes around them.

    Made by `load_model`.
    """

    def __init__(
        self, package: Package, *, device: Device = "auto", threads: int | None = None
    ) -> None:
        super().__init__(package, boxes_of(package.card), device=device, threads=threads)

    def detect(
        self,
        image: Image | AnyArray,
        *,
        diameter: float | None = None,
        channel: Channel | Sequence[Channel] | None = None,
        threshold: float | None = None,
        exclude_border: bool = False,
        tile: int | None = None,
    ) -> Detections:
        """Find the objects of a plane.

        Parameters
        ----------
        image : Image or array
            Axes ``"[C]YX"``; a lazy one is read region by region.
        diameter : float, optional
            Typical diameter of the objects in px of the image. When not given, the image is taken
            to be magnified as those that the model learned from: how large a box looks right
            depends on the magnification, so that a network cannot tell it.
        channel : int or str, or sequence of them, optional
            Which channels to use, by index from 0 or by name.
        threshold : float, optional
            Least confidence of an object, 0 to 1; the model's own when not given.
        exclude_border : bool
            Leave out objects that touch the edge of the image.
        tile : int, optional
            Side of a tile on the network's grid, in px; the result does not depend on it.

        Returns
        -------
        Detections
            In raster order of the pixels that are surest of them.

        Raises
        ------
        AxesError
            If the image is not a single plane.
        InputError
            If a pixel is NaN or infinite.
        UsageError
            If a channel must be chosen, or an option is out of range.
        """
        self.check_tile(tile)
        check_flags(exclude_border=exclude_border)
        least = self.least_of_classes(threshold)
        seen = self.seen(image, channel)
        scale = self.card.input.scale or 1.0
        if diameter is not None:
            scale = told_scale(self.card, diameter, seen.shape)
        table, evidence = self._found(seen, scale, tile)
        of_each = np.array([least[name] for name in table["class"].tolist()])
        stay = kept(table, min_confidence=of_each, exclude_border=exclude_border)
        rows = selected(table, stay)
        boxes = np.stack([rows[f"bbox-{side}"] for side in range(4)], 1)
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2 - 0.5
        novelty = self.distance(seen.source)
        return Detections(
            table={
                **{name: rows[name] for name in ("label", "class", "class_prob", "confidence")},
                **place_columns(boxes, centres, rows["at_border"]),
            },
            scale=scale,
            diameter=estimate_diameter(rows["area"], rows["confidence"]),
            evidence=evidence[stay],
            novelty=novelty,
            warnings=self.warnings(seen.source, novelty),
        )

    def least_of_classes(self, threshold: float | None) -> dict[str, float]:
        """Return the least confidence of each class: what was asked for, or the model's own.

        Raises
        ------
        UsageError
            If it is no confidence.
        """
        least = dict.fromkeys(self.classes, self.least_confidence(threshold))
        return least if threshold is not None else {**least, **self.card.class_thresholds}

    def _found(self, seen: Seen, scale: float, tile: int | None) -> tuple[Table, FloatArray]:
        """Find all objects at one scale, without choosing among them; the evidence besides."""
        places = self._places(seen, scale, tile)
        boxes, ends = places.positions("boxes"), places.size
        room = np.concatenate((boxes[:, :2], ends - boxes[:, 2:]), axis=1)  # up to the border
        boxes = np.clip(boxes, 0, np.tile(ends, 2)) / np.tile(places.scale, 2)
        table: Table = {
            "label": np.arange(1, len(boxes) + 1, dtype=np.int32),
            **self._what(places),
            **numbered("bbox", boxes.T),
            "area": _ELLIPSE * (boxes[:, 2:] - boxes[:, :2]).prod(1),
            "at_border": room.min(1) < _TOUCHES,
        }
        return table, places.column("evidence")
