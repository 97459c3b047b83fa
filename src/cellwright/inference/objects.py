"""Which of the objects that were found are kept."""

from __future__ import annotations

import numpy as np

from cellwright._types import AnyArray, BoolArray, LabelArray, Table


def kept(
    objects: Table,
    *,
    min_area: int = 1,
    min_confidence: float | AnyArray = 0.0,
    exclude_border: bool = False,
) -> BoolArray:
    """Return which objects stay.

    Parameters
    ----------
    objects : Table
        What `find_instances` returned, with a column ``confidence`` in [0, 1] where
        `min_confidence` is above 0.
    min_area : int
        Least area in px of the image. An object without a pixel is never kept.
    min_confidence : float, or ndarray of shape (N,)
        Least confidence, of all or of each.
    exclude_border : bool
        Leave out objects that touch the edge of the image, whose true size is unknown.

    Returns
    -------
    ndarray, shape (N,), bool
    """
    stay: BoolArray = objects["area"] >= max(min_area, 1)
    if np.any(np.asarray(min_confidence) > 0):
        stay &= objects["confidence"] >= min_confidence
    if exclude_border:
        stay &= ~objects["at_border"]
    return stay


def relabelling(keep: BoolArray) -> LabelArray:
    """Return the new label of every old one, for numbers without gaps.

    Parameters
    ----------
    keep : ndarray, shape (N,), bool
        Which of the objects 1..N stay.

    Returns
    -------
    ndarray, shape (N + 1,), int32
        ``relabelling(keep)[labels]`` are the labels of the objects that stay, 1..M in the same
        order; 0 for background and the others.
    """
    table = np.zeros(len(keep) + 1, np.int32)
    table[1:][keep] = np.arange(1, np.count_nonzero(keep) + 1)
    return table


def selected(objects: Table, keep: BoolArray) -> Table:
    """Return the rows of the objects that stay, with the labels that `relabelling` gives them."""
    rows: dict[str, AnyArray] = {name: column[keep] for name, column in objects.items()}
    return rows | {"label": np.arange(1, np.count_nonzero(keep) + 1, dtype=np.int32)}
