"""What becomes of proposals when the labels under them have changed."""

import numpy as np

from cellwright.studio.canvas import LabelCanvas
from cellwright.studio.levels import Place
from cellwright.studio.proposals import Found, Proposals, Request, uncovered
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


def test_a_proposal_is_taken_from_where_it_is_alone():
    labels = np.zeros((900, 1000), np.int32)
    labels[300:340, 400:430] = 1  # over the border of two chunks, as it lies on the plane
    labels[310:330, 420:460] = 2  # its box overlaps that of the first
    labels[850:860, 900:910] = 3
    table = {"label": np.array([1, 2, 3], np.int32), "confidence": np.ones(3)}
    table |= {"y": np.array([320.0, 320, 855]), "x": np.array([410.0, 440, 905])}
    proposals = Proposals((2, 1200, 1200))
    request = Request(Place(0, 1), (1,), (slice(200, 1100), slice(100, 1100)), None)
    proposals.fill(request, Found(labels, table, None), np.ones(3, bool))

    def drawn(windows):
        plane = np.zeros((1200, 1200), np.int32)
        for window in windows:
            assert window.place == (1,)
            height, width = window.values.shape
            part = slice(window.y, window.y + height), slice(window.x, window.x + width)
            plane[part] += window.values
        return plane[200:1100, 100:1100]

    for chosen in ([1], [2], [3], [1, 2], [1, 2, 3], [0, 3, 9]):
        windows = proposals.windows(chosen)
        np.testing.assert_array_equal(drawn(windows), labels * np.isin(labels, chosen))
    windows = proposals.windows([1])
    assert len(windows) == 4 and sum(window.values.size for window in windows) == 40 * 30
    proposals.drop([1])
    np.testing.assert_array_equal(
        proposals.canvas[1:2, 200:1100, 100:1100][0], np.where(labels == 1, 0, labels)
    )
