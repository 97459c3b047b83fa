"""The card of a model: everything about it that is not an array, as ``model.json`` holds it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeAlias, get_args

from cellwright._arguments import check_texts
from cellwright._errors import ModelError
from cellwright.images.normalise import Normalisation

FORMAT = "cellwright model"
FORMAT_VERSIONS = (1, 2)
"""That of most models, and that of those which tell classes of objects apart, have a least
confidence for each class or look at mirror images, which older programs know nothing of."""
Tta: TypeAlias = Literal["never", "bright ground", "always"]
"""Which images a network sees in every mirror, for the mean of what it says (test-time
augmentation)."""
RGB = ("red", "green", "blue")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class InputContract:
    """What the network was trained to see.

    Parameters
    ----------
    channels : tuple of str
        Name of every channel of the network; `RGB` for colour images.
    normalisation : Normalisation
        How intensities are brought to the range of training.
    diameter : float, optional
        Typical diameter of the objects on the network's grid, in px; None for a network that sees
        every image at its own scale.
    diameter_range : tuple of float, optional
        Least and greatest diameter that the network handles without scaling the image, in px.
    anisotropy : float, optional
        Distance of planes on the network's grid, in its lateral px; None where that is unknown, or
        for planes.
    scale : float, optional
        Network pixels per pixel of the images that it learned from, where these are alike. Others
        are seen so, too: by a model of boxes always, by one of objects unless that fails plainly.
        None where the size of the objects is estimated.
    tta : {"never", "bright ground", "always"}
        Which images are seen in every mirror where nobody asks for anything else: those in which
        that finds more, as far as is known.
    """

    channels: tuple[str, ...]
    normalisation: Normalisation
    diameter: float | None = None
    diameter_range: tuple[float, float] | None = None
    anisotropy: float | None = None
    scale: float | None = None
    tta: Tta = "never"


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """What is needed to run the network, and to build it again for further training.

    What stands in for a network where there is none is described the same way.

    Parameters
    ----------
    config : mapping
        The description that the registry of networks builds it from; or the parameters of filters,
        or the size of a forest.
    stride : tuple of int
        Sizes must be multiples of it, per spatial axis ([Z,] Y, X).
    halo : tuple of int
        Radius of its receptive field, per spatial axis, in px.
    bytes_per_pixel : int
        Memory that its maps take while it runs, per pixel of the input.
    engine : str
        What computes the maps: ``"network"``, ``"int8 network"``, ``"foreign network"``,
        ``"forest"`` or ``"filters"``.
    """

    config: Mapping[str, Any]
    stride: tuple[int, ...]
    halo: tuple[int, ...]
    bytes_per_pixel: int
    engine: str = "network"

    @property
    def dimensions(self) -> int:
        """2 for planes, 3 for volumes."""
        return len(self.stride)


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a model is, how it came about and when not to trust it.

    Parameters
    ----------
    name : str
        Lower-case letters, digits, ``-`` and ``_``; at most 64.
    version : str
        Of the model, such as ``"1.0.0"``.
    description : str
        One sentence for people.
    task : str
        What it finds: ``"instances"`` (objects), ``"classes"`` (of pixels), ``"boxes"`` or
        ``"points"``.
    method : str
        Name of the method whose readout decodes the maps.
    readout : mapping
        Parameters of that readout; of objects also the names of their ``"classes"``, if the model
        tells any apart.
    network : NetworkFacts
    input : InputContract
    threshold : float
        Objects with a lower confidence are left out unless asked for.
    class_thresholds : mapping of str to float
        The same for single classes, which `threshold` is not for.
    calibration : mapping, optional
        How evidence becomes confidence.
    novelty : mapping, optional
        What the training images look like, to tell when an image does not.
    training : mapping
        Data, steps, seed, versions, time, history.
    evaluation : mapping
        Scores by group, and of what data.
    limits : str
        What it was not made for.
    licence : str, optional
        SPDX identifier; None where whoever made the model states none.
    authors : tuple of str
    origin : mapping, optional
        Of a model that was not trained here: the package it came from, and what to cite.

    Raises
    ------
    ModelError
        If the name is not a plain one.
    """

    name: str
    version: str
    description: str
    task: str
    method: str
    readout: Mapping[str, Any]
    network: NetworkFacts
    input: InputContract
    threshold: float = 0.0
    class_thresholds: Mapping[str, float] = field(default_factory=dict)
    calibration: Mapping[str, Any] | None = None
    novelty: Mapping[str, Any] | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    limits: str = ""
    licence: str | None = None
    authors: tuple[str, ...] = ()
    origin: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        check_name(self.name)

    def to_json(self) -> dict[str, Any]:
        """Return the card as ``model.json`` holds it, without the hashes of the files.

        Raises
        ------
        ModelError
            If a value cannot be written as JSON.
        """
        told = self.task == "instances" and "classes" in self.readout
        mirrored = self.input.tta != "never"
        version = FORMAT_VERSIONS[told or mirrored or bool(self.class_thresholds)]
        plain = {"format": FORMAT, "format_version": version, **asdict(self)}
        if not self.class_thresholds:
            del plain["class_thresholds"]
        if not mirrored:
            del plain["input"]["tta"]
        try:
            content: dict[str, Any] = json.loads(json.dumps(plain, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise ModelError(f"The card of the model '{self.name}' is no JSON: {error}.") from error
        return content


def check_name(name: str) -> None:
    """Raise `ModelError` unless `name` is a plain one, as a model may have.

    Raises
    ------
    UsageError
        If it is no text.
    """
    check_texts(name=name)
    if not _NAME.fullmatch(name):
        raise ModelError(
            f"'{name}' is not a name for a model. Use lower-case letters, digits, '-' "
            "and '_', at most 64 of them."
        )


def card_from_json(content: Any, source: str) -> ModelCard:
    """Return the card in a parsed ``model.json``.

    Parameters
    ----------
    content : object
        What the JSON holds; it is not trusted.
    source : str
        What messages call the package.

    Raises
    ------
    ModelError
        If it is no card, of a newer format, or a field is missing, extra or of a wrong kind.
    """
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ModelError(f"'{source}' is not a Cellwright model: its model.json says otherwise.")
    if content.get("format_version") not in FORMAT_VERSIONS:
        raise ModelError(
            f"'{source}' has model format {content.get('format_version')!r}, but this version of "
            f"Cellwright reads the formats {' and '.join(map(str, FORMAT_VERSIONS))}. Update "
            "Cellwright or export the model anew."
        )
    rest = {key: value for key, value in content.items() if key not in _ENVELOPE}
    try:
        values = _fields(ModelCard, rest)
        values["input"] = _contract(values["input"])
        values["network"] = _network_facts(values["network"])
        values["authors"] = tuple(_texts(values.get("authors", ())))
        values["threshold"] = _number(values.get("threshold", 0.0))
        values["class_thresholds"] = {
            _text(name): _number(value)
            for name, value in _mapping(values.get("class_thresholds", {})).items()
        }
        for name in ("name", "version", "description", "task", "method", "limits", "licence"):
            _text(values.get(name) or "")
        for name in ("readout", "training", "evaluation"):
            _mapping(values.get(name, {}))
        _mapping(values.get("origin") or {})
        return ModelCard(**values)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"The model.json of '{source}' is broken: {error}.") from error


_ENVELOPE = ("format", "format_version", "files")


def _contract(content: Any) -> InputContract:
    values = _fields(InputContract, content)
    values["channels"] = tuple(_texts(values["channels"]))
    values["normalisation"] = Normalisation(**_fields(Normalisation, values["normalisation"]))
    if values.get("diameter") is not None:
        low, high = (_number(value) for value in values["diameter_range"])
        values["diameter_range"] = (low, high)
    for name in ("diameter", "anisotropy", "scale"):
        if values.get(name) is not None:
            values[name] = _number(values[name])
    if values.get("tta", "never") not in get_args(Tta):
        raise ValueError(f"its 'tta' is none of {', '.join(get_args(Tta))}")
    return InputContract(**values)


def _network_facts(content: Any) -> NetworkFacts:
    values = _fields(NetworkFacts, content)
    return NetworkFacts(
        config=_mapping(values["config"]),
        stride=_per_axis(values["stride"]),
        halo=_per_axis(values["halo"]),
        bytes_per_pixel=_natural(values["bytes_per_pixel"]),
        engine=_text(values.get("engine", "network")),
    )


def _fields(kind: type[Any], content: Any) -> dict[str, Any]:
    known = {one.name for one in fields(kind)}
    unknown = set(_mapping(content)) - known
    if unknown:
        raise ValueError(f"it has an unknown field '{min(unknown)}'")
    return dict(content)


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} stands where a mapping belongs")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} stands where text belongs")
    return value


def _texts(values: Any) -> list[str]:
    return [_text(value) for value in values]


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} stands where a number belongs")
    return float(value)


def _per_axis(values: Any) -> tuple[int, ...]:
    if not isinstance(values, list) or len(values) not in (2, 3):
        raise TypeError(f"{values!r} stands where one number per axis belongs")
    return tuple(_natural(value) for value in values)


def _natural(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError(f"{value!r} stands where a natural number belongs")
    return value
