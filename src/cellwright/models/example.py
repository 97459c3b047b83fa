"""The simulated image that packages are tested with: the same for everyone, forever."""

import math

import numpy as np

from cellwright._types import FloatArray
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field, simulate_volume

_SIDES = {2: 128, 3: 48}  # px, by dimensions; more where the network sees farther
_SMALLEST_SIDES = {2: 64, 3: 32}  # px
_DIAMETER = 18.0  # px

Sizes = tuple[int, ...]


def example_size(stride: Sizes, halo: Sizes) -> Sizes:
    """Return a size in px, of which some is free of the border's influence."""
    least = _SIDES[len(stride)]
    return tuple(
        math.ceil(max(least, 2 * reach + 1) / step) * step
        for step, reach in zip(stride, halo, strict=True)
    )


def smallest_size(stride: Sizes) -> Sizes:
    """Return the size in px of an image that is only to tell networks apart."""
    return tuple(math.ceil(_SMALLEST_SIDES[len(stride)] / step) * step for step in stride)


def example_image(channels: int, size: Sizes) -> FloatArray:
    """Return nuclei in grey values, shape (C, [Z,] Y, X); all channels are alike."""
    simulate = simulate_field if len(size) == 2 else simulate_volume
    image, _ = simulate(NucleiSimulation(size=size, diameter=_DIAMETER), seed=0)
    return np.repeat(image[np.newaxis].astype(np.float32), channels, axis=0)
