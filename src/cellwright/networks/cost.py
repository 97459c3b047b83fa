"""What a network costs, counted rather than timed."""

import copy
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from cellwright.networks.network import Network


@dataclass(frozen=True)
class Cost:
    """Size and arithmetic of one network.

    Attributes
    ----------
    parameters : int
        Number of learned values.
    gflop_per_megapixel : float
        10⁹ floating-point operations (a multiplication and an addition are two) that convolutions
        take per 10⁶ px of input (per 10⁶ voxels in 3D).
    """

    parameters: int
    gflop_per_megapixel: float


def cost(network: Network) -> Cost:
    """Count the parameters and the arithmetic of one prediction, without computing it."""
    size = tuple(4 * stride for stride in network.stride)
    shadow = copy.deepcopy(network).to("meta").eval()
    pixels = torch.empty(1, network.config.in_channels, *size, device="meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        shadow(pixels)
    count = pixels[0, 0].numel()
    return Cost(
        parameters=sum(weights.numel() for weights in network.parameters()),
        gflop_per_megapixel=counter.get_total_flops() / count / 1e3,
    )
