"""The methods by name. Nothing of a method is imported before it is used."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cellwright._errors import UsageError
from cellwright._words import did_you_mean
from cellwright.methods.readout import Readout


@dataclass(frozen=True, slots=True)
class Learner:
    """One way from images to objects or classes.

    Parameters
    ----------
    name : str
        As in ``--method`` and on the card of a model.
    summary : str
        What it is good at, in one sentence for people.
    readout : str
        Where the class of its readouts stands, as ``"module:class"``.
    """

    name: str
    summary: str
    readout: str

    def readout_class(self) -> Any:
        """Return the class of its readouts; importing it needs no torch."""
        return _load(self.readout)


@dataclass(frozen=True, slots=True)
class Method(Learner):
    """One that a network learns.

    Parameters
    ----------
    name, summary, readout
        As of any `Learner`.
    recipe : str
        Where the class of its recipes stands.
    """

    recipe: str

    def recipe_class(self) -> Any:
        """Return the class of its recipes; importing it needs torch."""
        return _load(self.recipe)


def _load(place: str) -> Any:
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)


def _in_folder(name: str, summary: str, stem: str) -> Method:
    home = f"{__package__}.{name}"
    return Method(name, summary, f"{home}.readout:{stem}Readout", f"{home}.recipe:{stem}Recipe")


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        _in_folder(
            "boundary",
            "Pixels are background, inside or boundary: the classic, for objects of any shape.",
            "Boundary",
        ),
        _in_folder(
            "embeddings",
            "Pixels gather about the centre of their object, as near as it asks: of any size.",
            "Embeddings",
        ),
        _in_folder(
            "flows",
            "Pixels flow to the centre of their object: cells of any compact shape, even touching.",
            "Flows",
        ),
        Method(
            "flows-distance",
            "Pixels flow to the middle line of their object: long, bent objects that touch.",
            f"{__package__}.flows.readout:DistanceFlowsReadout",
            f"{__package__}.flows.recipe:FlowsRecipe",
        ),
        _in_folder(
            "masks",
            "A box around every object and a mask in it: objects of any shape, even overlapping.",
            "Masks",
        ),
        _in_folder(
            "offsets",
            "Every pixel points to the centre of its object: compact objects, even densely packed.",
            "Offsets",
        ),
        _in_folder(
            "stars",
            "Pixels say how far the outline is all around: round objects, even densely packed.",
            "Stars",
        ),
        _in_folder(
            "watershed",
            "Pixels climb to the top of their object: compact objects of any shape and number.",
            "Watershed",
        ),
    )
}
"""The methods that find objects, by name."""


CLASS_METHODS: dict[str, Method] = {
    "classes": _in_folder(
        "classes",
        "Every pixel gets a class: membranes, tissue, foreground; no objects are told apart.",
        "Classes",
    )
}
"""The methods that find classes of pixels instead of objects, by name."""

BOX_METHODS: dict[str, Method] = {
    "boxes": _in_folder(
        "boxes",
        "A box around every object, and its class: cells of several kinds and sizes; no outlines.",
        "Boxes",
    )
}
"""The methods that find boxes around objects, by name."""

POINT_METHODS: dict[str, Method] = {
    "points": _in_folder(
        "points",
        "Objects are points: spots, particles, cells counted by their centres; no outlines.",
        "Points",
    )
}
"""The methods that find places of objects, by name."""


LEARNERS: dict[str, Learner] = {
    "classical": Learner(
        "classical",
        "No network: background, threshold, seeds, watershed, tuned on the images in seconds.",
        f"{__package__}.classical.readout:ClassicalReadout",
    ),
    "pixels": Learner(
        "pixels",
        "No network: a forest that knows pixels by their texture, in seconds, from a few strokes.",
        f"{__package__}.boundary.readout:BoundaryReadout",
    ),
}
"""The methods without a network, by name; that of ``pixels`` reads objects, where those are
annotated in place of classes."""


def find_method(name: str) -> Method:
    """Return the method of a network of that name.

    Raises
    ------
    UsageError
        If there is none; the message names those that there are.
    """
    known = METHODS | CLASS_METHODS | BOX_METHODS | POINT_METHODS
    if name not in known:
        names = [*known, *LEARNERS]
        raise UsageError(
            f"There is no method '{name}'; choose from {', '.join(names)}."
            f"{did_you_mean(name, names)}"
        )
    return known[name]


def new_readout(name: str, dimensions: int, diameter: float) -> Readout:
    """Return the readout of a method, with parameters that suit the data.

    Parameters
    ----------
    name : str
    dimensions : int
        2 for planes, 3 for volumes.
    diameter : float
        Of the largest objects on the network's grid, in px.

    Raises
    ------
    UsageError
        If there is no such method, or it does not work in so many dimensions.
    """
    make: Callable[[int, float], Readout] = find_method(name).readout_class().suited_to
    return make(dimensions, diameter)
