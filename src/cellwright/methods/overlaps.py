"""What is common to methods whose objects may lie over each other."""

from __future__ import annotations

import numpy as np

from cellwright._types import AnyArray, FloatArray, IntArray, LabelArray


def claimed(claims: FloatArray, values: AnyArray) -> AnyArray:
    """Return of each pixel what holds for the object that claims it most.

    Parameters
    ----------
    claims : ndarray, shape (L, ...)
        How much the object of a layer claims each pixel.
    values : ndarray, shape (L, [K,] ...)
        What holds for that object.

    Returns
    -------
    ndarray, shape ([K,] ...)
    """
    first = claims.argmax(0)
    extra = tuple(range(values.ndim - claims.ndim))
    place = np.expand_dims(first, (0, *(axis + 1 for axis in extra)))
    chosen: AnyArray = np.take_along_axis(values, place, 0)[0]
    return chosen


def connected(labels: LabelArray, covered: IntArray) -> IntArray:
    """Return the covered pixels that are connected with what is seen of their objects.

    Parameters
    ----------
    labels : ndarray, shape ([Z,] Y, X), int32
        0 background, 1..N objects.
    covered : ndarray, shape (M, 1 + D), int64
        Index of an object from 0, then ([z,] y, x) of a pixel of it that another one has.

    Returns
    -------
    ndarray, shape (K, 1 + D), int64
        By object; neighbours share an edge or a face.
    """
    from scipy.ndimage import find_objects, label

    boxes = find_objects(labels)
    order = np.argsort(covered[:, 0], kind="stable")
    objects, first = np.unique(covered[order, 0], return_index=True)
    kept = [covered[:0]]
    for index, rows in zip(objects.tolist(), np.split(covered[order], first[1:]), strict=False):
        seen, places = boxes[index], rows[:, 1:]
        low = np.minimum(places.min(0), [side.start for side in seen])
        high = np.maximum(places.max(0) + 1, [side.stop for side in seen])
        shown = labels[tuple(map(slice, low, high))] == index + 1
        whole = shown.copy()
        whole[tuple((places - low).T)] = True
        parts, _ = label(whole)
        joined = np.isin(parts[tuple((places - low).T)], np.unique(parts[shown]))
        kept.append(rows[joined])
    return np.concatenate(kept)
