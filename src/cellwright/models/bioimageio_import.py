"""Import of BioImage.IO packages: Cellwright's own as they were, others as far as is exact.

Of a package from elsewhere the ONNX weights are taken. What its description asks for before and
behind the network becomes part of the graph, but for statistics of the image, which a
`Normalisation` takes of the whole of it; then the maps are made into those of a method of ours.
Before anything is kept, the package's test image must give its test output. No code of a package
is ever run, and nothing is unpickled.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._errors import ModelError, UsageError
from cellwright._files import atomic_path
from cellwright._types import AnyArray, FloatArray
from cellwright._words import percent
from cellwright.images.normalise import Normalisation
from cellwright.inference.runtime import OnnxNetwork
from cellwright.models.bioimageio import PACKAGE
from cellwright.models.bioimageio_description import Description, Tensor, read_description
from cellwright.models.bioimageio_files import (
    FileReference,
    PackageFiles,
    content_of,
    description_of,
)
from cellwright.models.bioimageio_outputs import Reading, reading_of
from cellwright.models.bioimageio_steps import add_steps, normalisation_of
from cellwright.models.card import RGB, InputContract, ModelCard, NetworkFacts
from cellwright.models.engines import FOREIGN, NETWORK
from cellwright.models.onnx_graph import Nodes, bytes_per_pixel, graph_inputs, parsed, wrapped
from cellwright.models.package import make_files, save_package
from cellwright.models.probing import find_halo, find_stride

_LEAST_BYTES = 512  # per pixel, where the graph does not tell the sizes of its maps
_TOLERANCE = 1e-3  # absolute, and of the range of the maps
_OUTLIERS = 1e-4  # share of the maps that may differ more: at thresholds, rounding decides


@dataclass(frozen=True, slots=True)
class _Foreign:
    """A package from elsewhere, opened."""

    files: PackageFiles
    description: Description
    given: Tensor
    made: Tensor

    @property
    def name(self) -> str:
        return self.files.name

    @property
    def dimensions(self) -> int:
        return len(self.given.space)

    def array(self, tensor: Tensor) -> FloatArray:
        """Return the first of a tensor's stored examples, shape (C, [Z,] Y, X)."""
        data = content_of(self.files, tensor.test)
        try:
            stored: AnyArray = np.load(io.BytesIO(data), allow_pickle=False)
            first: FloatArray = stored.transpose(_order(tensor))[0].astype(np.float32)
        except (ValueError, IndexError, EOFError, OSError) as error:
            raise ModelError(
                f"'{tensor.test.source}' in '{self.name}' is not the array that is described: "
                f"{error}."
            ) from error
        return first


def import_bioimageio(
    files: PackageFiles,
    target: Path,
    *,
    name: str | None = None,
    method: str | None = None,
) -> None:
    """Write a BioImage.IO package as a package of Cellwright.

    Parameters
    ----------
    files : PackageFiles
    target : Path
        The ``.cellwright`` file to be written.
    name : str, optional
        Of the model; made from the package's own by default. Cellwright's own keep theirs.
    method : str, optional
        What reads its maps; it follows from the description by default.

    Raises
    ------
    ModelError
        If something in it is not supported, or its test output is missed.
    UsageError
        If a method is asked for that the model does not leave open.
    """
    description = read_description(files)
    own = description.attachments.get(PACKAGE)
    if own is not None and method is not None:
        raise UsageError(f"'{files.name}' is a model of Cellwright, which keeps its method.")
    if own is not None:
        with atomic_path(target) as temporary:
            temporary.write_bytes(content_of(files, own))
        return
    foreign = _opened(files, description)
    network, normalisation, reading, pixels = _taken(foreign, method)
    stride, halo, bounded = _probed(foreign, network, pixels)
    facts = NetworkFacts(
        config={},
        stride=stride,
        halo=halo,
        bytes_per_pixel=max(_LEAST_BYTES, bytes_per_pixel(network, stride)),
        engine=FOREIGN,
    )
    card = _card(foreign, reading, normalisation, facts, name, bounded)
    maps = _runner(network, foreign)(pixels[np.newaxis])
    save_package(target, card, make_files({NETWORK: network}, pixels[np.newaxis], maps))


def _opened(files: PackageFiles, description: Description) -> _Foreign:
    """Return a package whose tensors are an image and maps of it."""
    if (len(description.inputs), len(description.outputs)) != (1, 1):
        raise ModelError(
            f"'{files.name}' has {len(description.inputs)} inputs and {len(description.outputs)} "
            "outputs; Cellwright runs models that make one set of maps of one image."
        )
    given, made = description.inputs[0], description.outputs[0]
    for tensor in (given, made):
        axes = set(tensor.axes)
        if len(tensor.space) < 2 or axes != {"batch", "channel", *tensor.space}:
            raise ModelError(
                f"'{tensor.name}' of '{files.name}' has the axes {', '.join(tensor.axes)}; "
                "Cellwright runs networks with batch, channel, and y and x or z, y and x."
            )
    if made.space != given.space or not made.like_input:
        raise ModelError(
            f"The maps of '{files.name}' are not of the size of the image; Cellwright needs one "
            "value per pixel."
        )
    return _Foreign(files, description, given, made)


