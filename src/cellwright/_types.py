"""Names for the array types that cross the borders between modules."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

AnyArray: TypeAlias = NDArray[Any]
FloatArray: TypeAlias = NDArray[np.float32]
DoubleArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
LabelArray: TypeAlias = NDArray[np.int32]
"""Labels: 0 is background, 1..N are objects."""
BoolArray: TypeAlias = NDArray[np.bool_]
Table: TypeAlias = dict[str, AnyArray]
"""Columns of equal length, keyed by name; a pandas DataFrame at the public surface."""
