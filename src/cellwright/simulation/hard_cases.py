"""Fields that are known to be hard, each for one reason, to see where a model ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cellwright._types import AnyArray, LabelArray
from cellwright.simulation.nuclei import NucleiSimulation, populate, render, simulate_field
from cellwright.simulation.optics import Optics, record
from cellwright.simulation.shapes import Nucleus

_SMALL, _MIDDLE, _LARGE = 8.0, 28.0, 160.0  # px; of one field, 1 : 20
_WITHOUT_SPOTS = 0.3  # fraction of nuclei


@dataclass(frozen=True, slots=True)
class HardCase:
    """A kind of field, and why it is hard.

    Parameters
    ----------
    why : str
        For people.
    make : callable
        From a seed to an image (Y, X) uint16 and its labels (Y, X) int32.
    """

    why: str
    make: Callable[[int], tuple[AnyArray, LabelArray]]


def _field(**changes: Any) -> Callable[[int], tuple[AnyArray, LabelArray]]:
    settings = replace(NucleiSimulation(size=(384, 384), diameter=24.0), **changes)
    return lambda seed: simulate_field(settings, seed)


def _sizes(seed: int) -> tuple[AnyArray, LabelArray]:
    """Put the large ones first: smaller ones find room between them."""
    rng = np.random.default_rng(seed)
    settings = NucleiSimulation(size=(512, 512), size_variation=0.05, clustering=0.0, condensed=0.0)
    kinds = ((_LARGE, 0.12), (_MIDDLE, 0.08), (_SMALL, 0.02))
    nuclei: list[Nucleus] = []
    for diameter, density in kinds:
        more = replace(settings, diameter=diameter, density=density)
        nuclei += [one for one in populate(more, rng) if _is_apart(one, nuclei)]
    labels, light = render(nuclei, settings)
    present, compact = np.unique(labels, return_inverse=True)
    assert present[0] == 0  # the field is never full
    image = record(light, settings.optics, settings.plane_spacing, rng)
    return image, compact.reshape(labels.shape).astype(np.int32)


def _spotted(seed: int) -> tuple[AnyArray, LabelArray]:
    """Nuclei whose spots outshine them, as chromocentres and labelled loci do."""
    rng = np.random.default_rng(seed)
    settings = NucleiSimulation(size=(384, 384), diameter=40.0, condensed=0.0)
    nuclei = populate(settings, rng)
    labels, light = render(nuclei, settings)
    place = np.moveaxis(np.indices(labels.shape), 0, -1)
    for number, nucleus in enumerate(nuclei, 1):
        mine = labels == number
        if rng.random() < _WITHOUT_SPOTS or not mine.any():
            continue
        strength = nucleus.brightness * rng.uniform(2, 6)
        for middle in rng.choice(place[mine], rng.integers(3, 10)):
            distance = np.linalg.norm(place[mine] - middle, axis=1) / nucleus.radius
            light[mine] += strength * np.exp(-((distance / rng.uniform(0.1, 0.2)) ** 2) / 2)
    return record(light, settings.optics, settings.plane_spacing, rng), labels


def _is_apart(nucleus: Nucleus, others: list[Nucleus]) -> bool:
    reach = 1.3  # elongated and rough ones stick out of their circle
    return all(
        np.linalg.norm(nucleus.centre - other.centre) > reach * (nucleus.radius + other.radius)
        for other in others
    )


HARD_CASES: dict[str, HardCase] = {
    "crowded": HardCase(
        "nuclei press on each other", _field(density=0.6, clustering=0.9, overlap=0.3)
    ),
    "sizes": HardCase("diameters of 8 to 160 px in one field", _sizes),
    "elongated": HardCase(
        "up to several times as long as wide", _field(elongation=0.8, density=0.15, roughness=0.02)
    ),
    "dim beside bright": HardCase(
        "brightness differs by a factor of 50", _field(brightness_variation=1.0, density=0.15)
    ),
    "bright spots": HardCase("spots in nuclei are up to seven times as bright", _spotted),
    "noisy": HardCase("a dozen photons per pixel", _field(optics=Optics(photons=12))),
    "empty": HardCase("there is nothing", _field(density=0.0)),
    "one huge object": HardCase(
        "a single one, up to most of the field",
        _field(diameter=300.0, size_variation=0.0, density=0.05, condensed=0.0, clustering=0.0),
    ),
    "cut by borders": HardCase(
        "a strip hardly wider than a nucleus", _field(size=(26, 512), density=0.35)
    ),
}
"""By name."""
