"""Where the objects of a label image are: their sizes, boxes and moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from cellwright._errors import InputError
from cellwright._types import AnyArray, DoubleArray, IntArray, LabelArray


@dataclass(frozen=True, slots=True)
class Regions:
    """The objects of a label image, sorted by label; N objects in D = 2 or 3 dimensions.

    Attributes
    ----------
    image : array of int32, shape (Z, Y, X)
        The labels; Z is 1 in two dimensions. Values below 1 are background.
    row_of : array of int64
        Row of each value of `image` in the arrays below.
    labels : array of int, shape (N,)
        Label of each object.
    area : array of int, shape (N,)
        Pixels or voxels of each object.
    bounds : array of int, shape (N, 2, 3)
        First pixel along each axis, and one past the last, in the order Z, Y, X.
    centroid : array of float, shape (N, 3)
        Mean position in px.
    covariance : array of float, shape (N, 3, 3)
        Mean squared and mixed distances from the centroid, in px².
    rows : array of int, shape (N,)
        Image rows that each object has pixels in.
    """

    image: LabelArray
    row_of: IntArray
    labels: IntArray
    area: IntArray
    bounds: IntArray
    centroid: DoubleArray
    covariance: DoubleArray
    rows: IntArray


def find_regions(labels: AnyArray) -> Regions:
    """Find the objects of a label image in one pass over its runs of equal pixels.

    Parameters
    ----------
    labels : array of int, shape ([Z,] Y, X)
        Values below 1 are background. Labels may have gaps and be as large as they like.

    Returns
    -------
    Regions
        The objects, sorted by label.

    Raises
    ------
    InputError
        If `labels` is not two- or three-dimensional or not of integers.
    """
    labels = np.asarray(labels)
    if labels.ndim not in (2, 3):
        raise InputError(
            f"Labels of shape {labels.shape} cannot be measured; give ([Z,] Y, X), "
            "one time point at once."
        )
    if labels.dtype.kind not in "iu":
        raise InputError(
            f"The labels are {labels.dtype}, not integers; "
            "give one integer per object and 0 for background."
        )
    image, names = _compact(labels)
    image = np.ascontiguousarray(image).reshape((1,) * (3 - image.ndim) + image.shape)
    present = _present(image.reshape(-1), int(image.max(initial=0)))
    row_of = np.cumsum(present) - 1
    count = int(np.count_nonzero(present))
    area, rows = np.zeros((2, count), np.int64)
    bounds = np.zeros((count, 2, 3), np.int64)
    first, sums = np.zeros((2, count, 3), np.int64)
    products = np.zeros((count, 3, 3), np.int64)
    _accumulate(image, row_of, area, rows, bounds, first, sums, products)
    size = area.astype(np.float64)
    # Products of integers first: exact, so that symmetric objects get symmetric moments.
    spread = size[:, None, None] * products - sums[:, :, None].astype(np.float64) * sums[:, None]
    return Regions(
        image=image,
        row_of=row_of,
        labels=np.flatnonzero(present) if names is None else names,
        area=area,
        bounds=bounds,
        centroid=first + sums / size[:, None],
        covariance=spread / (size**2)[:, None, None],
        rows=rows,
    )


def _compact(labels: AnyArray) -> tuple[LabelArray, IntArray | None]:
    """Return labels that no lookup table of the image's own size is too short for.

    The second value names the labels 1, 2, … where they had to be renumbered.
    """
    if labels.min(initial=0) < np.iinfo(np.int32).min:
        labels = np.maximum(labels, 0)  # in 32 bits they would come out as objects
    if labels.max(initial=0) <= labels.size:
        return labels.astype(np.int32, copy=False), None
    names, where = np.unique(labels, return_inverse=True)
    objects = names > 0
    number = np.cumsum(objects) * objects
    if names[-1] > np.iinfo(np.int64).max:
        raise InputError(f"The labels reach {names[-1]}; give labels below 2**63.")
    return number[where].reshape(labels.shape).astype(np.int32), names[objects].astype(np.int64)


@njit(cache=True)
def _present(labels: LabelArray, largest: int) -> IntArray:
    """Mark with 1 which of the values 0..largest are labels in use."""
    present = np.zeros(largest + 1, np.int64)
    for pixel in range(labels.size):
        if labels[pixel] > 0:
            present[labels[pixel]] = 1
    return present


@njit(cache=True)
def _accumulate(
    image: LabelArray,
    row_of: IntArray,
    area: IntArray,
    rows: IntArray,
    bounds: IntArray,
    first: IntArray,
    sums: IntArray,
    products: IntArray,
) -> None:
    """Add up every run of equal labels; positions count from each object's first pixel."""
    planes, height, width = image.shape
    last_row = np.zeros(area.size, np.int64)  # plus 1: no object is on a row before the first
    for z in range(planes):
        for y in range(height):
            stop = 0
            while stop < width:
                start = stop
                label = image[z, y, start]
                stop += 1
                while stop < width and image[z, y, stop] == label:
                    stop += 1
                if label <= 0:
                    continue
                row = row_of[label]
                if area[row] == 0:
                    first[row, 0], first[row, 1], first[row, 2] = z, y, start
                    bounds[row, 0, 0], bounds[row, 0, 1], bounds[row, 0, 2] = z, y, start
                length = stop - start
                area[row] += length
                if last_row[row] != z * height + y + 1:
                    last_row[row] = z * height + y + 1
                    rows[row] += 1
                bounds[row, 1, 0] = z + 1
                bounds[row, 0, 1] = min(bounds[row, 0, 1], y)
                bounds[row, 1, 1] = max(bounds[row, 1, 1], y + 1)
                bounds[row, 0, 2] = min(bounds[row, 0, 2], start)
                bounds[row, 1, 2] = max(bounds[row, 1, 2], stop)
                dz, dy, dx = z - first[row, 0], y - first[row, 1], start - first[row, 2]
                steps = length * (length - 1) // 2
                sum_x = length * dx + steps
                sums[row, 0] += length * dz
                sums[row, 1] += length * dy
                sums[row, 2] += sum_x
                products[row, 0, 0] += length * dz * dz
                products[row, 0, 1] += length * dz * dy
                products[row, 0, 2] += dz * sum_x
                products[row, 1, 1] += length * dy * dy
                products[row, 1, 2] += dy * sum_x
                squares = steps * (2 * length - 1) // 3
                products[row, 2, 2] += length * dx * dx + 2 * dx * steps + squares
    for row in range(area.size):
        products[row, 1, 0] = products[row, 0, 1]
        products[row, 2, 0] = products[row, 0, 2]
        products[row, 2, 1] = products[row, 1, 2]
