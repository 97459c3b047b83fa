"""Making the batch of any one step, from nothing but the seed and the number of the step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from cellwright._errors import CellwrightError, DatasetError
from cellwright._types import AnyArray, DoubleArray, FloatArray, LabelArray
from cellwright.datasets.augment import draw_warp, separate_parts
from cellwright.datasets.augmentation import Augmentation
from cellwright.datasets.cache import RecentlyUsed
from cellwright.datasets.examples import (
    ObjectFacts,
    fit_channels,
    load_labels,
    load_pixels,
    object_facts,
)
from cellwright.datasets.intensity import change_intensity, empty_field
from cellwright.datasets.paste import paste_objects
from cellwright.datasets.records import Example
from cellwright.images.normalise import Normalisation

Batch: TypeAlias = dict[str, AnyArray]
Transform: TypeAlias = Callable[[FloatArray, LabelArray], Mapping[str, AnyArray]]


@dataclass(frozen=True, slots=True)
class Decoded:
    """An example in memory, and what is measured on it once.

    Parameters
    ----------
    pixels : ndarray, shape (C, Z, Y, X), the dtype of the file
    labels : ndarray, shape (Z, Y, X), as small an integer type as holds them
    limits : ndarray, shape (C, 2)
        What the normalisation found.
    objects : ObjectFacts
    rgb : bool
        Whether the channels are red, green and blue.
    """

    pixels: AnyArray
    labels: AnyArray
    limits: DoubleArray
    objects: ObjectFacts
    rgb: bool

    @property
    def nbytes(self) -> int:
        """Memory it takes, in bytes."""
        return int(self.pixels.nbytes + self.labels.nbytes + self.objects.points.nbytes)


DecodedCache: TypeAlias = RecentlyUsed[int, Decoded]


@dataclass(frozen=True, slots=True)
class Sampler:
    """All that a process needs to make a batch; the fields are arguments of `batches`."""

    examples: tuple[Example, ...]
    patch_shape: tuple[int, ...]
    batch_size: int
    augmentation: Augmentation
    normalisation: Normalisation
    transform: Transform | None
    seed: int
    probabilities: DoubleArray | None
    channels: int | None
    separate: bool
    cache_bytes: int

    def new_cache(self) -> DecodedCache:
        """Return an empty memory for decoded examples, to be passed to `batch`."""
        return RecentlyUsed(self.cache_bytes, lambda decoded: decoded.nbytes)

    def batch(self, step: int, cache: DecodedCache) -> Batch:
        """Return the batch of one step."""
        samples = [self._sample(step, i, cache) for i in range(self.batch_size)]
        channels = {sample["pixels"].shape[0] for sample in samples}
        if len(channels) > 1:
            raise DatasetError(
                "The images differ in their number of channels "
                f"({', '.join(map(str, sorted(channels)))}); say how many the network takes."
            )
        return {name: np.stack([sample[name] for sample in samples]) for name in samples[0]}

    def _sample(self, step: int, i: int, cache: DecodedCache) -> Batch:
        rng = np.random.default_rng(np.random.SeedSequence((self.seed, step, i)))
        index = self._choose(step, i, rng)
        example = self.examples[index]
        try:
            decoded = cache.get(index, lambda: self._decode(example))
            pixels, labels = self._patch(decoded, rng)
            if self.channels is not None:
                pixels = fit_channels(pixels, self.channels, str(example.image))
            targets = self.transform(pixels, labels) if self.transform else {"labels": labels}
        except CellwrightError:
            raise
        except Exception as error:
            raise DatasetError(
                f"The example '{example.image}' could not be prepared for training "
                f"({type(error).__name__}: {error})."
            ) from error
        return {"pixels": pixels, **targets}

    def _choose(self, step: int, i: int, rng: np.random.Generator) -> int:
        """Return the index of the example that sample `i` of a step is taken from."""
        count = len(self.examples)
        if self.probabilities is not None:
            return int(rng.choice(count, p=self.probabilities))
        visit, position = divmod(step * self.batch_size + i, count)
        order = np.random.default_rng(np.random.SeedSequence((self.seed, visit)))
        return int(order.permutation(count)[position])

    def _decode(self, example: Example) -> Decoded:
        pixels, rgb = load_pixels(example)
        labels = load_labels(example, pixels.shape[1:])
        limits = self.normalisation.limits(pixels)
        objects = object_facts(labels)
        smallest = np.result_type(
            np.min_scalar_type(labels.min(initial=0)), np.min_scalar_type(labels.max(initial=0))
        )
        if labels.ndim != len(self.patch_shape):
            raise DatasetError(
                f"'{example.image}' has {labels.ndim} spatial axes, but patches have "
                f"{len(self.patch_shape)}."
            )
        if labels.ndim == 2:
            pixels, labels = pixels[:, None], labels[None]
        return Decoded(pixels, labels.astype(smallest), limits, objects, rgb)

    def _patch(self, decoded: Decoded, rng: np.random.Generator) -> tuple[FloatArray, LabelArray]:
        """Cut one patch and vary it."""
        settings = self.augmentation
        pixels, labels = self._cut(decoded, rng)
        if rng.random() < settings.paste:
            pixels, labels = paste_objects(pixels, labels, *self._cut(decoded, rng), rng)
        pixels = change_intensity(pixels, settings, rng, decoded.rgb)
        if rng.random() < settings.empty:
            pixels = empty_field(pixels.shape, self.normalisation, rng)
            labels = np.zeros_like(labels)
        if len(self.patch_shape) == 2:
            pixels, labels = pixels[:, 0], labels[0]
        return pixels, separate_parts(labels) if self.separate else labels

    def _cut(self, decoded: Decoded, rng: np.random.Generator) -> tuple[FloatArray, LabelArray]:
        """Cut one patch; only the pixels that it is made of are normalised."""
        depth, height, width = decoded.labels.shape
        warp = draw_warp(
            (depth, height, width),
            self.patch_shape,
            self.augmentation,
            rng,
            points=decoded.objects.points,
            diameter=decoded.objects.diameter,
        )
        region = warp.region((depth, height, width))
        origin = (region[0].start, region[1].start, region[2].start)
        return warp.apply(
            self.normalisation.apply(decoded.pixels[:, *region], decoded.limits),
            decoded.labels[region].astype(np.int32),
            origin,
        )
