"""From labels to flows: the compiled kernels behind the targets and the flow error.

All work on volumes (Z, Y, X); a plane is a volume of one plane.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from cellwright._types import AnyArray, BoolArray, FloatArray, IntArray, LabelArray
from cellwright.methods.distance import squared_distances

_LONGEST_DIFFUSION = 320  # iterations; bounds the time on objects that fill a patch
_FAINTEST = 1e-30  # heat; single precision holds what is warmer to its last digit
_FLAT = (1e-5, 1e-9)  # of the heat, by precision; slopes below are but rounding, as in a centre
_SMOOTHINGS = 2  # of the distance; the ridge of a rod is jagged by a pixel without


@njit(cache=True)
def boxes_and_centres(labels: LabelArray) -> tuple[IntArray, IntArray]:
    """Return where objects lie and the pixel of each that is nearest to its centroid.

    Parameters
    ----------
    labels : ndarray, shape (Z, Y, X), int32
        Values below 1 are no object.

    Returns
    -------
    boxes : ndarray, shape (N, 2, 3), int64
        First pixel, and the one beyond the last, along each axis, of labels 1..N. Empty where a
        label does not occur.
    centres : ndarray, shape (N, 3), int64
    """
    planes, rows, columns = labels.shape
    count = max(labels.max(), 0)
    boxes = np.zeros((count, 2, 3), np.int64)
    boxes[:, 0] = max(labels.shape)
    means = np.zeros((count, 3))
    size = np.zeros(count)
    for z in range(planes):
        for y in range(rows):
            row, stop = labels[z, y], 0
            while stop < columns:
                first, stop = stop, _end_of_run(row, stop)
                if row[first] <= 0:
                    continue
                i, length = row[first] - 1, stop - first
                _take_in(boxes[i], z, y, first)
                _take_in(boxes[i], z, y, stop - 1)
                means[i, 0] += length * z
                means[i, 1] += length * y
                means[i, 2] += length * (first + stop - 1) / 2
                size[i] += length
    for i in range(count):
        means[i] /= max(size[i], 1)
        if size[i] == 0:
            boxes[i] = 0
    centres = np.zeros((count, 3), np.int64)
    nearest = np.full(count, np.inf)
    for z in range(planes):
        for y in range(rows):
            row, stop = labels[z, y], 0
            while stop < columns:
                first, stop = stop, _end_of_run(row, stop)
                if row[first] <= 0:
                    continue
                i = row[first] - 1
                middle = min(max(int(means[i, 2]), first), stop - 1)
                for x in range(middle, min(middle + 2, stop)):
                    dz, dy, dx = z - means[i, 0], y - means[i, 1], x - means[i, 2]
                    distance = dz * dz + dy * dy + dx * dx
                    if distance < nearest[i]:
                        nearest[i] = distance
                        centres[i, 0], centres[i, 1], centres[i, 2] = z, y, x
    return boxes, centres


@njit(cache=True)
def _end_of_run(row: LabelArray, start: int) -> int:
    """Return the first pixel after `start` that has another label."""
    stop = start + 1
    while stop < len(row) and row[stop] == row[start]:
        stop += 1
    return stop


@njit(cache=True)
def _take_in(box: IntArray, z: int, y: int, x: int) -> None:
    """Enlarge a box so that a pixel lies in it."""
    place = (z, y, x)
    for axis in range(3):
        box[0, axis] = min(box[0, axis], place[axis])
        box[1, axis] = max(box[1, axis], place[axis] + 1)


def diffusion_flows(labels: LabelArray) -> FloatArray:
    """Return unit vectors up the heat that spreads from the centre of every object.

    A pixel of the object is heated again and again, all its pixels exchange heat with their
    neighbours and lose it where they touch anything else.

    Parameters
    ----------
    labels : ndarray, shape (Z, Y, X), int32
        Values below 1 are no object.

    Returns
    -------
    ndarray, shape (3, Z, Y, X), float32
        Along each axis; 0 outside objects, and in parts of an object without a path of pixels to
        its centre.

    References
    ----------
    Stringer et al. (2021), "Cellpose: a generalist algorithm for cellular segmentation", Nature
    Methods 18:100.
    """
    flows = np.zeros((3, *labels.shape), np.float32)
    _diffuse(labels, flows)
    return flows


@njit(cache=True)
def _diffuse(labels: LabelArray, flows: FloatArray) -> None:
    """Write the flows of all objects into `flows`."""
    boxes, centres = boxes_and_centres(labels)
    for i in range(len(boxes)):
        low, high = boxes[i]
        extent = high - low
        if extent[0] == 0:
            continue
        iterations = min(2 * (extent.sum() + 3), _LONGEST_DIFFUSION)
        inside = _with_rim(labels, i + 1, low, high)
        rim = (np.array(inside.shape) - extent) // 2
        centre = centres[i] - low + rim
        # Twice as fast as in double precision, which only long ways need.
        single = _heat(inside * np.float32(_share(inside)), centre, iterations)
        if np.any(inside & (single < _FAINTEST)):
            double = _heat(inside * _share(inside), centre, iterations)
            _write_slopes(double, inside, _FLAT[1], low - rim, flows)
        else:
            _write_slopes(single, inside, _FLAT[0], low - rim, flows)


@njit(cache=True)
def _with_rim(labels: LabelArray, label: int, low: IntArray, high: IntArray) -> BoolArray:
    """Return which pixels in and around a box are of an object.

    There is a rim along every axis, but for the single plane of a plane, which saves the kernels
    from looking where the box ends.
    """
    inside = labels[low[0] : high[0], low[1] : high[1], low[2] : high[2]] == label
    planes, rows, columns = inside.shape
    if labels.shape[0] == 1:
        result = np.zeros((1, rows + 2, columns + 2), np.bool_)
        result[:, 1:-1, 1:-1] = inside
    else:
        result = np.zeros((planes + 2, rows + 2, columns + 2), np.bool_)
        result[1:-1, 1:-1, 1:-1] = inside
    return result


@njit(cache=True)
def _share(inside: BoolArray) -> float:
    """Return 1 over the number of pixels that exchange heat."""
    return 1 / 9 if len(inside) == 1 else 1 / 27


@njit(cache=True)
def _heat(share: AnyArray, centre: IntArray, iterations: int) -> AnyArray:
    """Return the heat in the box of an object, in the precision of `share`.

    Each iteration heats the pixel at the centre and replaces every pixel by the mean of the 3 x 3
    (x 3, in volumes) pixels around it, one axis after the other. All is positive, so that what
    little heat there is far from the centre is as exact as the rest, down to the least number.

    The box is gone through as one line, as long as can be: lines end in a rim, whose share is 0.
    """
    planes, rows, columns = share.shape
    part, heat = share.ravel(), np.zeros(share.size, share.dtype)
    across, down = np.zeros_like(heat), np.zeros_like(heat)
    middle = (centre[0] * rows + centre[1]) * columns + centre[2]
    for _ in range(iterations):
        heat[middle] += 1
        _add_up(heat, 1, across)
        if planes == 1:
            _share_out(across, columns, part, heat)
        else:
            _add_up(across, columns, down)
            _share_out(down, rows * columns, part, heat)
    return heat.reshape(share.shape)


@njit(cache=True)
def _add_up(values: AnyArray, step: int, total: AnyArray) -> None:
    """Fill `total` with what is at each place of a line, and `step` places before and after it."""
    before, here, after = values[: -2 * step], values[step:-step], values[2 * step :]
    result = total[step:-step]
    for p in range(len(result)):
        result[p] = before[p] + here[p] + after[p]


@njit(cache=True)
def _share_out(values: AnyArray, step: int, share: AnyArray, total: AnyArray) -> None:
    """Do the same, and take a share of it at each place."""
    before, here, after = values[: -2 * step], values[step:-step], values[2 * step :]
    part, result = share[step:-step], total[step:-step]
    for p in range(len(result)):
        result[p] = (before[p] + here[p] + after[p]) * part[p]


@njit(cache=True)
def _write_slopes(
    heat: AnyArray, inside: BoolArray, flat: float, low: IntArray, flows: FloatArray
) -> None:
    """Write into `flows`, from pixel `low` on, the directions in which `heat` rises."""
    planes, rows, columns = heat.shape
    first = 1 if planes > 1 else 0
    for k in range(first, planes - first):
        for i in range(1, rows - 1):
            for j in range(1, columns - 1):
                if not inside[k, i, j]:
                    continue
                dz = heat[k + first, i, j] - heat[k - first, i, j]
                dy = heat[k, i + 1, j] - heat[k, i - 1, j]
                dx = heat[k, i, j + 1] - heat[k, i, j - 1]
                steepest = max(abs(dz), abs(dy), abs(dx))
                if steepest <= flat * heat[k, i, j]:
                    continue
                # First to a size whose square is a normal number: far from the centre heat is tiny.
                dz, dy, dx = dz / steepest, dy / steepest, dx / steepest
                length = np.sqrt(dz * dz + dy * dy + dx * dx)
                z, y, x = low[0] + k, low[1] + i, low[2] + j
                if first:
                    flows[0, z, y, x] = dz / length
                flows[1, z, y, x] = dy / length
                flows[2, z, y, x] = dx / length


def distance_flows(labels: LabelArray) -> FloatArray:
    """Return the slope of the smoothed distance to the edge of every object.

    Vectors lead from the edge to the middle line and fade there, wherever along it that is, so
    that nothing has to travel along a long object.

    Parameters
    ----------
    labels : ndarray, shape (Z, Y, X), int32
        Values below 1 are no object.

    Returns
    -------
    ndarray, shape (3, Z, Y, X), float32
        Along each axis, of length 1 or less; 0 outside objects.

    References
    ----------
    Cutler et al. (2022), "Omnipose: a high-precision morphology-independent solution for
    bacterial cell segmentation", Nature Methods 19:1438.
    """
    distance = distance_to_edge(labels)
    for _ in range(_SMOOTHINGS):
        distance = _smoothed(distance, labels)
    flows: FloatArray = _slopes_within(distance, labels)
    return flows


def distance_to_edge(labels: LabelArray) -> FloatArray:
    """Return the distance of every pixel of an object to the nearest pixel that is not of it.

    The side of the volume is no edge, and the single plane of a plane none either.

    Parameters
    ----------
    labels : ndarray, shape (Z, Y, X), int32
        Values below 1 are no object.

    Returns
    -------
    ndarray, shape (Z, Y, X), float32
        In px; 0 outside objects. Where an object has no edge, the longest side of the volume.
    """
    squared = np.minimum(squared_distances(labels, 1.0), max(labels.shape) ** 2)
    distance: FloatArray = np.sqrt(squared.astype(np.float32))
    return distance


@njit(cache=True)
def _smoothed(values: FloatArray, labels: LabelArray) -> FloatArray:
    """Return the mean over each pixel of an object and its neighbours in the same object."""
    planes, rows, columns = labels.shape
    result = np.zeros_like(values)
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                label = labels[z, y, x]
                if label <= 0:
                    continue
                total, count = np.float32(0), 0
                for k in range(max(0, z - 1), min(planes, z + 2)):
                    for i in range(max(0, y - 1), min(rows, y + 2)):
                        for j in range(max(0, x - 1), min(columns, x + 2)):
                            if labels[k, i, j] == label:
                                total += values[k, i, j]
                            count += 1  # what is not of the object has distance 0
                result[z, y, x] = total / count
    return result


@njit(cache=True)
def _slopes_within(values: FloatArray, labels: LabelArray) -> FloatArray:
    """Return half the difference of the neighbours along each axis, of length 1 at most.

    Beyond the object `values` are 0; beyond the volume they are as at its side.
    """
    planes, rows, columns = labels.shape
    flows = np.zeros((3, planes, rows, columns), np.float32)
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                label = labels[z, y, x]
                if label <= 0:
                    continue
                length = np.float32(0)
                for axis, (dz, dy, dx) in enumerate(((1, 0, 0), (0, 1, 0), (0, 0, 1))):
                    k, i, j = (
                        min(z + dz, planes - 1),
                        min(y + dy, rows - 1),
                        min(x + dx, columns - 1),
                    )
                    above = values[k, i, j] if labels[k, i, j] == label else np.float32(0)
                    k, i, j = max(z - dz, 0), max(y - dy, 0), max(x - dx, 0)
                    below = values[k, i, j] if labels[k, i, j] == label else np.float32(0)
                    slope = (above - below) / np.float32(2)
                    flows[axis, z, y, x] = slope
                    length += slope * slope
                if length > 1:
                    for axis in range(3):
                        flows[axis, z, y, x] /= np.sqrt(length)
    return flows
