"""Mixed-scale dense networks: one grid, growing holes, everything seen by everything after it."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from cellwright.networks.layers import (
    ACTIVATIONS,
    IMAGE_STATISTICS,
    NORMS,
    LayerStyle,
    gather,
    gathering_radii,
    initialise,
    spread,
)
from cellwright.networks.network import Network, NetworkConfig
from cellwright.networks.options import PerAxis, check, check_one_of, check_per_axis, per_axis
from cellwright.networks.reach import Span, farthest


@dataclass(frozen=True)
class MixedScaleDenseConfig(NetworkConfig):
    """Everything that makes one mixed-scale dense network differ from another.

    Parameters
    ----------
    in_channels, out_channels, dimensions : int
        See `NetworkConfig`.
    stem : int or tuple of int
        As in `cellwright.networks.pyramid.PyramidConfig`; the whole network works on this grid.
    width : int
        Channels that each layer adds. The paper has 1 and a hundred layers; 8 layers of 16 take
        half the time of 16 layers of 8, for the same number of parameters.
    depth : int
        Number of layers.
    dilations : tuple of (int or tuple of int)
        Distance between the pixels that a layer reads, for all axes or per axis; used in turn,
        layer after layer.
    norm : {'batch', 'channel', 'instance', 'group', 'none'}
        Normalisation after each convolution.
    activation : {'relu', 'leaky_relu', 'silu', 'gelu'}
        Non-linearity.
    """

    stem: PerAxis = 2
    width: int = 16
    depth: int = 8
    dilations: tuple[PerAxis, ...] = (1, 2, 4, 8)
    norm: str = "batch"
    activation: str = "relu"

    def __post_init__(self) -> None:
        check_one_of("dimensions", self.dimensions, (2, 3))
        check_one_of("norm", self.norm, tuple(NORMS))
        check_one_of("activation", self.activation, tuple(ACTIVATIONS))
        for name in ("in_channels", "out_channels", "width", "depth"):
            check(name, getattr(self, name), getattr(self, name) >= 1, "at least 1")
        check_per_axis("stem", self.stem, self.dimensions)
        check("dilations", self.dilations, len(self.dilations) >= 1, "at least one number")
        for dilation in self.dilations:
            check_per_axis("dilations", dilation, self.dimensions)

    @property
    def stem_factors(self) -> tuple[int, ...]:
        """Pixels of the input in one of the network's grid, per axis."""
        return per_axis(self.stem, self.dimensions)

    @property
    def layer_dilations(self) -> tuple[tuple[int, ...], ...]:
        """Dilation of each layer, per axis."""
        turns = (self.dilations[index % len(self.dilations)] for index in range(self.depth))
        return tuple(per_axis(dilation, self.dimensions) for dilation in turns)


class MixedScaleDense(Network):
    """Dilated layers on one grid, each reading the results of all before it.

    Few parameters, so little to overfit: for few annotated images. Differs from the paper in
    that the layers see the pixels through the stem, and that borders are padded with zeros.

    Attributes are those of `Network`.

    References
    ----------
    Pelt & Sethian, "A mixed-scale dense convolutional neural network for image analysis", PNAS
    115 (2018) 254-259.
    """

    name: ClassVar[str] = "msd"

    def __init__(self, config: MixedScaleDenseConfig) -> None:
        super().__init__()
        self.config: MixedScaleDenseConfig = config
        self.stride = config.stem_factors
        self.uses_image_statistics = config.norm in IMAGE_STATISTICS
        width = config.width
        style = LayerStyle(config.dimensions, config.norm, config.activation)
        self.halo = tuple(
            _halo(config, axis, radius) for axis, radius in enumerate(gathering_radii(style))
        )
        self.stem = gather(style, config.in_channels, width, config.stem_factors)
        self.layers = nn.ModuleList(
            style.layer((index + 1) * width, width, dilation=dilation)
            for index, dilation in enumerate(config.layer_dilations)
        )
        everything = (config.depth + 1) * width
        self.head = spread(config.dimensions, everything, config.out_channels, self.stride)
        self.apply(initialise)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Map ``(N, C, [Z,] Y, X)`` to ``(N, K, [Z,] Y, X)``; sizes are multiples of `stride`."""
        self.check_size(pixels)
        x = self.stem(pixels)
        for layer in self.layers:
            x = torch.cat([x, layer(x)], dim=1)
        maps: torch.Tensor = self.head(x)
        return maps


def _halo(config: MixedScaleDenseConfig, axis: int, stem_radius: int) -> int:
    radius = stem_radius + sum(dilation[axis] for dilation in config.layer_dilations)
    factor = config.stem_factors[axis]

    def behind(span: Span) -> Span:
        return span.coarser(factor).widened(radius).finer(factor)

    return farthest(factor, behind)
