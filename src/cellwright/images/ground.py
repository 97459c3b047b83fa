"""What lies between the objects of an image: darkness, or light that they take away."""

import math

import numpy as np

from cellwright._types import AnyArray
from cellwright.images.tint import sampled

_BRIGHT = 0.35
"""Of DSB 2018, stained and brightfield images lie above 0.43, fluorescence below 0.19."""


def ground_level(pixels: AnyArray) -> float:
    """Return how bright most of an image is, from 0 (dark) to 1; NaN where nothing varies.

    Parameters
    ----------
    pixels : ndarray, shape (C, ...)
        An image, or a sample of it.

    Returns
    -------
    float
        Where the median lies between the percentiles 1 and 99.8, of the mean over channels.
    """
    low, middle, high = np.percentile(sampled(pixels).mean(axis=0), (1, 50, 99.8))
    return float((middle - low) / (high - low)) if high > low else math.nan


def on_bright_ground(pixels: AnyArray) -> bool:
    """Whether an image was taken in light that comes through: stained tissue, brightfield.

    Most of it is bright then, and objects are dark or coloured; in fluorescence they shine on
    black.

    Parameters
    ----------
    pixels
        As for `ground_level`.
    """
    return ground_level(pixels) > _BRIGHT
