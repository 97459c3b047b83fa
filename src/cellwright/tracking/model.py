"""What is probable: how cells of a movie move, change, divide, come and go.

All costs of linking are negative logarithms of the densities and rates kept here. Their units
agree, so that no weights stand between them; all numbers are estimated from the movie
(`cellwright.tracking.fit`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma, log, pi

import numpy as np

from cellwright._types import DoubleArray
from cellwright.tracking.kalman import Motion

FEATURE_TAIL = 4.0
"""Degrees of freedom of Student's t for changes of features."""
STRIDE_TAIL = 8.0
"""Degrees of freedom of Student's t for strides: those of several speeds are together."""


@dataclass(frozen=True, slots=True)
class DivisionModel:
    """How mothers become two daughters; F features.

    Parameters
    ----------
    rate : float
        Share of detections that divide before the next frame.
    midpoint : float
        Scale of the way from the mother to the middle between her daughters.
    separation, separation_spread : float
        Mean and deviation of the logarithm of the distance between daughters.
    mother, mother_spread : array of float, shape (F,)
        Features of dividing mothers, in deviations of the population from its centre.
    change, change_spread : array of float, shape (F,)
        Mean of the daughters' features less the mother's.
    difference : array of float, shape (F,)
        Scale of the difference between the two daughters.
    """

    rate: float
    midpoint: float
    separation: float
    separation_spread: float
    mother: DoubleArray
    mother_spread: DoubleArray
    change: DoubleArray
    change_spread: DoubleArray
    difference: DoubleArray


@dataclass(frozen=True, slots=True)
class Strides:
    """Steps of those that go much farther than the rest, as movers among what is stuck.

    Parameters
    ----------
    share : float
        Of all steps; 0 where there are none.
    length : float
        Scale along each axis of Student's t with `STRIDE_TAIL`, in steps of the rest.
    """

    share: float = 0.0
    length: float = 1.0


@dataclass(frozen=True, slots=True)
class LinkModel:
    """How the cells of a movie live between two frames; lengths in the unit of positions.

    Parameters
    ----------
    dimensions : int
    step, tail : float
        Scale along each axis, and degrees of freedom, of Student's t of displacements.
    typical_step : float
        Median displacement of pairs that are nearest to each other.
    change : array of float, shape (F,)
        Scale of the change of each feature.
    surprise : float
        How often the features of a cell change beyond recognition between two frames.
    centre, spread : array of float, shape (F,)
        Of each feature in the population.
    density : float
        Detections per area (volume) in a frame.
    end_rate, start_rate : float
        Share of detections that end, or begin, inside the field for no visible reason.
    division : DivisionModel
    strides : Strides
    motion : Motion, optional
        How the way of a cell goes on; without it, a random walk of such steps.
    temperature : float
        By what probabilities of links divide their log odds against rivals.
    """

    dimensions: int
    step: float
    tail: float
    typical_step: float
    change: DoubleArray
    surprise: float
    centre: DoubleArray
    spread: DoubleArray
    density: float
    end_rate: float
    start_rate: float
    division: DivisionModel
    strides: Strides = Strides()
    motion: Motion | None = None
    temperature: float = 1.0

    def end_costs(self, border: DoubleArray, step: float | DoubleArray) -> DoubleArray:
        """Return the costs of ending for detections at distances `border` from the border.

        `step` is the scale of displacements: of all, or of each.
        """
        leaving = _crossing(border, step)
        return -np.log(np.minimum(self.end_rate + leaving, 0.99))

    def start_costs(self, border: DoubleArray, step: float | DoubleArray) -> DoubleArray:
        """Return the costs of beginning, for the same."""
        entering = _crossing(border, step)
        return -np.log(self.density * (self.start_rate + entering))

    def reach(self, step: float) -> float:
        """Return the distance beyond which an end and a start are more probable than a link."""
        alone = -log(self.end_rate) - log(self.density * self.start_rate)
        spare = max(alone - t_constant(step, self.tail, self.dimensions), 0.0)
        link = step * np.sqrt(self.tail * np.expm1(2 * spare / (self.tail + self.dimensions)))
        daughter = np.exp(self.division.separation + 2 * self.division.separation_spread) / 2
        stride = 5 * self.strides.length * step if self.strides.share else 0.0
        return float(max(link, daughter + 3 * self.division.midpoint, step, stride))


def t_constant(scale: float, tail: float, dimensions: int) -> float:
    """Return the negative log density of Student's t at its centre."""
    half = dimensions / 2
    return lgamma(tail / 2) - lgamma(tail / 2 + half) + half * log(tail * pi * scale**2)


def t_costs(squares: DoubleArray, scales: DoubleArray, tail: float, dimensions: int) -> DoubleArray:
    """Return the negative log densities of Student's t at squared lengths, with scales (K,)."""
    constant = t_constant(1.0, tail, dimensions) + dimensions * np.log(scales)
    return np.asarray(constant + (tail + dimensions) / 2 * np.log1p(squares / (tail * scales**2)))


def stride_costs(squares: DoubleArray, steps: DoubleArray, model: LinkModel) -> DoubleArray:
    """Return the negative logarithms of how often strides have squared lengths (K,).

    `steps`, shape (K,), are the scales of the steps of the rest.
    """
    scales = model.strides.length * steps
    return t_costs(squares, scales, STRIDE_TAIL, model.dimensions) - log(model.strides.share)


def _crossing(border: DoubleArray, step: float | DoubleArray) -> DoubleArray:
    """Return the probability to be across the border a frame earlier or later."""
    from scipy.special import erfc

    return np.asarray(0.5 * erfc(border / (np.sqrt(2) * step)))
