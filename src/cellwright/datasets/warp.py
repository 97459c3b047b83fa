"""One composed geometric warp: crop, flip, turn, rotate, scale and deform in a single pass.

Composing all of them into one map from patch to source means that every pixel is interpolated
once, however many of them are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numba import njit

from cellwright._types import DoubleArray, FloatArray, LabelArray

_FINE_STEP = 1.5  # source pixels per patch pixel above which pixels are averaged


@dataclass(frozen=True, slots=True)
class Warp:
    """Where each pixel of a patch comes from.

    The patch pixel at offset ``d`` = (y, x) from the middle of the patch comes from the source
    position ``centre + matrix @ (d + bend)``; its plane from ``centre_z + depth_step * z``.

    Parameters
    ----------
    shape : tuple of int
        Size (Z, Y, X) of the patch; Z is 1 for flat images.
    centre : tuple of float
        Source position (z, y, x) of the middle of the patch, in pixels.
    matrix : ndarray, shape (2, 2), float64
        Linear part in the plane: source pixels per patch pixel.
    depth_step : float
        Source planes per patch plane; negative where the planes are reversed.
    bend : ndarray, shape (2, Y, X) or (2, 0, 0), float32
        Elastic displacement along y and x in patch pixels.
    """

    shape: tuple[int, int, int]
    centre: tuple[float, float, float]
    matrix: DoubleArray
    depth_step: float
    bend: FloatArray

    def region(self, source: tuple[int, int, int]) -> tuple[slice, slice, slice]:
        """Return the part of a source of size (Z, Y, X) that the patch is made of."""
        reach = float(np.abs(self.bend).max()) if self.bend.size else 0.0
        half_plane = np.abs(self.matrix) @ (np.array(self.shape[1:]) / 2 + reach)
        half = (abs(self.depth_step) * self.shape[0] / 2, half_plane[0], half_plane[1])
        spans = zip(self.centre, half, source, strict=True)
        return tuple(  # type: ignore[return-value]
            slice(max(0, int(np.floor(c - h)) - 1), min(n, int(np.ceil(c + h)) + 2))
            for c, h, n in spans
        )

    def apply(
        self, pixels: FloatArray, labels: LabelArray, origin: tuple[int, int, int] = (0, 0, 0)
    ) -> tuple[FloatArray, LabelArray]:
        """Cut the patch out of a source; beyond its border the source is mirrored.

        Parameters
        ----------
        pixels : ndarray, shape (C, Z, Y, X), float32
            The source, or the part of it that `region` names. Interpolated linearly; where the
            patch is more than 1.5 times coarser than the source, its pixels are means over
            their footprint.
        labels : ndarray, shape (Z, Y, X), int32
            Labels of the same pixels. The nearest one is taken.
        origin : tuple of int
            Source position of the first pixel of `pixels`.

        Returns
        -------
        pixels : ndarray, shape (C, *shape), float32
        labels : ndarray, shape ``shape``, int32
        """
        patch = np.empty((pixels.shape[0], *self.shape), np.float32)
        place = self._place(origin)
        step = np.sqrt(abs(np.linalg.det(self.matrix)))
        samples = int(np.ceil(step)) if step > _FINE_STEP else 1
        _warp_pixels(
            np.ascontiguousarray(pixels),
            patch,
            place,
            _within_pixel(samples),
            _within_pixel(samples if pixels.shape[1] > 1 else 1),
        )
        return patch, self.apply_to_labels(labels, origin)

    def apply_to_labels(
        self, labels: LabelArray, origin: tuple[int, int, int] = (0, 0, 0)
    ) -> LabelArray:
        """Cut labels alone out of a source; see `apply`."""
        patch = np.empty(self.shape, np.int32)
        _warp_labels(np.ascontiguousarray(labels), patch, self._place(origin))
        return patch

    def _place(self, origin: tuple[int, int, int]) -> _Place:
        centre = np.array(self.centre, np.float64) - origin
        return _Place(centre, self.matrix, self.depth_step, self.bend)


def smooth_bend(
    size: tuple[int, int], spacing: float, rms: float, rng: np.random.Generator
) -> FloatArray:
    """Draw a smooth random displacement field in pixels; see `smooth_fields`.

    Returns
    -------
    ndarray, shape (2, Y, X), float32
    """
    return smooth_fields(2, size, spacing, rms, rng)


def smooth_fields(
    count: int, size: tuple[int, int], spacing: float, rms: float, rng: np.random.Generator
) -> FloatArray:
    """Draw smooth random fields of mean 0.

    Independent normal values on a coarse grid are blended by cubic B-splines, which keeps the
    fields smooth to their second derivative.

    Parameters
    ----------
    count : int
        Number of fields.
    size : tuple of int
        Size (Y, X) of each.
    spacing : float
        Distance between the nodes of the grid in pixels.
    rms : float
        Root mean square of the values.

    Returns
    -------
    ndarray, shape (count, Y, X), float32
    """
    along_y, along_x = (_spline_basis(length, spacing) for length in size)
    nodes = rng.standard_normal((count, along_y.shape[1], along_x.shape[1]), dtype=np.float32)
    fields = along_y @ nodes @ along_x.T
    blended = float(np.sqrt((along_y**2).sum(1).mean() * (along_x**2).sum(1).mean()))
    scaled: FloatArray = np.ascontiguousarray(fields * np.float32(rms / blended))
    return scaled


@lru_cache(maxsize=32)
def _spline_basis(length: int, spacing: float) -> FloatArray:
    """Return the weight of each grid node at each pixel, shape (length, nodes)."""
    nodes = int(np.ceil(length / spacing)) + 3
    distance = np.abs(np.arange(length)[:, None] / spacing + 1 - np.arange(nodes))
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = (2 - distance) ** 3 / 6
    weights = np.where(distance < 1, near, np.where(distance < 2, far, 0))
    return weights.astype(np.float32)


def _within_pixel(samples: int) -> DoubleArray:
    """Return the offsets of evenly spread samples from the middle of a pixel."""
    offsets: DoubleArray = (np.arange(samples) + 0.5) / samples - 0.5
    return offsets


class _Place(NamedTuple):
    """Where a patch lies in its source, as compiled code takes it; see `Warp`."""

    centre: DoubleArray  # (3,), source px
    matrix: DoubleArray  # (2, 2)
    depth_step: float
    bend: FloatArray  # (2, Y, X), or empty along Y


@njit(cache=True)
def _mirror(index: int, size: int) -> int:
    """Fold an index into 0..size-1, the border pixel being repeated: ``1 0 | 0 1 2 | 2 1``."""
    if 0 <= index < size:
        return index
    index %= 2 * size
    return index if index < size else 2 * size - 1 - index


@njit(cache=True)
def _warp_pixels(
    source: FloatArray,
    patch: FloatArray,
    place: _Place,
    plane_offsets: DoubleArray,
    depth_offsets: DoubleArray,
) -> None:
    """Fill `patch` (C, Z, Y, X) with means over the offsets in a pixel's plane and its depth."""
    centre, depth_step, depth = place.centre, place.depth_step, patch.shape[1]
    patch[:] = 0
    share = 1 / (plane_offsets.size**2 * depth_offsets.size)
    for z in range(depth):
        for above in depth_offsets:
            source_z = centre[0] + depth_step * (z - (depth - 1) / 2 + above)
            plane = int(np.floor(source_z))
            deeper = source_z - plane
            first = _mirror(plane, source.shape[1])
            _add_plane(source, first, patch, z, share * (1 - deeper), place, plane_offsets)
            if deeper > 0:
                second = _mirror(plane + 1, source.shape[1])
                _add_plane(source, second, patch, z, share * deeper, place, plane_offsets)


