"""Training on scribbles, and the probability of every class at every pixel."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product

import numpy as np

from cellwright._errors import InputError, ModelError, UsageError
from cellwright._types import AnyArray, FloatArray, IntArray
from cellwright.methods.pixels.bins import Bins
from cellwright.methods.pixels.features import FilterBank
from cellwright.methods.pixels.forest import Forest, grow_forest

_BLOCKS = {2: (1024, 1024), 3: (64, 192, 192)}  # px at a time, which bounds the memory
_LEAST = np.float32(1e-3)  # probability: fewer leaves than that have no say in a logarithm


@dataclass(frozen=True, slots=True)
class Samples:
    """Annotated pixels: what they look like and what they are.

    Parameters
    ----------
    values : ndarray, shape (N, F), float32
        The features of each pixel.
    classes : ndarray, shape (N,), int64
        0, 1, …
    """

    values: FloatArray
    classes: IntArray


@dataclass(frozen=True, slots=True)
class PixelClassifier:
    """What was learned from scribbles.

    It stands where other models have a network: ``classifier(pixels)`` returns maps.

    Parameters
    ----------
    bank : FilterBank
        The filters that describe a pixel.
    channels, dimensions : int
        Of the images it was trained on: their number of channels and of spatial axes.
    bins : Bins
    forest : Forest

    Raises
    ------
    ModelError
        If the parts do not belong together.
    """

    bank: FilterBank
    channels: int
    dimensions: int
    bins: Bins = field(repr=False)
    forest: Forest = field(repr=False)

    def __post_init__(self) -> None:
        features = len(self.feature_names)
        table = self.bins.table
        widths = (len(self.bins.low), len(self.bins.rate), len(table), len(self.forest.importance))
        if widths != (features,) * 4 or table.ndim != 2 or table.size == 0:
            raise ModelError("The parts of the pixel classifier do not fit together.")

    @property
    def stride(self) -> tuple[int, ...]:
        """Sizes may be any: 1 per spatial axis."""
        return (1,) * self.dimensions

    @property
    def halo(self) -> tuple[int, ...]:
        """How far from a pixel its features look, in px along each spatial axis."""
        return self.bank.radius(self.dimensions)

    @property
    def bytes_per_pixel(self) -> int:
        """Memory that it takes while it runs, per pixel."""
        group = len(self.feature_names) // (self.channels * len(self.bank.scales))
        tensors = self.dimensions * (self.dimensions + 1)
        classes = int(self.forest.shares.shape[1])
        return len(self.feature_names) + 4 * (2 * group + tensors + classes)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return self.bank.names(self.channels, self.dimensions)

    @property
    def importance(self) -> dict[str, float]:
        """How much each feature contributes to telling the classes apart; they sum to 1."""
        return dict(zip(self.feature_names, self.forest.importance.tolist(), strict=True))

    def __call__(self, pixels: FloatArray) -> FloatArray:
        """Return the logarithms of the probabilities of each class: what a softmax turns back.

        Parameters
        ----------
        pixels : ndarray, shape (N, C, [Z,] Y, X), float32

        Returns
        -------
        ndarray, shape (N, classes, [Z,] Y, X), float32

        Raises
        ------
        InputError
            As `probabilities`.
        """
        maps = np.stack([self.probabilities(one) for one in pixels])
        np.maximum(maps, _LEAST, out=maps)
        return np.log(maps, out=maps)

    def probabilities(self, pixels: AnyArray) -> FloatArray:
        """Return the probability of each class at each pixel.

        Parameters
        ----------
        pixels : ndarray, shape (C, [Z,] Y, X)
            Intensities in the unit of the training images.

        Returns
        -------
        ndarray, shape (classes, [Z,] Y, X), float32
            They sum to 1. Large images are done in blocks; the result does not depend on them.

        Raises
        ------
        InputError
            If the image has other channels or axes than those of the training.
        """
        _require_form(pixels, self.channels, self.dimensions)
        classes = self.forest.shares.shape[1]
        result = np.empty((classes, *pixels.shape[1:]), np.float32)
        for block in _blocks(pixels.shape[1:], self.bank.radius(self.dimensions)):
            codes = self._codes(pixels[(slice(None), *block.read)], block)
            result[(slice(None), *block.core)] = self.forest.probabilities(codes).reshape(
                (classes, *block.shape)
            )
        return result

    def _codes(self, pixels: AnyArray, block: _Block) -> AnyArray:
        """Return the bins of all features of the pixels of a block's core, shape (N, F)."""
        features = len(self.bins.low)
        codes = np.empty((math.prod(block.shape), features), np.uint8)
        first = 0
        for group in self.bank.groups(pixels):
            self.bins.encode(block.core_of(group), first, codes)
            first += len(group)
        return codes


def fit_pixel_classifier(
    images: Sequence[AnyArray],
    scribbles: Sequence[AnyArray],
    bank: FilterBank | None = None,
    *,
    trees: int = 20,
    seed: int = 0,
) -> PixelClassifier:
    """Learn pixel classes from a few scribbles.

    Parameters
    ----------
    images : sequence of ndarray, shape (C, [Z,] Y, X)
        Intensities in one unit, such as normalised ones.
    scribbles : sequence of ndarray of int, shape ([Z,] Y, X)
        Class of the annotated pixels, 0, 1, …; -1 where nothing was annotated.
    bank : FilterBank, optional
        The filters that describe a pixel.
    trees : int
        More make smoother probabilities; prediction takes longer in proportion.
    seed : int
        The same scribbles and seed give the same classifier.

    Raises
    ------
    InputError
        If an image and its scribbles differ in shape, images differ in channels or axes, or
        nothing is annotated.
    UsageError
        If the numbers of images and scribbles differ, or there is no tree.

    See Also
    --------
    samples_of, fit_samples : The two steps of it. Keep the samples of images whose scribbles do
        not change, and learning from one more scribble takes a fraction of a second.
    """
    if len(images) != len(scribbles) or not images:
        raise UsageError(
            f"{len(images)} images and {len(scribbles)} scribbles were given; give one each."
        )
    bank = bank or FilterBank()
    channels, dimensions = len(images[0]), images[0].ndim - 1
    for pixels in images:
        _require_form(pixels, channels, dimensions)
    samples = [samples_of(*pair, bank) for pair in zip(images, scribbles, strict=True)]
    return fit_samples(samples, bank, channels, dimensions, trees=trees, seed=seed)


