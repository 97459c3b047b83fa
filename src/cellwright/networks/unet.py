"""The U-Net family: an encoder, a decoder, and skips between them, in 2D or 3D."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from cellwright._errors import UsageError
from cellwright.networks.blocks import (
    ACTIVATIONS,
    BLOCKS,
    CONVOLUTION,
    DROPOUT,
    IMAGE_STATISTICS,
    MAX_POOL,
    NORMS,
    TRANSPOSED,
    LayerStyle,
    block_radius,
)
from cellwright.networks.network import Network, NetworkConfig

SKIPS = ("add", "concat")


@dataclass(frozen=True)
class UNetConfig(NetworkConfig):
    """Everything that makes one U-Net differ from another.

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
    convs_down, convs_up : int
        Convolution layers per level of the encoder and of the decoder.
    block : {'plain', 'residual', 'dense', 'separable', 'dilated'}
        How the layers of a level are connected.
    norm : {'batch', 'instance', 'group', 'none'}
        Normalisation after each convolution. With 'instance' and 'group' the output depends on
        the whole input, so it changes with the tile; see `Network.uses_image_statistics`.
    activation : {'relu', 'leaky_relu', 'silu', 'gelu'}
        Non-linearity.
    pooling : tuple of (int or tuple of int)
        Factor between each level and the next coarser one, ``depth - 1`` of them, each for all
        axes or per axis; such as ``((1, 2, 2), 2)`` for a stack with coarse Z. Empty: 2 each.
    skip : {'add', 'concat'}
        How the decoder takes up the encoder's maps.
    dropout : float
        Share of the coarsest level's channels that are left out in training.
    """

    stem: int | tuple[int, ...] = 2
    width: int = 32
    growth: float = 1.5
    depth: int = 4
    convs_down: int = 2
    convs_up: int = 1
    block: str = "plain"
    norm: str = "batch"
    activation: str = "relu"
    pooling: tuple[int | tuple[int, ...], ...] = ()
    skip: str = "add"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        _check_one_of("dimensions", self.dimensions, (2, 3))
        _check_one_of("block", self.block, tuple(BLOCKS))
        _check_one_of("norm", self.norm, tuple(NORMS))
        _check_one_of("activation", self.activation, tuple(ACTIVATIONS))
        _check_one_of("skip", self.skip, SKIPS)
        for name in ("in_channels", "out_channels", "depth", "convs_down", "convs_up"):
            _check(name, getattr(self, name), getattr(self, name) >= 1, "at least 1")
        _check("width", self.width, self.width >= 8, "at least 8")
        _check("growth", self.growth, self.growth >= 1, "at least 1")
        _check("dropout", self.dropout, 0 <= self.dropout < 1, "from 0 to below 1")
        fits = len(self.pooling) in (0, self.depth - 1)
        _check("pooling", self.pooling, fits, f"{self.depth - 1} factors for depth {self.depth}")
        for name, factor in [("stem", self.stem), *(("pooling", each) for each in self.pooling)]:
            axes = self._per_axis(factor)
            fits = len(axes) == self.dimensions and min(axes) >= 1
            _check(name, factor, fits, f"one factor, or {self.dimensions}, of at least 1")

    def _per_axis(self, factor: int | tuple[int, ...]) -> tuple[int, ...]:
        return (factor,) * self.dimensions if isinstance(factor, int) else factor

    @property
    def stem_factors(self) -> tuple[int, ...]:
        """Pixels of the input in one of the finest level, per axis."""
        return self._per_axis(self.stem)

    @property
    def pooling_factors(self) -> tuple[tuple[int, ...], ...]:
        """Pixels of each level in one of the next coarser, per axis."""
        return tuple(self._per_axis(factor) for factor in self.pooling or (2,) * (self.depth - 1))

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each level, finest first."""
        return tuple(
            max(8, 8 * round(self.width * self.growth**level / 8)) for level in range(self.depth)
        )


