"""What becomes of proposals when the labels under them have changed."""

import numpy as np

from cellwright.studio.canvas import LabelCanvas
from cellwright.studio.proposals import uncovered
from cellwright.studio.tools import Window


def test_what_was_annotated_meanwhile_is_not_accepted_again():
    canvas, labels = LabelCanvas((1, 40, 600)), np.zeros((1, 40, 600), np.int32)
    labels[0, 0:10, 0:6] = 5  # more than half of the first
    labels[0, 20:30, 0:4] = 6  # less than half of the second
    labels[0, 0:10, 500:512] = -1  # not known: nobody has annotated it
    canvas[:, :, :] = labels
    left, right = np.zeros((40, 512), np.int32), np.zeros((40, 88), np.int32)
    left[0:10, 0:10], left[20:30, 0:10], left[0:10, 502:], right[0:10, :10] = 1, 2, 3, 3
    windows = [Window((0,), 0, 0, left), Window((0,), 0, 512, right)]
    kept = uncovered(windows, canvas)
    assert set(np.unique(kept[0].values)) == {0, 2, 3}
    np.testing.assert_array_equal(kept[0].values[20:30, :10], 2)
    np.testing.assert_array_equal(kept[1].values, right)
    labels[0, 0:10, 505:522] = 7  # of both parts of the third
    canvas[:, :, :] = labels
    assert not (uncovered(windows, canvas)[1].values == 3).any()
