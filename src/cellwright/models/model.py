"""A model ready to use: from an image to objects with a confidence, without torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellwright._errors import AxesError, UsageError
from cellwright._types import AnyArray, DoubleArray, FloatArray, IntArray, LabelArray, Table
from cellwright.images.checks import check_pixels
from cellwright.images.image import Image, PixelSource
from cellwright.inference.apply import segment_plane
from cellwright.inference.diameter import Sample, choose_scale, estimate_diameter, find_scale
from cellwright.inference.objects import kept, relabelling, selected
from cellwright.inference.rolling import RowSink
from cellwright.inference.runtime import Device, OnnxNetwork
from cellwright.models.card import RGB, ModelCard
from cellwright.models.channels import Channel, ChannelSource, channels_for
from cellwright.models.find import find_model
from cellwright.models.package import NETWORK, Package, load_package
from cellwright.models.readouts import readout_of
from cellwright.models.sampling import pixel_sample, richest_window
from cellwright.quality.calibration import Calibration
from cellwright.quality.novelty import Novelty, image_features

SAMPLE_SIDE = 512
"""Side of the part of a large image in which the size of objects is estimated, in network px."""
WHOLE_PIXELS = 2048 * 2048
"""Images up to this size are first tried whole, and done if their objects need no scaling."""

_COLUMNS = ("label", "confidence", "row", "column", "area", "at_border")


@dataclass(frozen=True, slots=True)
class Segmentation:
    """The objects of an image.

    Parameters
    ----------
    labels : ndarray, shape (Y, X), int32, or None
        None when they were written to a sink of the caller.
    relabel : ndarray, shape (N + 1,), int32
        A sink's value v is the object ``relabel[v]``: objects that were found but not kept are 0.
        For `labels` in memory this has been done.
    table : Table
        One row per object: ``label``; ``confidence``, the probability of being right (IoU ≥ 0.5
        with the true object); ``row`` and ``column`` of its anchor and ``area``, in px;
        ``at_border``, whether it touches the edge of the image.
    scale : float
        Pixels that the network saw per pixel of the image.
    diameter : float
        Median diameter of the objects that were found, in px of the image; NaN without any.
    evidence : ndarray, shape (N, F), float32
        What the readout saw of every object, from which its confidence comes.
    novelty : float
        Distance from the training images, of which 99 % lie within 1; NaN when unknown.
    warnings : tuple of str
        What the user should know.
    """

    labels: LabelArray | None
    relabel: IntArray | LabelArray
    table: Table
    scale: float
    diameter: float
    evidence: FloatArray
    novelty: float
    warnings: tuple[str, ...] = ()


class Model:
    """A model that finds the objects of images. Made by `load_model`.

    Attributes
    ----------
    card : ModelCard
        What the model is and how it came about.
    sha256 : str
        Identifies the model.
    """

    def __init__(
        self, package: Package, *, device: Device = "auto", threads: int | None = None
    ) -> None:
        self.card: ModelCard = package.card
        self.sha256 = package.sha256
        facts = package.card.network
        self._readout = readout_of(package.card)
        card = package.card
        self._calibration = Calibration.from_json(card.calibration) if card.calibration else None
        self._novelty = Novelty.from_json(card.novelty) if card.novelty else None
        self._network = OnnxNetwork(
            package.files[NETWORK],
            stride=facts.stride,
            halo=facts.halo,
            bytes_per_pixel=facts.bytes_per_pixel,
            device=device,
            threads=threads,
        )

    def segment(
        self,
        image: Image,
        *,
        diameter: float | None = None,
        channel: Channel | Sequence[Channel] | None = None,
        threshold: float | None = None,
        min_size: float = 0.0,
        exclude_border: bool = False,
        tile: int | None = None,
        sink: RowSink | None = None,
    ) -> Segmentation:
        """Find the objects of a plane.

        Parameters
        ----------
        image : Image
            Axes ``"YX"`` or ``"CYX"``; a lazy one is read region by region.
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

        Returns
        -------
        Segmentation

        Raises
        ------
        AxesError
            If the image is not a single plane.
        InputError
            If a pixel is NaN or infinite.
        UsageError
            If a channel must be chosen, or an option is out of range.
        """
        _check_options(diameter, threshold)
        check_pixels(image)
        contract = self.card.input
        source = channels_for(image, contract.channels, channel)
        limits = contract.normalisation.limits(pixel_sample(source))
        search = _ScaleSearch(self, source, limits)
        if diameter is None:
            scale = find_scale(
                search, reference=contract.diameter, comfortable=contract.diameter_range
            )
        else:
            scale = choose_scale(diameter, contract.diameter, contract.diameter_range)
        target: RowSink = np.zeros(source.shape[1:], np.int32) if sink is None else sink
        found = search.whole(scale)
        if found is None:
            table = self.find_objects(source, limits, scale, target, tile)
        else:
            target[: source.shape[1], : source.shape[2]], table = found
        stay = kept(
            table,
            min_area=math.ceil(min_size),
            min_confidence=self.card.threshold if threshold is None else threshold,
            exclude_border=exclude_border,
        )
        novelty = self._distance(source)
        labels, relabel = None, relabelling(stay)
        if sink is None:
            labels = np.asarray(target) if stay.all() else relabel[np.asarray(target)]
            relabel = np.arange(np.count_nonzero(stay) + 1, dtype=np.int32)
        rows = selected(table, stay)
        return Segmentation(
            labels=labels,
            relabel=relabel,
            table={name: rows[name] for name in _COLUMNS},
            scale=scale,
            diameter=estimate_diameter(rows["area"], rows["confidence"]),
            evidence=self._evidence(rows),
            novelty=novelty,
            warnings=_warnings(novelty),
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
        """
        found = self.segment(image if isinstance(image, Image) else _as_image(image)).labels
        assert found is not None  # no sink was given
        return found

    def find_objects(
        self,
        source: PixelSource,
        limits: DoubleArray,
        scale: float,
        sink: RowSink,
        tile: int | None = None,
    ) -> Table:
        """Find all objects at one scale, without choosing among them.

        Parameters
        ----------
        source : array or lazy source, shape (C, Y, X)
            With the channels of the network.
        limits : ndarray, shape (C, 2)
            What the normalisation found in the whole image.
        scale : float
            Network pixels per pixel of the image.
        sink : array or label sink, shape (Y, X)
        tile : int, optional

        Returns
        -------
        Table
            As in `Segmentation`, with the readout's evidence.
        """
        table = segment_plane(
            source,
            self._network,
            self._readout,
            limits=limits,
            normalise=self.card.input.normalisation.apply,
            sink=sink,
            scale=scale,
            tile=tile,
        )
        return table | {"confidence": self._confidence(self._evidence(table))}

    def _evidence(self, table: Table) -> FloatArray:
        columns = [table[name] for name in self._readout.evidence_names]
        return np.stack(columns, axis=1).astype(np.float32)

    def _confidence(self, evidence: AnyArray) -> AnyArray:
        if self._calibration is None:
            return np.ones(len(evidence))
        return self._calibration.confidence(evidence)

    def _distance(self, source: ChannelSource) -> float:
        if self._novelty is None:
            return math.nan
        return self._novelty.distance(image_features(source.distinct))


