"""Medians and quantiles: to the bit those of numpy, on which all numbers of linking were found."""

import numpy as np
import pytest

from cellwright.tracking.medians import median, medians, quantile


@pytest.mark.parametrize("count", [1, 2, 3, 10, 301])
def test_they_are_those_of_numpy_to_the_bit(count):
    rng = np.random.default_rng(count)
    rows = np.concatenate([rng.normal(0, 3, (count, 2)), np.zeros((count, 1))], axis=1)
    assert medians(rows).tolist() == np.median(rows, axis=0).tolist()
    votes = rng.integers(0, 9, count)
    assert median(votes) == np.median(votes)
    for share in (0.0, 0.005, 0.3, 0.5, 0.995, 1.0):
        expected = np.quantile(rows, share, axis=0)
        assert quantile(np.sort(rows, axis=0), share).tolist() == expected.tolist()
