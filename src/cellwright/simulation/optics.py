"""A microscope and its camera: blur, haze, shading, noise and quantisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import AnyArray, FloatArray


@dataclass(frozen=True, slots=True)
class Optics:
    """How light becomes grey values.

    Parameters
    ----------
    blur : float
        Standard deviation of the focal spot across the plane, in px.
    axial_blur : float
        The same along Z, in lateral px. Only volumes have it.
    haze : float
        Share of the light that comes from out of focus and spreads widely.
    haze_blur : float
        Standard deviation of that spread, in px.
    shading : float
        How much darker the farthest corner of the field is than its brightest spot, 0 to 1.
    photons : float
        Photons that a pixel of a typical nucleus receives: few make a noisy image.
    background : float
        Photons per pixel where nothing is.
    read_noise : float
        Standard deviation of the camera's own noise, in photons.
    exposure : float
        Share of the range of grey values that a typical nucleus reaches.
    bits : int
        8 makes ``uint8`` images; 9 to 16 make ``uint16``.

    Raises
    ------
    UsageError
        If a number lies outside its range.
    """

    blur: float = 1.2
    axial_blur: float = 4.0
    haze: float = 0.15
    haze_blur: float = 20.0
    shading: float = 0.2
    photons: float = 200.0
    background: float = 5.0
    read_noise: float = 3.0
    exposure: float = 0.3
    bits: int = 16

    def __post_init__(self) -> None:
        if not 8 <= self.bits <= 16:
            raise UsageError(f"An image has 8 to 16 bits per pixel, not {self.bits}.")
        if not (0 <= self.haze < 1 and 0 <= self.shading < 1 and 0 < self.exposure <= 1):
            raise UsageError(
                "haze and shading lie between 0 and 1 (exclusive), exposure between 0 and 1; "
                f"got haze={self.haze}, shading={self.shading}, exposure={self.exposure}."
            )
        if self.photons <= 0 or min(self.blur, self.background, self.read_noise) < 0:
            raise UsageError("photons must be positive; blur, background, read_noise not negative.")


def record(
    light: FloatArray, optics: Optics, plane_spacing: float, rng: np.random.Generator
) -> AnyArray:
    """Return the image that a camera takes of a scene.

    Parameters
    ----------
    light : ndarray, shape ([Z,] Y, X), float32
        Light of every pixel relative to a typical nucleus.
    optics : Optics
    plane_spacing : float
        Distance between planes in lateral px; meaningless without Z.
    rng : Generator

    Returns
    -------
    ndarray, the shape of `light`, uint8 or uint16
    """
    arriving = _illumination(light.shape, optics.shading, rng) * _blurred(
        light, optics, plane_spacing
    )
    photons = rng.poisson(arriving * optics.photons + optics.background)
    signal = photons + rng.normal(0, optics.read_noise, light.shape)
    highest = 2**optics.bits - 1
    # The dark level of a camera lies above 0, so that its noise is not cut off.
    dark = 4 * optics.read_noise
    grey = (signal + dark) * (optics.exposure * highest / optics.photons)
    pixels: AnyArray = np.clip(np.rint(grey), 0, highest)
    return pixels.astype(np.uint8 if optics.bits == 8 else np.uint16)


def _blurred(light: FloatArray, optics: Optics, plane_spacing: float) -> FloatArray:
    """Apply a focal spot with a sharp core and wide skirts; the total light stays the same."""
    from scipy.ndimage import gaussian_filter

    axial: tuple[float, ...] = (optics.axial_blur / plane_spacing,) if light.ndim == 3 else ()
    far: tuple[float, ...] = (optics.haze_blur / plane_spacing,) if light.ndim == 3 else ()
    core = (*axial, optics.blur, optics.blur)
    skirt = (*far, optics.haze_blur, optics.haze_blur)
    sharp = gaussian_filter(light, core)
    wide = gaussian_filter(light, skirt, truncate=3.0)
    mixed: FloatArray = (1 - optics.haze) * sharp + optics.haze * wide
    return mixed


def _illumination(shape: tuple[int, ...], shading: float, rng: np.random.Generator) -> FloatArray:
    """Return a lamp's profile over Y and X: 1 at a random spot, falling as the distance squared."""
    rows, columns = shape[-2:]
    middle = rng.uniform(0.3, 0.7, 2)
    y = np.linspace(0, 1, rows)[:, np.newaxis] - middle[0]
    x = np.linspace(0, 1, columns)[np.newaxis, :] - middle[1]
    distance = y**2 + x**2
    profile = 1 - shading * distance / distance.max() if distance.max() > 0 else np.ones((1, 1))
    result: FloatArray = profile.astype(np.float32)
    return result
