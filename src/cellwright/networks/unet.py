"""The U-Net family: an encoder, a decoder, and skips between them, in 2D or 3D."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from cellwright.networks.blocks import BLOCKS
from cellwright.networks.layers import upsampling
from cellwright.networks.options import check, check_one_of
from cellwright.networks.pyramid import PyramidConfig, PyramidNetwork
from cellwright.networks.reach import Span

SKIPS = ("add", "concat")


@dataclass(frozen=True)
class UNetConfig(PyramidConfig):
    """Everything that makes one U-Net differ from another.

    The parameters are those of `PyramidConfig`, and:

    Parameters
    ----------
    convs_up : int
        Convolution layers per level of the decoder.
    skip : {'add', 'concat'}
        How the decoder takes up the encoder's maps.
    """

    convs_up: int = 1
    skip: str = "add"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_of("skip", self.skip, SKIPS)
        check("convs_up", self.convs_up, self.convs_up >= 1, "at least 1")


class UNet(PyramidNetwork):
    """Encoder, decoder, and skips between levels of the same resolution.

    Attributes are those of `Network`.

    References
    ----------
    Ronneberger, Fischer & Brox, "U-Net", MICCAI 2015, arXiv:1505.04597.
    """

    name: ClassVar[str] = "unet"
    config: UNetConfig

    def __init__(self, config: UNetConfig) -> None:
        super().__init__(config)

    def make_decoders(self) -> Iterator[nn.Module]:
        """Make one decoder per level but the coarsest, which comes first."""
        for level in reversed(range(self.config.depth - 1)):
            yield Decoder(self.config, level)

    def decode(self, levels: list[torch.Tensor]) -> torch.Tensor:
        """Climb from the coarsest level to the finest."""
        *skips, x = levels
        for decoder, skip in zip(self.decoders, reversed(skips), strict=True):
            x = decoder(x, skip)
        return x

    def span_behind_decoder(self, axis: int, span: Span) -> Span:
        """Return what is read of the finest grid for a span of what `decode` gives."""
        config = self.config

        def behind(level: int, span: Span) -> Span:
            if level == config.depth - 1:
                return config.span_behind_level(axis, level, span)
            span = span.widened(config.radius(axis, level, config.convs_up))
            coarse = behind(level + 1, span.coarser(config.pooling_factors[level][axis]))
            return coarse.joined(config.span_behind_level(axis, level, span))

        return behind(0, span)


class Decoder(nn.Module):
    """Bring the coarser level up, join it with the skips of its own level, refine.

    Parameters
    ----------
    config : UNetConfig
    level : int
        Where the result belongs; 0 is the finest.
    skips : int
        Number of maps of that level that are joined with the coarser one.
    """

    def __init__(self, config: UNetConfig, level: int, skips: int = 1) -> None:
        super().__init__()
        style, channels = config.style(level), config.channels[level]
        self.joins_by_adding = config.skip == "add"
        joined = channels if self.joins_by_adding else (skips + 1) * channels
        # A 1-px convolution commutes with nearest upsampling, and costs less before it.
        self.project = style.layer(config.channels[level + 1], channels, size=1)
        self.upsample = upsampling(config.pooling_factors[level])
        self.block = BLOCKS[config.block](style, joined, channels, config.convs_up)

    def forward(self, coarse: torch.Tensor, *skips: torch.Tensor) -> torch.Tensor:
        """Map the coarser level's maps and those of this level to this level's result."""
        joined = [*skips, self.upsample(self.project(coarse))]
        together = sum(joined[1:], joined[0]) if self.joins_by_adding else torch.cat(joined, dim=1)
        refined: torch.Tensor = self.block(together)
        return refined
