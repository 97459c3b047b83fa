"""Bringing the intensities of any image to the range that a network was trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellwright._types import AnyArray, DoubleArray, FloatArray

_SAMPLE_PIXELS = 1 << 18  # enough for a percentile to be stable to a fraction of the noise


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Percentile normalisation of a whole image, never of a tile.

    The `low` percentile becomes 0 and the `high` one 1. Values above 1 are compressed to
    ``1 + log(x)``: where objects are so sparse that even the high percentile is background, they
    stay finite and distinct instead of blowing up or being cut off.

    Parameters
    ----------
    low, high : float
        Percentiles, 0 ≤ low < high ≤ 100.
    joint : bool
        Whether all channels share one pair of limits, which keeps the colours of a stain;
        otherwise each channel has its own, as fluorescence needs.
    """

    low: float = 1.0
    high: float = 99.8
    joint: bool = False

    def limits(self, pixels: AnyArray) -> DoubleArray:
        """Return the intensities that become 0 and 1.

        Parameters
        ----------
        pixels : ndarray, shape (C, [Z,] Y, X)
            The image, or an evenly spaced sample of it. Large arrays are sampled on a grid.

        Returns
        -------
        ndarray, shape (C, 2), float64
            Lower and upper limit of each channel, in the units of `pixels`.
        """
        sample = _thinned(pixels).reshape(pixels.shape[0], -1)
        if self.joint:
            pair = np.percentile(sample, [self.low, self.high])
            return np.tile(pair, (pixels.shape[0], 1)).astype(np.float64)
        pairs: DoubleArray = np.percentile(sample, [self.low, self.high], axis=1).T
        return pairs.astype(np.float64)

    def apply(self, pixels: AnyArray, limits: DoubleArray) -> FloatArray:
        """Map intensities so that `limits` become 0 and 1.

        Parameters
        ----------
        pixels : ndarray, shape (C, [Z,] Y, X)
            Any part of the image that `limits` were taken from.
        limits : ndarray, shape (C, 2)
            What `limits` returned. A channel whose limits coincide becomes 0 throughout.

        Returns
        -------
        ndarray, float32, the shape of `pixels`
        """
        column = (-1,) + (1,) * (pixels.ndim - 1)
        low = limits[:, 0].reshape(column).astype(np.float32)
        span = limits[:, 1] - limits[:, 0]
        gain = np.divide(1.0, span, out=np.zeros_like(span), where=span > 0)
        scaled = pixels.astype(np.float32)
        scaled -= low
        scaled *= gain.reshape(column).astype(np.float32)
        bright = scaled > 1
        scaled[bright] = 1 + np.log(scaled[bright])
        np.maximum(scaled, -1, out=scaled)
        return scaled


def _thinned(pixels: AnyArray) -> AnyArray:
    """Return every n-th pixel along each spatial axis, about `_SAMPLE_PIXELS` per channel."""
    spatial = pixels.ndim - 1
    per_channel = int(np.prod(pixels.shape[1:]))
    step = max(1, int((per_channel / _SAMPLE_PIXELS) ** (1 / spatial)))
    return pixels[(slice(None),) + (slice(None, None, step),) * spatial]
