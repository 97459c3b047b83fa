"""Local maxima of maps."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import maximum_filter

from cellwright.methods.peaks import peaks


def test_of_equal_neighbours_the_first_is_a_peak():
    scores = np.zeros((1, 5, 5), np.float32)
    scores[0, 2, 1:4] = 1
    assert peaks(scores, 0.5).tolist() == [[0, 2, 1]]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_peaks_are_the_pixels_that_a_maximum_filter_leaves_alone(seed):
    scores = np.random.default_rng(seed).random((4, 7, 9), np.float32)
    highest = maximum_filter(scores, 3, mode="nearest")
    assert (peaks(scores, 0.3) == np.argwhere((scores == highest) & (scores > 0.3))).all()
