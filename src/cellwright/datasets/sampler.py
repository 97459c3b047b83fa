"""Making the batch of any one step, from nothing but the seed and the number of the step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from cellwright._errors import CellwrightError, DatasetError, UsageError
from cellwright._types import AnyArray, DoubleArray, FloatArray, IntArray, LabelArray
from cellwright.datasets.augment import draw_warp, separate_layers
from cellwright.datasets.augmentation import Augmentation
from cellwright.datasets.box_warp import warp_boxes
from cellwright.datasets.boxes import Boxes, load_boxes, no_boxes
from cellwright.datasets.cache import RecentlyUsed
from cellwright.datasets.examples import (
    ObjectFacts,
    box_facts,
    fit_channels,
    load_layers,
    load_pixels,
    whole_object_facts,
)
from cellwright.datasets.foci import add_foci
from cellwright.datasets.intensity import change_intensity, empty_field
from cellwright.datasets.objects import Layers, Objects, load_kinds
from cellwright.datasets.paste import paste_objects
from cellwright.datasets.point_warp import warp_points
from cellwright.datasets.points import Points, load_points, no_points, point_facts
from cellwright.datasets.records import BoxLabels, CentreLabels, Example, PointLabels
from cellwright.datasets.warp import Warp
from cellwright.images.layers import flattened
from cellwright.images.normalise import Normalisation

Batch: TypeAlias = dict[str, AnyArray]
Truth: TypeAlias = LabelArray | Layers | Objects | Boxes | Points
Transform: TypeAlias = Callable[[FloatArray, Any], Mapping[str, AnyArray]]
"""From the pixels and the `Truth` of a patch to named arrays."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """An example in memory, and what is measured on it once.

    Parameters
    ----------
    pixels : ndarray, shape (C, Z, Y, X), the dtype of the file
    labels : ndarray, shape (L, Z, Y, X), as small an integer type as holds them
        In layers; one, most often.
    limits : ndarray, shape (C, 2)
        What the normalisation found.
    objects : ObjectFacts
    rgb : bool
        Whether the channels are red, green and blue.
    marks : Boxes or Points, optional
        Where objects are annotated with these. The labels are empty then, but for what is not
        known.
    kinds : ndarray, shape (N + 1,), int64, optional
        Classes of the objects by label, as in `Objects`, where they are told apart.
    """

    pixels: AnyArray
    labels: AnyArray
    limits: DoubleArray
    objects: ObjectFacts
    rgb: bool
    marks: Boxes | Points | None = None
    kinds: IntArray | None = None

    @property
    def size(self) -> tuple[int, int, int]:
        """Size (Z, Y, X) in pixels."""
        _, depth, height, width = self.labels.shape
        return depth, height, width

    @property
    def nbytes(self) -> int:
        """Memory it takes, in bytes."""
        return int(self.pixels.nbytes + self.labels.nbytes + self.objects.points.nbytes)


DecodedCache: TypeAlias = RecentlyUsed[int, Decoded]


@dataclass(frozen=True, slots=True)
class Patches:
    """What patches of images and of their annotation are like.

    Parameters
    ----------
    shape : tuple of int
        Size ([Z,] Y, X) of a patch, in px.
    batch_size : int
        Number N of patches in a batch.
    augmentation : Augmentation
        How patches vary.
    normalisation : Normalisation
        Applied with limits of the whole image, before intensities are varied.
    transform : callable, optional
        From the pixels (C, [Z,] Y, X) and labels ([Z,] Y, X), `Layers`, `Objects`, `Boxes` or
        `Points`, of one patch to named arrays, the targets of a method. Runs in the workers, so it
        must be picklable. Without one, the labels themselves are returned as ``"labels"``; all
        else needs one.
    channels : int, optional
        Number of channels of a batch, see `fit_channels`. By default that of the files, which
        must then agree.
    separate : bool
        Whether labels number objects, so that parts cut apart become objects of their own;
        False for classes of pixels.
    classes : tuple of str
        Classes of numbered objects that are to be told: patches are `Objects` then.
    layers : int
        In how many layers numbered objects are kept whole: where more than one, patches are, or
        have, `Layers`. Objects are not copied into other patches then, since the light of one
        cannot be told from that of those over it.
    """

    shape: tuple[int, ...]
    batch_size: int
    augmentation: Augmentation
    normalisation: Normalisation
    transform: Transform | None = None
    channels: int | None = None
    separate: bool = True
    classes: tuple[str, ...] = ()
    layers: int = 1


@dataclass(frozen=True, slots=True)
class Sampler:
    """All that a process needs to make a batch; the fields are arguments of `batches`."""

    examples: tuple[Example, ...]
    patches: Patches
    seed: int
    probabilities: DoubleArray | None
    cache_bytes: int

    def new_cache(self) -> DecodedCache:
        """Return an empty memory for decoded examples, to be passed to `batch`."""
        return RecentlyUsed(self.cache_bytes, lambda decoded: decoded.nbytes)

    def batch(self, step: int, cache: DecodedCache) -> Batch:
        """Return the batch of one step."""
        samples = [self._sample(step, i, cache) for i in range(self.patches.batch_size)]
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
            pixels, truth = self._patch(decoded, rng)
            if self.patches.channels is not None:
                pixels = fit_channels(pixels, self.patches.channels, str(example.image))
            targets = self._targets(pixels, truth)
        except CellwrightError:
            raise
        except Exception as error:
            raise DatasetError(
                f"The example '{example.image}' could not be prepared for training "
                f"({type(error).__name__}: {error})."
            ) from error
        return {"pixels": pixels, **targets}

    def _targets(self, pixels: FloatArray, truth: Truth) -> Mapping[str, AnyArray]:
        if self.patches.transform is not None:
            return self.patches.transform(pixels, truth)
        if isinstance(truth, np.ndarray):
            return {"labels": truth}
        raise UsageError("Patches differ in their number of objects: they need a transform.")

    def _choose(self, step: int, i: int, rng: np.random.Generator) -> int:
        """Return the index of the example that sample `i` of a step is taken from."""
        count = len(self.examples)
        if self.probabilities is not None:
            return int(rng.choice(count, p=self.probabilities))
        visit, position = divmod(step * self.patches.batch_size + i, count)
        order = np.random.default_rng(np.random.SeedSequence((self.seed, visit)))
        return int(order.permutation(count)[position])

    def _decode(self, example: Example) -> Decoded:
        pixels, rgb = load_pixels(example)
        limits = self.patches.normalisation.limits(pixels)
        labels, marks, facts, kinds = _annotations(example, pixels.shape[1:], self.patches)
        if labels.ndim - 1 != len(self.patches.shape):
            raise DatasetError(
                f"'{example.image}' has {labels.ndim - 1} spatial axes, but patches have "
                f"{len(self.patches.shape)}."
            )
        if labels.ndim == 3:
            pixels, labels = pixels[:, None], labels[:, None]
        return Decoded(pixels, labels, limits, facts, rgb, marks, kinds)

    def _patch(self, decoded: Decoded, rng: np.random.Generator) -> tuple[FloatArray, Truth]:
        """Cut one patch and vary it."""
        settings = self.patches.augmentation
        warp = self._warp(decoded, rng)
        pixels, layers = self._cut(decoded, warp)
        labels = flattened(layers)
        highest = int(labels.max(initial=0))
        if rng.random() < settings.paste and len(layers) == 1:
            other, (other_labels,) = self._cut(decoded, self._warp(decoded, rng))
            pixels, labels = paste_objects(pixels, labels, other, other_labels, rng)
            layers = labels[None]
        if settings.foci and rng.random() < settings.foci:
            pixels = add_foci(pixels, labels, rng)
        pixels = change_intensity(pixels, settings, rng, decoded.rgb)
        empty = rng.random() < settings.empty
        if empty:
            pixels = empty_field(pixels.shape, self.patches.normalisation, rng)
            labels, layers = np.zeros_like(labels), np.zeros_like(layers)
        if len(self.patches.shape) == 2:
            pixels, labels, layers = pixels[:, 0], labels[0], layers[:, 0]
        if isinstance(decoded.marks, Boxes):
            boxes = no_boxes() if empty else decoded.marks
            return pixels, warp_boxes(boxes, warp, decoded.size[1:])
        if isinstance(decoded.marks, Points):
            points = no_points(labels.ndim) if empty else decoded.marks
            return pixels, warp_points(points, warp, decoded.size, labels >= 0)
        parts = separate_layers(layers) if self.patches.separate else layers
        whole = Layers(parts) if len(parts) > 1 else None
        if decoded.kinds is None:
            return pixels, whole or parts[0]
        # Copied objects have numbers above those that were there.
        sources = np.where(layers > highest, layers - highest, layers)
        kinds = _inherited(parts, sources, decoded.kinds)
        return pixels, Objects(flattened(parts), kinds, whole)

    def _warp(self, decoded: Decoded, rng: np.random.Generator) -> Warp:
        """Draw where a patch comes from."""
        return draw_warp(
            decoded.size,
            self.patches.shape,
            self.patches.augmentation,
            rng,
            points=decoded.objects.points,
            diameter=decoded.objects.diameter,
        )

    def _cut(self, decoded: Decoded, warp: Warp) -> tuple[FloatArray, LabelArray]:
        """Cut one patch in layers; only the pixels that it is made of are normalised."""
        region = warp.region(decoded.size)
        origin = (region[0].start, region[1].start, region[2].start)
        first, *more = decoded.labels[:, *region].astype(np.int32)
        pixels, labels = warp.apply(
            self.patches.normalisation.apply(decoded.pixels[:, *region], decoded.limits),
            first,
            origin,
        )
        return pixels, np.stack([labels, *(warp.apply_to_labels(one, origin) for one in more)])


def _annotations(
    example: Example, shape: tuple[int, ...], patches: Patches
) -> tuple[AnyArray, Boxes | Points | None, ObjectFacts, IntArray | None]:
    """Read labels, in layers of as small a type as holds them, or marks; facts; and classes."""
    if isinstance(example.labels, BoxLabels):
        boxes = load_boxes(example)
        return np.zeros((1, *shape), np.uint8), boxes, box_facts(boxes), None
    if isinstance(example.labels, PointLabels | CentreLabels):
        points = load_points(example, shape)
        unknown = np.zeros(shape, np.int8) if points.known is None else points.known - np.int8(1)
        return unknown[None], points, point_facts(points), None
    labels, kinds = load_layers(example, shape), None
    if patches.classes:
        kinds = load_kinds(example, labels, patches.classes)
    if len(labels) > patches.layers:  # where more were there to be kept, only rims overlap
        labels = flattened(labels)[None]
    if len(labels) < patches.layers:
        more = np.minimum(labels[:1], 0).repeat(patches.layers - len(labels), 0)
        labels = np.concatenate([labels, more])
    smallest = np.result_type(
        np.min_scalar_type(labels.min(initial=0)), np.min_scalar_type(labels.max(initial=0))
    )
    return labels.astype(smallest), None, whole_object_facts(labels), kinds


def _inherited(parts: LabelArray, sources: LabelArray, kinds: IntArray) -> IntArray:
    """Return the classes of parts, which are those of the objects that they are of."""
    own = np.zeros(int(parts.max(initial=0)) + 1, np.int64)
    inside = parts > 0
    own[parts[inside]] = kinds[sources[inside]]
    return own