class _ScaleSearch:
    """Tries scales on a part of an image, and keeps what was found where the part is all of it."""

    def __init__(self, model: Model, source: ChannelSource, limits: DoubleArray) -> None:
        self._model = model
        self._source = source
        self._limits = limits
        self._found: dict[float, tuple[LabelArray, Table]] = {}

    def __call__(self, scale: float) -> Sample:
        """Return the objects of a sample at one scale."""
        pixels = math.prod(self._source.shape[1:])
        whole = scale == 1 and pixels <= WHOLE_PIXELS
        side = max(self._source.shape[1:]) if whole else math.ceil(SAMPLE_SIDE / scale)
        rows, columns = richest_window(self._source, side)
        part = np.asarray(self._source[:, rows, columns])
        labels = np.zeros(part.shape[1:], np.int32)
        table = self._model.find_objects(part, self._limits, scale, labels)
        if labels.shape == self._source.shape[1:]:
            self._found[scale] = labels, table
        return Sample(table["area"], table["confidence"], labels.size)

    def whole(self, scale: float) -> tuple[LabelArray, Table] | None:
        """Return labels and objects of the whole image, where that scale was tried on all of it."""
        return self._found.get(scale)


def load_model(
    name_or_path: str | Path, *, device: Device = "auto", threads: int | None = None
) -> Model:
    """Load a model by its name, or from a package.

    Parameters
    ----------
    name_or_path : str or Path
        Such as ``"nuclei"``, or the path of a package.
    device : {"auto", "cpu", "cuda"}
        Where to run it.
    threads : int, optional
        CPU threads; as many as there are physical cores when not given.

    Raises
    ------
    ModelError
        If there is no such model, or its package is broken.
    """
    return Model(load_package(find_model(name_or_path)), device=device, threads=threads)


def _warnings(novelty: float) -> tuple[str, ...]:
    if not novelty > 1:
        return ()
    return (
        f"Unlike the training data: {novelty:.1f} times as far from it as its own images lie. "
        "Check the outlines before using the numbers.",
    )


def _check_options(diameter: float | None, threshold: float | None) -> None:
    if diameter is not None and not 0 < diameter < math.inf:
        raise UsageError(f"The diameter must be a positive number of pixels, not {diameter}.")
    if threshold is not None and not 0 <= threshold <= 1:
        raise UsageError(f"The threshold is a confidence between 0 and 1, not {threshold}.")


def _as_image(pixels: AnyArray) -> Image:
    if pixels.ndim == 2:
        return Image(pixels, "YX")
    if pixels.ndim == 3 and pixels.shape[2] == 3:
        return Image(np.moveaxis(pixels, 2, 0), "CYX", channel_names=RGB)
    raise AxesError(
        f"An array of shape {pixels.shape} is neither (Y, X) nor (Y, X, 3). "
        "Say what its axes are: cellwright.Image(array, 'CYX')."
    )
