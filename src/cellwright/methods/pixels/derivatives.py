"""Gradients, second derivatives and their eigenvalues: the compiled kernels.

All work on volumes (Z, Y, X), float32; a plane is a volume of one plane. Outside, an array goes on
as its mirror image, so that the pixel beyond the side has the value of the pixel at the side.
Eigenvalues are given in falling order.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from cellwright._types import FloatArray

_HALF = np.float32(0.5)
_QUARTER = np.float32(0.25)
_TWO = np.float32(2)


@njit(cache=True)
def derive_planes(smooth: FloatArray, maps: FloatArray, products: FloatArray) -> None:
    """Derive each plane along Y and X.

    Parameters
    ----------
    smooth : ndarray, shape (Z, Y, X), float32
    maps : ndarray, shape (4, Z, Y, X), float32
        Takes the gradient magnitude, the Laplacian and the eigenvalues of the Hessian.
    products : ndarray, shape (3, Z, Y, X), float32
        Takes the products of the gradient with itself: yy, yx, xx.
    """
    planes, rows, columns = smooth.shape
    lines = np.empty((3, columns + 2), np.float32)
    for z in range(planes):
        for y in range(rows):
            _surround(smooth[z], y, lines)
            above, here, below = lines[0], lines[1], lines[2]
            for x in range(columns):
                gy = _HALF * (below[x + 1] - above[x + 1])
                gx = _HALF * (here[x + 2] - here[x])
                hyy = below[x + 1] - _TWO * here[x + 1] + above[x + 1]
                hxx = here[x + 2] - _TWO * here[x + 1] + here[x]
                hyx = _QUARTER * (below[x + 2] - below[x] - above[x + 2] + above[x])
                mean, spread = _eigenvalues_of_2(hyy, hyx, hxx)
                maps[0, z, y, x] = math.sqrt(gy * gy + gx * gx)
                maps[1, z, y, x] = hyy + hxx
                maps[2, z, y, x] = mean + spread
                maps[3, z, y, x] = mean - spread
                products[0, z, y, x] = gy * gy
                products[1, z, y, x] = gy * gx
                products[2, z, y, x] = gx * gx


@njit(cache=True)
def plane_eigenvalues(tensor: FloatArray, maps: FloatArray) -> None:
    """Write the eigenvalues of a symmetric tensor (3, Z, Y, X): yy, yx, xx to (2, Z, Y, X)."""
    _, planes, rows, columns = tensor.shape
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                mean, spread = _eigenvalues_of_2(
                    tensor[0, z, y, x], tensor[1, z, y, x], tensor[2, z, y, x]
                )
                maps[0, z, y, x] = mean + spread
                maps[1, z, y, x] = mean - spread


@njit(cache=True)
def derive_volume(
    smooth: FloatArray, anisotropy: float, maps: FloatArray, products: FloatArray
) -> None:
    """Derive a volume along Z, Y and X, per px of the plane.

    Parameters
    ----------
    smooth : ndarray, shape (Z, Y, X), float32
    anisotropy : float
        Distance of planes in px of the plane.
    maps : ndarray, shape (5, Z, Y, X), float32
        Takes the gradient magnitude, the Laplacian and the eigenvalues of the Hessian.
    products : ndarray, shape (6, Z, Y, X), float32
        Takes the products of the gradient with itself: zz, zy, zx, yy, yx, xx.
    """
    planes, rows, columns = smooth.shape
    lines = np.empty((3, 3, columns + 2), np.float32)
    step = np.float32(1 / anisotropy)
    half, quarter, full = _HALF * step, _QUARTER * step, step * step
    for z in range(planes):
        for y in range(rows):
            for k in range(3):
                _surround(smooth[min(max(z + k - 1, 0), planes - 1)], y, lines[k])
            low, mid, high = lines[0], lines[1], lines[2]
            for x in range(columns):
                centre = _TWO * mid[1, x + 1]
                gz = half * (high[1, x + 1] - low[1, x + 1])
                gy = _HALF * (mid[2, x + 1] - mid[0, x + 1])
                gx = _HALF * (mid[1, x + 2] - mid[1, x])
                hzz = full * (high[1, x + 1] - centre + low[1, x + 1])
                hyy = mid[2, x + 1] - centre + mid[0, x + 1]
                hxx = mid[1, x + 2] - centre + mid[1, x]
                hzy = quarter * (high[2, x + 1] - high[0, x + 1] - low[2, x + 1] + low[0, x + 1])
                hzx = quarter * (high[1, x + 2] - high[1, x] - low[1, x + 2] + low[1, x])
                hyx = _QUARTER * (mid[2, x + 2] - mid[2, x] - mid[0, x + 2] + mid[0, x])
                first, second, third = _eigenvalues_of_3(hzz, hzy, hzx, hyy, hyx, hxx)
                maps[0, z, y, x] = math.sqrt(gz * gz + gy * gy + gx * gx)
                maps[1, z, y, x] = hzz + hyy + hxx
                maps[2, z, y, x] = first
                maps[3, z, y, x] = second
                maps[4, z, y, x] = third
                products[0, z, y, x] = gz * gz
                products[1, z, y, x] = gz * gy
                products[2, z, y, x] = gz * gx
                products[3, z, y, x] = gy * gy
                products[4, z, y, x] = gy * gx
                products[5, z, y, x] = gx * gx


@njit(cache=True)
def volume_eigenvalues(tensor: FloatArray, maps: FloatArray) -> None:
    """Write the eigenvalues of a tensor (6, Z, Y, X): zz, zy, zx, yy, yx, xx to (3, Z, Y, X)."""
    _, planes, rows, columns = tensor.shape
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                first, second, third = _eigenvalues_of_3(
                    tensor[0, z, y, x],
                    tensor[1, z, y, x],
                    tensor[2, z, y, x],
                    tensor[3, z, y, x],
                    tensor[4, z, y, x],
                    tensor[5, z, y, x],
                )
                maps[0, z, y, x] = first
                maps[1, z, y, x] = second
                maps[2, z, y, x] = third


@njit(cache=True)
def _surround(plane: FloatArray, y: int, lines: FloatArray) -> None:
    """Copy a row and its neighbours to `lines`, shape (3, X + 2), mirrored at the sides."""
    rows, columns = plane.shape
    for k in range(3):
        source = plane[min(max(y + k - 1, 0), rows - 1)]
        line = lines[k]
        line[0] = source[0]
        line[columns + 1] = source[columns - 1]
        for x in range(columns):
            line[x + 1] = source[x]


@njit(cache=True)
def _eigenvalues_of_2(aa: np.float32, ab: np.float32, bb: np.float32) -> tuple[np.float32, float]:
    """Return mean and half difference of the eigenvalues of a symmetric 2 × 2 matrix."""
    half = _HALF * (aa - bb)
    return _HALF * (aa + bb), math.sqrt(half * half + ab * ab)


@njit(cache=True)
def _eigenvalues_of_3(
    aa: float, ab: float, ac: float, bb: float, bc: float, cc: float
) -> tuple[float, float, float]:
    """Return the eigenvalues of a symmetric 3 × 3 matrix as the roots of its polynomial.

    References
    ----------
    O. K. Smith, Eigenvalues of a symmetric 3 × 3 matrix, Communications of the ACM 4 (1961).
    """
    mean = (aa + bb + cc) / 3.0
    da, db, dc = aa - mean, bb - mean, cc - mean
    size = (da * da + db * db + dc * dc + 2.0 * (ab * ab + ac * ac + bc * bc)) / 6.0
    if size <= 0.0:
        return mean, mean, mean
    size = math.sqrt(size)
    determinant = da * (db * dc - bc * bc) - ab * (ab * dc - bc * ac) + ac * (ab * bc - db * ac)
    cosine = min(max(determinant / (2.0 * size * size * size), -1.0), 1.0)
    angle = math.acos(cosine) / 3.0
    first = mean + 2.0 * size * math.cos(angle)
    third = mean + 2.0 * size * math.cos(angle + 2.0 * math.pi / 3.0)
    return first, 3.0 * mean - first - third, third
