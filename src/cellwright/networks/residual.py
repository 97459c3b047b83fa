"""Residual blocks: layers that learn a change of their input, which is added back."""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from cellwright.networks.layers import ACTIVATIONS, CONVOLUTION, LayerStyle
from cellwright.networks.options import PerAxis

EXPANSION = 4
"""How many times wider the middle of an inverted bottleneck is, or narrower that of a plain one."""

_Unit = Callable[[int, int], nn.Module]
_Plan = list[tuple[int | None, PerAxis | None]]
"""Channels and kernel of each layer of a residual unit; None is that of the block."""


class ResidualBlock(nn.Module):
    """Learn a change of the input, which is added back.

    Parameters
    ----------
    change : Module
        From the input to the change.
    shortcut : Module
        From the input to what the change is added to.
    activation : Module, optional
        Of the sum.
    """

    def __init__(
        self, change: nn.Module, shortcut: nn.Module, activation: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.change = change
        self.shortcut = shortcut
        self.activation = nn.Identity() if activation is None else activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map ``(N, C, [Z,] Y, X)`` to the block's channels."""
        result: torch.Tensor = self.activation(self.change(x) + self.shortcut(x))
        return result


def residual_block(style: LayerStyle, in_channels: int, out_channels: int, count: int) -> nn.Module:
    """Make `count` layers with a shortcut around every two, added before the last activation.

    References
    ----------
    He et al., "Deep residual learning for image recognition", CVPR 2016.
    """
    return _row(
        [partial(_postactivated, style, plan) for plan in _pairs(count)], in_channels, out_channels
    )


def preactivation_block(
    style: LayerStyle, in_channels: int, out_channels: int, count: int
) -> nn.Module:
    """Make `count` layers with a shortcut around every two, whose sum nothing changes.

    References
    ----------
    He et al., "Identity mappings in deep residual networks", ECCV 2016.
    """
    return _row(
        [partial(_preactivated, style, plan) for plan in _pairs(count)], in_channels, out_channels
    )


def bottleneck_block(
    style: LayerStyle, in_channels: int, out_channels: int, count: int
) -> nn.Module:
    """Make `count` residual bottlenecks, whose spatial convolution has few channels.

    References
    ----------
    He et al., "Deep residual learning for image recognition", CVPR 2016.
    """
    unit = partial(_postactivated, style, _bottleneck(out_channels))
    return _row([unit] * count, in_channels, out_channels)


def preactivation_bottleneck_block(
    style: LayerStyle, in_channels: int, out_channels: int, count: int
) -> nn.Module:
    """Make `count` bottlenecks as `bottleneck_block`, in the manner of `preactivation_block`."""
    unit = partial(_preactivated, style, _bottleneck(out_channels))
    return _row([unit] * count, in_channels, out_channels)


def inverted_block(style: LayerStyle, in_channels: int, out_channels: int, count: int) -> nn.Module:
    """Make `count` inverted residuals: widen, filter each channel alone, narrow, add.

    References
    ----------
    Sandler et al., "MobileNetV2: Inverted residuals and linear bottlenecks", CVPR 2018.
    """

    def unit(arriving: int, leaving: int) -> nn.Module:
        wide = EXPANSION * arriving
        depthwise = style.convolution(wide, wide, groups=wide)
        change = nn.Sequential(
            style.layer(arriving, wide, size=1),
            style.activated(depthwise, channels=wide),
            style.normalised(style.convolution(wide, leaving, size=1), channels=leaving),
        )
        return ResidualBlock(change, _shortcut(style, arriving, leaving))

    return _row([unit] * count, in_channels, out_channels)


def convnext_block(style: LayerStyle, in_channels: int, out_channels: int, count: int) -> nn.Module:
    """Make `count` ConvNeXt blocks: filter each channel alone, norm, widen, activate, narrow, add.

    Without the scaling of each layer, which only very deep networks need.

    References
    ----------
    Liu et al., "A ConvNet for the 2020s", CVPR 2022, arXiv:2201.03545.
    """

    def unit(arriving: int, leaving: int) -> nn.Module:
        wide = EXPANSION * leaving
        depthwise = style.convolution(arriving, arriving, groups=arriving)
        change = nn.Sequential(
            style.normalised(depthwise, channels=arriving),
            CONVOLUTION[style.dimensions](arriving, wide, 1),
            ACTIVATIONS[style.activation](True),
            CONVOLUTION[style.dimensions](wide, leaving, 1),
        )
        return ResidualBlock(change, _shortcut(style, arriving, leaving))

    return _row([unit] * count, in_channels, out_channels)


def _pairs(count: int) -> list[_Plan]:
    return [[(None, None)] * min(2, count - first) for first in range(0, count, 2)]


def _bottleneck(out_channels: int) -> _Plan:
    narrow = max(8, out_channels // EXPANSION)
    return [(narrow, 1), (narrow, None), (None, 1)]


def _postactivated(
    style: LayerStyle, plan: _Plan, in_channels: int, out_channels: int
) -> ResidualBlock:
    widths = [in_channels] + [channels or out_channels for channels, _ in plan]
    *first, last = [(widths[i], widths[i + 1], size) for i, (_, size) in enumerate(plan)]
    change = nn.Sequential(
        *(style.layer(*each) for each in first),
        style.normalised(style.convolution(*last), channels=out_channels),
    )
    activation = ACTIVATIONS[style.activation](True)
    return ResidualBlock(change, _shortcut(style, in_channels, out_channels), activation)


def _preactivated(
    style: LayerStyle, plan: _Plan, in_channels: int, out_channels: int
) -> ResidualBlock:
    widths = [in_channels] + [channels or out_channels for channels, _ in plan]
    change = nn.Sequential(
        *(style.preactivated(widths[i], widths[i + 1], size) for i, (_, size) in enumerate(plan))
    )
    return ResidualBlock(change, _shortcut(style, in_channels, out_channels))


def _shortcut(style: LayerStyle, in_channels: int, out_channels: int) -> nn.Module:
    if in_channels == out_channels:
        return nn.Identity()
    convolution = style.convolution(in_channels, out_channels, size=1)
    return style.normalised(convolution, channels=out_channels)


def _row(units: list[_Unit], in_channels: int, out_channels: int) -> nn.Module:
    """Put units behind each other; the first one changes the number of channels."""
    arriving = [in_channels] + [out_channels] * (len(units) - 1)
    row = [unit(each, out_channels) for unit, each in zip(units, arriving, strict=True)]
    return row[0] if len(row) == 1 else nn.Sequential(*row)
