"""How models without a network are learned: in seconds, without torch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cellwright._progress import progress
from cellwright._types import FloatArray, LabelArray
from cellwright._words import percent
from cellwright.datasets.intensity import empty_field
from cellwright.datasets.records import Example
from cellwright.inference.runtime import MapNetwork
from cellwright.models.card import InputContract, NetworkFacts
from cellwright.models.engines import FOREST
from cellwright.models.example import example_image, smallest_size
from cellwright.models.package import Package, make_files
from cellwright.runs.train.lesson import Learned, Lesson, Machine
from cellwright.runs.train.prepare import drawn
from cellwright.runs.train.rescale import on_network_grid

if TYPE_CHECKING:
    from cellwright.methods.pixels.classifier import PixelClassifier
    from cellwright.methods.pixels.context import ContextClassifier

_TUNED_ON = 12  # images; more hardly change the parameters
_WINDOW = {2: 320, 3: 64}  # px: side of the part of each that is looked at, by dimensions
_PLANTED_ON = 24  # images from which a forest grows
_EMPTY = 0.2  # simulated images without objects, per image: all of it is background
_EMPTY_FIELD = {2: (128, 128), 3: (24, 48, 48)}  # px
_PIXELS = 40_000  # of them all; more make trees that no longer fit into the cache
_FAR = (0.7, 1.6, 3.5, 8.0, 16.0)  # px: filters for classes in planes
_STAGES = 3  # forests in a row that tell classes in planes
_STAGE_PIXELS = 160_000  # that each of these grows from


def learn_without_network(
    lesson: Lesson,
    folder: Path,
    machine: Machine,
    *,
    start: Package | None = None,
    until: float = 1.0,
) -> Learned:
    """Learn by a method without a network: takes the arguments of `learn_network`.

    Nothing is kept in `folder`, and `machine` and `until` do not matter: it takes seconds.

    Raises
    ------
    DatasetError
        If images or labels cannot be used.
    """
    began = time.monotonic()
    learned = _LEARN[lesson.method](lesson)
    training = {**learned.training, "seconds": time.monotonic() - began}
    return replace(learned, training=training)


def _learn_classical(lesson: Lesson) -> Learned:
    """Tune the classical pipeline."""
    from cellwright.methods.classical.fit import fit_classical

    contract, dimensions = lesson.contract, lesson.dimensions
    examples = _examples(lesson, _TUNED_ON)
    images, labels = zip(*(on_network_grid(one, contract) for one in examples), strict=True)
    pipeline, precision = fit_classical(
        images,
        labels,
        diameter=contract.diameter,
        joint=contract.normalisation.joint,
        anisotropy=contract.anisotropy or 1.0,
        window=_WINDOW[dimensions],
        seed=lesson.options.seed,
    )
    filters = pipeline.filters(dimensions)
    return _learned(
        replace(contract, normalisation=pipeline.normalisation),
        filters,
        NetworkFacts(asdict(filters), filters.stride, filters.halo, filters.bytes_per_pixel),
        "filters",
        {},
        asdict(pipeline.readout(dimensions)),
        {"tuned on": len(images), "AP of those, at IoU 0.5 and 0.75": round(precision, 3)},
    )


def _learn_pixels(lesson: Lesson) -> Learned:
    """Grow a random forest for objects, or forests that see each other's maps for classes."""
    if lesson.task.name == "instances":
        return _learn_parts(lesson)
    return _learn_classes(lesson)


def _learn_parts(lesson: Lesson) -> Learned:
    """Grow a random forest that tells inside, boundary and background of objects."""
    from cellwright.methods.boundary.readout import BoundaryReadout
    from cellwright.methods.pixels.classifier import fit_samples, samples_of
    from cellwright.methods.pixels.features import FilterBank
    from cellwright.methods.pixels.strokes import object_parts, some_pixels

    contract, dimensions = lesson.contract, lesson.dimensions
    readout = BoundaryReadout.suited_to(dimensions, (contract.diameter_range or (0.0, 0.0))[1])
    bank = FilterBank(anisotropy=contract.anisotropy or 1.0)
    rng = np.random.default_rng(lesson.options.seed)
    examples, samples = _examples(lesson, _PLANTED_ON), []
    most = _PIXELS // len(examples)
    for pixels, labels in _seen(lesson, examples):
        samples.append(samples_of(pixels, some_pixels(object_parts(labels), most, rng), bank))
    shape = (len(contract.channels), *_EMPTY_FIELD[dimensions])
    for _ in range(math.ceil(len(examples) * _EMPTY)):
        nothing = some_pixels(np.zeros(shape[1:], np.int32), most, rng)
        field = empty_field(shape, contract.normalisation, rng)
        samples.append(samples_of(field, nothing, bank))
    forest = fit_samples(
        samples,
        bank,
        len(contract.channels),
        dimensions,
        classes=len(readout.outputs),
        seed=lesson.options.seed,
    )
    annotated = sum(len(one.classes) for one in samples)
    return _grown(lesson, forest, (forest,), asdict(readout), annotated)


