"""What a network from elsewhere does not say reliably: which sizes it takes, how far it sees."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from cellwright._errors import ModelError
from cellwright._types import FloatArray

_SIDES = {2: (256, 512), 3: (64, 128)}  # px of the images that are tried, by dimensions
_LARGEST_STRIDE = 64  # px
_TOLERANCE = 1e-6  # of the largest map value: less is rounding
_SEED = 0

Run = Callable[[FloatArray], FloatArray]
"""From pixels (1, C, [Z,] Y, X) to maps (1, K, [Z,] Y, X)."""


def find_stride(
    run: Run, channels: int, least: tuple[int, ...], step: tuple[int, ...], name: str
) -> tuple[int, ...]:
    """Return of what number sizes must be multiples, so that the network takes them all.

    Parameters
    ----------
    run : callable
    channels : int
    least, step : tuple of int
        Smallest size that is described, and by what it grows; 0 for a size that is fixed.
    name : str
        What messages call the model.

    Raises
    ------
    ModelError
        If it takes only some sizes of another kind.
    """
    pairs = list(zip(least, step, strict=True))
    # Of a fixed size, the powers of 2 in it are what networks halve so often.
    smallest = tuple(b or math.gcd(a, _LARGEST_STRIDE) for a, b in pairs)
    if all(b == 0 or a % b == 0 for a, b in pairs):
        for stride in dict.fromkeys((smallest, least)):
            if _takes_multiples(run, channels, stride):
                return stride
    sizes = " × ".join(f"{a} + n · {b}" if b else str(a) for a, b in zip(least, step, strict=True))
    raise ModelError(
        f"The network of '{name}' takes images of {sizes} px only, not of any multiple of a "
        "number, or makes maps of another size than the image. Cellwright cannot cut images for it."
    )


def _takes_multiples(run: Run, channels: int, stride: tuple[int, ...]) -> bool:
    for size in (stride, (*stride[:-1], 3 * stride[-1])):
        try:
            maps = run(np.zeros((1, channels, *size), np.float32))
        except ModelError:
            return False
        if maps.shape[2:] != size:
            return False
    return True


def find_halo(
    run: Run, pixels: FloatArray, stride: tuple[int, ...]
) -> tuple[tuple[int, ...], bool]:
    """Return how far the network sees, by changing a few pixels and looking where maps change.

    Parameters
    ----------
    run : callable
    pixels : ndarray, shape (C, [Z,] Y, X), float32
        An image as the network is to see it.
    stride : tuple of int

    Returns
    -------
    tuple of int
        Per axis, in px; half of the image that was tried where it sees even farther.
    bool
        Whether it sees no farther than that.
    """
    dimensions = len(stride)
    for side in _SIDES[dimensions]:
        size = tuple(-(-side // step) * step for step in stride)
        halo = _reach(run, _enlarged(pixels, size), stride)
        bounds = [length // 2 - step for length, step in zip(size, stride, strict=True)]
        if all(reach < bound for reach, bound in zip(halo, bounds, strict=True)):
            return halo, True
    return tuple(min(pair) for pair in zip(halo, bounds, strict=True)), False


def _enlarged(pixels: FloatArray, size: tuple[int, ...]) -> FloatArray:
    """Return an image of a size, by cutting it or laying copies side by side."""
    indices = np.ix_(
        np.arange(len(pixels)),
        *(np.arange(length) % have for length, have in zip(size, pixels.shape[1:], strict=True)),
    )
    enlarged: FloatArray = pixels[indices]
    return enlarged


def _reach(run: Run, image: FloatArray, stride: tuple[int, ...]) -> tuple[int, ...]:
    """Return how far from a changed block in the middle maps change."""
    rng = np.random.default_rng(_SEED)
    size = image.shape[1:]
    first = [length // 2 // step * step for length, step in zip(size, stride, strict=True)]
    block = tuple(slice(start, start + step) for start, step in zip(first, stride, strict=True))
    spread = float(image.std()) or 1.0
    before = run(image[np.newaxis])[0]
    halo = [0] * len(stride)
    for sign in (-1, 1):
        changed = image.copy()
        patch = changed[(slice(None), *block)]
        patch += sign * spread * (1 + rng.random(patch.shape, np.float32))
        difference = np.abs(run(changed[np.newaxis])[0] - before).max(axis=0)
        there = np.nonzero(difference > _TOLERANCE * max(1.0, float(np.abs(before).max())))
        for axis, places in enumerate(there):
            if len(places):
                low = first[axis] - int(places.min())
                high = int(places.max()) - (first[axis] + stride[axis] - 1)
                halo[axis] = max(halo[axis], low, high)
    return tuple(halo)
