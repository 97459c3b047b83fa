"""UNet++: a U-Net whose skips are filled with networks of their own."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from cellwright.networks.pyramid import PyramidNetwork
from cellwright.networks.reach import Span
from cellwright.networks.unet import Decoder, UNetConfig


@dataclass(frozen=True)
class NestedUNetConfig(UNetConfig):
    """The options of `UNetConfig`; skips are concatenated unless said otherwise."""

    skip: str = "concat"


class NestedUNet(PyramidNetwork):
    """A triangle of nodes: node (i, j) refines level i with all nodes before it and one below.

    The encoder gives the nodes (i, 0). Node (i, j) reads the nodes (i, 0) to (i, j - 1) and the
    coarser node (i + 1, j - 1); the last one of the finest level is the result. The encoder's
    maps thus come near the decoder's in meaning before they are joined, at the price of more
    arithmetic at the finest level.

    Attributes are those of `Network`.

    References
    ----------
    Zhou et al., "UNet++: A nested U-Net architecture for medical image segmentation", DLMIA 2018,
    arXiv:1807.10165.
    """

    name: ClassVar[str] = "nested"
    config: NestedUNetConfig

    def __init__(self, config: NestedUNetConfig) -> None:
        super().__init__(config)

    def make_decoders(self) -> Iterator[nn.Module]:
        """Make the nodes column by column, the finest level first."""
        for level, column in self._nodes():
            yield Decoder(self.config, level, skips=column)

    def decode(self, levels: list[torch.Tensor]) -> torch.Tensor:
        """Fill the triangle column by column."""
        rows = [[x] for x in levels]
        for decoder, (level, column) in zip(self.decoders, self._nodes(), strict=True):
            rows[level].append(decoder(rows[level + 1][column - 1], *rows[level]))
        return rows[0][-1]

    def span_behind_decoder(self, axis: int, span: Span) -> Span:
        """Return what is read of the finest grid for a span of what `decode` gives."""
        config = self.config

        def behind(level: int, column: int, span: Span) -> Span:
            if column == 0:
                return config.span_behind_level(axis, level, span)
            span = span.widened(config.radius(axis, level, config.convs_up))
            coarse = span.coarser(config.pooling_factors[level][axis])
            # Of the nodes of the same level the last one before this sees farthest.
            seen = behind(level + 1, column - 1, coarse)
            return seen.joined(behind(level, column - 1, span))

        return behind(0, config.depth - 1, span)

    def _nodes(self) -> list[tuple[int, int]]:
        depth = self.config.depth
        return [(level, column) for column in range(1, depth) for level in range(depth - column)]
