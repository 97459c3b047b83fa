"""From a network in single precision to the same in 8-bit integers, which CPUs run faster."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from cellwright._errors import ModelError
from cellwright._types import FloatArray
from cellwright.inference.runtime import MapNetwork
from cellwright.models.engines import INT8, NETWORK, NETWORK_INT8, trainable
from cellwright.models.onnx_graph import import_onnx, parsed
from cellwright.models.package import Package

_PART = 256  # px, of the side of what is kept of a tile
_PARTS = 200  # that are kept in all


class Watched:
    """A network that keeps some of what it sees.

    Parameters
    ----------
    network : MapNetwork
        What computes the maps.
    seed : int
        Of the draw.

    Attributes
    ----------
    seen : list of ndarray, shape (1, C, Y, X), float32
        The middle of some of the tiles, drawn by chance, normalised.
    """

    def __init__(self, network: MapNetwork, seed: int = 0) -> None:
        self.stride = network.stride
        self.halo = network.halo
        self.bytes_per_pixel = network.bytes_per_pixel
        self.seen: list[FloatArray] = []
        self._network = network
        self._random = np.random.default_rng(seed)
        self._tiles = 0

    def __call__(self, pixels: FloatArray) -> FloatArray:
        """Return the maps of normalised pixels, as the network does."""
        self._tiles += 1
        place = len(self.seen) if self._tiles <= _PARTS else self._random.integers(self._tiles)
        if place < _PARTS:  # so that each tile so far is among them with the same chance
            self.seen[place : place + 1] = [_middle(pixels[:1], self.stride)]
        return self._network(pixels)


def _middle(pixels: FloatArray, stride: tuple[int, ...]) -> FloatArray:
    """Return the middle of a tile, of a size that the network takes."""
    sizes = [
        min(size, max(_PART // step, 1) * step)
        for size, step in zip(pixels.shape[2:], stride, strict=True)
    ]
    first = [(whole - size) // 2 for whole, size in zip(pixels.shape[2:], sizes, strict=True)]
    inside = [slice(start, start + size) for start, size in zip(first, sizes, strict=True)]
    return np.ascontiguousarray(pixels[:, :, *inside])


def refuse_unless_quantisable(package: Package) -> None:
    """Raise `ModelError` if a model gains nothing from 8-bit integers, or cannot have them."""
    facts = package.card.network
    if not trainable(facts):
        raise ModelError(
            f"'{package.source}' has no network that was trained here ({facts.engine}); others are "
            "not turned into 8-bit integers."
        )
    if facts.dimensions == 3:
        raise ModelError(
            f"'{package.source}' is a model of volumes, which ONNX Runtime does not compute faster "
            "in 8-bit integers than in floats."
        )


def in_floats(package: Package) -> Package:
    """Return a model of planes or volumes that computes in floats, also where it need not."""
    if package.card.network.engine != INT8:
        return package
    network = replace(package.card.network, engine="network")
    files = {name: data for name, data in package.files.items() if name != NETWORK_INT8}
    return replace(package, card=replace(package.card, network=network), files=files)


def with_int8(package: Package, seen: Iterable[FloatArray]) -> Package:
    """Return a model that runs in 8-bit integers on CPUs, and as before elsewhere.

    Parameters
    ----------
    package : Package
        Of planes, with a network that was trained here.
    seen : iterable of ndarray, shape (1, C, Y, X), float32
        What the network sees of typical images: the ranges of all its layers are told from these.

    Raises
    ------
    ModelError
        If it is another, or its network cannot be expressed in integers.
    """
    refuse_unless_quantisable(package)
    content = quantised(package.files[NETWORK], seen)
    card = replace(package.card, network=replace(package.card.network, engine=INT8))
    return replace(package, card=card, files={**package.files, NETWORK_INT8: content}, sha256="")


def quantised(network: bytes, seen: Iterable[FloatArray]) -> bytes:
    """Return a network with weights and maps in 8-bit integers, each over the range it was seen in.

    Weights take 7 of the 8 bits: older CPUs add products of 8-bit integers in 16 bits, where the
    largest would not fit, and make other maps than newer ones.

    Parameters
    ----------
    network : bytes
        ONNX in single precision.
    seen : iterable of ndarray, shape (1, C, Y, X), float32

    Raises
    ------
    ModelError
        If it cannot be expressed so.

    References
    ----------
    Jacob et al., "Quantization and training of neural networks for efficient
    integer-arithmetic-only inference", CVPR 2018.
    """
    import_onnx()
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    entry = parsed(network, "the model").graph.input[0].name
    with tempfile.TemporaryDirectory() as folder, _quiet():
        given, simpler, made = (Path(folder) / name for name in ("given", "simpler", "made"))
        given.write_bytes(network)
        try:
            quant_pre_process(given, simpler, skip_symbolic_shape=True)
            quantize_static(
                simpler,
                made,
                _Reader(entry, iter(seen)),
                quant_format=QuantFormat.QOperator,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                per_channel=True,
                reduce_range=True,
            )
        except Exception as error:  # those of onnxruntime share no base class
            raise ModelError(f"The network cannot run in 8-bit integers: {error}.") from error
        return made.read_bytes()


class _Reader:
    """What onnxruntime asks for one input after the other."""

    def __init__(self, entry: str, seen: Iterator[FloatArray]) -> None:
        self._entry, self._seen = entry, seen

    def get_next(self) -> dict[str, FloatArray] | None:
        one = next(self._seen, None)
        return None if one is None else {self._entry: one}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep onnxruntime from advising people who did not ask about how to prepare networks."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.setLevel(level)
