"""A network that sees one pixel at a time: for numbers that are no image."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
from torch import nn

from cellwright.networks.network import Network, NetworkConfig
from cellwright.networks.options import check


@dataclass(frozen=True)
class PointwiseConfig(NetworkConfig):
    """How large a pointwise network is.

    Parameters
    ----------
    in_channels, out_channels, dimensions : int
        See `NetworkConfig`.
    width : int
        Channels of each layer.
    depth : int
        Hidden layers.
    """

    width: int = 32
    depth: int = 2

    def __post_init__(self) -> None:
        for name in ("in_channels", "out_channels", "width", "depth"):
            check(name, getattr(self, name), getattr(self, name) >= 1, "at least 1")
        check("dimensions", self.dimensions, self.dimensions == 2, "2")


class Pointwise(Network):
    """A perceptron that is applied to every pixel; its fresh weights return 0.

    Parameters
    ----------
    config : PointwiseConfig
    """

    name: ClassVar[str] = "pointwise"
    config: PointwiseConfig

    def __init__(self, config: PointwiseConfig) -> None:
        super().__init__()
        self.config = config
        self.stride, self.halo, self.uses_image_statistics = (1, 1), (0, 0), False
        widths = [config.in_channels, *(config.width,) * config.depth]
        self.hidden = nn.ModuleList(
            nn.Conv2d(before, after, 1) for before, after in pairwise(widths)
        )
        self.head = nn.Conv2d(config.width, config.out_channels, 1)
        for weights in self.head.parameters():
            nn.init.zeros_(weights)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return maps (N, K, Y, X) of pixels (N, C, Y, X)."""
        for layer in self.hidden:
            pixels = torch.relu(layer(pixels))
        maps: torch.Tensor = self.head(pixels)
        return maps
