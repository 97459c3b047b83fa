"""The simulated image that packages are tested with: the same for everyone, forever."""

import math

import numpy as np

from cellwright._types import FloatArray
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field

_SIDE = 128  # px; more where the network sees farther
_SMALLEST_SIDE = 64  # px
_DIAMETER = 18.0  # px


def example_side(stride: int, halo: int) -> int:
    """Return rows and columns, in px: some of them are free of the border's influence."""
    return math.ceil(max(_SIDE, 2 * halo + 1) / stride) * stride


def smallest_side(stride: int) -> int:
    """Return rows and columns of an image that is only to tell networks apart, in px."""
    return math.ceil(_SMALLEST_SIDE / stride) * stride


def example_image(channels: int, side: int) -> FloatArray:
    """Return nuclei in grey values, shape (C, side, side); all channels are alike."""
    image, _ = simulate_field(NucleiSimulation(size=(side, side), diameter=_DIAMETER), seed=0)
    return np.repeat(image[np.newaxis].astype(np.float32), channels, axis=0)