def samples_of(pixels: AnyArray, scribbles: AnyArray, bank: FilterBank) -> Samples:
    """Return the annotated pixels of one image; features are computed around them only.

    Parameters
    ----------
    pixels : ndarray, shape (C, [Z,] Y, X)
    scribbles : ndarray of int, shape ([Z,] Y, X)
        Class of the annotated pixels; -1 elsewhere.
    bank : FilterBank

    Raises
    ------
    InputError
        If the shapes differ or the scribbles are not integers.
    """
    if pixels.shape[1:] != scribbles.shape or scribbles.dtype.kind not in "iu":
        raise InputError(
            f"Scribbles of shape {scribbles.shape} and type {scribbles.dtype} do not fit an image "
            f"of {pixels.shape[1:]}: give one integer per pixel, -1 where nothing is annotated."
        )
    marked = scribbles >= 0
    features = len(bank.names(len(pixels), scribbles.ndim))
    values, classes = [np.empty((0, features), np.float32)], [np.empty(0, np.int64)]
    for block in _blocks(scribbles.shape, bank.radius(scribbles.ndim)):
        here = marked[block.core]
        if not here.any():
            continue
        groups = bank.groups(pixels[(slice(None), *block.read)])
        chosen = [block.core_of(group)[:, here.ravel()] for group in groups]
        values.append(np.concatenate(chosen).T)
        classes.append(scribbles[block.core][here].astype(np.int64))
    return Samples(np.concatenate(values), np.concatenate(classes))


def fit_samples(
    samples: Sequence[Samples],
    bank: FilterBank,
    channels: int,
    dimensions: int,
    *,
    classes: int | None = None,
    trees: int = 20,
    seed: int = 0,
) -> PixelClassifier:
    """Learn pixel classes from annotated pixels; see `fit_pixel_classifier`.

    Parameters
    ----------
    samples : sequence of Samples
        One per image, such as from `samples_of`.
    bank : FilterBank
        What the features of the samples were computed with.
    channels, dimensions : int
        Of the images: their number of channels and of spatial axes.
    classes : int, optional
        How many there are, where not all of them may be annotated.
    trees, seed : int
        As of `fit_pixel_classifier`.

    Raises
    ------
    InputError
        If no pixel is annotated, or one is of a class beyond the last.
    UsageError
        If there is no tree.
    """
    if trees < 1:
        raise UsageError(f"A forest of {trees} trees knows nothing: ask for 1 or more.")
    values = np.concatenate([one.values for one in samples])
    known = np.concatenate([one.classes for one in samples])
    if len(known) == 0:
        raise InputError("No pixel is annotated: draw a line in every class first.")
    count = int(known.max()) + 1 if classes is None else classes
    if known.max() >= count:
        raise InputError(
            f"A pixel is annotated as class {known.max()}, but the classes end with {count - 1}: "
            "name all classes, or correct the annotation."
        )
    bins = Bins.fit(values)
    codes = np.empty(values.shape, np.uint8)
    bins.encode(values.T, 0, codes)
    forest = grow_forest(codes, known, count, trees=trees, seed=seed)
    return PixelClassifier(bank, channels, dimensions, bins, forest)


@dataclass(frozen=True, slots=True)
class _Block:
    """A piece of an image: what it yields, what must be read, where the one lies in the other."""

    core: tuple[slice, ...]
    read: tuple[slice, ...]
    inner: tuple[slice, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(side.stop - side.start for side in self.core)

    def core_of(self, maps: FloatArray) -> FloatArray:
        """Return the core of maps of what was read, shape (K, pixels)."""
        return np.ascontiguousarray(maps[(slice(None), *self.inner)]).reshape(len(maps), -1)


def _blocks(shape: tuple[int, ...], radius: tuple[int, ...]) -> Iterator[_Block]:
    """Cut an image into blocks of about equal size, each read with `radius` around it."""
    sides = []
    for length, most, reach in zip(shape, _BLOCKS[len(shape)], radius, strict=True):
        ends = np.linspace(0, length, -(-length // most) + 1).round().astype(int).tolist()
        axis = []
        for start, stop in pairwise(ends):
            first, last = max(0, start - reach), min(length, stop + reach)
            inner = slice(start - first, stop - first)
            axis.append((slice(start, stop), slice(first, last), inner))
        sides.append(axis)
    for axes in product(*sides):
        yield _Block(*(tuple(part) for part in zip(*axes, strict=True)))


def _require_form(pixels: AnyArray, channels: int, dimensions: int) -> None:
    if pixels.ndim != dimensions + 1 or len(pixels) != channels:
        axes = "channels, planes, rows, columns" if dimensions == 3 else "channels, rows, columns"
        raise InputError(
            f"An image of shape {pixels.shape} does not fit a pixel classifier for {channels} "
            f"channels: give ({axes})."
        )
