"""Objects that overlap: measured whole, and written in layers."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from cellwright._types import IntArray, LabelArray, Table
from cellwright.images.image import Image
from cellwright.images.layers import layer_names
from cellwright.images.write import write
from cellwright.inference.overlaps import layered
from cellwright.measure.tables import concatenate
from cellwright.runs.apply.bands import measure_plane
from cellwright.runs.apply.stack import PlaneLabels


def whole_objects(labels: PlaneLabels, covered: IntArray, above: int) -> LabelArray:
    """Return the objects of a plane in layers, each of them whole.

    Parameters
    ----------
    labels : PlaneLabels
    covered : ndarray, shape (M, 1 + D), int64
        What others hide; see `Segmentation`.
    above : int
        What is added to its labels.

    Returns
    -------
    ndarray, shape (L, [Z,] Y, X), int32
    """
    rows = covered + np.array([above, *[0] * len(labels.shape)])
    return layered(labels[tuple(map(slice, labels.shape))], rows)


def measure_layers(layers: LabelArray, image: Image) -> Table:
    """Return the measurements of the objects in all layers, by their labels."""
    table = concatenate(measure_plane(layer, image) for layer in layers)
    order = np.argsort(table["label"], kind="stable")
    return {name: column[order] for name, column in table.items()}


def write_layers(path: Path, layers: Mapping[tuple[int, ...], LabelArray], like: Image) -> None:
    """Write the layers of all planes, as channels of one image.

    Parameters
    ----------
    path : Path
    layers : mapping of tuple to ndarray, shape (L, [Z,] Y, X)
        By the place of the plane along the axes of `like` that come before its own.
    like : Image
        The axes and the pixel size of the labels.
    """
    count = max(map(len, layers.values()))
    stack = np.zeros((count, *like.shape), np.int32)
    for index, own in layers.items():
        place: tuple[slice | int, ...] = (slice(len(own)), *index)
        stack[place] = own
    before = "C" if "T" not in like.axes else "TC"
    if "T" in like.axes:
        stack = np.moveaxis(stack, 0, 1)
    small = stack.max(initial=0) <= np.iinfo(np.uint16).max
    image = replace(
        like,
        data=stack.astype(np.uint16 if small else np.uint32),
        axes=before + like.axes.removeprefix("T"),
        channel_names=layer_names(count),
    )
    write(path, image, overwrite=True)
