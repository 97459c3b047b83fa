"""Which network and which patches suit the images, told from a few facts about them.

For planes the defaults were chosen by experiment; where images are smaller than a patch, patches
are, too, and there are more of them in a step. Volumes differ: planes may lie far apart, there may
be few of them, and objects may be small.

References
----------
Isensee et al., "nnU-Net: a self-configuring method for deep learning-based biomedical image
segmentation", Nature Methods 2021 (what is told from a fingerprint of the data; pooling and kernels
by the spacing; patches as large as images allow, batches as large as memory then does).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PLANE_PATCH = 256
"""Side of patches of planes, in px, unless images are smaller."""
SIDE_STEP = 8
"""Sides of patches of volumes are multiples of this, in px."""
PLANE_STEP = 64
"""The same of planes; the strides of all networks of up to six levels divide it."""
PLANE_WIDTH = 32
"""Channels at the finest level of most networks for planes."""
VOLUME_WIDTH, VOLUME_DEPTH = 16, 3
"""Of networks for volumes: what a CPU trains in minutes."""
_FINE, _COARSE = 1, 2  # px of the image in one of the network's finest level
_SIDE = {_FINE: 48, _COARSE: 64}  # px of a cube that a CPU learns from in a second or two
_FEWEST_ACROSS = 6  # points of the network's finest level across a small object
_WIDEST = 2  # times as wide as the cube is a patch of few planes at most
_PATCHES = {2: 4, 3: 2}  # of the usual size in a step: two gigabytes at most, and a step in seconds
_FEWEST, _MOST = 2, 32  # patches in a step: one alone says little, and very many no more


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is known about images before a network is made for them.

    Parameters
    ----------
    size : tuple of int, optional
        Size (Z, Y, X) of the smallest volume, or (Y, X) of typical planes, as the network sees
        them, in px; None for planes of any size.
    images : int, optional
        How many of them are learned.
    diameter : float, optional
        Of the smallest objects that are common, as the network sees them, in px; None where
        objects have no size.
    anisotropy : float
        Distance of planes over that of pixels.
    """

    size: tuple[int, ...] | None = None
    images: int | None = None
    diameter: float | None = None
    anisotropy: float = 1.0


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """What follows from a fingerprint.

    Parameters
    ----------
    patch : tuple of int
        Size of a training patch, ([Z,] Y, X) in px.
    batch : int
        Patches in one step.
    sizes : mapping
        Width and depth of the network, where they differ from its defaults.
    levels : mapping
        How the levels of networks that have some follow each other, likewise.
    """

    patch: tuple[int, ...]
    batch: int
    sizes: Mapping[str, Any] = field(default_factory=dict)
    levels: Mapping[str, Any] = field(default_factory=dict)

    @property
    def in_words(self) -> str:
        """What a step takes."""
        size = " × ".join(map(str, self.patch))
        return f"a step takes {self.batch} patches of {size} px"


def plan_network(
    fingerprint: Fingerprint,
    *,
    side: int | None = None,
    depth: int | None = None,
    width: int | None = None,
) -> NetworkPlan:
    """Plan network and patches.

    In planes, a patch is as large as is usual, or as images are where these are smaller. A step
    takes as many patches as make the usual number of pixels, fewer of a network that is wider than
    usual, and no more than twice as many as there are images.

    In volumes, the finest level of the network is as fine as small objects need it; planes are
    joined, by pooling and by kernels that reach across them, only where they lie about as near to
    each other as the points of a level in the plane. A patch is a cube in space, or, where there
    are fewer planes, as much wider.

    Parameters
    ----------
    fingerprint : Fingerprint
    side : int, optional
        Lateral size of a patch, in px, where it is not to be planned.
    depth, width : int, optional
        Number of levels, and channels at the finest one, likewise.
    """
    size = fingerprint.size
    if size is None or len(size) == 2:
        plane = _plane_patch(size, side)
        pixels = PLANE_PATCH**2 * _PATCHES[2] / _excess(width, 2)
        return NetworkPlan(plane, _batch(plane, pixels, fingerprint.images))
    depth = depth or VOLUME_DEPTH
    diameter = fingerprint.diameter
    small = diameter is not None and diameter < _FEWEST_ACROSS * _COARSE
    stem = _FINE if small else _COARSE
    through = min(stem, max(1, round(stem / fingerprint.anisotropy)))
    pooling, kernels = _levels(depth, fingerprint.anisotropy * through, float(stem))
    patch = _volume_patch(size, fingerprint.anisotropy, side, _SIDE[stem])
    pixels = _SIDE[stem] ** 3 * _PATCHES[3] / _excess(width, 3)
    return NetworkPlan(
        patch,
        _batch(patch, pixels, fingerprint.images),
        {"width": VOLUME_WIDTH, "depth": depth},
        {"stem": (through, stem, stem), "pooling": pooling, "kernel": kernels},
    )


def _plane_patch(size: tuple[int, ...] | None, side: int | None) -> tuple[int, int]:
    """Return a patch of the usual size, or as large as smaller images."""
    if side is not None or size is None:
        return (side or PLANE_PATCH,) * 2
    rows, columns = (min(PLANE_PATCH, _up(length, PLANE_STEP)) for length in size)
    return rows, columns


def _excess(width: int | None, dimensions: int) -> float:
    """Return how many times as much memory a network takes that is wider than usual."""
    usual = PLANE_WIDTH if dimensions == 2 else VOLUME_WIDTH
    return max(1.0, (width or usual) / usual)


def _batch(patch: tuple[int, ...], pixels: float, images: int | None) -> int:
    """Return how many patches make so many pixels, within reason."""
    most = _MOST if images is None else min(_MOST, max(_PATCHES[len(patch)], 2 * images))
    return min(most, max(_FEWEST, int(pixels // math.prod(patch))))


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


def _up(length: float, step: int = SIDE_STEP) -> int:
    return max(step, math.ceil(length / step) * step)


def _down(length: float) -> int:
    return max(SIDE_STEP, math.floor(length / SIDE_STEP) * SIDE_STEP)
