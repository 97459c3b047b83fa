"""The canvas behaves like an array."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright.studio.canvas import CHUNK, LabelCanvas

SHAPE = (2, CHUNK + 90, CHUNK + 40)


@st.composite
def parts(draw, largest_step=1):
    def along(size):
        start, stop = sorted(draw(st.tuples(*[st.integers(0, size)] * 2)))
        return slice(start, stop, draw(st.integers(1, largest_step)))

    return (draw(st.integers(0, SHAPE[0] - 1)), along(SHAPE[1]), along(SHAPE[2]))


@settings(max_examples=40, deadline=None)
@given(
    st.booleans(),
    st.lists(st.tuples(parts(), st.integers(0, 9)), max_size=4),
    parts(300),
)
def test_it_reads_and_writes_like_an_array(with_base, writes, wanted):
    expected = np.zeros(SHAPE, np.int32)
    if with_base:
        expected += np.random.default_rng(0).integers(0, 5, SHAPE, dtype=np.int32)
    canvas = LabelCanvas(SHAPE, expected.copy() if with_base else None)
    for (plane, rows, columns), value in writes:
        values = np.full((rows.stop - rows.start, columns.stop - columns.start), value)
        canvas[plane : plane + 1, rows, columns] = values
        expected[plane, rows, columns] = value
    np.testing.assert_array_equal(canvas[wanted], expected[wanted])
    assert canvas[1, 3, 5] == expected[1, 3, 5]


def test_a_snapshot_stays_as_it_was():
    canvas = LabelCanvas((600, 600))
    canvas[2:4, 2:4] = np.ones((2, 2))
    before = canvas.snapshot()
    canvas[2:4, 2:4] = np.zeros((2, 2))
    canvas[510:514, 5:6] = np.full((4, 1), 7)
    assert before[2, 2] == 1 and before[511, 5] == 0 and canvas[513, 5] == 7


def test_only_what_changed_since_a_save_is_kept():
    canvas = LabelCanvas((1024, 1024))
    canvas[0:4, 0:4] = np.ones((4, 4))
    saved = canvas.snapshot()
    canvas[600:602, 600:602] = np.full((2, 2), 5)
    canvas.rest_on(saved[:, :], saved)
    assert canvas.changed_bytes == CHUNK * CHUNK * 4
    assert canvas[0, 0] == 1 and canvas[601, 601] == 5
