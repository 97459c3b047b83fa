"""What every network promises, whatever is inside it."""

import operator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from cellwright._errors import InputError


@dataclass(frozen=True)
class NetworkConfig:
    """What every network's config says; each adds the options of its own.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels C of the input and maps K of the output.
    dimensions : int
        2 for ``(N, C, Y, X)``, 3 for ``(N, C, Z, Y, X)``.
    """

    in_channels: int
    out_channels: int
    dimensions: int = 2


class Network(nn.Module):
    """A pure function of pixels: ``(N, C, [Z,] Y, X)`` to ``(N, K, [Z,] Y, X)`` of the same size.

    Attributes
    ----------
    name : str
        What the registry calls this kind of network.
    config : NetworkConfig
        Everything needed to build it again.
    stride : tuple of int
        Input sizes must be multiples of it, per spatial axis, in px.
    halo : tuple of int
        Radius of the receptive field per spatial axis, in px: an output pixel depends on no input
        pixel farther away than this.
    uses_image_statistics : bool
        Whether a layer takes statistics over the whole input when predicting (instance and group
        normalisation). Such a network has no finite receptive field: its output changes with the
        tile that it is given, `halo` covers its convolutions only.
    """

    name: ClassVar[str]
    config: NetworkConfig
    stride: tuple[int, ...]
    halo: tuple[int, ...]
    uses_image_statistics: bool

    def check_size(self, pixels: torch.Tensor) -> None:
        """Refuse pixels ``(N, C, [Z,] Y, X)`` whose size is no multiple of `stride`.

        Raises
        ------
        InputError
            If the size does not fit.
        """
        if torch.onnx.is_in_onnx_export():  # sizes are symbols then
            return
        size = tuple(pixels.shape[2:])
        fits = len(size) == len(self.stride) and not any(map(operator.mod, size, self.stride))
        if not fits:
            raise InputError(
                f"The network cannot take {size} px: sizes must be multiples of {self.stride}. "
                "Pad the image."
            )
