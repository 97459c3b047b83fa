"""Probabilities and logits: there and back, and what is neither."""

from dataclasses import replace

import numpy as np
import pytest

from cellwright._errors import UsageError
from cellwright.methods.logits import logit, probability
from cellwright.methods.registry import METHODS, new_readout


@pytest.mark.parametrize("share", [1e-6, 0.05, 0.5, 0.95])
def test_a_probability_comes_back(share):
    assert probability(logit(share)) == pytest.approx(share)


@pytest.mark.parametrize("name", sorted(set(METHODS) - {"boundary"}))
@pytest.mark.parametrize("share", [0.0, 1.0, float("nan")])
def test_a_card_with_an_impossible_threshold_is_refused_in_words(name, share):
    usual = new_readout(name, 2, 30.0)
    with pytest.raises(UsageError, match="between 0 and 1"):
        readout = replace(usual, threshold=share)
        readout.decode(np.zeros((len(readout.outputs), 32, 32), np.float32))
