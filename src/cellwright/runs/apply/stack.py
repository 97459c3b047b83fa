"""The labels of an image with one or many planes, numbered through, in one sink."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cellwright._types import AnyArray, IntArray, LabelArray
from cellwright.images.sink import LabelSink


class StackLabels:
    """Labels that a model finds plane by plane; each number occurs in one plane only.

    Parameters
    ----------
    sink : LabelSink, shape ([T,] [Z,] Y, X)
        Takes the labels as they are found; `relabel` says which of them are kept.
    """

    def __init__(self, sink: LabelSink) -> None:
        self.sink = sink
        self.relabel: IntArray = np.zeros(1, dtype=np.int64)
        self.count = 0

    def writer(self, index: tuple[int, ...]) -> "PlaneWriter":
        """Return what takes the labels 1..N that are found in one plane."""
        return PlaneWriter(self.sink, index, len(self.relabel) - 1)

    def add(self, relabel: IntArray | LabelArray) -> int:
        """Take note of which labels of a written plane are kept.

        Parameters
        ----------
        relabel : (N + 1,) array of int
            The plane's label ``v`` is its object ``relabel[v]``, or none where that is 0.

        Returns
        -------
        int
            What is added to the plane's own numbers of objects.
        """
        above = self.count
        kept = np.asarray(relabel[1:], dtype=np.int64)
        self.relabel = np.concatenate([self.relabel, np.where(kept > 0, kept + above, 0)])
        self.count += int(np.count_nonzero(kept))
        return above

    def plane(self, index: tuple[int, ...]) -> "PlaneLabels":
        """Return the objects of a plane that are kept."""
        return PlaneLabels(self, index)


@dataclass(frozen=True, slots=True)
class PlaneWriter:
    """Writes the labels of one plane above the labels of the planes before it."""

    sink: LabelSink
    index: tuple[int, ...]
    above: int

    def __setitem__(self, key: tuple[slice, ...], labels: AnyArray, /) -> None:
        """Write a region of the plane."""
        if self.above:
            labels = np.where(labels > 0, labels + np.int32(self.above), np.int32(0))
        self.sink[(*self.index, *key)] = labels


@dataclass(frozen=True, slots=True)
class PlaneLabels:
    """The objects of one plane or volume, read region by region: a `PixelSource`."""

    stack: StackLabels
    index: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Size in px, ([Z,] Y, X)."""
        return self.stack.sink.shape[len(self.index) :]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a label."""
        return np.dtype(np.int32)

    def __getitem__(self, key: tuple[slice, ...]) -> LabelArray:
        """Read a region of the plane."""
        found = self.stack.sink[(*self.index, *key)]
        return self.stack.relabel[found].astype(np.int32)