class UNet(Network):
    """Encoder, decoder, and skips between levels of the same resolution.

    Attributes are those of `Network`.

    References
    ----------
    Ronneberger, Fischer & Brox, "U-Net", MICCAI 2015, arXiv:1505.04597.
    Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel
    convolutional neural network", CVPR 2016 (the coarse grid inside).
    """

    name: ClassVar[str] = "unet"

    def __init__(self, config: UNetConfig):
        super().__init__()
        self.config: UNetConfig = config
        self.stride = tuple(_stride(config, axis) for axis in range(config.dimensions))
        self.halo = tuple(_halo(config, axis) for axis in range(config.dimensions))
        self.uses_image_statistics = config.norm in IMAGE_STATISTICS
        style = LayerStyle(config.dimensions, config.norm, config.activation)
        channels = config.channels
        self.stem = _stem(config, style)
        self.encoders = nn.ModuleList(
            BLOCKS[config.block](
                style, channels[max(level - 1, 0)], channels[level], config.convs_down
            )
            for level in range(config.depth)
        )
        self.pools = nn.ModuleList(
            MAX_POOL[config.dimensions](factor) for factor in config.pooling_factors
        )
        self.dropout = DROPOUT[config.dimensions](config.dropout)
        self.decoders = nn.ModuleList(
            _Decoder(config, style, level) for level in reversed(range(config.depth - 1))
        )
        self.head = TRANSPOSED[config.dimensions](
            channels[0], config.out_channels, config.stem_factors, config.stem_factors
        )
        self.apply(_initialise)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Map ``(N, C, [Z,] Y, X)`` to ``(N, K, [Z,] Y, X)``; sizes are multiples of `stride`."""
        self.check_size(pixels)
        x = self.stem(pixels)
        skips = []
        for encoder, pool in zip(self.encoders[:-1], self.pools, strict=True):
            x = encoder(x)
            skips.append(x)
            x = pool(x)
        x = self.dropout(self.encoders[-1](x))
        for decoder, skip in zip(self.decoders, reversed(skips), strict=True):
            x = decoder(x, skip)
        maps: torch.Tensor = self.head(x)
        return maps


class _Decoder(nn.Module):
    """Bring the coarser level up, join it with the skip, refine."""

    def __init__(self, config: UNetConfig, style: LayerStyle, level: int):
        super().__init__()
        channels = config.channels[level]
        self.joins_by_adding = config.skip == "add"
        joined = channels if self.joins_by_adding else 2 * channels
        # A 1-px convolution commutes with nearest upsampling, and costs less before it.
        self.project = style.layer(config.channels[level + 1], channels, size=1)
        self.upsample = nn.Upsample(
            scale_factor=tuple(map(float, config.pooling_factors[level])), mode="nearest"
        )
        self.block = BLOCKS[config.block](style, joined, channels, config.convs_up)

    def forward(self, coarse: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        raised = self.upsample(self.project(coarse))
        joined = skip + raised if self.joins_by_adding else torch.cat([skip, raised], dim=1)
        refined: torch.Tensor = self.block(joined)
        return refined


def _stem(config: UNetConfig, style: LayerStyle) -> nn.Module:
    """Gather patches of pixels into channels and look 1 patch around, as one strided convolution.

    The same linear map as space-to-depth followed by a 3-px convolution, without the reshaping.
    """
    convolution = CONVOLUTION[config.dimensions](
        config.in_channels,
        config.channels[0],
        kernel_size=tuple(3 * factor for factor in config.stem_factors),
        stride=config.stem_factors,
        padding=config.stem_factors,
        bias=config.norm == "none",
    )
    return style.normalised(convolution, channels=config.channels[0]).append(
        ACTIVATIONS[config.activation]()
    )


def _initialise(module: nn.Module) -> None:
    """Start from He's normal weights, and from a head without a checkerboard."""
    if isinstance(module, nn.Conv2d | nn.Conv3d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    elif isinstance(module, nn.ConvTranspose2d | nn.ConvTranspose3d):
        axes = tuple(range(2, module.weight.ndim))
        with torch.no_grad():  # all pixels of a patch start from the same kernel
            module.weight.copy_(module.weight.mean(axes, keepdim=True).expand_as(module.weight))
    else:
        return
    if module.bias is not None:
        nn.init.zeros_(module.bias)


def _stride(config: UNetConfig, axis: int) -> int:
    """Return the px of the input in one pixel of the coarsest level."""
    return config.stem_factors[axis] * math.prod(factor[axis] for factor in config.pooling_factors)


def _halo(config: UNetConfig, axis: int) -> int:
    """Follow each output pixel of one period back to the farthest input pixel it depends on."""
    factors = [factor[axis] for factor in config.pooling_factors]
    down = block_radius(config.block, config.convs_down)
    up = block_radius(config.block, config.convs_up)
    stem = config.stem_factors[axis]

    def behind_encoder(level: int, low: int, high: int) -> tuple[int, int]:
        low, high = low - down, high + down
        if level == 0:
            return low, high
        factor = factors[level - 1]
        return behind_encoder(level - 1, low * factor, high * factor + factor - 1)

    def behind_decoder(level: int, low: int, high: int) -> tuple[int, int]:
        if level == config.depth - 1:
            return behind_encoder(level, low, high)
        low, high = low - up, high + up
        skip = behind_encoder(level, low, high)
        coarse = behind_decoder(level + 1, low // factors[level], high // factors[level])
        return min(skip[0], coarse[0]), max(skip[1], coarse[1])

    def radius(pixel: int) -> int:
        low, high = behind_decoder(0, pixel // stem, pixel // stem)
        first, last = (low - 1) * stem, (high + 2) * stem - 1  # the stem looks 1 patch around
        return max(pixel - first, last - pixel)

    return max(radius(pixel) for pixel in range(_stride(config, axis)))


def _check(name: str, value: Any, fits: bool, allowed: str) -> None:
    if not fits:
        raise UsageError(f"U-Net option '{name}' must be {allowed}, not {value!r}.")


def _check_one_of(name: str, value: Any, allowed: tuple[Any, ...]) -> None:
    _check(name, value, value in allowed, "one of " + ", ".join(map(str, allowed)))
