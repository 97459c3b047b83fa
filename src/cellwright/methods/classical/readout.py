"""From the maps of the classical filters to objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from cellwright.methods.watershed.readout import WatershedReadout


@dataclass(frozen=True, slots=True)
class ClassicalReadout(WatershedReadout):
    """The watershed of a network's maps, on those of filters.

    The relief is a logarithm, so that `persistence` is how narrow or dim a passage between two
    parts must be *in proportion* to part them: the same for small and large objects. All
    parameters were chosen together with those of the filters.
    """

    tunable: ClassVar[Mapping[str, tuple[float, ...]]] = {}
