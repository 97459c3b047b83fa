"""The convolution blocks that networks are made of, for 2D and 3D alike."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

CONVOLUTION: dict[int, Callable[..., nn.Module]] = {2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED: dict[int, Callable[..., nn.Module]] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
MAX_POOL: dict[int, Callable[..., nn.Module]] = {2: nn.MaxPool2d, 3: nn.MaxPool3d}
DROPOUT: dict[int, Callable[..., nn.Module]] = {2: nn.Dropout2d, 3: nn.Dropout3d}
_BATCH_NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}

NORMS: dict[str, Callable[[int, int], nn.Module]] = {
    "batch": lambda dimensions, channels: _BATCH_NORM[dimensions](channels),
    "instance": lambda dimensions, channels: nn.GroupNorm(channels, channels),
    "group": lambda dimensions, channels: nn.GroupNorm(math.gcd(8, channels), channels),
    "none": lambda dimensions, channels: nn.Identity(),
}
IMAGE_STATISTICS = ("instance", "group")
"""Norms that take statistics over the whole input when predicting, too."""

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": lambda: nn.ReLU(inplace=True),
    "leaky_relu": lambda: nn.LeakyReLU(0.01, inplace=True),
    "silu": lambda: nn.SiLU(inplace=True),
    "gelu": nn.GELU,
}


@dataclass(frozen=True)
class LayerStyle:
    """What all convolution layers of a network have in common."""

    dimensions: int
    norm: str
    activation: str

    def convolution(
        self, in_channels: int, out_channels: int, size: int = 3, dilation: int = 1, groups: int = 1
    ) -> nn.Module:
        """Make a same-size convolution without anything after it."""
        return CONVOLUTION[self.dimensions](
            in_channels,
            out_channels,
            size,
            padding=dilation * (size // 2),
            dilation=dilation,
            groups=groups,
            bias=self.norm == "none",  # every norm brings a bias of its own
        )

    def normalised(self, *convolutions: nn.Module, channels: int) -> nn.Sequential:
        """Put the norm behind `convolutions`, which give `channels`."""
        return nn.Sequential(*convolutions, NORMS[self.norm](self.dimensions, channels))

    def layer(
        self, in_channels: int, out_channels: int, size: int = 3, dilation: int = 1
    ) -> nn.Sequential:
        """Make convolution, norm and activation."""
        convolution = self.convolution(in_channels, out_channels, size, dilation)
        return self.normalised(convolution, channels=out_channels).append(
            ACTIVATIONS[self.activation]()
        )


class PlainBlock(nn.Sequential):
    """`count` layers of 3-px convolutions in a row."""

    def __init__(self, style: LayerStyle, in_channels: int, out_channels: int, count: int):
        widths = [in_channels] + [out_channels] * count
        super().__init__(*(style.layer(widths[i], widths[i + 1]) for i in range(count)))


class DilatedBlock(nn.Sequential):
    """Layers whose holes double, 1, 2, 4, …: a wide view for the price of `count` layers.

    References
    ----------
    Yu & Koltun, "Multi-scale context aggregation by dilated convolutions", ICLR 2016.
    """

    def __init__(self, style: LayerStyle, in_channels: int, out_channels: int, count: int):
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

    def __init__(self, style: LayerStyle, in_channels: int, out_channels: int, count: int):
        widths = [in_channels] + [out_channels] * count
        super().__init__(*(self._layer(style, widths[i], widths[i + 1]) for i in range(count)))

    @staticmethod
    def _layer(style: LayerStyle, in_channels: int, out_channels: int) -> nn.Sequential:
        return style.normalised(
            style.convolution(in_channels, in_channels, groups=in_channels),
            style.convolution(in_channels, out_channels, size=1),
            channels=out_channels,
        ).append(ACTIVATIONS[style.activation]())


class ResidualBlock(nn.Module):
    """Layers that learn a change of their input, which is added back before the last activation.

    References
    ----------
    He et al., "Deep residual learning for image recognition", CVPR 2016.
    """

    def __init__(self, style: LayerStyle, in_channels: int, out_channels: int, count: int):
        super().__init__()
        widths = [in_channels] + [out_channels] * count
        last = style.normalised(style.convolution(widths[-2], out_channels), channels=out_channels)
        self.change = nn.Sequential(
            *(style.layer(widths[i], widths[i + 1]) for i in range(count - 1)), last
        )
        self.shortcut: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.shortcut = style.normalised(
                style.convolution(in_channels, out_channels, size=1), channels=out_channels
            )
        self.activation = ACTIVATIONS[style.activation]()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map ``(N, C, [Z,] Y, X)`` to the block's channels."""
        result: torch.Tensor = self.activation(self.change(x) + self.shortcut(x))
        return result


class DenseBlock(nn.Module):
    """Layers that each see the results of all before them; a 1-px layer joins what they found.

    References
    ----------
    Huang et al., "Densely connected convolutional networks", CVPR 2017.
    """

    def __init__(self, style: LayerStyle, in_channels: int, out_channels: int, count: int):
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
    "residual": ResidualBlock,
    "dense": DenseBlock,
    "separable": SeparableBlock,
    "dilated": DilatedBlock,
}


def block_radius(block: str, count: int) -> int:
    """Return how far a block of `count` layers sees, in px of its own grid."""
    return 2**count - 1 if block == "dilated" else count
