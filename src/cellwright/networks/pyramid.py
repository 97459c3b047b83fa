"""What all networks with levels of falling resolution share: the encoder and the way out."""

import math
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from cellwright.networks.blocks import BLOCKS, block_depth
from cellwright.networks.layers import (
    ACTIVATIONS,
    CONVOLUTION,
    DROPOUT,
    IMAGE_STATISTICS,
    MAX_POOL,
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

DOWNSAMPLINGS = ("max", "convolution")


@dataclass(frozen=True)
class PyramidConfig(NetworkConfig):
    """The options of an encoder: how pixels become maps of several resolutions.

    Parameters
    ----------
    in_channels, out_channels, dimensions : int
        See `NetworkConfig`.
    stem : int or tuple of int
        The whole network works on a grid this many times coarser, per spatial axis; the first
        convolution gathers each ``stem``-sized patch of pixels into channels, the last spreads
        channels back over them. 1 works at full resolution.
    width : int
        Channels of the finest level. Multiples of 16 fill the vector registers of most CPUs: 24
        costs half of 32 in arithmetic, but nearly as much in time.
    growth : float
        Level i has ``width * growth**i`` channels, rounded to a multiple of 8.
    depth : int
        Number of levels, the finest included.
    convs_down : int or tuple of int
        Convolution layers per level of the encoder; of the blocks 'bottleneck', 'convnext' and
        'inverted', which have one spatial convolution each, the number of blocks.
    block : str
        How the layers of a level are connected: 'plain', 'residual', 'preactivation',
        'bottleneck', 'preactivation_bottleneck', 'convnext', 'inverted', 'dense', 'separable' or
        'dilated'; see `cellwright.networks.blocks`.
    norm : {'batch', 'channel', 'instance', 'group', 'none'}
        Normalisation of each convolution. With 'instance' and 'group' the output depends on the
        whole input, so it changes with the tile; see `Network.uses_image_statistics`.
    activation : {'relu', 'leaky_relu', 'silu', 'gelu'}
        Non-linearity.
    kernel : int, or tuple of (int or tuple of int)
        Size of the convolutions, odd: one for all, or one per level, each for all axes or per
        axis; such as ``((1, 3, 3), 3, 3)`` for a stack with coarse Z.
    pooling : tuple of (int or tuple of int)
        Factor between each level and the next coarser one, ``depth - 1`` of them, each for all
        axes or per axis; such as ``((1, 2, 2), 2)`` for a stack with coarse Z. Empty: 2 each.
    downsampling : {'max', 'convolution'}
        How a level becomes the next coarser one: by the maximum of each patch, or learned.
    dropout : float
        Share of the coarsest level's channels that are left out in training.
    """

    stem: PerAxis = 2
    width: int = 32
    growth: float = 1.5
    depth: int = 4
    convs_down: int | tuple[int, ...] = 2
    block: str = "plain"
    norm: str = "batch"
    activation: str = "relu"
    kernel: int | tuple[PerAxis, ...] = 3
    pooling: tuple[PerAxis, ...] = ()
    downsampling: str = "max"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        check_one_of("dimensions", self.dimensions, (2, 3))
        check_one_of("block", self.block, tuple(BLOCKS))
        check_one_of("norm", self.norm, tuple(NORMS))
        check_one_of("activation", self.activation, tuple(ACTIVATIONS))
        check_one_of("downsampling", self.downsampling, DOWNSAMPLINGS)
        for name in ("in_channels", "out_channels", "depth"):
            check(name, getattr(self, name), getattr(self, name) >= 1, "at least 1")
        check("width", self.width, self.width >= 8, "at least 8")
        check("growth", self.growth, self.growth >= 1, "at least 1")
        check("dropout", self.dropout, 0 <= self.dropout < 1, "from 0 to below 1")
        check_per_axis("stem", self.stem, self.dimensions)
        self._check_levels()

    def _check_levels(self) -> None:
        counts = per_axis(self.convs_down, self.depth)
        fits = len(counts) == self.depth and min(counts) >= 1
        check("convs_down", self.convs_down, fits, f"at least 1, for all {self.depth} or each")
        fits = len(self.pooling) in (0, self.depth - 1)
        check("pooling", self.pooling, fits, f"{self.depth - 1} factors for depth {self.depth}")
        for factor in self.pooling:
            check_per_axis("pooling", factor, self.dimensions)
        kernels = (self.kernel,) if isinstance(self.kernel, int) else self.kernel
        fits = isinstance(self.kernel, int) or len(kernels) == self.depth
        check("kernel", self.kernel, fits, f"one size, or {self.depth} for depth {self.depth}")
        for size in kernels:
            check_per_axis("kernel", size, self.dimensions)
            odd = all(each % 2 for each in per_axis(size, self.dimensions))
            check("kernel", size, odd, "odd")

    @property
    def stem_factors(self) -> tuple[int, ...]:
        """Pixels of the input in one of the finest level, per axis."""
        return per_axis(self.stem, self.dimensions)

    @property
    def pooling_factors(self) -> tuple[tuple[int, ...], ...]:
        """Pixels of each level in one of the next coarser, per axis."""
        factors = self.pooling or (2,) * (self.depth - 1)
        return tuple(per_axis(factor, self.dimensions) for factor in factors)

    @property
    def kernels(self) -> tuple[tuple[int, ...], ...]:
        """Size of the convolutions of each level, per axis."""
        sizes = (self.kernel,) * self.depth if isinstance(self.kernel, int) else self.kernel
        return tuple(per_axis(size, self.dimensions) for size in sizes)

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each level, finest first."""
        return tuple(
            max(8, 8 * round(self.width * self.growth**level / 8)) for level in range(self.depth)
        )

    def style(self, level: int) -> LayerStyle:
        """Return what the layers of a level have in common."""
        return LayerStyle(self.dimensions, self.norm, self.activation, self.kernels[level])

    def span_behind_level(self, axis: int, level: int, span: Span) -> Span:
        """Return what the encoder reads of the finest grid for a span of a level's maps."""
        count = per_axis(self.convs_down, self.depth)[level]
        span = span.widened(self.radius(axis, level, count))
        if level == 0:
            return span
        finer = span.finer(self.pooling_factors[level - 1][axis])
        return self.span_behind_level(axis, level - 1, finer)

    def radius(self, axis: int, level: int, count: int) -> int:
        """Return how far a block of `count` layers sees along an axis, in px of its level."""
        return block_depth(self.block, count) * (self.kernels[level][axis] // 2)


class PyramidNetwork(Network):
    """An encoder of several levels; a subclass adds the decoder that joins them.

    Attributes are those of `Network`.

    References
    ----------
    He et al., "Deep residual learning for image recognition", CVPR 2016 (``block='residual'`` or
    'bottleneck', ``downsampling='convolution'``).
    He et al., "Identity mappings in deep residual networks", ECCV 2016 ('preactivation').
    Liu et al., "A ConvNet for the 2020s", CVPR 2022 (``block='convnext'``, ``norm='channel'``,
    ``activation='gelu'``, ``kernel=7``, ``downsampling='convolution'``).
    Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel
    convolutional neural network", CVPR 2016 (the coarse grid inside).
    """

    def __init__(self, config: PyramidConfig) -> None:
        super().__init__()
        self.config: PyramidConfig = config
        self.uses_image_statistics = config.norm in IMAGE_STATISTICS
        self.stride = tuple(_stride(config, axis) for axis in range(config.dimensions))
        self.halo = tuple(self._halo(axis) for axis in range(config.dimensions))
        channels, factors = config.channels, config.stem_factors
        self.stem = gather(config.style(0), config.in_channels, channels[0], factors)
        self.encoders = nn.ModuleList(_encoder(config, level) for level in range(config.depth))
        self.pools = nn.ModuleList(_pool(config, level) for level in range(config.depth - 1))
        self.dropout = DROPOUT[config.dimensions](config.dropout)
        self.decoders = nn.ModuleList(self.make_decoders())
        self.head = spread(config.dimensions, channels[0], config.out_channels, factors)
        self.apply(initialise)

    @abstractmethod
    def make_decoders(self) -> Iterable[nn.Module]:
        """Make the modules that `decode` uses, in the order of the data."""

    @abstractmethod
    def decode(self, levels: list[torch.Tensor]) -> torch.Tensor:
        """Join the encoder's maps of each level, finest first, into maps of the finest."""

    @abstractmethod
    def span_behind_decoder(self, axis: int, span: Span) -> Span:
        """Return what is read of the finest grid for a span of what `decode` gives."""

    def encode(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        """Map ``(N, C, [Z,] Y, X)`` to the maps of each level, finest first."""
        x = self.encoders[0](self.stem(pixels))
        levels = [x]
        for pool, encoder in zip(self.pools, self.encoders[1:], strict=True):
            x = encoder(pool(x))
            levels.append(x)
        levels[-1] = self.dropout(x)
        return levels

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Map ``(N, C, [Z,] Y, X)`` to ``(N, K, [Z,] Y, X)``; sizes are multiples of `stride`."""
        self.check_size(pixels)
        maps: torch.Tensor = self.head(self.decode(self.encode(pixels)))
        return maps

    def _halo(self, axis: int) -> int:
        factor = self.config.stem_factors[axis]
        radius = gathering_radii(self.config.style(0))[axis]

        def behind(span: Span) -> Span:
            read = self.span_behind_decoder(axis, span.coarser(factor))
            return read.widened(radius).finer(factor)

        return farthest(self.stride[axis], behind)


def _stride(config: PyramidConfig, axis: int) -> int:
    """Return the px of the input in one pixel of the coarsest level."""
    return config.stem_factors[axis] * math.prod(factor[axis] for factor in config.pooling_factors)


def _encoder(config: PyramidConfig, level: int) -> nn.Module:
    arriving = level if config.downsampling == "convolution" else max(level - 1, 0)
    count = per_axis(config.convs_down, config.depth)[level]
    return BLOCKS[config.block](
        config.style(level), config.channels[arriving], config.channels[level], count
    )


def _pool(config: PyramidConfig, level: int) -> nn.Module:
    factor = config.pooling_factors[level]
    if config.downsampling == "max":
        return MAX_POOL[config.dimensions](factor)
    fine, coarse = config.channels[level : level + 2]
    convolution = CONVOLUTION[config.dimensions](
        fine, coarse, factor, factor, bias=config.norm == "none"
    )
    return config.style(level + 1).normalised(convolution, channels=coarse)
