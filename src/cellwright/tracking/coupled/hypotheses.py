"""Competing segmentations of a movie: objects that could be there, and which exclude each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, repeat, zip_longest
from typing import Any

import numpy as np

from cellwright._errors import InputError
from cellwright._types import AnyArray, BoolArray, DoubleArray, IntArray, LabelArray, Table
from cellwright.metrics.overlap import OverlapTable, overlap_table
from cellwright.tracking.detections import collect, measure_frame
from cellwright.tracking.tracks import Tracks

_SAME = 0.8  # IoU of two outlines of one object
_EXCLUDES = 0.2  # share of the smaller of two objects; those that share less have no exact border
_UNSURE = 0.02  # probabilities closer to 0 or 1 are not believed
_DOUBTFUL = 0.5  # probability below which an object that excludes none may be left out
_COVER = 15.0  # log odds that something is there where an object was found
_AGREEMENT = 6.0  # log odds that the agreement of all segmentations is worth, against none


@dataclass(frozen=True, slots=True)
class Hypotheses:
    """Objects that several segmentations of a movie found, N of them.

    Attributes
    ----------
    detections : Tracks
        Without links. Labels count the objects of a frame.
    source, source_label : array of int, shape (N,)
        Which segmentation each is from, and its label there.
    confidence : array of float, shape (N,)
        Probability that it is right.
    rivals : array of int, shape (R, 2)
        Rows of objects that exclude each other, the lower row first, sorted.
    """

    detections: Tracks
    source: IntArray
    source_label: IntArray
    confidence: DoubleArray
    rivals: IntArray

    def __len__(self) -> int:
        return len(self.source)

    @property
    def certain(self) -> BoolArray:
        """Which exclude no others and are more probable than not, shape (N,)."""
        competes = np.bincount(self.rivals.ravel(), minlength=len(self)) > 0
        return np.asarray(~competes & (self.confidence >= _DOUBTFUL))

    def shares(self) -> DoubleArray:
        """Return how large each is beside the largest that it excludes, up to 1, shape (N,)."""
        area = np.asarray(self.detections.properties["area"], np.float64)
        largest = area.copy()
        one, other = self.rivals.T
        np.maximum.at(largest, one, area[other])
        np.maximum.at(largest, other, area[one])
        return area / largest

    def value(self) -> DoubleArray:
        """Return what it is worth that each is there, shape (N,).

        The log odds that it is right, and what it is worth that a place is not left empty, by its
        share of that place: two halves count as much as their whole.
        """
        sure = np.clip(self.confidence, _UNSURE, 1 - _UNSURE)
        return self.shares() * (np.log(sure / (1 - sure)) + _COVER)

    def paint(self, chosen: BoolArray, frame: int, segmentations: Sequence[AnyArray]) -> LabelArray:
        """Return the label image of a frame with the chosen objects.

        Parameters
        ----------
        chosen : array of bool, shape (N,)
        frame : int
        segmentations : sequence of array of int, shape ([Z,] Y, X)
            All of this frame.

        Returns
        -------
        array of int32, shape ([Z,] Y, X)
            By the labels of `detections`. Where two share a few pixels, the smaller one has them.
        """
        painted = np.zeros(segmentations[0].shape, np.int32)
        rows = np.flatnonzero(chosen & (self.detections.frame == frame))
        area = self.detections.properties["area"][rows]
        for row in rows[np.argsort(-area, kind="stable")].tolist():
            own = segmentations[self.source[row]] == self.source_label[row]
            painted[own] = self.detections.label[row]
        return painted


def find_hypotheses(
    segmentations: Sequence[Iterable[AnyArray]],
    images: Iterable[AnyArray] | None = None,
    *,
    confidence: Sequence[Iterable[AnyArray] | None] | None = None,
    pixel_size: tuple[float, ...] | None = None,
    frame_interval: float | None = None,
) -> Hypotheses:
    """Collect the objects of several segmentations of one movie, one frame at a time.

    An object that is in several of them is taken once, with the outline of the first.

    Parameters
    ----------
    segmentations : sequence of iterable of array of int, shape ([Z,] Y, X)
        At least one; each yields one label image per frame.
    images : iterable of array, shape ([C,] [Z,] Y, X), optional
        The frames themselves, for the intensities.
    confidence : sequence of iterable of array of float, optional
        For each segmentation, and frame by frame, the probability of each object to be right, in
        the order of labels. Where that is None, what other segmentations agree with is the more
        probable.
    pixel_size : tuple of float, optional
        In µm along ([Z,] Y, X).
    frame_interval : float, optional
        In s.

    Raises
    ------
    InputError
        If segmentations differ in their number of frames or in size, images or confidences do not
        fit them, or there is no object.
    """
    unknown: Iterable[Any] = repeat(None)
    known = [unknown if one is None else one for one in confidence or [None] * len(segmentations)]
    frames: list[_Frame] = []
    rest = zip(unknown if images is None else images, *known, strict=False)
    for labels in _together(segmentations):
        told = next(rest, None)
        if told is None:
            raise InputError(
                f"There are images or confidences of {len(frames)} frames, but the segmentations "
                "have more; give those of every frame."
            )
        image, *sure = told
        frames.append(_one_frame(labels, len(frames), image, sure))
    if not sum(len(one.source) for one in frames):
        raise InputError("There is nothing to track: no segmentation has an object in any frame.")
    offsets = np.cumsum([0, *(len(one.source) for one in frames)])
    detections = collect([one.table for one in frames], pixel_size, frame_interval)
    return Hypotheses(
        detections,
        np.concatenate([one.source for one in frames]),
        np.concatenate([one.source_label for one in frames]),
        np.concatenate([one.confidence for one in frames]),
        np.concatenate(
            [one.rivals + start for one, start in zip(frames, offsets[:-1], strict=True)]
        ),
    )


def _together(segmentations: Sequence[Iterable[AnyArray]]) -> Iterator[tuple[AnyArray, ...]]:
    """Yield the label images of each frame."""
    for number, labels in enumerate(zip_longest(*segmentations)):
        short = [place for place, one in enumerate(labels, start=1) if one is None]
        if short:
            raise InputError(
                f"Segmentation {short[0]} has {number} frames, others have more; give "
                "segmentations of the same movie."
            )
        shapes = [one.shape for one in labels]
        if len(set(shapes)) > 1:
            raise InputError(
                f"In frame {number} the segmentations have the shapes {shapes}; give segmentations "
                "of the same movie."
            )
        yield labels


@dataclass(frozen=True, slots=True)
class _Frame:
    """The hypotheses of one frame; rivals count from its first."""

    table: Table
    source: IntArray
    source_label: IntArray
    confidence: DoubleArray
    rivals: IntArray


def _one_frame(
    labels: Sequence[AnyArray],
    number: int,
    image: AnyArray | None,
    confidence: Sequence[AnyArray | None],
) -> _Frame:
    tables = [measure_frame(one, number, image) for one in labels]
    counts = [len(table["label"]) for table in tables]
    first = np.cumsum([0, *counts])
    source = np.repeat(np.arange(len(labels)), counts)
    names = np.concatenate([table["label"] for table in tables]).astype(np.int64)
    area = np.concatenate([table["area"] for table in tables]).astype(np.float64)
    shared = _Shared.of(labels, [table["label"] for table in tables], first)
    iou = shared.pixels / (area[shared.one] + area[shared.other] - shared.pixels)
    sure = 1 / (1 + np.exp(-_AGREEMENT * (shared.agreement(iou, source, len(labels)) - 0.5)))
    _put_told(sure, source, counts, confidence, number)
    twin = iou >= _SAME
    kept = np.ones(len(names), bool)
    for one, other in zip(shared.one[twin].tolist(), shared.other[twin].tolist(), strict=True):
        if kept[one] and kept[other]:  # in the order of segmentations
            kept[other] = False
            sure[one] = max(sure[one], sure[other])
    rank = np.cumsum(kept) - 1
    share = shared.pixels / np.minimum(area[shared.one], area[shared.other])
    apart = (share > _EXCLUDES) & kept[shared.one] & kept[shared.other]
    rivals = np.stack([rank[shared.one[apart]], rank[shared.other[apart]]], axis=1)
    columns = {name: np.concatenate([table[name] for table in tables])[kept] for name in tables[0]}
    columns["label"] = np.arange(1, int(kept.sum()) + 1)
    order = np.lexsort((rivals[:, 1], rivals[:, 0]))
    return _Frame(columns, source[kept], names[kept], sure[kept], rivals[order])


def _put_told(
    sure: DoubleArray,
    source: IntArray,
    counts: list[int],
    confidence: Sequence[AnyArray | None],
    number: int,
) -> None:
    """Write the confidences that are told of segmentations, in place of those from agreement."""
    for place, known in enumerate(confidence):
        if known is None:
            continue
        if len(known) != counts[place]:
            raise InputError(
                f"Segmentation {place + 1} has {counts[place]} objects in frame {number}, and "
                f"{len(known)} confidences; give one of each, in the order of labels."
            )
        sure[source == place] = known


@dataclass(frozen=True, slots=True)
class _Shared:
    """Pixels that objects of different segmentations share; `one` is of the earlier of these."""

    one: IntArray
    other: IntArray
    pixels: IntArray

    @classmethod
    def of(cls, labels: Sequence[AnyArray], names: Sequence[AnyArray], first: IntArray) -> _Shared:
        parts = [np.zeros((3, 0), np.int64)]
        for a, b in combinations(range(len(labels)), 2):
            table: OverlapTable = overlap_table(labels[a], labels[b])
            one = first[a] + np.searchsorted(names[a], table.truth)
            other = first[b] + np.searchsorted(names[b], table.prediction)
            parts.append(np.stack([one, other, table.pixels]))
        one, other, pixels = np.concatenate(parts, axis=1)
        return cls(one, other, pixels)

    def agreement(self, iou: DoubleArray, source: IntArray, count: int) -> DoubleArray:
        """Return the mean IoU of each object with its best match in every other segmentation."""
        best = np.zeros((len(source), count))
        np.maximum.at(best, (self.one, source[self.other]), iou)
        np.maximum.at(best, (self.other, source[self.one]), iou)
        return np.asarray(best.sum(axis=1) / max(count - 1, 1))
