"""From a foreground map and flows to objects."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from cellwright._errors import UsageError
from cellwright._types import BoolArray, FloatArray, IntArray, LabelArray
from cellwright.methods.components import components
from cellwright.methods.flows import dynamics, geometry
from cellwright.methods.logits import logit
from cellwright.methods.mirrors import Mirrored, along
from cellwright.methods.numbering import number_kept, number_visible
from cellwright.methods.readout import Instances
from cellwright.methods.tidy import tidy

_AXES = ("plane", "row", "column")
_REST = 0.3  # near a middle line the flow fades; what is left would carry pixels along it


@dataclass(frozen=True, slots=True)
class FlowsReadout:
    """Objects from flows to their centres: every pixel moves along, those that meet are one.

    Parameters
    ----------
    dimensions : int
        2 for planes, 3 for volumes.
    threshold : float
        A pixel is foreground above this probability.
    flow_error : float
        Objects whose flows differ more from those of their shape are dropped: mean square of the
        difference; 4, which none exceeds, keeps all.
    steps : int
        How many steps of 1 px at most the pixels are moved; a multiple of `dynamics.HOP`.
    rest : float
        Pixels do not move where the flow is shorter than this.
    gathering : int
        Pixels that have to land on one to make it the place of an object.
    basin : int
        Greatest extent, along each axis, of the place where the pixels of an object land, in px.
    smallest : int
        Least number of pixels of an object.
    unit : float
        What the network writes for a flow of length 1.

    References
    ----------
    Stringer et al. (2021), "Cellpose: a generalist algorithm for cellular segmentation", Nature
    Methods 18:100.
    """

    dimensions: int = 2
    threshold: float = 0.5
    flow_error: float = 4.0
    steps: int = 48
    rest: float = 0.0
    gathering: int = 3
    basin: int = 24
    smallest: int = 12
    unit: float = 5.0

    evidence_names: ClassVar[tuple[str, ...]] = (
        "foreground",
        "edge certainty",
        "flow error",
        "log size",
        "log roughness",
    )
    tunable: ClassVar[Mapping[str, tuple[float, ...]]] = {
        "threshold": (0.35, 0.5, 0.65),
        "flow_error": (0.4, 0.8, 4.0),
    }

    @classmethod
    def suited_to(cls, dimensions: int, diameter: float) -> Self:
        """Return a readout for objects of up to this diameter in px; planes and volumes alike.

        The tips of long objects are farther from the centre than the radius of their area says.
        """
        return cls(dimensions=dimensions, steps=_whole_hops(max(32.0, 1.5 * diameter + 8)))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the maps: the foreground, then the flow along every axis."""
        return ("foreground", *(f"{axis} flow" for axis in _AXES[3 - self.dimensions :]))

    @property
    def travel(self) -> int:
        """Longest way of a pixel along either axis, in px: its steps, and rounding after hops."""
        return self.steps + self.steps // dynamics.HOP // 2 + 1

    @property
    def reach(self) -> int:
        """Farthest pixel of an object from the first where its pixels land, in px."""
        return self.basin + self.travel

    @property
    def margin(self) -> int:
        """How far around a window the maps decide about the objects anchored in it, in px.

        The pixels of an object lie within `reach`. In planes it is made whole, for which the
        objects in its holes must be known in full: twice that again. The label of any pixel
        depends on where it lands, on all of the basin there, on the pixels that land in it or
        just outside, and on the maps on their way.
        """
        seen = 3 * self.reach + 1 if self.dimensions == 2 else self.reach
        return seen + 3 * (self.travel + 1) + self.basin + 2

    def flows_of(self, labels: LabelArray) -> FloatArray:
        """Return the flows that objects of these shapes have.

        Parameters
        ----------
        labels : ndarray, shape (Z, Y, X), int32

        Returns
        -------
        ndarray, shape (3, Z, Y, X), float32
        """
        flows: FloatArray = geometry.diffusion_flows(labels)
        return flows

    def mirrored(self, axis: str) -> Mirrored:
        """Return how its maps are put right that were found in a mirror image."""
        return along(self.outputs, axis)

    def decode(self, maps: FloatArray) -> Instances:
        """Return the objects in `maps`.

        Parameters
        ----------
        maps : ndarray, shape (1 + D, [Z,] Y, X), float32
            Logit of the foreground; flow along each axis times `unit`.

        Returns
        -------
        Instances
            Anchored at the first pixel, in raster order, of the place where their pixels land.
        """
        shape = maps.shape[1:]
        volume = np.ascontiguousarray(maps if len(shape) == 3 else maps[:, None], np.float32)
        logits, flows = volume[0], volume[1:]
        foreground = logits > logit(self.threshold)
        steps = dynamics.steps_of(foreground, flows, self.unit, self.rest)
        labels, anchors = self._objects(foreground, steps)
        evidence = dynamics.describe(
            labels, len(anchors), logits, flows, self.unit, self.flows_of(labels)
        )
        keep = evidence[:, self.evidence_names.index("flow error")] <= self.flow_error
        number_kept(labels, keep)
        return Instances(labels.reshape(shape), anchors[keep, 3 - len(shape) :], evidence[keep])

    def _objects(self, foreground: BoolArray, steps: FloatArray) -> tuple[LabelArray, IntArray]:
        """Return the objects, whole and large enough, and the first pixels of their basins."""
        if self.dimensions == 2:
            target = dynamics.hops_in_plane(foreground[0], steps[0])
        else:
            target = dynamics.hops_in_volume(foreground, steps)
        pixels = np.flatnonzero(foreground).astype(np.int32)
        landing = dynamics.repeat(target, pixels, self.steps // dynamics.HOP)
        places = dynamics.sinks(landing, foreground.shape, self.gathering)
        basins, anchors = components(places, self.basin, 1)
        labels = dynamics.gather(pixels, landing, basins)
        if self.dimensions == 2:
            labels = tidy(labels[0], len(anchors))[None]
        return labels, anchors[number_visible(labels, len(anchors), self.smallest)]


class DistanceFlowsReadout(FlowsReadout):
    """Objects from flows to their middle lines: for long and bent objects that touch.

    The pixels of an object land along its middle line, wherever is nearest; `basin` is as long as
    the longest object. Planes only: middle surfaces of volumes fall apart.

    References
    ----------
    Cutler et al. (2022), "Omnipose: a high-precision morphology-independent solution for
    bacterial cell segmentation", Nature Methods 19:1438.
    """

    __slots__ = ()

    tunable: ClassVar[Mapping[str, tuple[float, ...]]] = {
        "rest": (_REST, 0.5, 0.7),
        **FlowsReadout.tunable,
    }

    @classmethod
    def suited_to(cls, dimensions: int, diameter: float) -> Self:
        """Return a readout for planes whose largest objects have this diameter in px."""
        if dimensions != 2:
            raise UsageError(
                "The method 'flows-distance' finds objects in planes, not in volumes; "
                "take 'flows' instead."
            )
        steps = _whole_hops(max(16.0, diameter / 2 + 4))
        basin = max(64, math.ceil(3 * diameter))
        return cls(steps=steps, rest=_REST, basin=basin)

    def flows_of(self, labels: LabelArray) -> FloatArray:
        """Return the flows that objects of these shapes have; see `FlowsReadout.flows_of`."""
        return geometry.distance_flows(labels)


def _whole_hops(steps: float) -> int:
    return dynamics.HOP * math.ceil(steps / dynamics.HOP)
