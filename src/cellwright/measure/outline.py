"""Perimeter and Euler number: what the borders of objects tell."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import DoubleArray, IntArray, LabelArray
from cellwright.measure.regions import Regions


def outlines_2d(regions: Regions) -> tuple[IntArray, IntArray]:
    """Count how often lines enter each object of a plane, and its Euler number.

    Returns
    -------
    entries : array of int, shape (N, 4)
        Entries of all pixel lines along X, along Y, and along the two diagonals.
    euler_number : array of int, shape (N,)
        Objects minus holes, pixels that meet at a corner being connected.
    """
    count = regions.labels.size
    entries, euler = np.zeros((count, 4), np.int64), np.zeros(count, np.int64)
    _trace_plane(regions.image[0], regions.row_of, entries, euler)
    return entries, euler


def crofton_perimeter(entries: IntArray, spacing: tuple[float, float]) -> DoubleArray:
    """Return the perimeter from the number of lines that enter an object.

    By Crofton's formula a curve's length is half the integral, over all directions and all lines
    of a direction, of the number of crossings. Here the directions are the four of neighbouring
    pixels, each standing for the angles nearest to it, and the lines run through the pixels.

    Parameters
    ----------
    entries : array of int, shape (N, 4)
        From `outlines_2d`.
    spacing : tuple of float
        Distance of neighbouring pixels along Y and X.

    Returns
    -------
    array of float, shape (N,)
        Perimeter in the unit of `spacing`.

    References
    ----------
    .. [1] S. Rivollier (2010) Analyse d'image géométrique et morphométrique par diagrammes de
       forme et voisinages adaptatifs généraux. PhD thesis, École des Mines de Saint-Étienne.
    """
    height, width = spacing
    diagonal = np.arctan2(height, width)
    angles = np.array([diagonal, np.pi / 2 - diagonal, np.pi / 4, np.pi / 4])
    across = height * width / np.hypot(height, width)
    return np.asarray(entries @ (angles * np.array([height, width, across, across])))


def euler_numbers_3d(regions: Regions) -> IntArray:
    """Return objects plus cavities minus tunnels, voxels that meet at a corner being connected."""
    euler = np.zeros(regions.labels.size, np.int64)
    _trace_volume(regions.image, regions.row_of, _EARLIER, _euler_changes(), euler)
    return euler


@njit(cache=True)
def _trace_plane(image: LabelArray, row_of: IntArray, entries: IntArray, euler: IntArray) -> None:
    """Count where lines along x, y and both diagonals enter each object, and its Euler number."""
    height, width = image.shape
    for y in range(height):
        above = image[max(y - 1, 0)]
        x = 0
        while x < width:
            label = image[y, x]
            if label <= 0:
                x += 1
                continue
            along_y = falling = rising = change = 0
            west = False
            north_west = y > 0 and x > 0 and above[x - 1] == label
            north = y > 0 and above[x] == label
            while x < width and image[y, x] == label:
                north_east = y > 0 and x + 1 < width and above[x + 1] == label
                along_y += not north
                falling += not north_west
                rising += not north_east
                # A new pixel joins what touches it from above and from the left. It changes the
                # Euler number unless the pixel above connects all of that already.
                if not north:
                    change += 1 - (west or north_west) - north_east
                west, north_west, north = True, north, north_east
                x += 1
            row = row_of[label]
            entries[row, 0] += 1
            entries[row, 1] += along_y
            entries[row, 2] += falling
            entries[row, 3] += rising
            euler[row] += change


_EARLIER = np.array([(z, y, x) for z in (-1, 0) for y in (-1, 0, 1) for x in (-1, 0, 1)][:13])
"""The neighbours of a voxel that come before it, in the order of the array."""


def _euler_changes() -> IntArray:
    """Return the change of the Euler number that a voxel makes, by its earlier neighbours.

    The Euler number of voxels as closed cubes is corners - edges + faces - cubes. A voxel adds
    those of its 27 parts that no earlier neighbour has. Index: bit i is set when neighbour i of
    `_EARLIER` belongs to the object.
    """
    neighbours = np.arange(1 << len(_EARLIER))
    change = np.zeros(neighbours.size, np.int64)
    for part in np.ndindex(3, 3, 3):
        side = np.array(part) - 1  # Zero along the axes in which the part extends.
        touching = ((_EARLIER == 0) | (side == _EARLIER)).all(axis=1)
        shared = neighbours & int(np.sum(touching << np.arange(len(_EARLIER))))
        change += np.where(shared == 0, (-1) ** np.count_nonzero(side == 0), 0)
    return change


@njit(cache=True)
def _trace_volume(
    image: LabelArray, row_of: IntArray, earlier: IntArray, changes: IntArray, euler: IntArray
) -> None:
    """Add to each object what its voxels change about its Euler number, in raster order."""
    planes, height, width = image.shape
    for z in range(planes):
        for y in range(height):
            for x in range(width):
                label = image[z, y, x]
                if label <= 0:
                    continue
                neighbours = 0
                for bit in range(earlier.shape[0]):
                    i, j, k = z + earlier[bit, 0], y + earlier[bit, 1], x + earlier[bit, 2]
                    inside = i >= 0 and 0 <= j < height and 0 <= k < width
                    if inside and image[i, j, k] == label:
                        neighbours |= 1 << bit
                euler[row_of[label]] += changes[neighbours]
