"""ONNX networks as graphs: what is put before and behind them, and what they take of memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from cellwright._errors import ModelError
from cellwright._types import AnyArray

_OLDEST_OPSET = 9
_OLDEST_IR = 4  # from which on constants need not be inputs


def import_onnx() -> Any:
    """Return the package `onnx`.

    Raises
    ------
    ModelError
        If it is not installed.
    """
    try:
        import onnx
        import onnx.shape_inference
    except ImportError as error:
        raise ModelError(
            "Changing networks, as for BioImage.IO, needs the package 'onnx': "
            "pip install 'cellwright[train]'."
        ) from error
    return onnx


class Nodes:
    """Nodes that are about to be added to a graph.

    Attributes
    ----------
    nodes, constants : list
        What was made so far, in the order of computation.
    """

    def __init__(self, prefix: str) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._prefix = prefix

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        output = f"{self._prefix}{len(self.nodes)}"
        make = import_onnx().helper.make_node
        self.nodes.append(make(operator, list(inputs), [output], name=output, **attributes))
        return output

    def constant(self, values: float | Sequence[float] | AnyArray, dtype: Any = np.float32) -> str:
        """Add a constant and return its name."""
        name = f"{self._prefix}constant_{len(self.constants)}"
        array = np.asarray(values, dtype)
        self.constants.append(import_onnx().numpy_helper.from_array(array, name))
        return name


Build = Callable[[Nodes, str], str]
"""Adds nodes behind a value, by its name, and returns the name of what they make of it."""


def parsed(content: bytes, source: str) -> Any:
    """Return a network as an ``onnx.ModelProto`` of one input and one output.

    Raises
    ------
    ModelError
        If it is none, is too old, or needs other files.
    """
    onnx = import_onnx()
    try:
        model = onnx.load_from_string(content)
        inputs, outputs = graph_inputs(model), model.graph.output
    except Exception as error:  # protobuf's errors share no base class
        raise ModelError(f"The network in '{source}' is not an ONNX file: {error}.") from error
    if any(one.data_location == onnx.TensorProto.EXTERNAL for one in _tensors(model)):
        raise ModelError(
            f"The network in '{source}' keeps weights in further files, which are not read. Save "
            "it as one file: onnx.save(model, path, save_as_external_data=False)."
        )
    opset = max(
        (one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), default=0
    )
    if opset < _OLDEST_OPSET:
        raise ModelError(
            f"The network in '{source}' has the ONNX opset {opset}; {_OLDEST_OPSET} and later are "
            "read. Convert it with onnx.version_converter."
        )
    if len(inputs) != 1 or len(outputs) != 1:
        raise ModelError(
            f"The network in '{source}' has {len(inputs)} inputs and {len(outputs)} outputs. "
            "Cellwright runs networks that make one set of maps of one image."
        )
    return model


def _tensors(part: Any) -> Iterator[Any]:
    """Yield all stored tensors of a model, a graph, a node, or whatever lies within."""
    for kind, value in part.ListFields():
        if kind.message_type is None:
            continue
        for one in [value] if hasattr(value, "ListFields") else value:
            if one.DESCRIPTOR.name == "TensorProto":
                yield one
            else:
                yield from _tensors(one)


def graph_inputs(model: Any) -> list[Any]:
    """Return what a network is given; old files also list their constants there."""
    constants = {one.name for one in model.graph.initializer}
    return [one for one in model.graph.input if one.name not in constants]


def wrapped(
    model: Any, *, before: Build, behind: Build, channels: int, maps: int | None, dimensions: int
) -> bytes:
    """Return a network with more nodes before and behind it, for images of any size.

    Parameters
    ----------
    model : onnx.ModelProto
        From `parsed`; it is left as it is.
    before, behind : callable
        Add the nodes.
    channels, maps : int
        Of the image, and of the result; None where that is not known.
    dimensions : int
        2 or 3.

    Raises
    ------
    ModelError
        If what comes out is not a valid network.
    """
    onnx = import_onnx()
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    graph = whole.graph
    given, made = graph_inputs(whole)[0], graph.output[0]
    own = _unused_prefix(graph)
    first, last = Nodes(f"{own}before_"), Nodes(f"{own}behind_")
    make, info = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    entry = before(first, f"{own}pixels")
    result = behind(last, made.name)
    nodes = [
        *first.nodes,
        make("Identity", [entry], [given.name], name=f"{own}enter"),
        *graph.node,
        *last.nodes,
        make("Identity", [result], [f"{own}maps"], name=f"{own}leave"),
    ]
    free = [f"{own}{axis}" for axis in ("z", "y", "x")[-dimensions:]]
    kind, batch = onnx.TensorProto.FLOAT, f"{own}batch"
    graph.input.remove(given)
    graph.input.insert(0, info(f"{own}pixels", kind, [batch, channels, *free]))
    graph.output.remove(made)
    graph.output.append(info(f"{own}maps", kind, [batch, maps or f"{own}count", *free]))
    del graph.value_info[:]  # sizes of a network that was saved for one size only
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend([*first.constants, *last.constants])
    whole.ir_version = max(whole.ir_version, _OLDEST_IR)
    try:
        onnx.checker.check_model(whole)
    except Exception as error:  # onnx's errors share no base class
        raise ModelError(f"The network cannot be extended: {error}.") from error
    content: bytes = whole.SerializeToString()
    return content


def _unused_prefix(graph: Any) -> str:
    """Return what no name of a graph begins with."""
    names = {name for node in graph.node for name in (*node.input, *node.output)}
    count = 0
    while any(name.startswith(f"cellwright{count}_") for name in names):
        count += 1
    return f"cellwright{count}_"


def bytes_per_pixel(content: bytes, stride: tuple[int, ...]) -> int:
    """Return the memory that the maps of an ONNX network take at its fullest, per input pixel.

    A map is held from the layer that makes it to the last that takes it up.

    Parameters
    ----------
    content : bytes
        A network of one input.
    stride : tuple of int
        Of the network, in px.
    """
    onnx = import_onnx()
    size = [4 * step for step in stride]
    model = onnx.load_from_string(content)
    for axis, length in ((0, 1), *enumerate(size, 2)):
        dimension = model.graph.input[0].type.tensor_type.shape.dim[axis]
        dimension.Clear()
        dimension.dim_value = length
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    graph = onnx.shape_inference.infer_shapes(model).graph
    nbytes = {
        value.name: 4 * math.prod(one.dim_value for one in value.type.tensor_type.shape.dim)
        for value in (*graph.value_info, *graph.input, *graph.output)
    }
    last = {name: i for i, node in enumerate(graph.node) for name in node.input}
    held = {graph.input[0].name}
    most = 0
    for i, node in enumerate(graph.node):
        held.update(node.output)
        most = max(most, sum(nbytes.get(name, 0) for name in held))
        held = {name for name in held if last.get(name, i + 1) > i}
    return math.ceil(most / math.prod(size))
