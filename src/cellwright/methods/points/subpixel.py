"""Where between the pixels a spot lies: the compiled kernels behind its position."""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import FloatArray, IntArray

_STEPS = 10  # of a fit; the error shrinks manifold with each
_CLOSE = 1e-3  # px; a smaller step is the last one
REACH = 2.5
"""Standard deviations; pixels this near to a spot take part in its fit."""
_GOLDEN = (np.sqrt(5) - 1) / 2
_TRIALS = 12  # of widths; the last ones differ by less than a percent
_WIDER = np.log(2.0)  # logarithm of the factor by which a spot may be wider, or narrower


@njit(cache=True)
def bend(volume: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the weighted sum of the negative second differences along the axes.

    Beyond its sides, a volume goes on as its own mirror image (c b a | a b c).

    Parameters
    ----------
    volume : ndarray, shape (Z, Y, X), float32
    weights : ndarray, shape (3,), float32

    Returns
    -------
    ndarray, shape (Z, Y, X), float32
    """
    planes, rows, columns = volume.shape
    result = np.empty_like(volume)
    total = 2 * (weights[0] + weights[1] + weights[2])
    for z in range(planes):
        over, under = volume[max(z - 1, 0)], volume[min(z + 1, planes - 1)]
        for y in range(rows):
            here = volume[z, y]
            above, below = volume[z, max(y - 1, 0)], volume[z, min(y + 1, rows - 1)]
            before, after = over[y], under[y]
            line = result[z, y]
            for x in range(columns):
                line[x] = (
                    total * here[x]
                    - weights[1] * (above[x] + below[x])
                    - weights[0] * (before[x] + after[x])
                )
            for x in range(1, columns - 1):
                line[x] -= weights[2] * (here[x - 1] + here[x + 1])
            line[0] -= weights[2] * (here[0] + here[min(1, columns - 1)])
            if columns > 1:
                line[-1] -= weights[2] * (here[-2] + here[-1])
    return result


@njit(cache=True)
def tops(response: FloatArray, places: IntArray) -> FloatArray:
    """Return where the tops of the quadratics are that fit best around peaks.

    A quadratic is fitted to the pixel and all its neighbours by least squares; along an axis its
    top is at most half a pixel away, at the sides of the array not at all.

    Parameters
    ----------
    response : ndarray, shape (Z, Y, X), float32
    places : ndarray, shape (N, 3), int64
        Pixels that no neighbour exceeds.

    Returns
    -------
    ndarray, shape (N, 3), float32
        In px.
    """
    positions = places.astype(np.float32)
    slope, curve, way = np.empty(3), np.empty((3, 3)), np.empty(3)
    steps = np.empty(3)
    inside = np.empty(3, np.bool_)
    for n in range(len(places)):
        for axis in range(3):
            inside[axis] = 0 < places[n, axis] < response.shape[axis] - 1
        slope[:], curve[:] = 0, 0
        count = 3.0 ** inside.sum()
        for dz in range(-int(inside[0]), int(inside[0]) + 1):
            for dy in range(-int(inside[1]), int(inside[1]) + 1):
                for dx in range(-int(inside[2]), int(inside[2]) + 1):
                    value = response[places[n, 0] + dz, places[n, 1] + dy, places[n, 2] + dx]
                    steps[0], steps[1], steps[2] = dz, dy, dx
                    for i in range(3):
                        slope[i] += 1.5 * steps[i] * value / count
                        curve[i, i] += 9 * (steps[i] ** 2 - 2 / 3) * value / count
                        for j in range(i):
                            curve[i, j] += 2.25 * steps[i] * steps[j] * value / count
        for i in range(3):
            for j in range(i):
                curve[j, i] = curve[i, j]
            if not inside[i]:
                curve[i], curve[:, i], curve[i, i] = 0, 0, -1
                slope[i] = 0
        way[:] = -slope
        _solve(curve, way)
        for axis in range(3):
            positions[n, axis] += min(max(way[axis], -0.5), 0.5)
    return positions


@njit(cache=True)
def _solve(matrix: FloatArray, right: FloatArray) -> None:
    """Solve for a symmetric, negative definite matrix in place; 0 where it is not definite."""
    for i in range(3):
        if not matrix[i, i] < 0:
            right[:] = 0
            return
        for k in range(i + 1, 3):
            factor = matrix[k, i] / matrix[i, i]
            matrix[k] -= factor * matrix[i]
            right[k] -= factor * right[i]
    for i in range(2, -1, -1):
        for j in range(i + 1, 3):
            right[i] -= matrix[i, j] * right[j]
        right[i] /= matrix[i, i]


@njit(cache=True)
def fit_gaussians(volume: FloatArray, starts: FloatArray, widths: FloatArray) -> FloatArray:
    """Fit a Gaussian of given widths on flat ground to the pixels around each spot.

    Least squares: height and ground are solved for exactly, the centre by Gauss-Newton steps. A
    fit that leaves the pixel it started from, or whose height is not positive, is no better than
    its start, and gives that back.

    Parameters
    ----------
    volume : ndarray, shape (Z, Y, X), float32
    starts : ndarray, shape (N, 3), float32
        In px.
    widths : ndarray, shape (3,), float32
        Standard deviation along each axis in px.

    Returns
    -------
    ndarray, shape (N, 3), float32
        In px.
    """
    positions = starts.copy()
    centre, change = np.empty(3), np.empty(3)
    for n in range(len(starts)):
        centre[:] = starts[n]
        _fit_once(volume, starts[n], widths, centre, change)
        for _ in range(_STEPS):
            moved = 0.0
            for axis in range(3):
                centre[axis] += min(max(change[axis], -0.5), 0.5)
                moved = max(moved, abs(change[axis]))
            height = _fit_once(volume, starts[n], widths, centre, change)
            if not height > 0 or np.abs(centre - starts[n]).max() > 1:
                break
            if moved < _CLOSE:
                positions[n] = centre
                break
    return positions


@njit(cache=True)
def _fit_once(
    volume: FloatArray,
    start: FloatArray,
    widths: FloatArray,
    centre: FloatArray,
    change: FloatArray,
) -> float:
    """Return the height of the best Gaussian at `centre`; write how to move it to `change`."""
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    for axis in range(3):
        middle, radius = int(np.floor(start[axis] + 0.5)), int(np.ceil(REACH * widths[axis]))
        low[axis] = max(middle - radius, 0)
        high[axis] = min(middle + radius + 1, volume.shape[axis])
    count, g_sum, gg, v_sum, gv = 0.0, 0.0, 0.0, 0.0, 0.0
    moments = np.zeros((3, 4))  # sums of g d, g² d, g d v and g² d², d the way from the centre
    away = np.empty(3)
    for z in range(low[0], high[0]):
        for y in range(low[1], high[1]):
            for x in range(low[2], high[2]):
                away[0], away[1], away[2] = z - centre[0], y - centre[1], x - centre[2]
                exponent = 0.0
                for axis in range(3):
                    exponent += (away[axis] / widths[axis]) ** 2
                g, value = np.exp(-exponent / 2), volume[z, y, x]
                count += 1
                g_sum += g
                gg += g * g
                v_sum += value
                gv += g * value
                for axis in range(3):
                    moments[axis, 0] += g * away[axis]
                    moments[axis, 1] += g * g * away[axis]
                    moments[axis, 2] += g * away[axis] * value
                    moments[axis, 3] += (g * away[axis]) ** 2
    spread = count * gg - g_sum * g_sum
    height = (count * gv - g_sum * v_sum) / spread if spread > 0 else 0.0
    ground = (v_sum - height * g_sum) / count
    for axis in range(3):
        pull = moments[axis, 2] - ground * moments[axis, 0] - height * moments[axis, 1]
        stiff = height * moments[axis, 3]
        free = volume.shape[axis] > 1 and stiff > 0
        change[axis] = widths[axis] ** 2 * pull / stiff if free else 0.0
    return height


@njit(cache=True)
def shapes(
    volume: FloatArray, positions: FloatArray, widths: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Fit a Gaussian of free width and height on flat ground to the pixels around each position.

    Least squares: height and ground are solved for exactly, the width, whose proportions along the
    axes are given, by golden sections.

    Parameters
    ----------
    volume : ndarray, shape (Z, Y, X), float32
    positions : ndarray, shape (N, 3), float32
        In px.
    widths : ndarray, shape (3,), float32
        Expected standard deviation along each axis in px.

    Returns
    -------
    heights : ndarray, shape (N,), float32
        Above the ground; negative where it is a depth below.
    factors : ndarray, shape (N,), float32
        How much wider than expected, 0.5 to 2.
    """
    heights, factors = np.empty(len(positions), np.float32), np.empty(len(positions), np.float32)
    for n in range(len(positions)):
        low, high = -_WIDER, _WIDER
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        at_left, _ = _explained(volume, positions[n], widths, np.exp(left))
        at_right, _ = _explained(volume, positions[n], widths, np.exp(right))
        for _ in range(_TRIALS):
            if at_left > at_right:
                high, right, at_right = right, left, at_left
                left = high - _GOLDEN * (high - low)
                at_left, _ = _explained(volume, positions[n], widths, np.exp(left))
            else:
                low, left, at_left = left, right, at_right
                right = low + _GOLDEN * (high - low)
                at_right, _ = _explained(volume, positions[n], widths, np.exp(right))
        factors[n] = np.exp((low + high) / 2)
        _, heights[n] = _explained(volume, positions[n], widths, factors[n])
    return heights, factors


@njit(cache=True)
def _explained(
    volume: FloatArray, position: FloatArray, widths: FloatArray, factor: float
) -> tuple[float, float]:
    """Return how much a Gaussian explains of the variance around a position, and its height."""
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    for axis in range(3):
        middle, radius = int(np.floor(position[axis] + 0.5)), int(np.ceil(REACH * widths[axis]))
        low[axis] = max(middle - radius, 0)
        high[axis] = min(middle + radius + 1, volume.shape[axis])
    count, g_sum, gg, v_sum, gv = 0.0, 0.0, 0.0, 0.0, 0.0
    for z in range(low[0], high[0]):
        for y in range(low[1], high[1]):
            for x in range(low[2], high[2]):
                exponent = ((z - position[0]) / (factor * widths[0])) ** 2
                exponent += ((y - position[1]) / (factor * widths[1])) ** 2
                exponent += ((x - position[2]) / (factor * widths[2])) ** 2
                g, value = np.exp(-exponent / 2), volume[z, y, x]
                count += 1
                g_sum += g
                gg += g * g
                v_sum += value
                gv += g * value
    spread, shared = count * gg - g_sum * g_sum, count * gv - g_sum * v_sum
    if not spread > 0:
        return 0.0, 0.0
    return shared * shared / spread, shared / spread
