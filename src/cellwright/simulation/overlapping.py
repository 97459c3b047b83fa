"""Images of translucent cells that lie over each other, with the whole shape of each."""

from __future__ import annotations

import numpy as np

from cellwright._types import AnyArray, LabelArray
from cellwright.images.layers import in_layers
from cellwright.simulation.nuclei import NucleiSimulation, populate
from cellwright.simulation.optics import record
from cellwright.simulation.shapes import footprint


def simulate_overlapping(settings: NucleiSimulation, seed: int) -> tuple[AnyArray, LabelArray]:
    """Simulate one image of cells whose light adds up where they lie over each other.

    Parameters
    ----------
    settings : NucleiSimulation
        In two or three dimensions; `overlap` is how much of a cell may lie on others.
    seed : int

    Returns
    -------
    image : ndarray, shape ([Z,] Y, X), uint8 or uint16
    layers : ndarray, shape (L, [Z,] Y, X), int32
        Every cell whole in one layer, 1..N.

    Examples
    --------
    >>> settings = NucleiSimulation(size=(128, 128), density=0.4, clustering=0.8, overlap=0.5)
    >>> image, layers = simulate_overlapping(settings, seed=1)
    >>> image.shape, bool((np.count_nonzero(layers, axis=0) > 1).any())
    ((128, 128), True)
    """
    rng = np.random.default_rng(seed)
    light = np.zeros(settings.size, np.float32)
    places = np.arange(light.size).reshape(settings.size)
    objects = []
    for cell in populate(settings, rng):
        mark = footprint(cell, settings.size, settings.spacing)
        assert mark is not None  # it was placed where it can be seen
        inside = mark.depth < 1
        dome = 0.6 + 0.4 * np.sqrt(1 - mark.depth[inside] ** 2)
        texture = np.maximum(1 + settings.texture * cell.chromatin.at(mark.body[inside]), 0.05)
        light[mark.window][inside] += cell.brightness * dome * texture
        objects.append(places[mark.window][inside])
    image = record(light, settings.optics, settings.plane_spacing, rng)
    return image, in_layers(objects, settings.size)
