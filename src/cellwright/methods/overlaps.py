"""What is common to methods whose objects may lie over each other."""

from __future__ import annotations

import numpy as np

from cellwright._types import IntArray, LabelArray


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
