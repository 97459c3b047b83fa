"""How models without a network are learned: in seconds, without torch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._errors import UsageError
from cellwright._progress import progress
from cellwright.datasets.intensity import empty_field
from cellwright.datasets.records import Example
from cellwright.inference.runtime import MapNetwork
from cellwright.models.card import InputContract, NetworkFacts
from cellwright.models.engines import FOREST
from cellwright.models.example import example_image, smallest_size
from cellwright.models.package import Package, make_files
from cellwright.runs.lesson import Learned, Lesson, Machine
from cellwright.runs.prepare import drawn
from cellwright.runs.rescale import on_network_grid

_TUNED_ON = 12  # images; more hardly change the parameters
_WINDOW = {2: 320, 3: 64}  # px: side of the part of each that is looked at, by dimensions
_PLANTED_ON = 24  # images from which a forest grows
_EMPTY = 0.2  # simulated images without objects, per image: all of it is background
_EMPTY_FIELD = {2: (128, 128), 3: (24, 48, 48)}  # px
_PIXELS = 40_000  # of them all; more make trees that no longer fit into the cache


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
    UsageError
        If there is something about a network among the options.
    """
    options = lesson.options
    if start is not None or options.network:
        raise UsageError(
            f"The method '{lesson.method}' has no network: leave out --from, --network, "
            "--encoder, --width and --depth."
        )
    began = time.monotonic()
    learned = _LEARN[lesson.method](lesson)
    seconds = round(time.monotonic() - began, 1)
    return replace(learned, training={**learned.training, "seconds": seconds})


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
    """Grow a random forest."""
    from cellwright.methods.boundary.readout import BoundaryReadout
    from cellwright.methods.classes.readout import ClassesReadout
    from cellwright.methods.pixels.classifier import fit_samples, samples_of
    from cellwright.methods.pixels.features import FilterBank
    from cellwright.methods.pixels.storage import to_bytes
    from cellwright.methods.pixels.strokes import object_parts, some_pixels

    contract, dimensions = lesson.contract, lesson.dimensions
    numbered = lesson.task.name == "instances"
    readout = (
        BoundaryReadout.suited_to(dimensions, (contract.diameter_range or (0.0, 0.0))[1])
        if numbered
        else ClassesReadout(lesson.dataset.classes)
    )
    bank = FilterBank(anisotropy=contract.anisotropy or 1.0)
    rng = np.random.default_rng(lesson.options.seed)
    examples, samples = _examples(lesson, _PLANTED_ON), []
    for example in progress(examples, "Looking"):
        raw, labels = on_network_grid(example, contract)
        pixels = contract.normalisation.apply(raw, contract.normalisation.limits(raw))
        classes = object_parts(labels) if numbered else labels
        some = some_pixels(classes, _PIXELS // len(examples), rng)
        samples.append(samples_of(pixels, some, bank))
    if numbered:
        shape = (len(contract.channels), *_EMPTY_FIELD[dimensions])
        for _ in range(math.ceil(len(examples) * _EMPTY)):
            nothing = some_pixels(np.zeros(shape[1:], np.int32), _PIXELS // len(examples), rng)
            samples.append(
                samples_of(empty_field(shape, contract.normalisation, rng), nothing, bank)
            )
    forest = fit_samples(
        samples,
        bank,
        len(contract.channels),
        dimensions,
        classes=len(readout.outputs),
        seed=lesson.options.seed,
    )
    facts = {
        "name": "random forest",
        "trees": len(forest.forest.roots),
        "nodes": len(forest.forest.nodes),
        "features": len(forest.feature_names),
        "scales": list(bank.scales),
    }
    telling = sorted(forest.importance.items(), key=lambda one: -one[1])[:3]
    return _learned(
        contract,
        forest,
        NetworkFacts(facts, forest.stride, forest.halo, forest.bytes_per_pixel),
        "forest",
        {FOREST: to_bytes(forest)},
        asdict(readout),
        {
            "annotated pixels": sum(len(one.classes) for one in samples),
            "most telling": ", ".join(f"{name} ({share:.0%})" for name, share in telling),
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
