"""A pixel classifier as bytes: plain arrays, checked when they are read; no pickles."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cellwright._errors import ModelError, UsageError
from cellwright._types import AnyArray
from cellwright.methods.pixels.bins import Bins
from cellwright.methods.pixels.classifier import PixelClassifier
from cellwright.methods.pixels.context import ContextClassifier
from cellwright.methods.pixels.features import FilterBank
from cellwright.methods.pixels.forest import Forest

_OF = "/"  # between the number of a stage and the name of an array
_FARTHEST = 1000  # px; no features may look farther
_FIELDS: Mapping[str, Mapping[str, tuple[type, int]]] = {
    "bins": {"low": (np.float32, 1), "rate": (np.float32, 1), "table": (np.uint8, 2)},
    "forest": {
        "roots": (np.uint64, 1),
        "nodes": (np.uint64, 1),
        "shares": (np.float32, 2),
        "importance": (np.float64, 1),
    },
}
"""Type and number of axes of every array."""


def to_arrays(classifier: PixelClassifier) -> dict[str, AnyArray]:
    """Return everything that a classifier is as plain arrays."""
    arrays = {
        "scales": np.array(classifier.bank.scales),
        "anisotropy": np.array(classifier.bank.anisotropy),
        "structure": np.array(classifier.bank.structure),
        "form": np.array((classifier.channels, classifier.dimensions)),
    }
    for part, fields in _FIELDS.items():
        for name in fields:
            arrays[f"{part}.{name}"] = getattr(getattr(classifier, part), name)
    return arrays


def from_arrays(arrays: Mapping[str, AnyArray]) -> PixelClassifier:
    """Return the classifier that `to_arrays` took apart.

    Raises
    ------
    ModelError
        If an array is missing, of another type or shape, or does not fit the others.
    """
    try:
        bins, forest = (
            {name: _checked(arrays, f"{part}.{name}", *kind) for name, kind in fields.items()}
            for part, fields in _FIELDS.items()
        )
        channels, dimensions = (int(number) for number in arrays["form"])
        bank = FilterBank(
            tuple(arrays["scales"].tolist()),
            float(arrays["anisotropy"]),
            bool(arrays["structure"]),
        )
        if channels < 1 or dimensions not in (2, 3) or max(bank.radius(dimensions)) > _FARTHEST:
            raise ModelError("The pixel classifier describes no images, or looks too far.")
        return PixelClassifier(bank, channels, dimensions, Bins(**bins), Forest(**forest))
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise ModelError(f"The pixel classifier is incomplete or damaged: {error}") from error


def to_bytes(classifier: PixelClassifier | ContextClassifier) -> bytes:
    """Return a classifier in the safetensors format; stages have their number before all names."""
    from safetensors.numpy import save

    if isinstance(classifier, ContextClassifier):
        arrays = {
            f"{number}{_OF}{name}": array
            for number, stage in enumerate(classifier.stages)
            for name, array in to_arrays(stage).items()
        }
    else:
        arrays = to_arrays(classifier)
    content: bytes = save({name: np.array(array, order="C") for name, array in arrays.items()})
    return content


def from_bytes(content: bytes) -> PixelClassifier | ContextClassifier:
    """Return the classifier in bytes that `to_bytes` made.

    Raises
    ------
    ModelError
        If they are something else, or were changed.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(content)
    except (SafetensorError, KeyError) as error:
        raise ModelError(f"The pixel classifier is damaged: {error}") from error
    stages: dict[str, dict[str, AnyArray]] = {}
    for name, array in arrays.items():
        number, of, rest = name.partition(_OF)
        stages.setdefault(number if of else "", {})[rest if of else name] = array
    if "" in stages:
        return from_arrays(arrays)
    numbers = [str(number) for number in range(len(stages))]
    if not stages or set(stages) != set(numbers):
        raise ModelError("The pixel classifier is damaged: it lacks a stage.")
    return ContextClassifier(tuple(from_arrays(stages[number]) for number in numbers))


def _checked(arrays: Mapping[str, AnyArray], name: str, dtype: type, axes: int) -> AnyArray:
    array = arrays[name]
    if array.dtype != dtype or array.ndim != axes:
        raise ModelError(
            f"The pixel classifier's '{name}' is {array.dtype} of {array.ndim} axes, not "
            f"{np.dtype(dtype)} of {axes}."
        )
    return array
