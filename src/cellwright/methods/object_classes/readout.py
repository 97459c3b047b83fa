"""From maps of any method, and one more per class, to objects of which each has a class."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numba import njit

from cellwright._errors import UsageError
from cellwright._types import AnyArray, DoubleArray, FloatArray, IntArray, LabelArray
from cellwright.methods.readout import Instances, MapReader, Readout

CLASSES = "classes"
"""The parameter of a readout, on the card of a model, that names the classes of its objects."""


@dataclass(frozen=True, slots=True)
class ObjectClassesReadout:
    """Objects as another readout finds them; each is what its pixels are on average.

    The mean probability of each class over the pixels of an object is part of its evidence, and
    as independent of tiles as the object itself.

    Parameters
    ----------
    objects : Readout
        Finds the objects.
    classes : tuple of str
        What they may be.

    Raises
    ------
    UsageError
        If these are not 2 to 255 different names.
    """

    objects: Readout
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", tuple(self.classes))  # JSON has lists only
        if not 2 <= len(self.classes) <= 255 or len(set(self.classes)) != len(self.classes):
            raise UsageError(
                f"The classes of objects are {', '.join(self.classes) or 'none'}: give 2 to 255 "
                "names, each once."
            )

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the maps, in channel order: those of the objects, then one per class."""
        return (*self.objects.outputs, *(f"class {name}" for name in self.classes))

    @property
    def evidence_names(self) -> tuple[str, ...]:
        """Names of the columns of the evidence: that of the objects, then one per class."""
        return (*self.objects.evidence_names, *self.probability_names)

    @property
    def probability_names(self) -> tuple[str, ...]:
        """Names of the columns of the evidence that are probabilities of classes."""
        return tuple(f"probability of {name}" for name in self.classes)

    @property
    def reach(self) -> int:
        """As of the objects."""
        return self.objects.reach

    @property
    def margin(self) -> int:
        """As of the objects."""
        return self.objects.margin

    def decode(self, maps: FloatArray) -> Instances:
        """Return the objects in `maps`.

        Parameters
        ----------
        maps : ndarray, shape (K, [Z,] Y, X), float32
            The maps of the objects, then one logit per class.
        """
        own = len(self.objects.outputs)
        found = self.objects.decode(maps[:own])
        told = mean_probabilities(found.labels, len(found.anchors), maps[own:])
        return replace(found, evidence=np.concatenate([found.evidence, told], axis=1))

    def likeliest(self, found: Instances) -> IntArray:
        """Return the likeliest class of each object that was decoded, counted from 0."""
        probabilities = found.evidence[:, len(self.objects.evidence_names) :]
        return np.asarray(probabilities.argmax(1), np.int64)


def readout_parameters(readout: Any) -> dict[str, Any]:
    """Return the parameters of a readout as the card of a model holds them."""
    if isinstance(readout, ObjectClassesReadout):
        return {**asdict(readout.objects), CLASSES: readout.classes}
    return asdict(readout)


def with_object_classes(objects: Readout, classes: tuple[str, ...]) -> MapReader:
    """Return what also tells the classes of objects, or the readout itself without any."""
    return ObjectClassesReadout(objects, classes) if classes else objects


def mean_probabilities(labels: LabelArray, count: int, logits: AnyArray) -> FloatArray:
    """Return the mean probability of every class over the pixels of each object.

    Parameters
    ----------
    labels : ndarray, shape ([Z,] Y, X), int32
        0 is background.
    count : int
        Number N of objects.
    logits : ndarray, shape (C, [Z,] Y, X)
        One per class; probabilities are their softmax.

    Returns
    -------
    ndarray, shape (N, C), float32
        Rows of sum 1; of 0 for an object without pixels.
    """
    flat = np.ascontiguousarray(logits, np.float32).reshape(len(logits), -1)
    total, pixels = _summed(np.ascontiguousarray(labels, np.int32).ravel(), count, flat)
    return np.asarray(total / np.maximum(pixels, 1)[:, None], np.float32)


@njit(cache=True)
def _summed(labels: LabelArray, count: int, logits: FloatArray) -> tuple[DoubleArray, DoubleArray]:
    """Return sums of the probabilities over the pixels of each object, and their numbers."""
    classes = len(logits)
    total = np.zeros((count, classes))
    pixels = np.zeros(count)
    share = np.empty(classes)
    for i in range(len(labels)):
        owner = labels[i] - 1
        if owner < 0:
            continue
        highest = logits[0, i]
        for k in range(1, classes):
            highest = max(highest, logits[k, i])
        whole = 0.0
        for k in range(classes):
            share[k] = np.exp(np.float64(logits[k, i] - highest))
            whole += share[k]
        for k in range(classes):
            total[owner, k] += share[k] / whole
        pixels[owner] += 1
    return total, pixels
