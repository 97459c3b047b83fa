"""Sorting the values of features into at most 256 bins each, which is all a forest needs to see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from cellwright._types import AnyArray, FloatArray

_CELLS = 4096


@dataclass(frozen=True, slots=True)
class Bins:
    """A table per feature that says in which bin a value lies.

    The range of the training values is cut into `_CELLS` equal cells; a bin is a run of cells, and
    holds about equally many training values as any other. Values outside the range belong to
    the first or last cell. So a value finds its bin with one multiplication and one look-up.

    Parameters
    ----------
    low : ndarray, shape (F,), float32
        Where the first cell begins.
    rate : ndarray, shape (F,), float32
        Cells per unit.
    table : ndarray, shape (F, cells), uint8
        Bin of each cell.
    """

    low: FloatArray
    rate: FloatArray
    table: AnyArray

    @classmethod
    def fit(cls, values: FloatArray) -> Bins:
        """Choose bins for training values, shape (N, F), float32, N ≥ 1."""
        low, high = values.min(axis=0), values.max(axis=0)
        span = high - low
        rate = np.divide(_CELLS, span, out=np.zeros_like(span), where=span > 0)
        cells = np.clip((values - low) * rate, 0, _CELLS - 1).astype(np.int64)
        ranks = np.arange(1, 256) * len(values) // 256
        table = np.empty((values.shape[1], _CELLS), np.uint8)
        for k, column in enumerate(cells.T):
            starts = np.unique(np.sort(column)[ranks])
            table[k] = np.searchsorted(starts, np.arange(_CELLS), side="right")
        return cls(low, rate, table)

    def encode(self, values: FloatArray, first: int, codes: AnyArray) -> None:
        """Write the bins of some features to the columns of `codes` that begin at `first`.

        Parameters
        ----------
        values : ndarray, shape (G, N), float32
            Features ``first`` to ``first + G``.
        first : int
        codes : ndarray, shape (N, F), uint8
        """
        part = slice(first, first + len(values))
        _encode(values, self.low[part], self.rate[part], self.table[part], codes[:, part])


@njit(cache=True)
def _encode(
    values: FloatArray, low: FloatArray, rate: FloatArray, table: AnyArray, codes: AnyArray
) -> None:
    """Write the bin of each of the values (G, N) into the codes (N, G), through a fine table."""
    last = np.float32(table.shape[1] - 1)
    for i in range(values.shape[1]):
        for k in range(values.shape[0]):
            cell = (values[k, i] - low[k]) * rate[k]
            codes[i, k] = table[k, np.uint32(min(max(cell, np.float32(0)), last))]
