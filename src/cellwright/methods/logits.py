"""What logits stand for."""

from __future__ import annotations

import numpy as np
from numba import njit

_SURE = 30.0  # logits beyond it are as good as certain, and their exponentials soon overflow


@njit(cache=True)
def probability(logit: float) -> float:
    """Return the probability that a logit stands for."""
    result: float = 1 / (1 + np.exp(-min(max(logit, -_SURE), _SURE)))
    return result
