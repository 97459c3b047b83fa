"""Fluorescent points, much smaller than the focal spot, and where exactly they are."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import AnyArray, DoubleArray, FloatArray
from cellwright.simulation.optics import Optics, record

_TRIES = 1000


@dataclass(frozen=True, slots=True)
class SpotSimulation:
    """What a field of spots looks like.

    Parameters
    ----------
    size : tuple of int
        (Y, X) or (Z, Y, X) in pixels.
    count : int
        Number of spots.
    brightness_variation : float
        Standard deviation of the logarithm of the brightness.
    apart : float
        Least distance between two spots, in px.
    border : float
        No spot is closer than this to a side, in px along each axis.
    plane_spacing : float
        Distance between planes in lateral px.
    optics : Optics
        `Optics.photons` is what the pixel at the centre of a typical spot receives, `Optics.blur`
        the standard deviation of a spot.

    Raises
    ------
    UsageError
        If the size is neither that of a plane nor of a volume, or the spots do not fit in.
    """

    size: tuple[int, ...] = (256, 256)
    count: int = 100
    brightness_variation: float = 0.0
    apart: float = 0.0
    border: float = 4.0
    plane_spacing: float = 3.0
    optics: Optics = field(default_factory=lambda: Optics(blur=1.4, haze=0.0, shading=0.0))

    def __post_init__(self) -> None:
        if len(self.size) not in (2, 3) or min(self.size) < 1:
            raise UsageError(f"size must be (Y, X) or (Z, Y, X) in pixels, not {self.size}.")
        if min(self.count, self.border, self.apart, self.brightness_variation) < 0:
            raise UsageError("count, border, apart and brightness_variation must not be negative.")
        if 2 * self.border > min(self.size) - 1:
            raise UsageError(f"A border of {self.border} px leaves nothing of {self.size} px.")
        if self.optics.blur <= 0:
            raise UsageError("Spots need some blur; without they are single pixels.")


def simulate_spots(settings: SpotSimulation, seed: int) -> tuple[AnyArray, DoubleArray]:
    """Simulate an image of spots.

    Parameters
    ----------
    settings : SpotSimulation
    seed : int

    Returns
    -------
    image : ndarray, shape ([Z,] Y, X), uint8 or uint16
    positions : ndarray, shape (N, D), float64
        ([z,] y, x) in px; whole numbers are the centres of pixels.

    Raises
    ------
    UsageError
        If there is no room for so many spots so far apart.

    Examples
    --------
    >>> image, positions = simulate_spots(SpotSimulation(size=(64, 64), count=5), seed=1)
    >>> image.shape, positions.shape
    ((64, 64), (5, 2))
    """
    rng = np.random.default_rng(seed)
    positions = _places(settings, rng)
    brightness = np.exp(rng.normal(0, settings.brightness_variation, settings.count))
    whole = whole_light(settings.optics, len(settings.size), settings.plane_spacing)
    light = place_light(positions, brightness * whole, settings.size)
    return record(light, settings.optics, settings.plane_spacing, rng), positions


def _places(settings: SpotSimulation, rng: np.random.Generator) -> DoubleArray:
    """Draw positions; those too close to an earlier one are drawn again."""
    low, high = settings.border, np.array(settings.size) - 1 - settings.border
    positions = np.empty((settings.count, len(settings.size)))
    for n in range(settings.count):
        for _ in range(_TRIES):
            positions[n] = rng.uniform(low, high)
            away = ((positions[:n] - positions[n]) ** 2).sum(1)
            if away.min(initial=np.inf) >= settings.apart**2:
                break
        else:
            raise UsageError(
                f"There is no room for {settings.count} spots {settings.apart} px apart in "
                f"{settings.size} px."
            )
    return positions


def whole_light(optics: Optics, dimensions: int, plane_spacing: float) -> float:
    """Return the light of a spot that, once blurred, is 1 at its centre."""
    widths = [optics.blur] * 2
    if dimensions == 3:
        widths.append(optics.axial_blur / plane_spacing)
    return math.prod(math.sqrt(2 * math.pi) * width for width in widths) / (1 - optics.haze)


def place_light(
    positions: DoubleArray, brightness: DoubleArray, size: tuple[int, ...]
) -> FloatArray:
    """Share the light of every point among the pixels around it, so that it stays in balance."""
    light = np.zeros(size, np.float32)
    first = np.floor(positions).astype(int)
    rest = positions - first
    for corner in product((0, 1), repeat=len(size)):
        share = np.prod(np.where(np.array(corner) == 1, rest, 1 - rest), axis=1)
        place = np.minimum(first + np.array(corner), np.array(size) - 1)
        np.add.at(light, tuple(place.T), brightness * share)
    return light