def _learn_classes(lesson: Lesson) -> Learned:
    """Grow forests that tell classes of pixels, for whole planes one after the other."""
    from cellwright.methods.classes.readout import ClassesReadout
    from cellwright.methods.pixels.context import fit_in_context
    from cellwright.methods.pixels.features import FilterBank

    contract, readout = lesson.contract, ClassesReadout(lesson.dataset.classes)
    images, classes = zip(*_seen(lesson, _examples(lesson, _PLANTED_ON)), strict=True)
    known = sum(int(np.count_nonzero(one >= 0)) for one in classes)
    # From strokes one forest is grown in seconds, and reads a plane in half a second. Surroundings
    # can only be learned where whole planes are annotated.
    whole = lesson.dimensions == 2 and known > _PIXELS
    pixels = _STAGE_PIXELS if whole else _PIXELS
    found = fit_in_context(
        images,
        classes,
        FilterBank(_FAR) if whole else FilterBank(anisotropy=contract.anisotropy or 1.0),
        classes=len(readout.outputs),
        stages=_STAGES if whole else 1,
        pixels=pixels,
        seed=lesson.options.seed,
    )
    return _grown(lesson, found, found.stages, asdict(readout), min(known, pixels))


def _seen(lesson: Lesson, examples: Sequence[Example]) -> Iterator[tuple[FloatArray, LabelArray]]:
    """Yield examples as the model sees them, normalised, with their labels."""
    normalisation = lesson.contract.normalisation
    for example in progress(examples, "Looking"):
        raw, labels = on_network_grid(example, lesson.contract)
        yield normalisation.apply(raw, normalisation.limits(raw)), labels


def _grown(
    lesson: Lesson,
    found: PixelClassifier | ContextClassifier,
    stages: Sequence[PixelClassifier],
    readout: Mapping[str, Any],
    annotated: int,
) -> Learned:
    """Return what was learned by forests."""
    from cellwright.methods.pixels.storage import to_bytes

    facts = {
        "name": "random forest",
        "stages": len(stages),
        "trees": sum(len(stage.forest.roots) for stage in stages),
        "nodes": sum(len(stage.forest.nodes) for stage in stages),
        "features": len(stages[-1].feature_names),
        "scales": list(stages[0].bank.scales),
    }
    telling = sorted(found.importance.items(), key=lambda one: -one[1])[:3]
    return _learned(
        lesson.contract,
        found,
        NetworkFacts(facts, found.stride, found.halo, found.bytes_per_pixel),
        "forest",
        {FOREST: to_bytes(found)},
        readout,
        {
            "annotated pixels": annotated,
            "most telling": ", ".join(f"{name} ({percent(share)})" for name, share in telling),
        },
    )


_LEARN: Mapping[str, Callable[[Lesson], Learned]] = {
    "classical": _learn_classical,
    "pixels": _learn_pixels,
}


def _examples(lesson: Lesson, most: int) -> list[Example]:
    return drawn(lesson.dataset.part("train"), most, lesson.options.seed)


def _learned(
    contract: InputContract,
    engine: MapNetwork,
    facts: NetworkFacts,
    name: str,
    files: Mapping[str, bytes],
    readout: Mapping[str, Any],
    training: Mapping[str, Any],
) -> Learned:
    """Return what was learned, with the test image that packages hold."""
    raw = example_image(len(contract.channels), smallest_size(engine.stride))
    normalisation = contract.normalisation
    pixels = normalisation.apply(raw, normalisation.limits(raw))[np.newaxis]
    return Learned(
        contract=contract,
        facts=replace(facts, engine=name),
        files=make_files(files, pixels, engine(pixels)),
        readout=readout,
        training=training,
    )
