"""How far an image is from those that a model was trained on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from cellwright._errors import InputError, ModelError
from cellwright._types import AnyArray, DoubleArray, FloatArray
from cellwright.images.image import PixelSource
from cellwright.quality.sample import sample_blocks
from cellwright.quality.texture import percentiles, ranked, slopes_and_curvatures

_QUANTILES = (5, 25, 50, 75, 95)
_SCALES = 3
_FEW = 3  # images, by so many of which the limit would be doubled
_SIDE = 64  # px, of 36 blocks: enough for the features to be stable, small beside the network
_LIMIT_QUANTILE = 0.99
_SHRINKAGE = 0.1  # towards independent features, at least


@dataclass(frozen=True, slots=True)
class Group:
    """Training images of one kind: their mean features and how these vary together.

    Parameters
    ----------
    name : str
        What the images are, such as ``"fluorescence"``.
    mean : tuple of float, length F
        Mean of every feature.
    precision : tuple of tuple of float, F × F
        Inverse of their covariance.
    """

    name: str
    mean: tuple[float, ...]
    precision: tuple[tuple[float, ...], ...]

    def distance(self, features: DoubleArray) -> float:
        """Return the Mahalanobis distance of an image from the group."""
        off = features - np.array(self.mean)
        return math.sqrt(max(0.0, float(off @ np.array(self.precision) @ off)))


@dataclass(frozen=True, slots=True)
class Novelty:
    """What the training images of a model look like.

    Parameters
    ----------
    groups : tuple of Group
        Kinds of images; a new one need only resemble one of them.
    limit : float
        Distance within which 99 % of images like those of the training lie.
    several_dyes : bool
        Whether some are pictures of several dyes, each in a colour of its own.
    """

    groups: tuple[Group, ...]
    limit: float
    several_dyes: bool = False

    def distance(self, features: DoubleArray) -> float:
        """Return the distance of an image to the nearest kind of training images.

        Kinds matter: a single cloud around fluorescence and stained tissue would hold much that
        is neither.

        Parameters
        ----------
        features : ndarray, shape (F,)
            What `image_features` returned.

        Returns
        -------
        float
            In units of `limit`: above 1, the image is unlike the training data.
        """
        return min(group.distance(features) for group in self.groups) / self.limit

    def to_json(self) -> dict[str, Any]:
        """Return plain lists and numbers."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Return what `to_json` described.

        Raises
        ------
        ModelError
            If something is missing or of the wrong size.
        """
        try:
            groups = tuple(_group_from_json(group) for group in content["groups"])
            limit = float(content["limit"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"The model's record of its training images is damaged: {error!r}."
            ) from error
        if not groups or not limit > 0:
            raise ModelError("The model's record of its training images is damaged: it is empty.")
        return cls(groups, limit, bool(content.get("several_dyes", False)))


def image_features(image: PixelSource | AnyArray) -> DoubleArray:
    """Describe the look of an image, whatever its size, brightness and contrast.

    Parameters
    ----------
    image : array or lazy source, shape (C, Y, X)
        Intensities as acquired; an evenly spread sample is read.

    Returns
    -------
    ndarray, shape (14,), float64
        Of the mean over the channels, brought to 0..1 between the 1st and 99.8th percentile: five
        quantiles; and at scales of 1, 2 and 4 px, the logarithm of the mean slope, the share of it
        in the steepest tenth of the pixels, and the log ratio of the sharpest hollows to peaks.
    """
    channels = [sample_blocks(_Channel(image, c), _SIDE) for c in range(image.shape[0])]
    blocks = sum(channels[1:], channels[0]) / np.float32(len(channels))
    low, *quantiles, high = percentiles(blocks.ravel(), (1, *_QUANTILES, 99.8))
    contrast = max(high - low, 1e-9)
    features = [(quantile - low) / contrast for quantile in quantiles]
    blocks = (blocks - np.float32(low)) / np.float32(contrast)
    for _ in range(_SCALES):
        features += _texture(blocks)
        blocks = _halved(blocks)
    return np.array(features, np.float64)


def fit_novelty(features: DoubleArray, kinds: Sequence[str]) -> Novelty:
    """Describe the training images of a model.

    Parameters
    ----------
    features : ndarray, shape (N, F)
        `image_features` of each training image.
    kinds : sequence of str, length N
        What kind of image each is; kinds differ more than the images of one kind.

    Returns
    -------
    Novelty

    Raises
    ------
    InputError
        If there are fewer than three images of a kind.
    """
    labels = np.asarray(kinds)
    groups = []
    for name in sorted(set(kinds)):
        members = features[labels == name]
        if len(members) < 3:
            raise InputError(
                f"Only {len(members)} training images are of the kind '{name}'; at least 3 are "
                "needed to say how such images vary. Join it with another kind."
            )
        groups.append(_group(name, members))
    # An image is always close to a group that it helped to describe; what counts is how far those
    # lie that did not.
    left_out = [
        _group(name, features[(labels == name) & (np.arange(len(labels)) != i)])
        for i, name in enumerate(labels)
    ]
    nearest = [
        min((own if group.name == own.name else group).distance(each) for group in groups)
        for own, each in zip(left_out, features, strict=True)
    ]
    limit = float(np.quantile(nearest, _LIMIT_QUANTILE))
    # The farthest of a few is nearer than the farthest of many would be.
    return Novelty(tuple(groups), max(limit * (1 + _FEW / len(features)), 1e-6))


def _group(name: str, members: DoubleArray) -> Group:
    """Describe the images of one kind."""
    precision = np.linalg.inv(_covariance(members)).tolist()
    return Group(str(name), tuple(members.mean(axis=0).tolist()), tuple(map(tuple, precision)))


def _covariance(members: DoubleArray) -> DoubleArray:
    covariance = np.cov(members, rowvar=False)
    variances = np.diag(np.diag(covariance))
    count, size = members.shape
    # Fewer images than features tell nothing about how features vary together.
    share = max(_SHRINKAGE, size / (size + count))
    # A feature that does not vary in a few images may well vary a little in others.
    floor = 1e-4 * np.eye(size)
    shrunk: DoubleArray = (1 - share) * covariance + share * variances + floor
    return shrunk


@dataclass(frozen=True, slots=True)
class _Channel:
    """One channel of a source (C, Y, X) as a source (Y, X)."""

    source: PixelSource | AnyArray
    channel: int

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.source.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.source.dtype)

    def __getitem__(self, key: tuple[slice, slice]) -> AnyArray:
        one = slice(self.channel, self.channel + 1)
        pixels: AnyArray = np.asarray(self.source[one, key[0], key[1]])[0]
        return pixels


def _texture(blocks: FloatArray) -> list[float]:
    """Return log mean slope, share of the slope in its strongest tenth, and skew of curvature."""
    if min(blocks.shape[2:]) < 3:
        return [0.0, 0.0, 0.0]
    slope, curvature = slopes_and_curvatures(blocks.reshape(-1, *blocks.shape[2:]))
    total = float(slope.sum(dtype=np.float64)) + 1e-9
    steepest = max(1, slope.size // 10)
    least = ranked(slope, np.array([slope.size - steepest]))[0]
    above = slope[slope > least]
    strongest = float(above.sum(dtype=np.float64)) + (steepest - above.size) * float(least)
    low, high = percentiles(curvature, (1, 99))
    skew = math.log((abs(high) + 1e-3) / (abs(low) + 1e-3))
    return [math.log(total / slope.size + 1e-4), strongest / total, skew]


def _halved(blocks: FloatArray) -> FloatArray:
    """Average 2 × 2 pixels."""
    rows, columns = (size // 2 * 2 for size in blocks.shape[2:])
    lines = blocks[..., 0:rows:2, :columns] + blocks[..., 1:rows:2, :columns]
    halved: FloatArray = (lines[..., 0::2] + lines[..., 1::2]) * np.float32(0.25)
    return halved


def _group_from_json(content: Mapping[str, Any]) -> Group:
    mean = np.array(content["mean"], np.float64)
    precision = np.array(content["precision"], np.float64)
    if mean.ndim != 1 or precision.shape != (len(mean), len(mean)):
        raise ValueError(f"mean {mean.shape} and precision {precision.shape} do not fit")
    return Group(str(content["name"]), tuple(mean.tolist()), tuple(map(tuple, precision.tolist())))
