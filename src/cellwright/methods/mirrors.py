"""What the maps of an image say where the image is mirrored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from cellwright._types import FloatArray, IntArray

AXES = ("plane", "row", "column")
"""What names of maps call the axes Z, Y and X."""
_ALONG = ("offset", "flow", "shift")


@dataclass(frozen=True, slots=True)
class Mirrored:
    """How maps are put right that were found in a mirror image, once they lie where they belong.

    Parameters
    ----------
    order : ndarray, shape (K,), int64
        Which of them each map is.
    signs : ndarray, shape (K,), float32
        What it is multiplied by.
    """

    order: IntArray
    signs: FloatArray


@runtime_checkable
class MirrorReadout(Protocol):
    """A readout that knows what its maps say in a mirror image."""

    def mirrored(self, axis: str) -> Mirrored:
        """Return how its maps are put right.

        Parameters
        ----------
        axis : {"plane", "row", "column"}
            Along which the image was mirrored.
        """


def unmoved(count: int) -> Mirrored:
    """Return that of maps which say the same in a mirror image."""
    return Mirrored(np.arange(count, dtype=np.int64), np.ones(count, np.float32))


def along(outputs: Sequence[str], axis: str) -> Mirrored:
    """Return that of maps of which some are components of vectors.

    Parameters
    ----------
    outputs : sequence of str
        Names of the maps. An ``"offset"``, a ``"flow"`` or a ``"shift"`` along the axis changes
        its sign, as in ``"row offset"``; all else says the same.
    axis : str
        As for `MirrorReadout.mirrored`.
    """
    turning = {f"{axis} {kind}" for kind in _ALONG}
    signs = np.array([-1.0 if name in turning else 1.0 for name in outputs], np.float32)
    return Mirrored(np.arange(len(outputs), dtype=np.int64), signs)
