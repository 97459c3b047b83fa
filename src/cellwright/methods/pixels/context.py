"""Forests in a row: each sees the image, and what the one before made of the surroundings.

What a pixel is depends on what is around it, farther away than filters tell: a membrane goes on, a
mitochondrion has an inside. A second forest sees the probabilities of the first one through the
same filters as the image.

References
----------
Tu & Bai (2010), "Auto-context and its application to high-level vision tasks and 3D brain image
segmentation", IEEE TPAMI 32:1744.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from cellwright._errors import ModelError
from cellwright._progress import progress
from cellwright._types import AnyArray, FloatArray
from cellwright.methods.pixels.classifier import PixelClassifier, fit_samples, samples_of
from cellwright.methods.pixels.features import FilterBank
from cellwright.methods.pixels.strokes import some_pixels


@dataclass(frozen=True, slots=True)
class ContextClassifier:
    """Pixel classifiers, of which each but the first also sees the maps of the one before.

    It stands where other models have a network, as a `PixelClassifier` does.

    Parameters
    ----------
    stages : tuple of PixelClassifier

    Raises
    ------
    ModelError
        If the stages do not belong together.
    """

    stages: tuple[PixelClassifier, ...]

    def __post_init__(self) -> None:
        first = self.stages[0]
        forms = {(stage.dimensions, stage.forest.shares.shape[1]) for stage in self.stages}
        channels = {stage.channels for stage in self.stages[1:]}
        wanted = first.channels + first.forest.shares.shape[1] - 1
        if len(forms) > 1 or not channels <= {wanted}:
            raise ModelError("The stages of the pixel classifier do not fit together.")

    @property
    def stride(self) -> tuple[int, ...]:
        """Sizes may be any: 1 per spatial axis."""
        return self.stages[0].stride

    @property
    def halo(self) -> tuple[int, ...]:
        """How far from a pixel the stages look, one through the other, in px along each axis."""
        return tuple(sum(sides) for sides in zip(*(s.halo for s in self.stages), strict=True))

    @property
    def bytes_per_pixel(self) -> int:
        """Memory that it takes while it runs, per pixel."""
        return max(stage.bytes_per_pixel for stage in self.stages) + 8 * self.stages[-1].channels

    @property
    def importance(self) -> dict[str, float]:
        """How much each feature of the last stage contributes; they sum to 1."""
        return self.stages[-1].importance

    def __call__(self, pixels: FloatArray) -> FloatArray:
        """Return the logarithms of the probabilities of each class; see `PixelClassifier`."""
        *before, last = self.stages
        return last(np.stack([_through(before, one) for one in pixels]))

    def probabilities(self, pixels: AnyArray) -> FloatArray:
        """Return the probability of each class at each pixel; see `PixelClassifier`."""
        *before, last = self.stages
        return last.probabilities(_through(before, pixels))


def fit_in_context(
    images: Sequence[AnyArray],
    annotations: Sequence[AnyArray],
    bank: FilterBank,
    *,
    classes: int,
    stages: int,
    pixels: int,
    seed: int = 0,
) -> ContextClassifier:
    """Learn pixel classes, each stage from what the one before says about images new to it.

    Probabilities that a forest gives to the pixels it grew from are too good to learn from: they
    come from one that grew from every other image.

    Parameters
    ----------
    images : sequence of ndarray, shape (C, [Z,] Y, X)
        Intensities in one unit.
    annotations : sequence of ndarray of int, shape ([Z,] Y, X)
        Class of every pixel, 0, 1, …; -1 where it is unknown.
    bank : FilterBank
    classes : int
        How many there are.
    stages : int
        A single annotated image makes one, whatever is asked for.
    pixels : int
        How many of them are drawn for each stage.
    seed : int
        The same images and seed give the same classifier.

    Raises
    ------
    InputError
        If nothing is annotated, or an image does not fit its annotation.
    """
    rng = np.random.default_rng(seed)
    told = [at for at, one in enumerate(annotations) if (one >= 0).any()]
    if told:  # or else it is refused below
        images, annotations = ([of[at] for at in told] for of in (images, annotations))
    seen, grown = list(images), list[PixelClassifier]()
    for number in range(stages if len(images) > 1 else 1):
        drawn = [some_pixels(one, pixels // len(images), rng) for one in annotations]
        pairs = list(zip(seen, drawn, strict=True))
        samples = [samples_of(*pair, bank) for pair in progress(pairs, "Measuring")]
        channels, *spatial = seen[0].shape
        grow = partial(
            fit_samples, bank=bank, channels=channels, dimensions=len(spatial), classes=classes
        )
        grown.append(grow(samples, seed=seed + number))
        if number + 1 < stages and len(images) > 1:
            others = [grow(samples[k::2], seed=seed + number) for k in (1, 0)]
            both = list(zip(images, seen, strict=True))
            seen = [
                _beside(image, others[i % 2].probabilities(before))
                for i, (image, before) in enumerate(progress(both, "Looking again"))
            ]
    return ContextClassifier(tuple(grown))


def _through(stages: Sequence[PixelClassifier], pixels: AnyArray) -> AnyArray:
    """Return what the stage after some others sees of an image."""
    seen = pixels
    for stage in stages:
        seen = _beside(pixels, stage.probabilities(seen))
    return seen


def _beside(pixels: AnyArray, probabilities: FloatArray) -> FloatArray:
    """Return an image with the probabilities of all classes but the first as more channels."""
    return np.concatenate([pixels, probabilities[1:]]).astype(np.float32)
