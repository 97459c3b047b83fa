"""The feature pyramid: every level gets to know the coarser ones, and speaks for itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from torch import nn

from cellwright.networks.layers import upsampling
from cellwright.networks.pyramid import PyramidConfig, PyramidNetwork
from cellwright.networks.reach import Span


@dataclass(frozen=True)
class FeaturePyramidConfig(PyramidConfig):
    """The options of `PyramidConfig`; the encoder is a ResNet unless said otherwise."""

    block: str = "residual"
    downsampling: str = "convolution"


class FeaturePyramid(PyramidNetwork):
    """An encoder, a top-down path of `width` channels, and the sum of all its levels.

    `pyramid` gives the maps of every level, for what looks for objects of several sizes; the
    network itself adds them up at the finest level.

    Attributes are those of `Network`.

    References
    ----------
    Lin et al., "Feature pyramid networks for object detection", CVPR 2017, arXiv:1612.03144.
    Kirillov et al., "Panoptic feature pyramid networks", CVPR 2019, arXiv:1901.02446 (the sum of
    the levels).
    """

    name: ClassVar[str] = "fpn"
    config: FeaturePyramidConfig

    def __init__(self, config: FeaturePyramidConfig) -> None:
        super().__init__(config)

    def make_decoders(self) -> Iterator[nn.Module]:
        """Make one part per level, the coarsest first."""
        for level in reversed(range(self.config.depth)):
            yield _PyramidLevel(self.config, level)

    def pyramid(self, levels: list[torch.Tensor]) -> list[torch.Tensor]:
        """Map the encoder's maps to those of the pyramid, all of `width` channels.

        Parameters
        ----------
        levels : list of Tensor
            What `encode` gives, finest first.

        Returns
        -------
        list of Tensor
            Of the same sizes, finest first.
        """
        x, maps = None, []
        for part, level in zip(self._parts(), reversed(levels), strict=True):
            x = part.lateral(level) if x is None else part.lateral(level) + part.upsample(x)
            maps.append(part.smooth(x))
        return maps[::-1]

    def decode(self, levels: list[torch.Tensor]) -> torch.Tensor:
        """Add up the levels of the pyramid at the finest one."""
        # Added from the coarsest on: each sum is raised once, by one level.
        total, *finer = reversed(self.pyramid(levels))
        for part, maps in zip(self._parts()[1:], finer, strict=True):
            total = maps + part.upsample(total)
        return total

    def _parts(self) -> "list[_PyramidLevel]":
        return cast(list[_PyramidLevel], list(self.decoders))

    def span_behind_decoder(self, axis: int, span: Span) -> Span:
        """Return what is read of the finest grid for a span of what `decode` gives."""
        config = self.config

        def behind_sum(level: int, span: Span) -> Span:
            radius = _smoothing_kernel(config, level)[axis] // 2
            own = behind_path(level, span.widened(radius))
            if level == config.depth - 1:
                return own
            return own.joined(behind_sum(level + 1, span.coarser(_factor(level))))

        def behind_path(level: int, span: Span) -> Span:
            own = config.span_behind_level(axis, level, span)
            if level == config.depth - 1:
                return own
            return own.joined(behind_path(level + 1, span.coarser(_factor(level))))

        def _factor(level: int) -> int:
            return config.pooling_factors[level][axis]

        return behind_sum(0, span)


class _PyramidLevel(nn.Module):
    """The parts that one level of the pyramid needs."""

    def __init__(self, config: FeaturePyramidConfig, level: int) -> None:
        super().__init__()
        style, width = config.style(level), config.channels[0]
        self.lateral = style.normalised(
            style.convolution(config.channels[level], width, size=1), channels=width
        )
        if level < config.depth - 1:
            self.upsample = upsampling(config.pooling_factors[level])
        self.smooth = style.layer(width, width, size=_smoothing_kernel(config, level))


def _smoothing_kernel(config: FeaturePyramidConfig, level: int) -> tuple[int, ...]:
    """Return at most 3 px: the encoder's kernels may be large, but only where cheap."""
    return tuple(min(3, size) for size in config.kernels[level])