@njit(cache=True)
def _add_plane(
    source: FloatArray,
    plane: int,
    patch: FloatArray,
    z: int,
    weight: float,
    place: _Place,
    offsets: DoubleArray,
) -> None:
    """Add to plane `z` of `patch` what one plane of the source gives, times `weight`."""
    centre, matrix, bend = place.centre, place.matrix, place.bend
    channels, _, height, width = patch.shape
    bent = bend.shape[1] > 0
    for y in range(height):
        for x in range(width):
            middle_y = y - (height - 1) / 2 + (bend[0, y, x] if bent else 0.0)
            middle_x = x - (width - 1) / 2 + (bend[1, y, x] if bent else 0.0)
            for down in offsets:
                for right in offsets:
                    dy, dx = middle_y + down, middle_x + right
                    source_y = centre[1] + matrix[0, 0] * dy + matrix[0, 1] * dx
                    source_x = centre[2] + matrix[1, 0] * dy + matrix[1, 1] * dx
                    row, column = int(np.floor(source_y)), int(np.floor(source_x))
                    lower, righter = np.float32(source_y - row), np.float32(source_x - column)
                    r0, r1 = _mirror(row, source.shape[2]), _mirror(row + 1, source.shape[2])
                    c0, c1 = _mirror(column, source.shape[3]), _mirror(column + 1, source.shape[3])
                    for c in range(channels):
                        top = source[c, plane, r0, c0]
                        top += righter * (source[c, plane, r0, c1] - top)
                        low = source[c, plane, r1, c0]
                        low += righter * (source[c, plane, r1, c1] - low)
                        patch[c, z, y, x] += np.float32(weight) * (top + lower * (low - top))


@njit(cache=True)
def _warp_labels(source: LabelArray, patch: LabelArray, place: _Place) -> None:
    """Fill `patch` (Z, Y, X) with the nearest labels."""
    centre, matrix, bend, depth_step = place.centre, place.matrix, place.bend, place.depth_step
    depth, height, width = patch.shape
    bent = bend.shape[1] > 0
    for z in range(depth):
        plane = int(np.floor(centre[0] + depth_step * (z - (depth - 1) / 2) + 0.5))
        plane = _mirror(plane, source.shape[0])
        for y in range(height):
            for x in range(width):
                dy = y - (height - 1) / 2 + (bend[0, y, x] if bent else 0.0)
                dx = x - (width - 1) / 2 + (bend[1, y, x] if bent else 0.0)
                row = int(np.floor(centre[1] + matrix[0, 0] * dy + matrix[0, 1] * dx + 0.5))
                column = int(np.floor(centre[2] + matrix[1, 0] * dy + matrix[1, 1] * dx + 0.5))
                row = _mirror(row, source.shape[1])
                patch[z, y, x] = source[plane, row, _mirror(column, source.shape[2])]
