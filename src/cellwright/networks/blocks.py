"""How the convolution layers of one level are connected, by name."""

from collections.abc import Callable

import torch
from torch import nn

from cellwright.networks.layers import LayerStyle
from cellwright.networks.residual import (
    bottleneck_block,
    convnext_block,
    inverted_block,
    preactivation_block,
    preactivation_bottleneck_block,
    residual_block,
)


class PlainBlock(nn.Sequential):
    """`count` convolution layers in a row."""

    def __init__(self, style: LayerStyle, in_channels: int, out_channels: int, count: int) -> None:
        widths = [in_channels] + [out_channels] * count
        super().__init__(*(style.layer(widths[i], widths[i + 1]) for i in range(count)))


class DilatedBlock(nn.Sequential):
    """Layers whose holes double, 1, 2, 4, …: a wide view for the price of `count` layers.

    References
    ----------
    Yu & Koltun, "Multi-scale context aggregation by dilated convolutions", ICLR 2016.
    """

    def __init__(self, style: LayerStyle, in_channels: int, out_channels: int, count: int) -> None:
        widths = [in_channels] + [out_channels] * count
        super().__init__(
            *(style.layer(widths[i], widths[i + 1], dilation=2**i) for i in range(count))
        )


class SeparableBlock(nn.Sequential):
    """Layers that filter each channel alone, then mix the channels at each pixel.

    References
    ----------
    Howard et al., "MobileNets", arXiv:1704.04861.
    """

    def __init__(self, style: LayerStyle, in_channels: int, out_channels: int, count: int) -> None:
        widths = [in_channels] + [out_channels] * count
        super().__init__(*(self._layer(style, widths[i], widths[i + 1]) for i in range(count)))

    @staticmethod
    def _layer(style: LayerStyle, in_channels: int, out_channels: int) -> nn.Sequential:
        return style.activated(
            style.convolution(in_channels, in_channels, groups=in_channels),
            style.convolution(in_channels, out_channels, size=1),
            channels=out_channels,
        )


class DenseBlock(nn.Module):
    """Layers that each see the results of all before them; a 1-px layer joins what they found.

    References
    ----------
    Huang et al., "Densely connected convolutional networks", CVPR 2017.
    """

    def __init__(self, style: LayerStyle, in_channels: int, out_channels: int, count: int) -> None:
        super().__init__()
        grown = out_channels // 2
        self.layers = nn.ModuleList(
            style.layer(in_channels + i * grown, grown) for i in range(count)
        )
        self.join = style.layer(in_channels + count * grown, out_channels, size=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map ``(N, C, [Z,] Y, X)`` to the block's channels."""
        for layer in self.layers:
            x = torch.cat([x, layer(x)], dim=1)
        joined: torch.Tensor = self.join(x)
        return joined


BLOCKS: dict[str, Callable[[LayerStyle, int, int, int], nn.Module]] = {
    "plain": PlainBlock,
    "residual": residual_block,
    "preactivation": preactivation_block,
    "bottleneck": bottleneck_block,
    "preactivation_bottleneck": preactivation_bottleneck_block,
    "convnext": convnext_block,
    "inverted": inverted_block,
    "dense": DenseBlock,
    "separable": SeparableBlock,
    "dilated": DilatedBlock,
}
"""Blocks by name, made from a style, the channels that arrive and leave, and a number of layers."""


def block_depth(block: str, count: int) -> int:
    """Return how many radii of its convolutions a block of `count` layers sees."""
    return 2**count - 1 if block == "dilated" else count
