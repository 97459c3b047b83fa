"""The shape and the chromatin texture of one simulated nucleus, in two or three dimensions."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cellwright._types import DoubleArray, FloatArray

_OUTLINE_WAVES = 6
_TEXTURE_WAVES = 24


@dataclass(frozen=True, slots=True)
class Waves:
    """A smooth random function: a sum of plane waves with zero mean and unit variance.

    Parameters
    ----------
    frequencies : ndarray, shape (K, D)
        In radians per unit of the coordinates.
    phases : ndarray, shape (K,)
        In radians.
    """

    frequencies: DoubleArray
    phases: DoubleArray

    def at(self, points: DoubleArray) -> DoubleArray:
        """Return the values at `points` of shape (..., D)."""
        total = np.zeros(points.shape[:-1])
        for frequency, phase in zip(self.frequencies, self.phases, strict=True):
            total += np.cos(points @ frequency + phase)
        result: DoubleArray = total * np.sqrt(2 / len(self.phases))
        return result


@dataclass(frozen=True, slots=True)
class Nucleus:
    """One nucleus: an ellipsoid with a wavy outline and a texture that moves along with it.

    Lengths are in lateral pixels, also along Z.

    Parameters
    ----------
    centre, radii : ndarray, shape (D,)
    rotation : ndarray, shape (D, D)
        Rows are the body axes.
    outline : Waves
        Of the direction from the centre.
    roughness : float
        Standard deviation of the outline, relative to the radius.
    chromatin : Waves
        Of the position in the body, where the outline is at distance 1.
    brightness : float
        Light per pixel, relative to a typical nucleus.
    """

    centre: DoubleArray
    radii: DoubleArray
    rotation: DoubleArray
    outline: Waves
    roughness: float
    chromatin: Waves
    brightness: float

    @property
    def radius(self) -> float:
        """Radius of the circle or sphere of equal size, in px."""
        return float(np.prod(self.radii) ** (1 / len(self.radii)))

    def scaled(self, factor: float) -> Nucleus:
        """Return this nucleus with its radii multiplied by `factor`."""
        return replace(self, radii=self.radii * factor)


@dataclass(frozen=True, slots=True)
class Footprint:
    """Where a nucleus falls on the pixel grid.

    Parameters
    ----------
    window : tuple of slice
        The part of the grid that `depth` and `body` describe.
    depth : ndarray, shape of the window, float32
        0 at the centre, 1 at the outline, more outside.
    body : ndarray, shape (..., D)
        Coordinates along the body axes in units of the half axes.
    """

    window: tuple[slice, ...]
    depth: FloatArray
    body: DoubleArray


def random_nucleus(
    centre: DoubleArray,
    radius: float,
    elongation: float,
    roughness: float,
    brightness: float,
    rng: np.random.Generator,
) -> Nucleus:
    """Draw a nucleus of a given size.

    Parameters
    ----------
    centre : ndarray, shape (D,)
        In lateral px.
    radius : float
        Of the circle or sphere of equal size, in px.
    elongation : float
        Greatest relative difference of a half axis from `radius`.
    roughness : float
        Standard deviation of the outline, relative to the radius.
    brightness : float
        Light per pixel, relative to a typical nucleus.
    rng : Generator
    """
    dimensions = len(centre)
    axes = np.exp(rng.uniform(-elongation, elongation, dimensions))
    axes *= radius / np.prod(axes) ** (1 / dimensions)
    rotation, _ = np.linalg.qr(rng.normal(size=(dimensions, dimensions)))
    return Nucleus(
        centre=centre,
        radii=axes,
        rotation=rotation,
        outline=_random_waves(_OUTLINE_WAVES, 1.8, dimensions, rng),
        roughness=roughness,
        chromatin=_random_waves(_TEXTURE_WAVES, 6.0, dimensions, rng),
        brightness=brightness,
    )


def footprint(nucleus: Nucleus, shape: tuple[int, ...], spacing: DoubleArray) -> Footprint | None:
    """Return where a nucleus falls on a grid, or None where it lies outside.

    Parameters
    ----------
    nucleus : Nucleus
    shape : tuple of int
        Size of the grid.
    spacing : ndarray, shape (D,)
        Distance between pixels along each axis, in lateral px.
    """
    reach = nucleus.radii.max() * (1 + 3 * nucleus.roughness)
    first = np.maximum(np.floor((nucleus.centre - reach) / spacing).astype(int), 0)
    last = np.minimum(np.ceil((nucleus.centre + reach) / spacing).astype(int) + 1, shape)
    if np.any(first >= last):
        return None
    window = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
    grid = np.stack(np.meshgrid(*(np.arange(w.start, w.stop) for w in window), indexing="ij"), -1)
    body = ((grid * spacing - nucleus.centre) @ nucleus.rotation.T) / nucleus.radii
    distance = np.linalg.norm(body, axis=-1)
    direction = body / np.maximum(distance, 1e-9)[..., np.newaxis]
    edge = np.maximum(1 + nucleus.roughness * nucleus.outline.at(direction), 0.3)
    depth = (distance / edge).astype(np.float32)
    return Footprint(window, depth, body)


def _random_waves(count: int, spread: float, dimensions: int, rng: np.random.Generator) -> Waves:
    return Waves(
        frequencies=rng.normal(0, spread, (count, dimensions)),
        phases=rng.uniform(0, 2 * np.pi, count),
    )
