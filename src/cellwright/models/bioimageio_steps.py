"""The processing of BioImage.IO: statistics as a `Normalisation`, the rest as nodes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cellwright._errors import ModelError
from cellwright._types import DoubleArray
from cellwright.images.normalise import Normalisation
from cellwright.models.bioimageio_description import Step, Tensor
from cellwright.models.onnx_graph import Nodes

_FLOATS = ("float32", "float64")
_LARGEST_EPSILON = 1e-3  # beside a span of intensities this makes no difference
_STATISTICS = ("scale_range", "zero_mean_unit_variance")


def normalisation_of(tensor: Tensor) -> tuple[Normalisation, tuple[Step, ...]]:
    """Return what an input is normalised by, and the steps that follow.

    Parameters
    ----------
    tensor : Tensor
        An input.

    Raises
    ------
    ModelError
        If its processing cannot be done exactly.
    """
    steps = [step for step in tensor.steps if not _to_float(step)]
    places = [i for i, step in enumerate(steps) if step.name in _STATISTICS]
    if not places:
        return Normalisation(kind="none"), tuple(steps)
    first, *more = places
    if more:
        raise _unsupported(steps[more[0]], "a second normalisation")
    for step in steps[:first]:
        if not _keeps_statistics(step):
            raise _unsupported(step, "before the normalisation")
    return _statistics(steps[first], tensor), tuple(steps[first + 1 :])


def add_steps(nodes: Nodes, value: str, steps: Sequence[Step], tensor: Tensor) -> str:
    """Add steps that treat every pixel for itself, and return the name of the result.

    Parameters
    ----------
    nodes : Nodes
    value : str
        Name of maps with the axes N, C, [Z,] Y, X.
    steps : sequence of Step
    tensor : Tensor
        What they belong to.

    Raises
    ------
    ModelError
        If a step is of another kind.
    """
    for step in steps:
        if not _to_float(step):
            value = _add_step(nodes, value, step, tensor)
    return value


def _add_step(nodes: Nodes, value: str, step: Step, tensor: Tensor) -> str:
    def constant(name: str, default: float | None = None) -> str:
        return nodes.constant(_per_channel(step, name, default, tensor))

    match step.name:
        case "scale_linear":
            _check_options(step, "gain", "offset", "axis", "axes")
            scaled = nodes.add("Mul", value, constant("gain", 1.0))
            return nodes.add("Add", scaled, constant("offset", 0.0))
        case "fixed_zero_mean_unit_variance" | "fixed zero_mean_unit_variance":
            _check_options(step, "mean", "std", "axis", "axes", "eps")
            centred = nodes.add("Sub", value, constant("mean"))
            return nodes.add("Div", centred, constant("std"))
        case "clip":
            _check_options(step, "min", "max")
            if step.options.get("min") is not None:
                value = nodes.add("Max", value, constant("min"))
            if step.options.get("max") is not None:
                value = nodes.add("Min", value, constant("max"))
            return value
        case "binarize":
            _check_options(step, "threshold", "axis")
            above = nodes.add("Greater", value, constant("threshold"))
            return nodes.add("Cast", above, to=1)  # float32
        case "sigmoid":
            _check_options(step)
            return nodes.add("Sigmoid", value)
        case "softmax":
            _check_options(step, "axis")
            return _softmax(nodes, value, len(tensor.space))
        case _:
            raise _unsupported(step, "unknown")


def _softmax(nodes: Nodes, value: str, dimensions: int) -> str:
    """Add a softmax over the channels; over the last axis, all versions of ONNX mean the same."""
    last = [0, *range(2, 2 + dimensions), 1]
    back = [0, 1 + dimensions, *range(1, 1 + dimensions)]
    turned = nodes.add("Transpose", value, perm=last)
    return nodes.add("Transpose", nodes.add("Softmax", turned, axis=-1), perm=back)


def _statistics(step: Step, tensor: Tensor) -> Normalisation:
    """Return the normalisation that a step with statistics of the image is."""
    _check_options(step, "axes", "eps", "min_percentile", "max_percentile", "reference_tensor")
    options = step.options
    if float(options.get("eps") or 0) > _LARGEST_EPSILON:
        raise _unsupported(step, f"an eps of {options['eps']}")
    if options.get("reference_tensor") not in (None, tensor.name):
        raise _unsupported(step, "the statistics of another tensor")
    axes = options.get("axes") or tensor.axes
    if not set(tensor.space) <= set(axes):
        raise _unsupported(step, f"statistics along {', '.join(axes)} only")
    joint = "channel" in axes and len(tensor.channels) > 1
    if step.name == "zero_mean_unit_variance":
        return Normalisation(joint=joint, kind="moments")
    low, high = options.get("min_percentile", 0.0), options.get("max_percentile", 100.0)
    return Normalisation(float(low), float(high), joint, "range")


def _keeps_statistics(step: Step) -> bool:
    """Return whether normalisation undoes a step: a gain and an offset that all channels share."""
    gain = step.options.get("gain", 1.0)
    offset = step.options.get("offset", 0.0)
    numbers = isinstance(gain, int | float) and isinstance(offset, int | float)
    return step.name == "scale_linear" and numbers and gain > 0


def _to_float(step: Step) -> bool:
    """Return whether a step changes nothing, as all is computed in float32."""
    return step.name == "ensure_dtype" and step.options.get("dtype") in _FLOATS


def _per_channel(
    step: Step, name: str, default: float | None, tensor: Tensor
) -> float | DoubleArray:
    """Return a number, or one for each channel in the shape (C, [1,] 1, 1)."""
    given = step.options.get(name, default)
    if isinstance(given, int | float):
        return float(given)
    axis = step.options.get("axis", "channel")
    if isinstance(given, list) and len(given) == len(tensor.channels) and axis == "channel":
        return np.asarray(given, np.float64).reshape(-1, *(1,) * len(tensor.space))
    raise _unsupported(step, f"{name} = {given!r} along {axis}")


def _check_options(step: Step, *known: str) -> None:
    for name, value in step.options.items():
        if name not in known and value is not None:
            raise _unsupported(step, f"{name} = {value!r}")


def _unsupported(step: Step, why: str) -> ModelError:
    return ModelError(
        f"The model asks for '{step.name}' ({why}), which Cellwright cannot do exactly as it is "
        "meant. The model is not imported."
    )
