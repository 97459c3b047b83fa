"""What logits stand for."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from cellwright._errors import UsageError

_SURE = 30.0  # logits beyond it are as good as certain, and their exponentials soon overflow


@njit(cache=True)
def probability(logit: float) -> float:
    """Return the probability that a logit stands for."""
    result: float = 1 / (1 + np.exp(-min(max(logit, -_SURE), _SURE)))
    return result


def logit(share: float) -> float:
    """Return the logit that stands for a probability.

    Raises
    ------
    UsageError
        If it is none, or is 0 or 1, which no logit stands for.
    """
    if not 0 < share < 1:
        raise UsageError(f"A threshold of probabilities must lie between 0 and 1, not {share}.")
    return math.log(share / (1 - share))
