"""A model of objects: from an image to labels with a confidence, without torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cellwright._arguments import check_flags, check_sizes
from cellwright._types import AnyArray, FloatArray, IntArray, LabelArray, Table
from cellwright._words import counted
from cellwright.datasets.boxes import ONE_CLASS
from cellwright.images.arrays import as_image
from cellwright.images.image import Image
from cellwright.inference.apply import ANCHOR, Maps, find_instances, find_maps, read_instances
from cellwright.inference.diameter import estimate_diameter
from cellwright.inference.extents import Extents
from cellwright.inference.objects import kept, relabelling, selected
from cellwright.inference.overlaps import Covered
from cellwright.inference.rolling import RowSink
from cellwright.inference.runtime import Device
from cellwright.models.channels import Channel
from cellwright.models.detections import Detections, place_columns, typical_size
from cellwright.models.model import Model, Seen
from cellwright.models.package import Package
from cellwright.models.reading import Reading
from cellwright.models.scale import ScaleChoice

_COLUMNS = ("label", "class", "class_prob", "confidence", *ANCHOR, "area", "at_border")


@dataclass(frozen=True, slots=True)
class Segmentation:
    """The objects of an image.

    Parameters
    ----------
    labels : ndarray, shape ([Z,] Y, X), int32, or None
        None when they were written to a sink of the caller.
    relabel : ndarray, shape (N + 1,), int32
        A sink's value v is the object ``relabel[v]``: objects that were found but not kept are 0.
        For `labels` in memory this has been done.
    table : Table
        One row per object: ``label``; of a model that tells classes apart, ``class`` and
        ``class_prob``, the likeliest and its mean probability over the object's pixels;
        ``confidence``, the probability of being right (IoU ≥ 0.5
        with the true object); ``plane`` (of a volume), ``row`` and ``column`` of its anchor and
        ``area``, in px;
        ``at_border``, whether it touches the edge of the image.
    scale : float
        Pixels that the network saw per (lateral) pixel of the image.
    diameter : float
        Median diameter of the objects that were found, in px of the image; NaN without any.
    evidence : ndarray, shape (N, F), float32
        What the readout saw of every object, from which its confidence comes.
    novelty : float
        Distance from the training images, of which 99 % lie within 1; NaN when unknown.
    warnings : tuple of str
        What the user should know.
    covered : ndarray, shape (M, 1 + D), int64, or None
        Label, then ([z,] y, x) in px of what others hide of an object, where that was asked for;
        `cellwright.inference.overlaps.layered` shows all objects whole.
    """

    labels: LabelArray | None
    relabel: IntArray | LabelArray
    table: Table
    scale: float
    diameter: float
    evidence: FloatArray
    novelty: float
    warnings: tuple[str, ...] = ()
    covered: IntArray | None = None

    def __repr__(self) -> str:
        """Say what was found, without labels and table."""
        found = counted(len(self.table["label"]), "object"), *typical_size(self.diameter)
        image = "" if self.labels is None else f", in {' × '.join(map(str, self.labels.shape))} px"
        return f"<Segmentation: {', '.join(found)}{image}>"


class InstanceModel(Model):
    """A model that finds the objects of images. Made by `load_model`.

    Attributes
    ----------
    object_classes : tuple of str
        The classes of objects that it tells apart; none, most often.
    """

    def __init__(
        self, package: Package, *, device: Device = "auto", threads: int | None = None
    ) -> None:
        super().__init__(package, device=device, threads=threads)
        self._reading = Reading(package.card)
        self.object_classes = self._reading.classes

    @property
    def classes(self) -> tuple[str, ...]:
        """What objects may be; one class where none are told apart."""
        return self.object_classes or (ONE_CLASS,)

    @property
    def tells_overlaps(self) -> bool:
        """Whether it knows what others hide of objects."""
        return self._reading.tells_overlaps

    @property
    def bytes_of_maps(self) -> int:
        """Bytes that the maps of one network pixel take."""
        return self._reading.maps * np.dtype(np.float32).itemsize

    def segment(
        self,
        image: Image | AnyArray,
        *,
        diameter: float | None = None,
        channel: Channel | Sequence[Channel] | None = None,
        threshold: float | None = None,
        min_size: float = 0.0,
        exclude_border: bool = False,
        tile: int | None = None,
        sink: RowSink | None = None,
        overlaps: bool = False,
    ) -> Segmentation:
        """Find the objects of a plane or a volume.

        Parameters
        ----------
        image : Image or array
            Axes ``"[C]YX"``, or ``"[C]ZYX"`` for a model of volumes; a lazy one is read region by
            region. An array has the shape (Y, X), or (Y, X, 3) for colours.
        diameter : float, optional
            Typical diameter of the objects in px of the image; estimated when not given.
        channel : int or str, or sequence of them, optional
            Which channels to use, by index from 0 or by name.
        threshold : float, optional
            Least confidence of an object, 0 to 1; the model's own when not given.
        min_size : float
            Least area of an object, in px of the image.
        exclude_border : bool
            Leave out objects that touch the edge of the image.
        tile : int, optional
            Side of a tile on the network's grid, in px; the result does not depend on it.
        sink : optional
            Takes the labels row by row, for images that do not fit into memory.
        overlaps : bool
            Whether to tell what others hide of objects; only some methods can.

        Returns
        -------
        Segmentation

        Raises
        ------
        AxesError
            If the image is not a single plane or volume.
        InputError
            If a pixel is NaN or infinite.
        UsageError
            If a channel must be chosen, an option is out of range, or the method gives each pixel
            to one object.
        """
        self.check_tile(tile)
        check_sizes(0, min_size=min_size)
        check_flags(exclude_border=exclude_border, overlaps=overlaps)
        covered = self.covering() if overlaps else None
        least = self.least_confidence(threshold)
        seen = self.seen(image, channel)
        choice = self._scale_choice(seen)
        scale = choice.scale(diameter)
        target: RowSink = np.zeros(seen.shape, np.int32) if sink is None else sink
        found = None if overlaps else choice.whole(scale)
        if found is None:
            table = self.find_objects(seen, scale, target, tile, covered=covered)
        else:
            table, target[tuple(map(slice, seen.shape))] = found
        stay = kept(
            table,
            min_area=math.ceil(min_size),
            min_confidence=least,
            exclude_border=exclude_border,
        )
        relabel, labels = relabelling(stay), None
        hidden = None if covered is None else _renumbered(covered.rows, relabel)
        if sink is None:
            labels = np.asarray(target) if stay.all() else relabel[np.asarray(target)]
            relabel = np.arange(np.count_nonzero(stay) + 1, dtype=np.int32)
        novelty = self.distance(seen.source)
        rows = selected(table, stay)
        return Segmentation(
            labels=labels,
            relabel=relabel,
            table={name: rows[name] for name in _COLUMNS if name in rows},
            scale=scale,
            diameter=estimate_diameter(rows["area"], rows["confidence"], len(seen.shape)),
            evidence=self._reading.evidence(rows),
            novelty=novelty,
            warnings=self.warnings(seen.source, novelty),
            covered=hidden,
        )

    def predict(self, image: Image | AnyArray) -> LabelArray:
        """Return the labels of an image: the short way, for notebooks.

        Parameters
        ----------
        image : Image or ndarray
            An array of shape (Y, X), or (Y, X, 3) for colours.

        Returns
        -------
        ndarray, shape (Y, X), int32

        Raises
        ------
        AxesError, InputError, UsageError
            As for `segment`, and for arrays of other shapes.
        """
        found = self.segment(as_image(image)).labels
        assert found is not None  # no sink was given
        return found

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
        """Find boxes and centres of the objects of a plane or a volume, and keep no outlines.

        Parameters, Raises
        ------------------
        As for `segment`.

        Returns
        -------
        Detections
        """
        extents = Extents(self.card.network.dimensions)
        found = self.segment(
            image,
            diameter=diameter,
            channel=channel,
            threshold=threshold,
            exclude_border=exclude_border,
            tile=tile,
            sink=extents,
        )
        there = np.flatnonzero(found.relabel[1:])
        count = len(found.relabel) - 1
        boxes, centres = extents.boxes(count)[there], extents.centres(count)[there]
        table: Table = {
            "label": found.table["label"],
            **class_columns(found.table),
            "confidence": found.table["confidence"],
            **place_columns(boxes, centres, found.table["at_border"]),
        }
        return Detections(
            table, found.scale, found.diameter, found.evidence, found.novelty, found.warnings
        )

    def _labelled(self, seen: Seen, scale: float) -> tuple[Table, LabelArray]:
        """Return the objects of an image, or a part of it, and their labels."""
        labels = np.zeros(seen.shape, np.int32)
        return self.find_objects(seen, scale, labels), labels

    def find_all(self, seen: Seen) -> tuple[Table, LabelArray]:
        """Find all objects at the scale that suits them, and return their labels, too.

        Parameters
        ----------
        seen : Seen
            As for `find_objects`.

        Returns
        -------
        table : Table
            As `find_objects`.
        labels : ndarray, shape ([Z,] Y, X), int32
        """
        choice = self._scale_choice(seen)
        scale = choice.scale(None)
        return choice.whole(scale) or self._labelled(seen, scale)

    def find_objects(
        self,
        seen: Seen,
        scale: float,
        sink: RowSink,
        tile: int | None = None,
        parameters: Mapping[str, float] | None = None,
        covered: Covered | None = None,
    ) -> Table:
        """Find all objects at one scale, without choosing among them.

        Parameters
        ----------
        seen : Seen
            The image, or a part of it, as the network sees it.
        scale : float
            Network pixels per lateral pixel of the image.
        sink : array or label sink, shape ([Z,] Y, X)
        tile : int, optional
        parameters, covered
            As for `read_objects`.

        Returns
        -------
        Table
            As in `Segmentation`, with the evidence of the readout.
        """
        table = find_instances(
            self.view(seen, scale),
            self.looking(seen),
            self._reading.reader(parameters),
            sink=sink,
            covered=covered,
            tile=tile,
        )
        return self._reading.judged(table)

    def scale(self, seen: Seen, diameter: float | None = None) -> float:
        """Return the network pixels per lateral pixel at which an image is to be seen.

        Parameters
        ----------
        seen : Seen
        diameter : float, optional
            Typical diameter of the objects in px of the image; estimated when not given.
        """
        return self._scale_choice(seen).scale(diameter)

    def _scale_choice(self, seen: Seen) -> ScaleChoice[LabelArray]:
        return ScaleChoice(self.card, seen, self._labelled)

    def find_maps(self, seen: Seen, scale: float) -> Maps:
        """Return what the network says, to be read by `read_objects`, as often as one likes.

        Parameters
        ----------
        seen : Seen
            The image, or a part of it, as the network sees it; its maps are held in memory.
        scale : float
            Network pixels per lateral pixel of the image.
        """
        return find_maps(self.view(seen, scale), self.looking(seen), maps=self._reading.maps)

    def read_objects(
        self,
        maps: Maps,
        sink: RowSink,
        parameters: Mapping[str, float] | None = None,
        covered: Covered | None = None,
    ) -> Table:
        """Read all objects from maps, without choosing among them.

        Parameters
        ----------
        maps : Maps
            See `find_maps`.
        sink : array or label sink, shape ([Z,] Y, X)
            Takes the labels.
        parameters : mapping of str to float, optional
            Of the readout, in place of those on the card. Confidences were calibrated with the
            latter.
        covered : Covered, optional
            From `covering` with the same parameters; takes the pixels of objects that others hide.

        Returns
        -------
        Table
            As `find_objects`.
        """
        reader = self._reading.reader(parameters)
        return self._reading.judged(read_instances(maps, reader, sink=sink, covered=covered))

    def covering(self, parameters: Mapping[str, float] | None = None) -> Covered:
        """Return what takes the pixels that others hide, for a readout as in `read_objects`.

        Raises
        ------
        UsageError
            If the method knows of none.
        """
        return self._reading.covering(parameters)


def _renumbered(covered: IntArray, relabel: AnyArray) -> IntArray:
    """Return covered pixels with the labels of the objects that are kept."""
    rows = np.column_stack([relabel[covered[:, 0]], covered[:, 1:]])
    return np.asarray(rows[rows[:, 0] > 0], np.int64)


def class_columns(table: Table) -> Table:
    """Return what objects are, and how probably: one certain class where none are told apart."""
    count = len(table["label"])
    return {
        "class": table.get("class", np.full(count, ONE_CLASS)),
        "class_prob": table.get("class_prob", np.ones(count)),
    }
