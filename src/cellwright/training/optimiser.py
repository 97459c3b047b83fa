"""The optimiser, and its memory as named tensors."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cellwright.networks.transfer import stages
from cellwright.training.muon import Muon
from cellwright.training.settings import FitSettings


def make_optimiser(network: nn.Module, settings: FitSettings) -> torch.optim.Optimizer:
    """Make the optimiser of the settings, in which every stage has its own learning rate.

    Weight decay acts on weights of two and more dimensions; to pull biases and the scales of
    norms to 0 has no use. Muon moves what is a matrix inside the network: not the last stage, each
    of whose maps has a meaning of its own, and not filters of one channel each.
    """
    groups: list[dict[str, Any]] = []
    for stage, parameters in enumerate(reversed(_by_stage(network))):
        share = settings.stage_rate**stage
        weights = [one for one in parameters if one.ndim > 1]
        others = [one for one in parameters if one.ndim <= 1]
        if settings.optimiser == "muon" and stage > 0:
            matrices = [one for one in weights if one.shape[1] > 1]
            weights = [one for one in weights if one.shape[1] == 1]
            groups.append({"params": matrices, "share": share, "orthogonal": True})
        groups.append({"params": weights, "share": share})
        groups.append({"params": others, "share": share, "weight_decay": 0.0})
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimiser == "muon":
        return Muon(groups, lr=rate, weight_decay=decay)
    if settings.optimiser == "adamw":
        return torch.optim.AdamW(groups, lr=rate, weight_decay=decay)
    momentum = settings.momentum
    return torch.optim.SGD(
        groups, lr=rate, weight_decay=decay, momentum=momentum, nesterov=momentum > 0
    )


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Use `rate` from the next step on, each stage in its proportion."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["share"]


def _by_stage(network: nn.Module) -> list[list[nn.Parameter]]:
    """Return the weights that learn, by stage, from the input to the output.

    Weights that belong to no stage of their own count to the last one.
    """
    parts = [list(part.parameters()) for part in stages(network)]
    inside = {id(weights) for part in parts for weights in part}
    parts.append([weights for weights in network.parameters() if id(weights) not in inside])
    if len(parts) > 1:
        parts[-2:] = [parts[-2] + parts[-1]]
    return [[weights for weights in part if weights.requires_grad] for part in parts]


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimiser's memory, named ``parameter.quantity``."""
    return {
        f"{index}.{name}": value
        for index, memory in optimiser.state_dict()["state"].items()
        for name, value in memory.items()
        if isinstance(value, Tensor)
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Take up the memory that `optimiser_tensors` returned.

    Each tensor is laid out in memory like its parameter, as it was before: in another layout the
    same sums may be rounded differently.
    """
    parameters = [weights for group in optimiser.param_groups for weights in group["params"]]
    memory: dict[int, dict[str, Any]] = {}
    for key, tensor in tensors.items():
        index, name = key.split(".", 1)
        weights = parameters[int(index)]
        if tensor.shape == weights.shape:
            tensor = torch.empty_like(weights).copy_(tensor)
        memory.setdefault(int(index), {})[name] = tensor
    optimiser.load_state_dict(
        {"state": memory, "param_groups": optimiser.state_dict()["param_groups"]}
    )
