"""Numbered objects that lie in one label image per class."""

from __future__ import annotations

import numpy as np

from cellwright._errors import DatasetError
from cellwright._types import LabelArray
from cellwright.datasets.records import PerClassLabels
from cellwright.images.read import IGNORE, read_labels


def read_per_class(labels: PerClassLabels, axes: str | None) -> tuple[LabelArray, list[str]]:
    """Read label images into one, whose objects have numbers of their own.

    Parameters
    ----------
    labels : PerClassLabels
    axes : str, optional
        Of the files, where they do not say.

    Returns
    -------
    labels : ndarray, shape ([Z,] Y, X), int32
        Where objects overlap, the later class wins; -1 where any file says so and none has an
        object.
    names : list of str
        Class of each object, by its number; empty for the background.

    Raises
    ------
    DatasetError
        If the files differ in size.
    """
    parts = [(name, path, read_labels(path, axes=axes)[0]) for name, path in labels.files]
    joined = np.zeros_like(parts[0][2])
    names = [""]
    for name, path, part in parts:
        if part.shape != joined.shape:
            raise DatasetError(
                f"The label files '{labels.path}' and '{path}' differ in size: {joined.shape} and "
                f"{part.shape} pixels."
            )
        values, place = np.unique(part, return_inverse=True)
        numbers = np.where(values == IGNORE, IGNORE, 0)
        objects = values > 0
        numbers[objects] = len(names) + np.arange(np.count_nonzero(objects))
        names += [name] * int(np.count_nonzero(objects))
        own = numbers.astype(np.int32)[place].reshape(part.shape)
        joined = np.where((own > 0) | ((own < 0) & (joined == 0)), own, joined)
    return joined, names
