"""Export to the BioImage.IO model format 0.5, which other tools of the field open.

The package describes itself with ``rdf.yaml``: test tensors, axes with steps and halo, ONNX
weights. Our normalisation is the format's own percentile scaling followed by a compression of
bright pixels that the format cannot express; the compression is put in front of the network, so
that the exported model computes exactly what ours does. Our own package is attached, so that it
comes back as it was.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from cellwright import __version__
from cellwright._errors import ModelError
from cellwright._files import atomic_path
from cellwright._types import AnyArray, FloatArray
from cellwright._words import by_place
from cellwright.images.normalise import Normalisation
from cellwright.inference.runtime import OnnxNetwork
from cellwright.models.card import InputContract, ModelCard
from cellwright.models.example import example_image, example_size
from cellwright.models.onnx_graph import Nodes, parsed, wrapped
from cellwright.models.package import NETWORK, Package, array_bytes, save_package
from cellwright.models.readouts import classes_of, map_reader_of

FORMAT_VERSION = "0.5.3"
PACKAGE = "model.cellwright"
"""Name of the attachment that is the model as Cellwright keeps it."""
_OPSET = 17
_HOME = "https://pypi.org/project/cellwright"
_COVER_SIDE = 256  # px of each half
_TAGS = {"instances": ("instance-segmentation",), "classes": ("semantic-segmentation",)}

_PERCENTILES = (
    "Percentiles {low} and {high} of the whole image become 0 and 1, not those of a tile."
)
_NORMALISED = {
    "compressed": _PERCENTILES,
    "range": _PERCENTILES,
    "moments": "The mean of the whole image becomes 0 and its deviation 1, not those of a tile.",
    "none": "Intensities are taken as they are.",
}


def export_bioimageio(package: Package, target: Path) -> None:
    """Write a model as a BioImage.IO package.

    Parameters
    ----------
    package : Package
    target : Path
        The ``.zip`` file to be written.

    Raises
    ------
    ModelError
        If the onnx package is missing or the network cannot be extended.
    OutputError
        If the file cannot be written.
    """
    card = package.card
    if card.task not in _TAGS or NETWORK not in package.files:
        raise ModelError(
            f"'{card.name}' has no network that other programs could run (task {card.task}, "
            f"method {card.method}). Export it for users of Cellwright with "
            f"{by_place('--format cellwright', 'cellwright.models.package.save_package')}."
        )
    size = example_size(card.network.stride, card.network.halo)
    raw = example_image(len(card.input.channels), size)
    network = _with_compression(package.files[NETWORK], card)
    scaled = _scaled(raw, card)
    runtime = OnnxNetwork(network, stride=card.network.stride, halo=card.network.halo, device="cpu")
    maps = runtime(scaled[np.newaxis])
    outputs, found = _read(card, maps[0])
    content = {
        "network.onnx": network,
        "test_input.npy": array_bytes(raw[np.newaxis]),
        "test_output.npy": array_bytes(maps),
        "cover.png": _png(_cover(raw, found)),
        "README.md": _documentation(card).encode(),
        PACKAGE: _packed(package),
    }
    rdf = _description(card, outputs, raw.shape[1:], content)
    with atomic_path(target) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, data in {"rdf.yaml": _yaml(rdf), **content}.items():
            archive.writestr(name, data, zipfile.ZIP_DEFLATED)


def _with_compression(network: bytes, card: ModelCard) -> bytes:
    """Put the second half of `Normalisation.apply` in front of a network, where it has one.

    ``max(min(x, 1) + log(max(x, 1)), -1)``: x below 1 stays, above 1 becomes 1 + log x.
    """

    def compressed(nodes: Nodes, value: str) -> str:
        one = nodes.constant(1.0)
        bright = nodes.add("Log", nodes.add("Max", value, one))
        both = nodes.add("Add", nodes.add("Min", value, one), bright)
        return nodes.add("Max", both, nodes.constant(-1.0))

    plain = card.input.normalisation.kind != "compressed"
    return wrapped(
        parsed(network, card.name),
        before=(lambda nodes, value: value) if plain else compressed,
        behind=lambda nodes, value: value,
        channels=len(card.input.channels),
        maps=None,
        dimensions=card.network.dimensions,
    )


def _packed(package: Package) -> bytes:
    """Return a package as one file."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / PACKAGE
        save_package(target, package.card, package.files)
        return target.read_bytes()


