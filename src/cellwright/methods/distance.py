"""How deep the pixels of objects lie within them.

All work on volumes (Z, Y, X); a plane is a volume of one plane.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import AnyArray, DoubleArray, FloatArray, LabelArray

_FAR = 1e18  # px²; no distance was found yet


@njit(cache=True)
def squared_distances(labels: LabelArray, anisotropy: float) -> DoubleArray:
    """Return the squared distance of object pixels to the nearest pixel that is not of the object.

    Exact and linear in the number of pixels, for all objects at once: axis by axis, along each run
    of one label, the lower envelope of the parabolas of the axis before and of the run's ends.

    Parameters
    ----------
    labels : ndarray, shape (Z, Y, X), int32
        Values below 1 are no object.
    anisotropy : float
        Distance of planes over distance of pixels within a plane.

    Returns
    -------
    ndarray, shape (Z, Y, X), float64
        In px² within the plane; 0 outside objects. The sides of the volume are no edge of an
        object; one that fills the volume is `inf` away from anything else.

    References
    ----------
    Felzenszwalb & Huttenlocher (2012), "Distance transforms of sampled functions", Theory of
    Computing 8:415.
    """
    planes, rows, columns = labels.shape
    squared = np.empty(labels.shape)
    longest = max(planes, rows, columns) + 2
    place = np.empty(longest, np.int64)
    height = np.empty(longest)
    start = np.empty(longest + 1)
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                squared[z, y, x] = _FAR if labels[z, y, x] > 0 else 0.0
            _pass(labels[z, y], squared[z, y], 1.0, place, height, start)
        if rows > 1:
            for x in range(columns):
                _pass(labels[z, :, x], squared[z, :, x], 1.0, place, height, start)
    if planes > 1:
        for y in range(rows):
            for x in range(columns):
                _pass(labels[:, y, x], squared[:, y, x], anisotropy, place, height, start)
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                if squared[z, y, x] >= _FAR:
                    squared[z, y, x] = np.inf
    return squared


@njit(cache=True)
def _pass(
    labels: LabelArray,
    squared: DoubleArray,
    step: float,
    place: AnyArray,
    height: DoubleArray,
    start: DoubleArray,
) -> None:
    """Take the distances along one line into account.

    Parameters
    ----------
    labels : ndarray, shape (n,), int32
    squared : ndarray, shape (n,), float64
        Squared distances along the axes before; changed in place.
    step : float
        Distance of neighbours on the line.
    place, height, start : ndarray, shape (at least n + 3,)
        Room for the parabolas: where they lie, how high, and from where on each is the lowest.
    """
    length = len(labels)
    low = 0
    while low < length:
        high = low + 1
        while high < length and labels[high] == labels[low]:
            high += 1
        if labels[low] > 0:
            count = 0
            for i in range(max(low - 1, 0), min(high + 1, length)):
                above = squared[i] if low <= i < high else 0.0
                if above < _FAR:
                    count = _add_parabola(place, height, start, count, i, above / (step * step))
            k = 0
            for i in range(low, high if count > 0 else low):
                while k + 1 < count and start[k + 1] <= i:
                    k += 1
                squared[i] = ((i - place[k]) ** 2 + height[k]) * step * step
        low = high


@njit(cache=True)
def _add_parabola(
    place: AnyArray, height: DoubleArray, start: DoubleArray, count: int, i: int, above: float
) -> int:
    """Add a parabola at `i` to a lower envelope and return how many it has now."""
    meet = -np.inf
    while count > 0:
        j = place[count - 1]
        meet = (above + i * i - height[count - 1] - j * j) / (2.0 * (i - j))
        if meet > start[count - 1]:
            break
        count -= 1
        meet = -np.inf
    place[count] = i
    height[count] = above
    start[count] = meet
    return count + 1


@njit(cache=True)
def depth(labels: LabelArray, anisotropy: float) -> FloatArray:
    """Return how deep within its object every pixel lies: 1 at the deepest, 0 at the edge.

    Parameters
    ----------
    labels : ndarray, shape (Z, Y, X), int32
        Values below 1 are no object.
    anisotropy : float
        Distance of planes over distance of pixels within a plane.

    Returns
    -------
    ndarray, shape (Z, Y, X), float32
        Distance to the side of the nearest pixel that is not of the object, over the greatest of
        the object; 0 outside objects.
    """
    planes, rows, columns = labels.shape
    squared = squared_distances(labels, anisotropy)
    result = np.zeros(labels.shape, np.float32)
    deepest = np.zeros(max(labels.max(), 0) + 1, np.float32)
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                label = labels[z, y, x]
                if label > 0:
                    result[z, y, x] = min(np.sqrt(squared[z, y, x]), 1e6) - 0.5
                    deepest[label] = max(deepest[label], result[z, y, x])
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                if labels[z, y, x] > 0:
                    result[z, y, x] /= deepest[labels[z, y, x]]
    return result
