"""Which network and which patches suit the images, told from a few facts about them.

For planes the defaults were chosen by experiment and hold for all. Volumes differ: planes may lie
far apart, there may be few of them, and objects may be small.

References
----------
Isensee et al., "nnU-Net: a self-configuring method for deep learning-based biomedical image
segmentation", Nature Methods 2021 (what is told from a fingerprint of the data; pooling and kernels
by the spacing).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PLANE_PATCH = 256
LEVELLED = ("unet", "nested", "fpn")
"""Networks whose levels are planned."""
SIDE_STEP = 8
"""Sides of patches of volumes are multiples of this, in px."""
VOLUME_WIDTH, VOLUME_DEPTH = 16, 3
"""Of networks for volumes: what a CPU trains in minutes."""
_FINE, _COARSE = 1, 2  # px of the image in one of the network's finest level
_SIDE = {_FINE: 48, _COARSE: 64}  # px of a cube that a CPU learns from in a second or two
_FEWEST_ACROSS = 6  # points of the network's finest level across a small object
_WIDEST = 2  # times as wide as the cube is a patch of few planes at most


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is known about images before a network is made for them.

    Parameters
    ----------
    volume : tuple of int, optional
        Size (Z, Y, X) of the smallest volume, in px; None for planes.
    diameter : float, optional
        Of the smallest objects that are common, as the network sees them, in px; None where
        objects have no size.
    anisotropy : float
        Distance of planes over that of pixels.
    """

    volume: tuple[int, ...] | None = None
    diameter: float | None = None
    anisotropy: float = 1.0


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """What follows from a fingerprint.

    Parameters
    ----------
    patch : tuple of int
        Size of a training patch, ([Z,] Y, X) in px.
    sizes : mapping
        Width and depth of the network, where they differ from its defaults.
    levels : mapping
        How the levels of networks such as the U-Net follow each other, likewise.
    """

    patch: tuple[int, ...]
    sizes: Mapping[str, Any] = field(default_factory=dict)
    levels: Mapping[str, Any] = field(default_factory=dict)

    def options(self, network: str) -> dict[str, Any]:
        """Return the options for one of the networks by name."""
        return {**self.sizes, **(self.levels if network in LEVELLED else {})}


def plan_network(
    fingerprint: Fingerprint, *, side: int | None = None, depth: int | None = None
) -> NetworkPlan:
    """Plan network and patches.

    In volumes, the finest level of the network is as fine as small objects need it; planes are
    joined, by pooling and by kernels that reach across them, only where they lie about as near to
    each other as the points of a level in the plane. A patch is a cube in space, or, where there
    are fewer planes, as much wider.

    Parameters
    ----------
    fingerprint : Fingerprint
    side : int, optional
        Lateral size of a patch, in px, where it is not to be planned.
    depth : int, optional
        Number of levels, likewise.
    """
    if fingerprint.volume is None:
        return NetworkPlan((side or PLANE_PATCH,) * 2)
    depth = depth or VOLUME_DEPTH
    diameter = fingerprint.diameter
    small = diameter is not None and diameter < _FEWEST_ACROSS * _COARSE
    stem = _FINE if small else _COARSE
    through = min(stem, max(1, round(stem / fingerprint.anisotropy)))
    pooling, kernels = _levels(depth, fingerprint.anisotropy * through, float(stem))
    return NetworkPlan(
        _volume_patch(fingerprint.volume, fingerprint.anisotropy, side, _SIDE[stem]),
        {"width": VOLUME_WIDTH, "depth": depth},
        {"stem": (through, stem, stem), "pooling": pooling, "kernel": kernels},
    )


def _levels(
    depth: int, between: float, lateral: float
) -> tuple[tuple[tuple[int, int, int], ...], tuple[tuple[int, int, int], ...]]:
    """Return the pooling between levels and the kernels of each, from the distances of points."""
    pooling, kernels = [], []
    for _ in range(depth):
        near = between < 2 * lateral
        kernels.append((3 if near else 1, 3, 3))
        pooling.append((2 if near else 1, 2, 2))
        between *= pooling[-1][0]
        lateral *= 2
    return tuple(pooling[:-1]), tuple(kernels)


def _volume_patch(
    volume: tuple[int, ...], anisotropy: float, side: int | None, usual: int
) -> tuple[int, int, int]:
    """Return a patch about as deep as wide, but no deeper than volumes are."""
    planes, height, width = volume
    wanted = (side or usual) / anisotropy
    deep = _up(min(wanted, planes))
    if side is None:
        widest = min(_WIDEST * usual, _up(max(height, width)))
        side = min(widest, max(usual, _down(usual * math.sqrt(wanted / deep))))
    return deep, side, side


def _up(length: float) -> int:
    return max(SIDE_STEP, math.ceil(length / SIDE_STEP) * SIDE_STEP)


def _down(length: float) -> int:
    return max(SIDE_STEP, math.floor(length / SIDE_STEP) * SIDE_STEP)
