"""What the maps of a model from elsewhere are to Cellwright: the maps of which method, made how."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cellwright._errors import ModelError
from cellwright._types import FloatArray
from cellwright._words import option
from cellwright.methods.boundary.readout import BoundaryReadout
from cellwright.methods.classes.readout import ClassesReadout
from cellwright.methods.watershed.readout import WatershedReadout
from cellwright.models.bioimageio_description import Description, Tensor
from cellwright.models.onnx_graph import Nodes

TAKEN = ("boundary", "classes", "watershed")
"""Methods that maps from elsewhere can be given to."""

_LEAST = 1e-3  # probabilities beyond are as certain as it gets
_ROUNDING = 1e-2
_WORDS = {
    "boundary": ("bound", "border", "edge", "membrane", "contour", "outline"),
    "background": ("background", "bg"),
    "distance": ("distance", "depth"),
    "inside": ("foreground", "fg", "inside", "interior", "nucle", "cell", "object", "mask"),
}
_LARGEST = {2: 170.0, 3: 40.0}
"""Diameter of the largest objects that are looked for, in px."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How objects or classes are read from the maps of a model from elsewhere.

    Parameters
    ----------
    task, method : str
        As on a card.
    readout : dict
        Its parameters.
    maps : int
        How many maps it takes.
    convert : callable
        ``convert(nodes, value)`` adds what makes them of the model's own maps.
    """

    task: str
    method: str
    readout: dict[str, Any]
    maps: int
    convert: Callable[[Nodes, str], str]


def reading_of(
    description: Description, output: Tensor, maps: FloatArray, method: str | None
) -> Reading:
    """Return how a model's maps are read.

    Parameters
    ----------
    description : Description
    output : Tensor
        What describes the maps.
    maps : ndarray, shape (K, [Z,] Y, X)
        Those of the test image, after all processing.
    method : str, optional
        What was asked for; otherwise it follows from what is said about the maps.

    Raises
    ------
    ModelError
        If the maps cannot be given to that method, or none follows.
    """
    roles = _roles(description, output)
    if method is None:
        method = _deduced(roles, maps, output)
    makers = {"boundary": _boundary, "classes": _classes, "watershed": _watershed}
    if method not in makers:
        raise ModelError(
            f"The maps of a model from elsewhere cannot be given to the method '{method}'; those "
            f"that can take them are {', '.join(TAKEN)}."
        )
    return makers[method](roles, maps, output)


def _roles(description: Description, output: Tensor) -> tuple[str, ...]:
    """Return what each map shows: a key of `_WORDS`, or "" where nobody says."""
    roles = tuple(_role(name) for name in output.channels)
    if any(roles) or len(roles) > 2:
        return roles
    told = f"{output.name} {output.description} {description.name} {description.description}"
    about = f"{told} {' '.join(description.tags)}".lower()
    if len(roles) == 1:
        return ("boundary" if _role(f"{output.name} {output.description}") == "boundary" else "",)
    # The order that nearly all models of the zoo have.
    return ("inside", "boundary") if any(word in about for word in _WORDS["boundary"]) else roles


def _role(name: str) -> str:
    said = name.lower()
    return next((role for role, words in _WORDS.items() if any(one in said for one in words)), "")


def _deduced(roles: Sequence[str], maps: FloatArray, output: Tensor) -> str:
    if set(roles) == {"inside", "distance"}:
        return "watershed"
    if sorted(roles) in (["boundary", "inside"], ["background", "boundary", "inside"]):
        return "boundary"
    if len(maps) == 1 or _exclusive(maps):
        return "classes"
    raise ModelError(
        f"The model does not say what its {len(maps)} maps ({', '.join(output.channels)}) are to "
        f"be taken for. Choose with {option('method')}: {', '.join(TAKEN)}."
    )


def _boundary(roles: Sequence[str], maps: FloatArray, output: Tensor) -> Reading:
    """Inside and boundary, either of them, or three classes with the background."""
    _check_probabilities(maps, output)
    places = {role: i for i, role in enumerate(roles) if role}
    count = len(maps)

    def three(nodes: Nodes, value: str) -> str:
        order = [places[role] for role in ("background", "inside", "boundary")]
        return _log(nodes, _chosen(nodes, value, order))

    def pair(nodes: Nodes, value: str) -> str:
        foreground = _chosen(nodes, value, [places.get("inside", 0)])
        edge = _chosen(nodes, value, [places.get("boundary", 1)])
        return _split(nodes, foreground, edge)

    def single(nodes: Nodes, value: str) -> str:
        nothing = nodes.add("Mul", value, nodes.constant(0.0))
        if roles[0] == "boundary":
            return _split(nodes, nodes.add("Add", nothing, nodes.constant(1.0)), value)
        return _split(nodes, value, nothing)

    ways = {1: single, 2: pair}
    complete = {"background", "inside", "boundary"} == set(places) and count == 3
    if not complete and count not in ways:
        raise ModelError(
            "The method 'boundary' takes one map of the foreground or of boundaries, both, or "
            "both and the background, by these names; this model has "
            f"{count} ({', '.join(output.channels)})."
        )
    dimensions = maps.ndim - 1
    readout = BoundaryReadout.suited_to(dimensions, _LARGEST[dimensions])
    convert = three if complete else ways[count]
    return Reading("instances", "boundary", asdict(readout), len(readout.outputs), convert)


def _classes(roles: Sequence[str], maps: FloatArray, output: Tensor) -> Reading:
    """Classes that exclude each other, or such as may all be absent."""
    count = len(maps)
    if count > 1 and (_exclusive(maps) or not _probable(maps)):
        names = output.channels[1:]  # the first one is what 0 stands for
        return Reading("classes", "classes", _readout(names), count, lambda nodes, value: value)
    _check_probabilities(maps, output)

    def absent_too(nodes: Nodes, value: str) -> str:
        odds = nodes.add("Sub", _log(nodes, value), _log(nodes, _rest(nodes, value)))
        first = _chosen(nodes, odds, [0])
        return nodes.add("Concat", nodes.add("Mul", first, nodes.constant(0.0)), odds, axis=1)

    names = output.channels if count > 1 else (_single_class(roles[0], output.channels[0]),)
    return Reading("classes", "classes", _readout(names), count + 1, absent_too)


def _single_class(role: str, name: str) -> str:
    plain = name.startswith("channel")
    return ("boundary" if role == "boundary" else "foreground") if plain else name


def _readout(names: Sequence[str]) -> dict[str, Any]:
    plain = tuple(f"{name} class" if name == "background" else name for name in names)
    return {"classes": list(ClassesReadout(plain).classes)}


def _watershed(roles: Sequence[str], maps: FloatArray, output: Tensor) -> Reading:
    """Foreground and the depth within it, from 0 to 1."""
    if len(maps) != 2:
        raise ModelError(
            "The method 'watershed' takes two maps, the foreground and the distance to the "
            f"background from 0 to 1; this model has {len(maps)} ({', '.join(output.channels)})."
        )
    _check_probabilities(maps, output)
    inside = 1 - roles.index("distance") if "distance" in roles else 0

    def convert(nodes: Nodes, value: str) -> str:
        foreground = _chosen(nodes, value, [inside])
        odds = nodes.add("Sub", _log(nodes, foreground), _log(nodes, _rest(nodes, foreground)))
        return nodes.add("Concat", odds, _chosen(nodes, value, [1 - inside]), axis=1)

    readout = WatershedReadout.suited_to(maps.ndim - 1, _LARGEST[maps.ndim - 1])
    return Reading("instances", "watershed", asdict(readout), 2, convert)


def _split(nodes: Nodes, foreground: str, edge: str) -> str:
    """Make three classes of the probabilities of foreground and, within it, of boundary."""
    within = nodes.add("Mul", foreground, _rest(nodes, edge))
    seam = nodes.add("Mul", foreground, edge)
    classes = nodes.add("Concat", _rest(nodes, foreground), within, seam, axis=1)
    return _log(nodes, classes)


def _chosen(nodes: Nodes, value: str, channels: Sequence[int]) -> str:
    return nodes.add("Gather", value, nodes.constant(list(channels), np.int64), axis=1)


def _rest(nodes: Nodes, probability: str) -> str:
    return nodes.add("Sub", nodes.constant(1.0), probability)


def _log(nodes: Nodes, probability: str) -> str:
    return nodes.add("Log", nodes.add("Max", probability, nodes.constant(_LEAST)))


def _probable(maps: FloatArray) -> bool:
    return bool(maps.min() >= -_ROUNDING and maps.max() <= 1 + _ROUNDING)


def _exclusive(maps: FloatArray) -> bool:
    """Return whether maps are the probabilities of classes of which each pixel has one."""
    return len(maps) > 1 and _probable(maps) and bool(np.abs(maps.sum(0) - 1).max() <= _ROUNDING)


def _check_probabilities(maps: FloatArray, output: Tensor) -> None:
    if not _probable(maps):
        raise ModelError(
            f"The maps '{output.name}' of the model go from {maps.min():.3g} to {maps.max():.3g}: "
            "they are no probabilities, and the package does not say how to make such of them. "
            "Models that restore or predict images find no objects."
        )
