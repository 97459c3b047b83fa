"""One connected part an object, without holes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cellwright.methods.tidy import tidy


def slow_tidy(labels):
    """Keep the largest part of each label, then fill what only one object encloses."""
    kept = np.zeros_like(labels)
    for label in np.unique(labels[labels > 0]):
        parts, count = ndimage.label(labels == label)
        sizes = ndimage.sum_labels(np.ones_like(parts), parts, np.arange(1, count + 1))
        kept[parts == np.argmax(sizes) + 1] = label
    result = kept.copy()
    for value in np.unique(labels):
        parts, count = ndimage.label((labels == value) & (kept == 0))
        for part in range(1, count + 1):
            region = parts == part
            rows, columns = np.nonzero(region)
            on_border = (
                rows.min() == 0
                or columns.min() == 0
                or rows.max() == labels.shape[0] - 1
                or columns.max() == labels.shape[1] - 1
            )
            ring = ndimage.binary_dilation(region) & ~region
            touching = set(kept[ring].tolist())
            if not on_border and len(touching) == 1 and 0 not in touching:
                result[region] = touching.pop()
    return result


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 24), st.integers(1, 24), st.integers(1, 4))
def test_tidy_equals_the_slow_way(seed, rows, columns, count):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, count + 1, (rows // 3 + 1, columns // 3 + 1))
    labels = np.kron(coarse, np.ones((3, 3), int))[:rows, :columns].astype(np.int32)
    expected = slow_tidy(labels)
    result = tidy(labels.copy(), count)
    sizes_tie = any(
        len(s) > 1 and s[-1] == s[-2]
        for label in range(1, count + 1)
        for s in [np.sort(np.bincount(ndimage.label(labels == label)[0].ravel())[1:])]
    )
    if not sizes_tie:
        np.testing.assert_array_equal(result, expected)
    for label in np.unique(result[result > 0]):
        assert ndimage.label(result == label)[1] == 1


def test_tidy_fills_a_hole_but_keeps_an_object_inside():
    labels = np.zeros((12, 12), np.int32)
    labels[1:11, 1:11] = 1
    labels[3, 3] = 0
    labels[6:9, 6:9] = 2
    result = tidy(labels, 2)
    assert result[3, 3] == 1
    assert (result == 2).sum() == 9
