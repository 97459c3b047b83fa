"""Bringing the intensities of any image to the range that a network was trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import AnyArray, DoubleArray, FloatArray

OBJECTS = ("bright", "dark", "rare")
KINDS = ("compressed", "range", "moments", "none", *OBJECTS)
_LEVEL_BINS = 1024
_DEVIATION = 1.4826  # standard deviations of a Gaussian per median absolute deviation
_PARTED = 0.68  # share of the variance that a level explains where it parts more than a Gaussian
_SKEWED = 0.5  # skewness of values that are more than symmetric noise
_CLEAR = 6.0  # standard deviations above noise
_SAMPLE_PIXELS = 1 << 18  # enough for a percentile to be stable to a fraction of the noise


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Normalisation by statistics of a whole image, never of a tile.

    Models trained here bring the `low` percentile to 0 and the `high` one to 1, and compress values
    above 1 to ``1 + log(x)``: where objects are so sparse that even the high percentile is
    background, they stay finite and distinct instead of blowing up or being cut off. Models from
    elsewhere were trained otherwise.

    Parameters
    ----------
    low, high : float
        Percentiles, 0 ≤ low < high ≤ 100.
    joint : bool
        Whether all channels share one pair of limits, which keeps the colours of a stain;
        otherwise each channel has its own, as fluorescence needs.
    kind : str
        ``"compressed"``; ``"range"``, the same percentiles without the compression; ``"moments"``,
        where the mean becomes 0 and the standard deviation 1; or ``"none"``, which leaves
        intensities as they are. ``"bright"``, ``"dark"`` or ``"rare"``, after what objects are
        beside the background: it becomes 0, and Otsu's level between it and the objects 1, so that
        dark ones come out bright; values above are compressed.

    Raises
    ------
    UsageError
        If there is no such kind.
    """

    low: float = 1.0
    high: float = 99.8
    joint: bool = False
    kind: str = "compressed"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(
                f"There is no normalisation '{self.kind}'; those known are {', '.join(KINDS)}."
            )

    def limits(self, pixels: AnyArray) -> DoubleArray:
        """Return the intensities that become 0 and 1.

        Parameters
        ----------
        pixels : ndarray, shape (C, [Z,] Y, X)
            The image, or an evenly spaced sample of it. Large arrays are sampled on a grid.

        Returns
        -------
        ndarray, shape (C, 2), float64
            Of each channel, in the units of `pixels`; the first is the greater one where objects
            are dark.
        """
        channels = pixels.shape[0]
        if self.kind == "none":
            return np.tile([0.0, 1.0], (channels, 1))
        # One channel, repeated, as a colour network sees a grey image: once is enough.
        distinct = pixels[:1] if pixels.strides[0] == 0 else pixels
        sample = _thinned(distinct).reshape(1 if self.joint else len(distinct), -1)
        if self.kind == "moments":
            mean = sample.mean(axis=1, dtype=np.float64)
            pairs = np.stack([mean, mean + sample.std(axis=1, dtype=np.float64)], axis=1)
        else:
            times = channels // len(distinct) if self.joint else 1
            pairs = np.stack([_percentiles(one, (self.low, self.high), times) for one in sample])
        if self.kind in OBJECTS:
            found = zip(sample, pairs, strict=True)
            pairs = np.array([_background_and_level(*one, self.kind) for one in found])
        return np.tile(pairs, (channels // len(pairs), 1))

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
        gain = np.divide(1.0, span, out=np.zeros_like(span), where=span != 0)
        scaled = pixels.astype(np.float32)
        scaled -= low
        scaled *= gain.reshape(column).astype(np.float32)
        if self.kind not in ("compressed", *OBJECTS):
            return scaled
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


def _percentiles(values: AnyArray, percentages: tuple[float, ...], times: int) -> DoubleArray:
    """Return percentiles of pixels (n,), each of which counts so many times.

    Exactly those of `numpy.percentile`; but whole numbers of 8 or 16 bits are counted, which is
    several times faster than ordering them.
    """
    if values.dtype not in (np.uint8, np.uint16):
        return np.asarray(np.percentile(np.repeat(values, times), percentages), np.float64)
    upto = np.cumsum(np.bincount(values)) * times
    place = np.array(percentages) / 100 * (values.size * times - 1)
    below = np.floor(place)
    lower = np.searchsorted(upto, below, side="right").astype(np.float64)
    upper = np.searchsorted(upto, np.ceil(place), side="right")
    weight, apart = place - below, upper - lower
    near = weight < 0.5
    found: DoubleArray = np.where(near, lower + apart * weight, upper - apart * (1 - weight))
    return found


def _background_and_level(
    values: AnyArray, range_: DoubleArray, objects: str
) -> tuple[float, float]:
    """Return the median of the background, and Otsu's level between it and the objects.

    Where the values are as symmetric as noise, and the level parts them no better than those of a
    Gaussian, it lies in the noise: there are few objects, or none. It is then set well above.

    Parameters
    ----------
    values : ndarray, shape (n,)
    range_ : ndarray, shape (2,)
        Values beyond have no say in the level.
    objects : str
        One of `OBJECTS`.

    References
    ----------
    N. Otsu, A threshold selection method from gray-level histograms, IEEE Transactions on Systems,
    Man, and Cybernetics 9 (1979).
    """
    from skimage.filters import threshold_otsu

    low, high = range_
    if low == high:
        return float(low), float(low)
    within = np.clip(values, low, high)
    level = float(threshold_otsu(within, nbins=_LEVEL_BINS))
    above = within > level
    share = float(np.mean(above))
    bright = objects == "bright" or (objects == "rare" and share <= 0.5)
    apart = float(within[above].mean() - within[~above].mean())
    spread = float(np.std(within))
    parted = share * (1 - share) * (apart / spread) ** 2
    skewness = float(np.mean(((within - within.mean()) / spread) ** 3))
    if parted > _PARTED or abs(skewness) > _SKEWED:
        return float(np.median(values[above != bright])), level
    background = float(np.median(values))
    noise = _DEVIATION * float(np.median(np.abs(values - background)))
    return background, background + (_CLEAR if bright else -_CLEAR) * noise
