"""What is compared: methods on networks, chosen for the data where nobody says which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cellwright.datasets.examples import load_labels, load_pixels
from cellwright.datasets.records import Example
from cellwright.measure.objects import measure_objects
from cellwright.methods.registry import BOX_METHODS, LEARNERS
from cellwright.networks.registry import network_description
from cellwright.runs.train.boxes import BOX_NETWORK

_LONG = 2.0  # length over width from which on objects count as long
_CONVEX = 0.9  # share of their convex hull from which on objects count as convex
_LOOKED_AT = 8  # images whose objects' shapes are looked at
_METHODS = {"classes": ("classes", "pixels"), "boxes": ("boxes",), "points": ("points",)}
_FEW = 12  # images up to which a network of few parameters is worth a try


@dataclass(frozen=True, slots=True)
class Candidate:
    """A method on a network, or a method that needs none.

    Parameters
    ----------
    method : str
    network : str, optional
        Name in the registry of networks; None for a method without one.
    settings : mapping
        Fields of `TrainOptions` that differ from their defaults.
    label : str
        What tells it from others of the same method and network.
    """

    method: str
    network: str | None
    settings: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""

    @property
    def name(self) -> str:
        """What people call it."""
        return " · ".join(self._parts)

    @property
    def folder(self) -> str:
        """What its folder is called."""
        return "-".join(self._parts)

    @property
    def _parts(self) -> list[str]:
        return [part for part in (self.method, self.network, self.label) if part]


def make_candidates(methods: Sequence[str], networks: Sequence[str]) -> tuple[Candidate, ...]:
    """Return every method on every network; what needs no network once.

    Raises
    ------
    UsageError
        If there is no such network.
    """
    made: list[Candidate] = []
    for method in dict.fromkeys(methods):
        if method in LEARNERS:
            made.append(Candidate(method, None))
            continue
        for network in dict.fromkeys(networks):
            description = network_description(network)
            if method in BOX_METHODS and network == BOX_NETWORK["name"]:
                description = dict(BOX_NETWORK)
            made.append(Candidate(method, network, {"network": description}))
    return tuple(made)


def default_methods(task: str, examples: Sequence[Example], dimensions: int) -> tuple[str, ...]:
    """Choose methods by the shapes of the annotated objects, and one that needs no network.

    Parameters
    ----------
    task : str
        ``"instances"``, ``"classes"``, ``"boxes"`` or ``"points"``.
    examples : sequence of Example
        Some of them are looked at.
    dimensions : int
        2 for planes, 3 for volumes, which not all methods work in.
    """
    if task in _METHODS:
        return _METHODS[task]
    if dimensions == 3:
        return ("watershed", "flows", "stars", "classical")
    length, solidity = object_shapes(examples)
    if length >= _LONG:
        return ("watershed", "flows-distance", "flows", "classical")
    if solidity >= _CONVEX:
        return ("watershed", "offsets", "stars", "classical")
    return ("watershed", "offsets", "flows", "classical")


def default_networks(task: str, images: int) -> tuple[str, ...]:
    """Choose networks: the usual one, and for tasks that have one method, another one."""
    if task == "instances":
        return ("unet",)
    if task == "boxes":
        return (str(BOX_NETWORK["name"]), "light")
    if task == "points":
        return ("unet", "light")
    return ("unet", "msd") if images <= _FEW else ("unet", "fpn")


def object_shapes(examples: Sequence[Example]) -> tuple[float, float]:
    """Return the medians of length over width and of the solidity of some annotated objects."""
    lengths, solidities = [np.ones(1)], [np.ones(1)]  # where nothing is annotated: like discs
    for example in examples[:: -(-len(examples) // _LOOKED_AT)]:
        pixels, _ = load_pixels(example)
        labels = np.maximum(load_labels(example, pixels.shape[1:]), 0)
        table = measure_objects(labels)
        narrow = np.maximum(table["axis_minor_length"], 1.0)
        lengths.append(np.maximum(table["axis_major_length"], 1.0) / narrow)
        solidities.append(table["solidity"])
    return float(np.nanmedian(np.concatenate(lengths))), float(
        np.nanmedian(np.concatenate(solidities))
    )
