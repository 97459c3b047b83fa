"""What a BioImage.IO package says about itself, in the formats 0.4 and 0.5, as one record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cellwright._errors import ModelError
from cellwright.models.bioimageio_files import FileReference, PackageFiles, description_of

SPACE = ("z", "y", "x")
_LETTERS = {"b": "batch", "c": "channel", "i": "index", "t": "time", "z": "z", "y": "y", "x": "x"}


@dataclass(frozen=True, slots=True)
class Step:
    """A step of processing before or after the network.

    Parameters
    ----------
    name : str
    options : mapping
        Axes are named as in `Tensor`.
    """

    name: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or an output of a network.

    Parameters
    ----------
    name : str
    description : str
    axes : tuple of str
        In their order: ``"batch"``, ``"channel"``, ``"z"``, ``"y"``, ``"x"``, or others.
    channels : tuple of str
        Their names; ``"channel 1"``... where none are given.
    least, step : mapping
        Least size, and by what it grows, of each axis in space, in px; a fixed size has step 0.
        Of an output they are 0.
    like_input : bool
        Whether it is as large as the input in space.
    steps : tuple of Step
    test : FileReference
        A stored example.
    """

    name: str
    description: str
    axes: tuple[str, ...]
    channels: tuple[str, ...]
    least: Mapping[str, int]
    step: Mapping[str, int]
    like_input: bool
    steps: tuple[Step, ...]
    test: FileReference

    @property
    def space(self) -> tuple[str, ...]:
        """Its axes in space, in the order Z, Y, X."""
        return tuple(axis for axis in SPACE if axis in self.axes)


@dataclass(frozen=True, slots=True)
class Description:
    """What a package says about itself.

    Parameters
    ----------
    format_version, name, version, description : str
    authors, cite, tags, covers : tuple of str
    licence : str, optional
    documentation : str
    inputs, outputs : tuple of Tensor
    weights : mapping
        File by kind, such as ``"onnx"``.
    attachments : mapping
        Further files by name.
    config : mapping
        What programs have left for themselves.
    """

    format_version: str
    name: str
    version: str
    description: str
    authors: tuple[str, ...]
    cite: tuple[str, ...]
    tags: tuple[str, ...]
    covers: tuple[str, ...]
    licence: str | None
    documentation: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    weights: Mapping[str, FileReference]
    attachments: Mapping[str, FileReference] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)


def read_description(files: PackageFiles) -> Description:
    """Return what a package says about itself.

    Raises
    ------
    ModelError
        If the description is broken, of another format, or not of a model.
    """
    import yaml

    try:
        content = yaml.safe_load(description_of(files))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise ModelError(
            f"The description in '{files.name}' is not valid YAML: {error}."
        ) from error
    if not isinstance(content, dict) or content.get("type", "model") != "model":
        raise ModelError(f"'{files.name}' does not describe a model.")
    version = content.get("format_version")
    if not isinstance(version, str) or not version.startswith(("0.4.", "0.5.")):
        raise ModelError(
            f"'{files.name}' is not of the BioImage.IO format 0.4 or 0.5; others are not read. "
            "Get a newer package of the model."
        )
    tensors = _tensors_04 if version.startswith("0.4.") else _tensors_05
    try:
        inputs, outputs = tensors(content)
        return Description(
            format_version=version,
            name=_text(content["name"]),
            version=_text(content.get("version") or "1"),
            description=_text(content.get("description") or content["name"]).strip(),
            authors=tuple(_text(one["name"]) for one in content.get("authors") or ()),
            cite=tuple(map(_citation, content.get("cite") or ())),
            tags=tuple(map(_text, content.get("tags") or ())),
            covers=tuple(_file(one).source for one in content.get("covers") or ()),
            licence=_text(content["license"]) if content.get("license") else None,
            documentation=_file(content.get("documentation") or "").source,
            inputs=inputs,
            outputs=outputs,
            weights={_text(kind): _file(one) for kind, one in content["weights"].items()},
            attachments=_attachments(content.get("attachments")),
            config=content.get("config") or {},
        )
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"The description in '{files.name}' is broken: {type(error).__name__} ({error}). "
            "Get the model again."
        ) from error


def _text(value: Any) -> str:
    """Return a plain value as text; what nests could be endless."""
    if not isinstance(value, str | int | float):
        raise TypeError(f"a {type(value).__name__} stands where text belongs")
    return str(value)


def _file(content: Any) -> FileReference:
    if isinstance(content, str):
        return FileReference(content)
    stated = content.get("sha256")
    return FileReference(_text(content["source"]), _text(stated) if stated else None)


def _attachments(content: Any) -> dict[str, FileReference]:
    named = content.get("files", []) if isinstance(content, dict) else content or []  # 0.4, 0.5
    files = map(_file, named)
    return {file.source: file for file in files}


