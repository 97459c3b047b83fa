"""Means over images, and how sure they are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cellwright._types import AnyArray, Table
from cellwright.metrics.bootstrap import mean_interval


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95 % confidence interval."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: AnyArray, units: AnyArray) -> Estimate:
        """Return the mean over images, with an interval from whole groups of them."""
        known = values[np.isfinite(values)]
        mean = float(known.mean()) if len(known) else math.nan
        return cls(mean, *mean_interval(values, units))

    @classmethod
    def of_table(cls, table: Table, column: str) -> Estimate:
        """Return the mean of a score over the images of a table."""
        return cls.of(np.asarray(table[column], dtype=np.float64), units_of(table))

    @property
    def rank(self) -> float:
        """The mean to put in order by; below all others where it is not known."""
        return -math.inf if math.isnan(self.mean) else self.mean

    @property
    def plain(self) -> str:
        """The mean in words; a dash where it is not known."""
        return "–" if math.isnan(self.mean) else f"{self.mean:.3f}"

    @property
    def interval(self) -> str:
        """The interval in words; empty where it is not known."""
        return "" if math.isnan(self.low) else f"{self.low:.3f} to {self.high:.3f}"

    def __str__(self) -> str:
        return f"{self.plain} ({self.interval})" if self.interval else self.plain

    def to_json(self) -> dict[str, float | None]:
        """Return the numbers; None where there are none."""
        return {
            name: None if math.isnan(value) else round(value, 4)
            for name, value in (("mean", self.mean), ("low", self.low), ("high", self.high))
        }


def units_of(table: Table) -> AnyArray:
    """Return what each image belongs to: its group, or its own name."""
    group, image = (np.asarray(table[name]).astype(str) for name in ("group", "image"))
    return np.where(group == "", image, group)
