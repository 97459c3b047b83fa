"""The contract of a readout: how the maps of a network become objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cellwright._types import FloatArray, IntArray, LabelArray


@dataclass(frozen=True, slots=True)
class Instances:
    """The objects that were read from maps.

    Parameters
    ----------
    labels : ndarray, shape (Y, X), int32
        0 is background, 1..N are objects.
    anchors : ndarray, shape (N, 2), int64
        Row and column of the pixel that owns object i + 1, in px. No two objects share one.
    evidence : ndarray, shape (N, F), float32
        Numbers about every object, from which its confidence is computed.
    """

    labels: LabelArray
    anchors: IntArray
    evidence: FloatArray


class Readout(Protocol):
    """Turns maps into objects, looking only at a bounded neighbourhood of each.

    Because of the bounds, an object can be decoded from any window that holds its surroundings
    and comes out the same; this is what makes a result independent of the tiles.

    Attributes
    ----------
    outputs : tuple of str
        Names of the maps, in channel order.
    evidence_names : tuple of str
        Names of the columns of `Instances.evidence`.
    reach : int
        No pixel of an object is farther than this from its anchor along either axis, in px.
    margin : int
        Objects anchored in a window depend only on the maps within this distance of the window,
        in px; at least `reach`.
    """

    @property
    def outputs(self) -> tuple[str, ...]: ...  # noqa: D102 - described above

    @property
    def evidence_names(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def reach(self) -> int: ...  # noqa: D102

    @property
    def margin(self) -> int: ...  # noqa: D102

    def decode(self, maps: FloatArray) -> Instances:
        """Return the objects in `maps`.

        Parameters
        ----------
        maps : ndarray, shape (K, Y, X), float32
            One map per name in `outputs`.
        """