def _taken(
    foreign: _Foreign, method: str | None
) -> tuple[bytes, Normalisation, Reading, FloatArray]:
    """Return network, normalisation, how maps are read, and the test image, all checked."""
    weights = _onnx_weights(foreign)
    model = parsed(content_of(foreign.files, weights), foreign.name)
    given, made = foreign.given, foreign.made
    normalisation, later = normalisation_of(given)
    types = _types(model)

    def before(nodes: Nodes, value: str) -> str:
        seen = nodes.add("Transpose", add_steps(nodes, value, later, given), perm=_inverse(given))
        return nodes.add("Cast", seen, to=types[0])

    def behind(nodes: Nodes, value: str) -> str:
        plain = nodes.add("Cast", value, to=_FLOAT)
        return add_steps(nodes, nodes.add("Transpose", plain, perm=_order(made)), made.steps, made)

    sizes = {"channels": len(given.channels), "dimensions": foreign.dimensions}
    described = wrapped(model, before=before, behind=behind, maps=None, **sizes)
    raw = foreign.array(given)
    pixels = normalisation.apply(raw, normalisation.limits(raw))
    maps = _runner(described, foreign)(pixels[np.newaxis])[0]
    _compare(foreign, maps)
    reading = reading_of(foreign.description, made, maps, method)
    network = wrapped(
        model,
        before=before,
        behind=lambda nodes, value: reading.convert(nodes, behind(nodes, value)),
        maps=reading.maps,
        **sizes,
    )
    return network, normalisation, reading, pixels


def _onnx_weights(foreign: _Foreign) -> FileReference:
    weights = foreign.description.weights
    if "onnx" not in weights:
        raise ModelError(
            f"'{foreign.name}' holds its weights as {', '.join(weights) or 'nothing'} only. "
            "Cellwright runs ONNX, which needs no code of the package. Whoever trusts the package "
            "can add ONNX weights with bioimageio.core ('bioimageio add-weights') and import that."
        )
    return weights["onnx"]


_FLOAT = 1  # onnx.TensorProto.FLOAT


def _types(model: Any) -> tuple[int, int]:
    """Return the types of the values that a network takes and makes, as ONNX numbers them."""
    ends = graph_inputs(model)[0], model.graph.output[0]
    given, made = (int(end.type.tensor_type.elem_type) or _FLOAT for end in ends)
    return given, made


def _order(tensor: Tensor) -> list[int]:
    """Return which axis of a tensor stands at each place of N, C, [Z,] Y, X."""
    return [tensor.axes.index(axis) for axis in ("batch", "channel", *tensor.space)]


def _inverse(tensor: Tensor) -> list[int]:
    ours = ("batch", "channel", *tensor.space)
    return [ours.index(axis) for axis in tensor.axes]


def _runner(network: bytes, foreign: _Foreign) -> OnnxNetwork:
    ones = (1,) * foreign.dimensions
    return OnnxNetwork(network, stride=ones, halo=ones, device="cpu", name=foreign.name)


def _compare(foreign: _Foreign, maps: FloatArray) -> None:
    """Refuse a model that does not make of its test image what it says."""
    expected = foreign.array(foreign.made)
    if maps.shape != expected.shape:
        raise ModelError(
            f"'{foreign.name}' makes maps of shape {maps.shape} of its test image, not "
            f"{expected.shape} as in its test output. The model is not imported."
        )
    allowed = _TOLERANCE * max(1.0, float(np.ptp(expected)))
    difference = np.abs(maps - expected)
    off = float(np.mean(~(difference <= allowed)))
    if off > _OUTLIERS:
        raise ModelError(
            f"'{foreign.name}' misses its own test output by up to {difference.max():.3g} "
            f"({percent(off, 1)} of the values by more than {allowed:.2g}). The package is not "
            "what it says, or was damaged; the model is not imported."
        )


def _probed(
    foreign: _Foreign, network: bytes, pixels: FloatArray
) -> tuple[tuple[int, ...], tuple[int, ...], bool]:
    """Return stride, halo, and whether the network sees no farther than that."""
    given, run = foreign.given, _runner(network, foreign)
    least = tuple(given.least[axis] for axis in given.space)
    step = tuple(given.step[axis] for axis in given.space)
    stride = find_stride(run, len(given.channels), least, step, foreign.name)
    return stride, *find_halo(run, pixels, stride)


def _card(
    foreign: _Foreign,
    reading: Reading,
    normalisation: Normalisation,
    facts: NetworkFacts,
    name: str | None,
    bounded: bool,
) -> ModelCard:
    said = foreign.description
    return ModelCard(
        name=name or _plain(said.name),
        version=said.version,
        description=said.description,
        task=reading.task,
        method=reading.method,
        readout=reading.readout,
        network=facts,
        input=InputContract(_channels(foreign.given), normalisation),
        limits=_limits(reading, normalisation, facts, bounded),
        licence=said.licence,
        authors=said.authors,
        origin=_origin(foreign),
    )


def _channels(tensor: Tensor) -> tuple[str, ...]:
    letters = tuple(name[:1].lower() for name in tensor.channels)
    if letters == ("r", "g", "b"):
        return RGB
    return ("grey",) if len(tensor.channels) == 1 else tensor.channels


def _limits(
    reading: Reading, normalisation: Normalisation, facts: NetworkFacts, bounded: bool
) -> str:
    told = ["Sees every image at its own scale: objects must be as large as in its training."]
    if reading.task == "instances":
        told.append("Does not know how sure it is: the confidence of every object is 1.")
    if "largest" in reading.readout:
        told.append(f"Objects longer than {reading.readout['largest']} px are left out.")
    if normalisation.kind == "none":
        told.append("Takes intensities as they are: they must be in the range of its training.")
    if not bounded:
        reach = max(facts.halo)
        told.append(f"Sees farther than {reach} px: in larger images, tiles change the result.")
    return " ".join(told)


def _origin(foreign: _Foreign) -> Mapping[str, Any]:
    said = foreign.description
    return {
        "format": f"BioImage.IO {said.format_version}",
        "name": said.name,
        "description sha256": sha256(description_of(foreign.files)).hexdigest(),
        "cite": list(said.cite),
        "documentation": said.documentation,
        "covers": list(said.covers),
        "tags": list(said.tags),
    }


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_")[:64].rstrip("-_") or "model"
