"""Networks by name: from a plain dictionary, as a model package stores it, and back."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import torch

from cellwright._errors import UsageError
from cellwright.networks.network import Network
from cellwright.networks.unet import UNet, UNetConfig

NETWORKS: dict[str, tuple[type[Any], type[Any]]] = {"unet": (UNetConfig, UNet)}
"""The config and the network of each name."""


def network_from_dict(description: Mapping[str, Any], *, seed: int = 0) -> Network:
    """Build a network with fresh weights from its description.

    Parameters
    ----------
    description : mapping
        ``name`` and the options of that network's config, such as
        ``{"name": "unet", "in_channels": 1, "out_channels": 3}``; lists stand for tuples, as
        JSON has them.
    seed : int
        Of the fresh weights. Torch's own random state stays as it was.

    Raises
    ------
    UsageError
        If the name or an option is unknown, missing or out of range.
    """
    options = {key: _tuples(value) for key, value in description.items() if key != "name"}
    name = description.get("name")
    if name not in NETWORKS:
        raise UsageError(f"There is no network '{name}'. Choose one of: {', '.join(NETWORKS)}.")
    config_type, network_type = NETWORKS[name]
    known = [field.name for field in fields(config_type)]
    unknown = [key for key in options if key not in known]
    if unknown:
        raise UsageError(
            f"Network '{name}' has no option {', '.join(map(repr, unknown))}. "
            f"Its options are: {', '.join(known)}."
        )
    missing = [key for key in ("in_channels", "out_channels") if key not in options]
    if missing:
        raise UsageError(f"Network '{name}' needs {' and '.join(map(repr, missing))}.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network: Network = network_type(config_type(**options))
    return network


def network_to_dict(network: Network) -> dict[str, Any]:
    """Describe a network such that `network_from_dict` builds one like it."""
    return {"name": network.name, **asdict(network.config)}


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value