def _citation(content: Mapping[str, Any]) -> str:
    link = content.get("doi") or content.get("url") or ""
    return f"{content['text']} {link}".strip()


def _tensors_04(content: Mapping[str, Any]) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    inputs = tuple(
        _tensor_04(one, test, before="preprocessing")
        for one, test in zip(content["inputs"], content["test_inputs"], strict=True)
    )
    outputs = tuple(
        _tensor_04(one, test, before="postprocessing")
        for one, test in zip(content["outputs"], content["test_outputs"], strict=True)
    )
    return inputs, outputs


def _tensor_04(content: Mapping[str, Any], test: Any, *, before: str) -> Tensor:
    axes = tuple(_LETTERS[letter] for letter in content["axes"])
    shape = content["shape"]
    zeros = [0] * len(axes)
    like_input = False
    if isinstance(shape, list):
        least, step = shape, zeros
        like_input = True  # of a fixed size; the test image tells
    elif "min" in shape:
        least, step = shape["min"], shape["step"]
    else:
        least = step = zeros
        scaled = [
            (float(scale or 0), float(offset))
            for axis, scale, offset in zip(axes, shape["scale"], shape["offset"], strict=True)
            if axis in SPACE
        ]
        like_input = all(scale == (1.0, 0.0) for scale in scaled)
    channel = axes.index("channel") if "channel" in axes else None
    count = 1
    if channel is not None:
        count = int(least[channel]) or round(2 * float(shape["offset"][channel]))
    return Tensor(
        name=_text(content["name"]),
        description=_text(content.get("description") or ""),
        axes=axes,
        channels=_numbered(count),
        least={axis: int(least[i]) for i, axis in enumerate(axes) if axis in SPACE},
        step={axis: int(step[i]) for i, axis in enumerate(axes) if axis in SPACE},
        like_input=like_input,
        steps=tuple(_step_04(one) for one in content.get(before) or ()),
        test=_file(test),
    )


def _step_04(content: Mapping[str, Any]) -> Step:
    options = dict(content.get("kwargs") or {})
    if options.get("axes") is not None:
        options["axes"] = [_LETTERS[letter] for letter in options["axes"]]
    mode = options.pop("mode", "per_sample")
    if mode != "per_sample":
        return Step(f"{mode} {content['name']}", options)
    return Step(_text(content["name"]), options)


def _tensors_05(content: Mapping[str, Any]) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    inputs = tuple(_tensor_05(one, "preprocessing") for one in content["inputs"])
    scales = {
        (_text(tensor["id"]), _text(_axis_id(axis))): float(axis.get("scale", 1.0))
        for tensor in content["inputs"]
        for axis in tensor["axes"]
    }
    outputs = tuple(_tensor_05(one, "postprocessing", scales) for one in content["outputs"])
    return inputs, outputs


def _tensor_05(
    content: Mapping[str, Any],
    before: str,
    scales: Mapping[tuple[str, str], float] | None = None,
) -> Tensor:
    axes = {_axis_id(axis): axis for axis in content["axes"]}
    names: Sequence[str] = axes["channel"]["channel_names"] if "channel" in axes else ("channel",)
    space = {name: axis for name, axis in axes.items() if name in SPACE}
    return Tensor(
        name=_text(content["id"]),
        description=_text(content.get("description") or ""),
        axes=tuple(axes),
        channels=tuple(map(_text, names)),
        least={name: _size(axis, "min") for name, axis in space.items()},
        step={name: _size(axis, "step") for name, axis in space.items()},
        like_input=scales is not None and all(_as_large(axis, scales) for axis in space.values()),
        steps=tuple(
            Step(_text(one["id"]), dict(one.get("kwargs") or {}))
            for one in content.get(before) or ()
        ),
        test=_file(content["test_tensor"]),
    )


def _axis_id(axis: Mapping[str, Any]) -> str:
    """Return the name of an axis; the kinds beside space have one of their own."""
    kind = _text(axis["type"])
    return _text(axis.get("id", "x")) if kind == "space" else kind


def _size(axis: Mapping[str, Any], which: str) -> int:
    size = axis["size"]
    if isinstance(size, int):
        return size if which == "min" else 0
    return int(size.get(which, 0))


def _as_large(axis: Mapping[str, Any], scales: Mapping[tuple[str, str], float]) -> bool:
    """Return whether an axis of an output is as long as one of an input."""
    size = axis["size"]
    if isinstance(size, int):
        return True  # of a fixed size; the test image tells
    if "tensor_id" not in size:
        return False
    reference = scales[_text(size["tensor_id"]), _text(size["axis_id"])]
    return float(axis.get("scale", 1.0)) == reference and int(size.get("offset", 0)) == 0


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"channel {number}" for number in range(1, count + 1))
