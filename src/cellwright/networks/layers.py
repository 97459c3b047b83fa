"""Layers, norms and the two ends of a network, for 2D and 3D alike."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from cellwright.networks.options import PerAxis, per_axis

CONVOLUTION: dict[int, Callable[..., nn.Module]] = {2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED: dict[int, Callable[..., nn.Module]] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
MAX_POOL: dict[int, Callable[..., nn.Module]] = {2: nn.MaxPool2d, 3: nn.MaxPool3d}
DROPOUT: dict[int, Callable[..., nn.Module]] = {2: nn.Dropout2d, 3: nn.Dropout3d}
"""Layers by the number of spatial axes, as in the three above."""
_BATCH_NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


class ChannelNorm(nn.LayerNorm):
    """Normalise the channels of each pixel alone: nothing depends on other pixels.

    References
    ----------
    Ba, Kiros & Hinton, "Layer normalization", arXiv:1607.06450.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map ``(N, C, [Z,] Y, X)`` to the same shape."""
        last = x.ndim - 1  # as -1 it would be exported wrongly
        return super().forward(x.movedim(1, last)).movedim(last, 1)


NORMS: dict[str, Callable[[int, int], nn.Module]] = {
    "batch": lambda dimensions, channels: _BATCH_NORM[dimensions](channels),
    "channel": lambda dimensions, channels: ChannelNorm(channels, eps=1e-6),
    "instance": lambda dimensions, channels: nn.GroupNorm(channels, channels),
    "group": lambda dimensions, channels: nn.GroupNorm(math.gcd(8, channels), channels),
    "none": lambda dimensions, channels: nn.Identity(),
}
"""Norms by name, made from the number of spatial axes and of channels."""
IMAGE_STATISTICS = ("instance", "group")
"""Norms that take statistics over the whole input when predicting, too."""

ACTIVATIONS: dict[str, Callable[[bool], nn.Module]] = {
    "relu": lambda inplace: nn.ReLU(inplace=inplace),
    "leaky_relu": lambda inplace: nn.LeakyReLU(0.01, inplace=inplace),
    "silu": lambda inplace: nn.SiLU(inplace=inplace),
    "gelu": lambda inplace: nn.GELU(),
}
"""Activations by name, made from whether they may overwrite their input."""


@dataclass(frozen=True)
class LayerStyle:
    """What all convolution layers of a network, or of a level of it, have in common.

    Parameters
    ----------
    dimensions : int
        2 for planes, 3 for volumes.
    norm, activation : str
        In `NORMS` and `ACTIVATIONS`.
    kernel : int or tuple of int
        Size of the convolutions, in px, for all axes or for each; odd.
    """

    dimensions: int
    norm: str
    activation: str
    kernel: PerAxis = 3

    def convolution(
        self,
        in_channels: int,
        out_channels: int,
        size: PerAxis | None = None,
        dilation: PerAxis = 1,
        groups: int = 1,
    ) -> nn.Module:
        """Make a same-size convolution without anything after it.

        Parameters
        ----------
        in_channels, out_channels : int
        size : int or tuple of int, optional
            In px, in place of `kernel`.
        dilation : int or tuple of int
            Distance of the pixels that it looks at, in px.
        groups : int
            Parts into which the channels are cut; each part sees its own only.
        """
        sizes = per_axis(self.kernel if size is None else size, self.dimensions)
        dilations = per_axis(dilation, self.dimensions)
        return CONVOLUTION[self.dimensions](
            in_channels,
            out_channels,
            sizes,
            padding=tuple(d * (s // 2) for d, s in zip(dilations, sizes, strict=True)),
            dilation=dilations,
            groups=groups,
            bias=self.norm == "none",  # every norm brings a bias of its own
        )

    def normalised(self, *convolutions: nn.Module, channels: int) -> nn.Sequential:
        """Put the norm behind `convolutions`, which give `channels`."""
        return nn.Sequential(*convolutions, NORMS[self.norm](self.dimensions, channels))

    def activated(self, *convolutions: nn.Module, channels: int) -> nn.Sequential:
        """Put norm and activation behind `convolutions`, which give `channels`."""
        return self.normalised(*convolutions, channels=channels).append(
            ACTIVATIONS[self.activation](True)
        )

    def layer(
        self,
        in_channels: int,
        out_channels: int,
        size: PerAxis | None = None,
        dilation: PerAxis = 1,
    ) -> nn.Sequential:
        """Make convolution, norm and activation; for the parameters see `convolution`."""
        convolution = self.convolution(in_channels, out_channels, size, dilation)
        return self.activated(convolution, channels=out_channels)

    def preactivated(
        self, in_channels: int, out_channels: int, size: PerAxis | None = None
    ) -> nn.Sequential:
        """Make norm, activation and convolution, which leave their input as it is.

        For the parameters see `convolution`.
        """
        return nn.Sequential(
            NORMS[self.norm](self.dimensions, in_channels),
            ACTIVATIONS[self.activation](False),
            self.convolution(in_channels, out_channels, size),
        )


def upsampling(factors: tuple[int, ...]) -> nn.Module:
    """Make the repetition of each pixel, `factors` times per axis."""
    return nn.Upsample(scale_factor=tuple(map(float, factors)), mode="nearest")


def gather(
    style: LayerStyle, in_channels: int, out_channels: int, factors: tuple[int, ...]
) -> nn.Sequential:
    """Gather patches of pixels into channels and look 1 patch around, as one strided convolution.

    The same linear map as space-to-depth followed by a 3-px convolution, without the reshaping.
    It looks around along those axes only along which the other convolutions do.

    Parameters
    ----------
    style : LayerStyle
    in_channels, out_channels : int
    factors : tuple of int
        Sides of a patch, ([Z,] Y, X), in px.
    """
    radii = gathering_radii(style)
    convolution = CONVOLUTION[style.dimensions](
        in_channels,
        out_channels,
        kernel_size=tuple((1 + 2 * r) * f for r, f in zip(radii, factors, strict=True)),
        stride=factors,
        padding=tuple(r * f for r, f in zip(radii, factors, strict=True)),
        bias=style.norm == "none",
    )
    return style.activated(convolution, channels=out_channels)


def gathering_radii(style: LayerStyle) -> tuple[int, ...]:
    """Return how many patches around its own `gather` looks at, per axis."""
    return tuple(min(1, size // 2) for size in per_axis(style.kernel, style.dimensions))


def spread(
    dimensions: int, in_channels: int, out_channels: int, factors: tuple[int, ...]
) -> nn.Module:
    """Spread channels over patches of pixels, the way back from `gather`; parameters as there."""
    return TRANSPOSED[dimensions](in_channels, out_channels, factors, factors)


def initialise(module: nn.Module) -> None:
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
