"""Annotated images on the grid that a model sees, as a whole."""

from __future__ import annotations

import math

import numpy as np

from cellwright._types import AnyArray, FloatArray, IntArray, LabelArray
from cellwright.datasets.examples import fit_channels, load_example, object_facts
from cellwright.datasets.records import Example
from cellwright.images.read import read
from cellwright.inference.diameter import choose_scale
from cellwright.inference.resample import Grid
from cellwright.inference.view import View
from cellwright.models.card import InputContract
from cellwright.models.model import anisotropy


def on_network_grid(example: Example, contract: InputContract) -> tuple[FloatArray, LabelArray]:
    """Read an example at the scale at which a model sees it.

    Parameters
    ----------
    example : Example
    contract : InputContract
        What the model sees.

    Returns
    -------
    pixels : ndarray, shape (C, [Z,] Y, X), float32
        Not normalised; with the channels of the model.
    labels : ndarray, shape ([Z,] Y, X), int32

    Raises
    ------
    DatasetError, InputError
        If a file cannot be read or used.
    """
    pixels, labels = load_example(example)
    pixels = fit_channels(pixels, len(contract.channels), str(example.image))
    scales = _scales(example, labels, contract)
    grids = tuple(Grid.at_scale(*axis) for axis in zip(labels.shape, scales, strict=True))
    if all(grid.scale == 1 for grid in grids):
        return pixels.astype(np.float32), labels
    view = View(pixels, grids, lambda seen, _: seen.astype(np.float32), np.zeros((len(pixels), 2)))
    places = np.ix_(*map(_nearest, grids))
    return view[tuple(slice(0, grid.network) for grid in grids)], labels[places]


def _scales(example: Example, labels: AnyArray, contract: InputContract) -> tuple[float, ...]:
    """Return network pixels per pixel of an example, per spatial axis."""
    lateral = 1.0
    if contract.diameter is not None and contract.diameter_range is not None:
        size = object_facts(labels).diameter
        estimate = math.nan if size is None else size
        lateral = choose_scale(
            estimate, contract.diameter, contract.diameter_range, usual=contract.scale or 1.0
        )
    known = anisotropy(read(example.image, axes=example.axes)) if labels.ndim == 3 else 0.0
    depth = known / contract.anisotropy if known and contract.anisotropy else 1.0
    return (lateral * depth, lateral, lateral)[-labels.ndim :]


def _nearest(grid: Grid) -> IntArray:
    """Return for every network pixel the image pixel that its centre lies in."""
    place = (np.arange(grid.network) + 0.5) / grid.scale
    return np.minimum(place.astype(np.int64), grid.image - 1)
