"""Reading one example: its pixels and its labels, checked against each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellwright._errors import DatasetError
from cellwright._types import AnyArray, DoubleArray, LabelArray
from cellwright._words import option
from cellwright.datasets.boxes import Boxes
from cellwright.datasets.coco import draw_layers
from cellwright.datasets.per_class import read_per_class
from cellwright.datasets.records import (
    BoxLabels,
    CentreLabels,
    ClassLabels,
    CocoLabels,
    Example,
    PerClassLabels,
    PointLabels,
)
from cellwright.images import layers as label_layers
from cellwright.images.checks import check_pixels
from cellwright.images.image import Image
from cellwright.images.read import IGNORE, read, read_labels
from cellwright.images.tint import only_dye


def load_example(example: Example) -> tuple[AnyArray, LabelArray]:
    """Read the pixels and the labels of an example.

    Parameters
    ----------
    example : Example
        One with labels.

    Returns
    -------
    pixels : ndarray, shape (C, [Z,] Y, X), the dtype of the file
    labels : ndarray, shape ([Z,] Y, X), int32
        0 background, 1..N objects or classes, -1 ignored.

    Raises
    ------
    DatasetError
        If it has no labels, the sizes of image and labels differ, or it is a time series.
    InputError
        If a file cannot be read; the message names it.
    """
    pixels, _ = load_pixels(example)
    return pixels, load_labels(example, pixels.shape[1:])


def load_pixels(example: Example) -> tuple[AnyArray, bool]:
    """Read the pixels of an example.

    Returns
    -------
    pixels : ndarray, shape (C, [Z,] Y, X), the dtype of the file
        Several files become several channels. One dye in false colour is grey in all of them,
        as models are given it.
    rgb : bool
        Whether the channels are red, green and blue.

    Raises
    ------
    DatasetError
        If it is a time series, or its files differ in size.
    InputError
        If a file cannot be read; the message names it.
    """
    images = [read(path, axes=example.axes) for path in example.images]
    channels = [_channels_first(image, example) for image in images]
    sizes = {channel.shape[1:] for channel in channels}
    if len(sizes) > 1:
        raise DatasetError(
            f"The files of '{example.id}' differ in size: "
            + ", ".join(
                f"'{path.name}' {_times(channel.shape[1:])}"
                for path, channel in zip(example.images, channels, strict=True)
            )
        )
    rgb = len(images) == 1 and images[0].is_rgb
    dye = only_dye(channels[0]) if rgb else None
    if dye is not None:
        return np.broadcast_to(channels[0][dye], channels[0].shape), rgb
    return (channels[0] if len(channels) == 1 else np.concatenate(channels)), rgb


def load_labels(example: Example, shape: tuple[int, ...]) -> LabelArray:
    """Read the labels of an example, which must have the `shape` ([Z,] Y, X) of its image.

    Where objects overlap, the one with the highest number, which a COCO file lists last, has the
    pixel; `load_layers` keeps all of them whole.

    Returns
    -------
    ndarray, shape ([Z,] Y, X), int32

    Raises
    ------
    DatasetError
        If it has none, only boxes or points, or they have another shape.
    """
    return label_layers.flattened(load_layers(example, shape))


def load_layers(example: Example, shape: tuple[int, ...]) -> LabelArray:
    """Read the labels of an example in as many layers as its objects are kept in.

    Returns
    -------
    ndarray, shape (L, [Z,] Y, X), int32
        Each object lies whole in one layer; -1, in all layers, is ignored.

    Raises
    ------
    DatasetError
        As `load_labels`.
    """
    if example.labels is None:
        raise DatasetError(f"'{example.image}' has no labels, which this step needs.")
    if isinstance(example.labels, BoxLabels | PointLabels | CentreLabels):
        kind = "boxes" if isinstance(example.labels, BoxLabels) else "points"
        raise DatasetError(
            f"'{example.image}' is annotated with {kind}, but this step needs numbered objects."
        )
    if isinstance(example.labels, CocoLabels):
        layers = draw_layers(example.labels)
    elif isinstance(example.labels, ClassLabels):
        labels, _ = read_labels(example.labels.path, axes=label_axes(example))
        layers = _numbered(labels, example.labels)[None]
    elif isinstance(example.labels, PerClassLabels):
        layers = read_per_class(example.labels, label_axes(example))[0][None]
    else:
        layers = label_layers.read_layers(example.labels, label_axes(example))
    if layers.shape[1:] != shape:
        raise DatasetError(
            f"The image '{example.image}' has {_times(shape)} pixels, but its labels "
            f"'{example.label_file}' have {_times(layers.shape[1:])}. Pair the right files, or say "
            f"which axes the image has with {option('axes')}."
        )
    return layers


def count_layers(example: Example) -> int:
    """Return how many layers it takes to keep the objects of an example whole, but for rims."""
    if isinstance(example.labels, CocoLabels):
        layers = draw_layers(example.labels)
        return len(layers) if label_layers.overlapping(layers) else 1
    return label_layers.count_layers(example.labels) if isinstance(example.labels, Path) else 1


def _numbered(labels: LabelArray, described: ClassLabels) -> LabelArray:
    """Return labels with the numbers of classes in place of the values in the file."""
    values, place = np.unique(labels, return_inverse=True)
    known = {IGNORE: IGNORE, 0: 0} | {value: i for i, value in enumerate(described.values, 1)}
    strange = [int(value) for value in values if int(value) not in known]
    if strange:
        raise DatasetError(
            f"'{described.path}' has pixels of value {strange[0]}, which is no class: the classes "
            f"are {', '.join(map(str, described.values))}, and 0 is the background."
        )
    numbers = np.array([known[int(value)] for value in values], np.int32)
    return numbers[place].reshape(labels.shape)


def fit_channels(pixels: AnyArray, channels: int, name: str) -> AnyArray:
    """Return `pixels` (C, ...) with as many channels as a network takes.

    A single channel is repeated; several become one as their mean.

    Raises
    ------
    DatasetError
        If neither is possible; `name` is what the message calls the image.
    """
    present = pixels.shape[0]
    if present == channels:
        return pixels
    if present == 1:
        return np.repeat(pixels, channels, axis=0)
    if channels == 1:
        mean: AnyArray = pixels.mean(axis=0, keepdims=True, dtype=np.float32)
        return mean
    raise DatasetError(
        f"'{name}' has {present} channels, but {channels} are expected. Choose or merge its "
        "channels, or train with another number of channels."
    )


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """How many objects an example has, where they are and how large.

    Parameters
    ----------
    points : ndarray, shape (N, 3), float64
        Middle of the bounding box of each object (z, y, x) in pixels; z is 0 in flat labels.
    diameter : float or None
        Median diameter of the disc or ball of equal size in pixels; None without objects.
    """

    points: DoubleArray
    diameter: float | None


def object_facts(labels: AnyArray) -> ObjectFacts:
    """Measure what sampling needs to know about the objects in `labels` ([Z,] Y, X)."""
    return whole_object_facts(labels[None])


def whole_object_facts(layers: AnyArray) -> ObjectFacts:
    """Measure what sampling needs to know about the objects in `layers` (L, [Z,] Y, X)."""
    from scipy.ndimage import find_objects

    known = layers if layers.min(initial=0) >= 0 else np.maximum(layers, 0)
    if known.max(initial=0) > known.size:  # a table of all numbers would be larger than the image
        known = np.unique(known, return_inverse=True)[1].reshape(known.shape)
        known += layers.min() > 0  # 0 stays the background
    boxes = [box for layer in known for box in find_objects(layer) if box is not None]
    if not boxes:
        return ObjectFacts(np.empty((0, 3)), None)
    points = np.zeros((len(boxes), 3))
    for point, box in zip(points, boxes, strict=True):
        point[-len(box) :] = [(side.start + side.stop - 1) / 2 for side in box]
    sizes = np.bincount(known.ravel())[1:]
    size = float(np.median(sizes[sizes > 0]))
    flat = layers.ndim == 3
    diameter = 2 * np.sqrt(size / np.pi) if flat else np.cbrt(6 * size / np.pi)
    return ObjectFacts(points, float(diameter))


def box_facts(boxes: Boxes) -> ObjectFacts:
    """Return what sampling needs to know about the objects in `boxes`."""
    points = np.zeros((int(np.count_nonzero(boxes.known)), 3))
    points[:, 1:] = (boxes.corners[boxes.known, :2] + boxes.corners[boxes.known, 2:] - 1) / 2
    return ObjectFacts(points, boxes.diameter)


def binary_labels_warning(example: Example, labels: LabelArray) -> str | None:
    """Say so when labels look like a mask of all objects instead of numbered objects.

    Labels are suspicious when each file holds a single value above 0 but there are more separate
    regions.
    """
    from scipy.ndimage import label

    files = len(example.labels.files) if isinstance(example.labels, PerClassLabels) else 1
    values = np.unique(labels[labels > 0])
    if not 1 <= values.size <= files or label(labels > 0)[1] <= values.size:
        return None
    return (
        f"'{example.label_file}' marks all objects with the value {values[0]}: a mask, not "
        "numbered objects. Number them (touching ones apart) before training, "
        "for example with skimage.measure.label; or train with "
        f"{option(method='classes')}, which tells foreground from background."
    )


def _channels_first(image: Image, example: Example) -> AnyArray:
    """Return the pixels as (C, [Z,] Y, X)."""
    if "T" in image.axes:
        raise DatasetError(
            f"'{example.image}' is a time series of {image.sizes['T']} frames; "
            f"save one file per frame, or say with {option('axes')} that the axis is not time."
        )
    check_pixels(image)
    pixels = image.to_numpy()
    return pixels if "C" in image.axes else pixels[None]


def label_axes(example: Example) -> str | None:
    """Return the axes stated for the image without the channels, which labels do not have."""
    return example.axes.replace("C", "") if example.axes else None


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join(str(size) for size in shape)