def _scaled(raw: FloatArray, card: ModelCard) -> FloatArray:
    """Return what the format's own preprocessing makes of `raw` (C, [Z,] Y, X)."""
    limits = card.input.normalisation.limits(raw)
    low, high = limits.T.reshape(2, -1, *(1,) * (raw.ndim - 1))
    scaled: AnyArray = (raw - low) / (high - low + 1e-6)
    return scaled.astype(np.float32)


def _description(
    card: ModelCard,
    outputs: tuple[str, ...],
    shape: tuple[int, ...],
    content: Mapping[str, bytes],
) -> dict[str, Any]:
    cited = (card.origin or {}).get("cite", ())
    return {
        "type": "model",
        "format_version": FORMAT_VERSION,
        "name": f"Cellwright {card.name}",
        "version": card.version,
        "description": card.description[:1024],
        "authors": [{"name": name} for name in card.authors or ("Cellwright",)],
        "cite": [{"text": text, "url": _HOME} for text in (f"Cellwright {__version__}", *cited)],
        **({"license": card.licence} if card.licence else {}),
        "documentation": "README.md",
        "covers": ["cover.png"],
        "tags": ["segmentation", *_TAGS[card.task], f"{len(shape)}d", "cellwright", "microscopy"],
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "attachments": [_file(PACKAGE, content)],
        "inputs": [_input(card, content)],
        "outputs": [_output(card, outputs, content)],
        "weights": {"onnx": _file("network.onnx", content) | {"opset_version": _OPSET}},
        "config": {
            "cellwright": {"version": __version__, "method": card.method},
            "bioimageio": {"task": card.task, "out_of_scope_use": card.limits or None},
        },
    }


def _input(card: ModelCard, content: Mapping[str, bytes]) -> dict[str, Any]:
    axes = "zyx"[-card.network.dimensions :]
    return {
        "id": "pixels",
        "description": _input_description(card),
        "axes": [
            {"type": "batch"},
            {"type": "channel", "channel_names": _identifiers(card.input.channels)},
            *map(_input_axis, axes, card.network.stride, card.network.halo),
        ],
        "data": {"type": "float32"},
        "test_tensor": _file("test_input.npy", content),
        "preprocessing": _preprocessing(card.input.normalisation, axes),
    }


def _output(
    card: ModelCard, outputs: tuple[str, ...], content: Mapping[str, bytes]
) -> dict[str, Any]:
    axes = "zyx"[-card.network.dimensions :]
    return {
        "id": "maps",
        "description": "What objects are read from; see the documentation.",
        "axes": [
            {"type": "batch"},
            {"type": "channel", "channel_names": _identifiers(outputs)},
            *map(_output_axis, axes, card.network.halo),
        ],
        "data": {"type": "float32"},
        "test_tensor": _file("test_output.npy", content),
    }


def _preprocessing(normalisation: Normalisation, axes: str) -> list[dict[str, Any]]:
    along = ["channel", *axes] if normalisation.joint else [*axes]
    if normalisation.kind == "none":
        return []
    if normalisation.kind == "moments":
        return [{"id": "zero_mean_unit_variance", "kwargs": {"axes": along}}]
    limits = {"min_percentile": normalisation.low, "max_percentile": normalisation.high}
    return [{"id": "scale_range", "kwargs": {"axes": along, **limits}}]


