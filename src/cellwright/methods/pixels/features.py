"""The filter bank: what a pixel and its surroundings look like at several scales."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from cellwright._errors import InputError, UsageError
from cellwright._types import AnyArray, FloatArray
from cellwright.images.filters import gaussian, gaussian_radius
from cellwright.methods.pixels.derivatives import (
    derive_planes,
    derive_volume,
    plane_eigenvalues,
    volume_eigenvalues,
)

_KINDS = ("smooth", "difference", "gradient", "laplacian")
_INTEGRATION = 0.5  # width of the structure tensor's window, in units of the scale


@dataclass(frozen=True, slots=True)
class FilterBank:
    """Filters whose values, taken together, describe a pixel.

    At each scale σ, for each channel, with D spatial axes: the image smoothed by a Gaussian of
    width σ (``smooth``), what it lost since the next finer scale (``difference`` of Gaussians; the
    finest is compared with the image itself), the magnitude of its ``gradient``, its
    ``laplacian``, the D eigenvalues of its Hessian (``hessian 1``…, falling: ridges and blobs) and
    the D eigenvalues of the structure tensor (``structure 1``…: edges and corners), averaged with
    a Gaussian of width σ/2.

    Every filter has a finite support (`radius`): a part of an image, cut out with that much around
    it, yields the same values as the whole, to the last bit.

    Parameters
    ----------
    scales : tuple of float
        Widths of the Gaussians in px, rising.
    anisotropy : float
        Distance of planes in px of the plane, for volumes.
    structure : bool
        Whether the structure tensor takes part; without it, features take half the time.

    Raises
    ------
    UsageError
        If there is no scale, they do not rise, or the anisotropy is not positive.
    """

    scales: tuple[float, ...] = (0.7, 1.6, 3.5, 8.0)
    anisotropy: float = 1.0
    structure: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "scales", tuple(float(scale) for scale in self.scales))
        steps = np.diff((0.0, *self.scales))
        if not self.scales or not np.all(np.isfinite(steps)) or np.any(steps <= 0):
            raise UsageError(
                f"The scales {self.scales} are not rising numbers above 0: give widths in px "
                "such as 1, 2, 4."
            )
        if not (np.isfinite(self.anisotropy) and self.anisotropy > 0):
            raise UsageError(f"The anisotropy is {self.anisotropy}: give a number above 0.")

    def radius(self, dimensions: int) -> tuple[int, ...]:
        """Return how far from a pixel its features look, in px along each spatial axis."""
        return tuple(
            gaussian_radius(scale) + 1 + gaussian_radius(_INTEGRATION * scale)
            for scale in self._widths(self.scales[-1], dimensions)
        )

    def names(self, channels: int, dimensions: int) -> tuple[str, ...]:
        """Return the name of every feature, such as ``"channel 0, 1.6 px, gradient"``."""
        eigenvalues = [f"{of} {i + 1}" for of in self._tensors for i in range(dimensions)]
        return tuple(
            f"channel {channel}, {scale:g} px, {kind}"
            for channel in range(channels)
            for scale in self.scales
            for kind in (*_KINDS, *eigenvalues)
        )

    def apply(self, pixels: AnyArray) -> FloatArray:
        """Return all features of an image.

        Parameters
        ----------
        pixels : ndarray, shape (C, [Z,] Y, X)
            Finite intensities in whatever unit, the same for all images of a classifier.

        Returns
        -------
        ndarray, shape (F, [Z,] Y, X), float32
            In the order of `names`.

        Raises
        ------
        InputError
            If the array is not of this form, is empty, or holds NaN or infinity.
        """
        result = np.empty((len(pixels) * len(self.scales), *self._group_shape(pixels)), np.float32)
        for _ in self._fill(pixels, result):
            pass
        return result.reshape((-1, *pixels.shape[1:]))

    def groups(self, pixels: AnyArray) -> Iterator[FloatArray]:
        """Yield the features of `apply` one channel and scale at a time.

        To save memory, each group is overwritten by the next one.
        """
        return self._fill(pixels, repeat(np.empty(self._group_shape(pixels), np.float32)))

    def _fill(self, pixels: AnyArray, targets: Iterable[FloatArray]) -> Iterator[FloatArray]:
        """Write each group of features to the next target and yield it."""
        target = iter(targets)
        for channel in np.ascontiguousarray(pixels, np.float32):
            finer = channel
            for scale in self.scales:
                smooth = gaussian(channel, self._widths(scale, channel.ndim))
                group = next(target)
                self._describe(smooth, finer, scale, group)
                yield group
                finer = smooth

    def _describe(
        self, smooth: FloatArray, finer: FloatArray, scale: float, group: FloatArray
    ) -> None:
        """Write all features of one channel at one scale to `group`, shape (G, [Z,] Y, X)."""
        dimensions = smooth.ndim
        volume = smooth.reshape((-1, *smooth.shape[-2:]))
        maps = group.reshape((len(group), *volume.shape))
        products = np.empty((dimensions * (dimensions + 1) // 2, *volume.shape), np.float32)
        maps[0] = smooth
        np.subtract(finer, smooth, out=group[1])
        if dimensions == 2:
            derive_planes(volume, maps[2:6], products)
        else:
            derive_volume(volume, self.anisotropy, maps[2:7], products)
        if not self.structure:
            return
        window = self._widths(_INTEGRATION * scale, dimensions)
        tensor = np.empty_like(products)
        for part, product in zip(tensor, products, strict=True):
            gaussian(product.reshape(smooth.shape), window, out=part.reshape(smooth.shape))
        if dimensions == 2:
            plane_eigenvalues(tensor, maps[6:])
        else:
            volume_eigenvalues(tensor, maps[7:])

    def _widths(self, scale: float, dimensions: int) -> tuple[float, ...]:
        """Return a width in px along each spatial axis."""
        return (scale / self.anisotropy, scale, scale)[3 - dimensions :]

    @property
    def _tensors(self) -> tuple[str, ...]:
        """Names of the tensors whose eigenvalues are features."""
        return ("hessian", "structure") if self.structure else ("hessian",)

    def _group_shape(self, pixels: AnyArray) -> tuple[int, ...]:
        """Return the shape of one channel's features at one scale, or say that this is no image."""
        if pixels.ndim not in (3, 4) or 0 in pixels.shape:
            raise InputError(
                f"Pixels of shape {pixels.shape} are no image: "
                "give (channels, [planes,] rows, columns)."
            )
        if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
            raise InputError("The image holds NaN or infinity; replace such pixels first.")
        spatial = pixels.shape[1:]
        return (len(_KINDS) + len(self._tensors) * len(spatial), *spatial)
