"""The engines: what turns normalised pixels into maps, and what each needs of a package."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import get_args

from cellwright._arguments import check_one_of, check_whole_numbers, given
from cellwright._errors import ModelError
from cellwright.inference.runtime import Device, MapNetwork, OnnxNetwork, runs_on_gpu
from cellwright.models.card import NetworkFacts

NETWORK = "network.onnx"
NETWORK_INT8 = "network-int8.onnx"
WEIGHTS = "weights.safetensors"
FOREST = "forest.safetensors"
INT8 = "int8 network"
"""The engine of networks that compute in 8-bit integers on CPUs, and in floats elsewhere."""
IN_INTEGERS = "in 8-bit integers"
"""Where the card says, about its training, what such a model scores beside the same in floats."""
FOREIGN = "foreign network"
"""The engine of networks that were made elsewhere: they run, but are not trained further."""

Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Engine:
    """One way to compute maps.

    Parameters
    ----------
    files : tuple of str
        What it needs of a package, besides the card.
    agreement : float
        Share of the test output that every computer gets right. Where something is decided, as in
        trees and at thresholds, a different rounding can make another answer of a few pixels.
    open : callable
        ``open(facts, files, device, threads, name)`` returns it ready to run.
    exact : str
        The engine that the test output was computed with, where this one only comes near.
    """

    files: tuple[str, ...]
    agreement: float
    open: Callable[[NetworkFacts, Files, Device, int | None, str], MapNetwork]
    exact: str = ""


def find_engine(name: str, source: str) -> Engine:
    """Return the engine that the card of a model names.

    Raises
    ------
    ModelError
        If this version does not have it; `source` is what the message calls the model.
    """
    if name not in ENGINES:
        raise ModelError(
            f"'{source}' runs on '{name}', which this version of Cellwright does not have "
            f"({', '.join(ENGINES)}). Update Cellwright."
        )
    return ENGINES[name]


def trainable(facts: NetworkFacts) -> bool:
    """Return whether a model has weights that training can start from."""
    return facts.engine in ENGINES and WEIGHTS in ENGINES[facts.engine].files


def open_engine(
    facts: NetworkFacts,
    files: Files,
    *,
    device: Device = "auto",
    threads: int | None = None,
    name: str,
) -> MapNetwork:
    """Return what computes the maps of a model.

    Parameters
    ----------
    facts : NetworkFacts
    files : mapping
        Those of the package.
    device, threads
        As in `load_model`; only networks heed them.
    name : str
        What messages call the model.

    Raises
    ------
    ModelError
        If it is broken, or is not what the card says.
    UsageError
        If there is no such device, or no such number of threads.
    """
    check_one_of(get_args(Device), device=device)
    check_whole_numbers(1, **given(threads=threads))
    engine = find_engine(facts.engine, name).open(facts, files, device, threads, name)
    if (engine.stride, engine.halo) != (facts.stride, facts.halo):
        raise ModelError(
            f"The model.json of '{name}' states another stride or halo than its {facts.engine} "
            "has. Get the model again."
        )
    return engine


def _network(
    facts: NetworkFacts, files: Files, device: Device, threads: int | None, name: str
) -> MapNetwork:
    return _onnx(files[NETWORK], facts, device, threads, name)


def _int8_network(
    facts: NetworkFacts, files: Files, device: Device, threads: int | None, name: str
) -> MapNetwork:
    content = files[NETWORK if runs_on_gpu(device) else NETWORK_INT8]
    return _onnx(content, facts, device, threads, name)


def _onnx(
    content: bytes, facts: NetworkFacts, device: Device, threads: int | None, name: str
) -> MapNetwork:
    return OnnxNetwork(
        content,
        stride=facts.stride,
        halo=facts.halo,
        bytes_per_pixel=facts.bytes_per_pixel,
        device=device,
        threads=threads,
        name=name,
    )


def _forest(
    facts: NetworkFacts, files: Files, device: Device, threads: int | None, name: str
) -> MapNetwork:
    from cellwright.methods.pixels.storage import from_bytes

    return from_bytes(files[FOREST])


def _filters(
    facts: NetworkFacts, files: Files, device: Device, threads: int | None, name: str
) -> MapNetwork:
    from cellwright.methods.classical.filters import filters_from_json

    return filters_from_json(facts.config)


ENGINES: dict[str, Engine] = {
    "network": Engine((NETWORK, WEIGHTS), 1.0, _network),
    INT8: Engine((NETWORK, WEIGHTS, NETWORK_INT8), 1.0, _int8_network, exact="network"),
    FOREIGN: Engine((NETWORK,), 0.999, _network),
    "forest": Engine((FOREST,), 0.99, _forest),
    "filters": Engine((), 0.99, _filters),
}
"""The engines by name, as the card of a model says it."""