def _input_description(card: ModelCard) -> str:
    if card.input.diameter is None:
        return "An image at the resolution of the training images."
    return f"Objects are about {card.input.diameter:g} pixels across."


def _input_axis(axis: str, stride: int, halo: int) -> dict[str, Any]:
    least = -(-(2 * halo + 1) // stride) * stride
    return {"type": "space", "id": axis, "size": {"min": least, "step": stride}}


def _output_axis(axis: str, halo: int) -> dict[str, Any]:
    size = {"tensor_id": "pixels", "axis_id": axis}
    return {"type": "space", "id": axis, "size": size, "halo": halo}


def _identifiers(names: tuple[str, ...]) -> list[str]:
    return [name.replace(" ", "_") for name in names]


def _file(name: str, content: Mapping[str, bytes]) -> dict[str, Any]:
    return {"source": name, "sha256": sha256(content[name]).hexdigest()}


def _yaml(content: Mapping[str, Any]) -> bytes:
    import yaml

    text: str = yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True)
    return text.encode()


def _read(card: ModelCard, maps: FloatArray) -> tuple[tuple[str, ...], AnyArray]:
    """Return the names of the maps, and what is read from them: objects or classes, as numbers."""
    if card.task == "classes":
        classes = classes_of(card)
        return classes.outputs, classes.decode(maps)
    reader = map_reader_of(card)
    return reader.outputs, reader.decode(maps).labels


def _cover(raw: FloatArray, labels: AnyArray) -> AnyArray:
    """Return the test image beside what was found in it, uint8 (Y, X, 3); of volumes the middle."""
    grey = raw.mean(0)
    if grey.ndim == 3:
        grey, labels = grey[len(grey) // 2], labels[len(labels) // 2]
    low, high = np.percentile(grey, [1, 99.8])
    stretched = np.clip((grey - low) / max(high - low, 1e-6), 0, 1) * 255
    colours = np.random.default_rng(0).integers(80, 256, (labels.max() + 1, 3))
    colours[0] = 0
    halves = [np.repeat(stretched[..., np.newaxis], 3, axis=-1), colours[labels]]
    zoom = max(1, _COVER_SIDE // len(grey))
    picture = np.concatenate(halves, axis=1).repeat(zoom, axis=0).repeat(zoom, axis=1)
    return picture.astype(np.uint8)


def _png(picture: AnyArray) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.png_encode(picture))


def _input_documentation(contract: InputContract) -> str:
    """Say what images the network takes, and what it does with them."""
    channels = (
        "RGB, or one channel given three times"
        if len(contract.channels) == 3
        else ", ".join(contract.channels)
    )
    sizes = ""
    if contract.diameter_range is not None:
        low, high = contract.diameter_range
        sizes = f"; objects {low:g} to {high:g} pixels across (resample the image otherwise)"
    mirrors = ""
    if contract.tta != "never":
        which = "every image" if contract.tta == "always" else f"an image on a {contract.tta}"
        mirrors = f" Of {which}, Cellwright takes the mean over its mirror images."
    normalisation = contract.normalisation
    normalised = _NORMALISED[normalisation.kind].format(
        low=f"{normalisation.low:g}", high=f"{normalisation.high:g}"
    )
    return f"{channels}{sizes}. {normalised}{mirrors}"


def _documentation(card: ModelCard) -> str:
    readout = ", ".join(f"{name} = {value}" for name, value in card.readout.items())
    return f"""# {card.name} {card.version}

{card.description}

## Input

{_input_documentation(card.input)}

## Output

Maps from which objects are read by the method '{card.method}' ({readout}). Cellwright does this:
`cellwright models import model.zip`, and then
`cellwright segment IMAGES -o RESULTS --model {card.name}`.

## Validation

{_as_list(card.evaluation) or "No evaluation is recorded."}

## Training

{_as_list(card.training) or "No training is recorded."}

## Limits

{card.limits or "None are stated."}
"""


def _as_list(facts: Mapping[str, Any]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())
