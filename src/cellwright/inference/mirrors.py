"""A network that looks at an image in every mirror and says the mean: test-time augmentation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from cellwright._types import AnyArray, FloatArray
from cellwright.inference.runtime import MapNetwork
from cellwright.methods.mirrors import Mirrored


class MirroredNetwork:
    """A `MapNetwork` that averages what another one says of an image and its mirror images.

    They are 4 for planes and 8 for volumes, and it takes as many times as long.

    Parameters
    ----------
    network : MapNetwork
        Its stride, halo and memory are those of this one, too, but for the maps held meanwhile.
    mirrored : sequence of Mirrored
        For each spatial axis ([Z,] Y, X), how the maps of an image mirrored along it are put
        right. Maps beyond those it knows say the same.
    """

    def __init__(self, network: MapNetwork, mirrored: Sequence[Mirrored]) -> None:
        self._network = network
        self._mirrored = tuple(mirrored)

    @property
    def bytes_per_pixel(self) -> int:
        """As of the network, and a sum of its maps."""
        maps = 2 * len(self._mirrored[0].order) * np.dtype(np.float32).itemsize
        return self._network.bytes_per_pixel + maps

    @property
    def stride(self) -> tuple[int, ...]:
        """As of the network."""
        return self._network.stride

    @property
    def halo(self) -> tuple[int, ...]:
        """As of the network."""
        return self._network.halo

    def __call__(self, pixels: FloatArray) -> FloatArray:
        """Return the mean maps (N, K, [Z,] Y, X) of normalised pixels (N, C, [Z,] Y, X)."""
        total = self._network(pixels).copy()
        looks = list(product((False, True), repeat=len(self._mirrored)))
        for look in looks[1:]:
            total += self._seen(pixels, look)
        total /= len(looks)
        return total

    def _seen(self, pixels: FloatArray, look: Sequence[bool]) -> FloatArray:
        """Return the maps of the image mirrored along some axes, put right."""
        axes = tuple(axis - len(look) for axis, turned in enumerate(look) if turned)
        maps: AnyArray = self._network(np.ascontiguousarray(np.flip(pixels, axes)))
        maps = np.flip(maps, axes)
        for axis in axes:
            known = self._mirrored[axis]
            count = len(known.order)
            signs = known.signs.reshape(-1, *(1,) * len(look))
            maps = np.concatenate([maps[:, known.order] * signs, maps[:, count:]], axis=1)
        return maps
