"""Networks by name: from a plain dictionary, as a model package stores it, and back.

Torch is imported when a network is built, not before.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from cellwright._errors import UsageError, training_extra
from cellwright._words import did_you_mean
from cellwright.networks.plan import VOLUME_DEPTH, VOLUME_WIDTH, NetworkPlan

if TYPE_CHECKING:
    from cellwright.networks.network import Network


@dataclass(frozen=True, slots=True)
class Entry:
    """One name that networks are built by.

    Parameters
    ----------
    summary : str
        What it is good at, in one sentence for people.
    config, network : str
        Where its two classes stand, as ``"module:class"``.
    options : mapping
        What differs from the defaults of its config.
    """

    summary: str
    config: str
    network: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def config_type(self) -> type[Any]:
        """Return the class of its config; importing it needs torch."""
        return _load(self.config)

    def knows(self, options: Iterable[str]) -> bool:
        """Tell whether its config has all of these options; importing it needs torch."""
        return set(options) <= {one.name for one in fields(self.config_type())}

    def network_type(self) -> type[Any]:
        """Return the class of the network; importing it needs torch."""
        return _load(self.network)


def _load(place: str) -> type[Any]:
    module, name = place.split(":")
    found: type[Any] = getattr(importlib.import_module(module), name)
    return found


def _entry(module: str, network: str, summary: str, **options: Any) -> Entry:
    home = f"{__package__}.{module}"
    return Entry(summary, f"{home}:{network}Config", f"{home}:{network}", options)


NETWORKS: dict[str, Entry] = {
    "unet": _entry("unet", "UNet", "Encoder, decoder and skips between them: the usual choice."),
    "light": _entry(
        "unet",
        "UNet",
        "A U-Net of inverted residuals on a coarse grid: fastest, for laptops and large images.",
        stem=4,
        width=16,
        growth=2.0,
        block="inverted",
        convs_down=1,
    ),
    "nested": _entry(
        "nested",
        "NestedUNet",
        "UNet++, a U-Net with networks in its skips: several times slower.",
    ),
    "fpn": _entry(
        "fpn",
        "FeaturePyramid",
        "Feature pyramid on a residual encoder: objects of very different sizes.",
    ),
    "msd": _entry(
        "msd",
        "MixedScaleDense",
        "Mixed-scale dense network, few parameters: for very few annotated images.",
    ),
}
"""All networks, by name."""

_SIZES = ("width", "depth")

ENCODERS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "plain": (
        "Convolution layers in a row, maximum pooling.",
        {"block": "plain", "downsampling": "max"},
    ),
    "resnet": (
        "Residual blocks.",
        {"block": "residual", "downsampling": "convolution"},
    ),
    "bottleneck": (
        "Residual bottlenecks, as in deep ResNets.",
        {"block": "bottleneck", "downsampling": "convolution", "growth": 2.0},
    ),
    "preactivation": (
        "Residual blocks whose sums nothing changes, which train well when deep.",
        {"block": "preactivation", "downsampling": "convolution"},
    ),
    "convnext": (
        "Large depth-wise kernels and norms of each pixel alone.",
        {
            "block": "convnext",
            "norm": "channel",
            "activation": "gelu",
            "kernel": 7,
            "downsampling": "convolution",
        },
    ),
}
"""For networks with an encoder: a summary, and the options that make it."""


def network_summaries() -> dict[str, str]:
    """Return one sentence about every network, by name."""
    return {name: entry.summary for name, entry in NETWORKS.items()}


def network_description(
    name: str, *, encoder: str | None = None, width: int | None = None, depth: int | None = None
) -> dict[str, Any]:
    """Describe a network by the few options that matter most.

    Parameters
    ----------
    name : str
        In `NETWORKS`.
    encoder : str, optional
        In `ENCODERS`; that of the network by default.
    width, depth : int, optional
        Channels of the finest level and number of levels; of a network without levels, channels
        and number of layers. Those of the network by default.

    Returns
    -------
    dict
        For `network_from_dict`, once ``in_channels`` and ``out_channels`` are added.

    Raises
    ------
    UsageError
        If there is no such network or encoder, or the network has no encoder.
    """
    entry = _find(name)
    options: Mapping[str, Any] = {}
    if encoder is not None:
        if encoder not in ENCODERS:
            raise UsageError(
                f"There is no encoder '{encoder}'. Choose one of: {', '.join(ENCODERS)}."
            )
        _, options = ENCODERS[encoder]
        with training_extra():
            has_encoder = entry.knows(options)
        if not has_encoder:
            raise UsageError(f"Network '{name}' has no encoder to choose. Leave the encoder out.")
    sizes = {"width": width, "depth": depth}
    given = {option: value for option, value in sizes.items() if value is not None}
    return {"name": name, **options, **given}


def network_sizes(name: str, *, volumes: bool) -> tuple[int, int]:
    """Return the width and the depth of a network when nothing else is said.

    Parameters
    ----------
    name : str
        In `NETWORKS`.
    volumes : bool
        Whether it sees volumes instead of planes.

    Raises
    ------
    UsageError
        If there is no such network.
    """
    entry = _find(name)
    if volumes:
        return VOLUME_WIDTH, VOLUME_DEPTH
    config = entry.config_type()(in_channels=1, out_channels=1, **entry.options)
    return config.width, config.depth


def registered_name(description: Mapping[str, Any]) -> str:
    """Return the name in `NETWORKS` of a network that is written out.

    A name may stand for options of a network of another name, whatever its width and depth.

    Parameters
    ----------
    description : mapping
        As `network_to_dict` returns it.

    Raises
    ------
    UsageError
        If there is no such network.
    """
    network = _find(description.get("name")).network
    alike = [
        name
        for name, entry in NETWORKS.items()
        if entry.network == network
        and all(
            description.get(option) == value
            for option, value in entry.options.items()
            if option not in _SIZES
        )
    ]
    return max(alike, key=lambda name: len(NETWORKS[name].options), default=description["name"])


def planned_options(name: str, plan: NetworkPlan) -> dict[str, Any]:
    """Return what a plan says of a network: its sizes, and its levels if it does not set its own.

    Parameters
    ----------
    name : str
        In `NETWORKS`; importing its config needs torch.
    plan : NetworkPlan

    Returns
    -------
    dict
        Options that differ from the defaults of the network.

    Raises
    ------
    UsageError
        If there is no such network.
    """
    entry = _find(name)
    planned = entry.knows(plan.levels) and plan.levels.keys().isdisjoint(entry.options)
    return {**plan.sizes, **(plan.levels if planned else {})}


def check_options(name: str | None, options: Iterable[str]) -> None:
    """Refuse an option that a network does not have; importing its config needs torch.

    Parameters
    ----------
    name : str, optional
        In `NETWORKS`; without, any network may have the option.
    options : iterable of str
        Names of options.

    Raises
    ------
    UsageError
        If there is no such network or option.
    """
    entries = [_find(name)] if name is not None else list(NETWORKS.values())
    known = dict.fromkeys(one.name for entry in entries for one in fields(entry.config_type()))
    for option in options:
        if option not in known:
            who = "No network has an" if name is None else f"Network '{name}' has no"
            raise UsageError(
                f"{who} option '{option}'.{did_you_mean(option, known)} "
                f"There are: {', '.join(known)}."
            )


def network_from_dict(description: Mapping[str, Any], *, seed: int = 0) -> Network:
    """Build a network with fresh weights from its description.

    Parameters
    ----------
    description : mapping
        ``name`` and the options of that network's config, such as
        ``{"name": "unet", "in_channels": 1, "out_channels": 3}``; lists stand for tuples, as
        JSON has them.
    seed : int
        Of the fresh weights. Torch's own random states, of the CPU and of GPUs, stay as they were.

    Raises
    ------
    UsageError
        If the name or an option is unknown, missing or out of range.
    """
    import torch

    name = description.get("name")
    entry = _find(name)
    given = {key: _tuples(value) for key, value in description.items() if key != "name"}
    check_options(name, given)
    missing = [key for key in ("in_channels", "out_channels") if key not in given]
    if missing:
        raise UsageError(f"Network '{name}' needs {' and '.join(map(repr, missing))}.")
    config = entry.config_type()(**{**entry.options, **given})
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # `torch.manual_seed` would seed GPUs, too
        network: Network = entry.network_type()(config)
    return network


def network_to_dict(network: Network) -> dict[str, Any]:
    """Describe a network such that `network_from_dict` builds one like it.

    All options are written out, so that the description outlives other defaults.
    """
    return {"name": network.name, **asdict(network.config)}


def _find(name: Any) -> Entry:
    if name not in NETWORKS:
        raise UsageError(
            f"There is no network '{name}'. Choose one of: {', '.join(NETWORKS)}."
            f"{did_you_mean(name, NETWORKS)}"
        )
    return NETWORKS[name]


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value
