"""Objects that were found as places: boxes, centres and what they are, without outlines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cellwright._types import AnyArray, DoubleArray, FloatArray, Table
from cellwright._words import counted


@dataclass(frozen=True, slots=True)
class Detections:
    """The objects of an image.

    Parameters
    ----------
    table : Table
        One row per object: ``label``, its number; ``class`` and ``class_prob``, what it is;
        ``confidence``, the probability of being right (for boxes, the class and IoU ≥ 0.5 with
        the true box); for boxes ``bbox-0`` …, the first px along each axis, then one past the
        last; ``centroid-0`` …, its centre in px; ``touches_border``, whether it may be cut off.
    scale : float
        Pixels that the network saw per (lateral) pixel of the image.
    diameter : float
        Median diameter of the objects, in px of the image; NaN without any.
    evidence : ndarray, shape (N, F), float32
        What the readout saw of every object, from which its confidence comes.
    novelty : float
        Distance from the training images, of which 99 % lie within 1; NaN when unknown.
    warnings : tuple of str
        What the user should know.
    counts : mapping of str to float, optional
        How many objects of each class there are, found or not, as far as the model tells.
    """

    table: Table
    scale: float
    diameter: float
    evidence: FloatArray
    novelty: float
    warnings: tuple[str, ...] = ()
    counts: Mapping[str, float] | None = None

    def __len__(self) -> int:
        return len(self.table["label"])

    def __repr__(self) -> str:
        """Say what was found, without the table."""
        found = counted(len(self), "object"), *typical_size(self.diameter)
        return f"<Detections: {', '.join(found)}>"

    @property
    def boxes(self) -> DoubleArray:
        """The boxes, shape (N, 2 D): starts along each axis, then ends, in px."""
        names = [name for name in self.table if name.startswith("bbox-")]
        return np.stack([self.table[name] for name in names], 1).astype(np.float64)


def typical_size(diameter: float) -> tuple[str, ...]:
    """Return how large objects are, for people; nothing where there are none."""
    return () if math.isnan(diameter) else (f"typically {diameter:.1f} px across",)


def place_columns(boxes: AnyArray, centres: AnyArray, at_border: AnyArray) -> Table:
    """Return the columns of a table that say where objects are.

    Parameters
    ----------
    boxes : ndarray, shape (N, 2 D)
    centres : ndarray, shape (N, D)
    at_border : ndarray, shape (N,), bool
    """
    return {
        **numbered("bbox", boxes.T),
        **numbered("centroid", centres.T),
        "touches_border": at_border,
    }


def numbered(name: str, columns: Sequence[AnyArray] | AnyArray) -> Table:
    """Return columns as ``NAME-0``, ``NAME-1`` and so on."""
    return {f"{name}-{number}": column for number, column in enumerate(columns)}
