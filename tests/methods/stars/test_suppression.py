"""Which of many shapes are kept: a slow reference of greedy suppression and of its rounds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright.methods.numbering import number_visible
from cellwright.methods.stars import rays, shapes
from cellwright.methods.stars.painting import paint
from cellwright.methods.stars.suppression import rounds_of

SIDE = {2: (1, 80, 80), 3: (48, 60, 60)}
LARGEST = 20  # px


def random_shapes(seed, dimensions, count=40):
    """Return runs of random outlines, where they lie, and a mask of each, all on a canvas."""
    rng = np.random.default_rng(seed)
    room = [LARGEST if size > 1 else 0 for size in SIDE[dimensions]]
    centres = np.stack(
        [rng.integers(r, size - r, count) for r, size in zip(room, SIDE[dimensions], strict=True)],
        1,
    )
    distances = np.exp(rng.uniform(0, np.log(LARGEST), (count, 1)))  # small ones are many
    distances = distances * rng.uniform(0.7, 1, (count, 16))
    runs, first = shapes.runs_of(
        np.ascontiguousarray(distances, np.float32), *rays.star(dimensions, 16, 1.0), LARGEST
    )
    masks = np.zeros((count, *SIDE[dimensions]), bool)
    for n, (z, y, x) in enumerate(centres):
        for plane, row, left, right in runs[first[n] : first[n + 1]]:
            masks[n, z + plane, y + row, x + left : x + right + 1] = True
    return runs, first, centres, masks


def plain_rounds(masks, threshold):
    """Return in which round each shape is kept, or, negative, dropped: all against all."""
    flat = masks.reshape(len(masks), -1).astype(np.float32)
    size = flat.sum(1)
    rivals = flat @ flat.T > threshold * np.minimum.outer(size, size)
    better = np.tri(len(flat), k=-1, dtype=bool)
    rounds = np.zeros(len(flat), int)
    for number in range(1, len(flat) + 1):
        undecided = rounds == 0
        rounds[undecided & ~(rivals & better & undecided).any(1)] = number
        rounds[(rounds == 0) & (rivals & (rounds == number)).any(1)] = -number
    return rounds


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3]), st.sampled_from([0.0, 0.2, 0.5, 0.9]))
def test_rounds_are_those_of_a_comparison_of_all_with_all(seed, dimensions, threshold):
    runs, first, centres, masks = random_shapes(seed, dimensions)
    assert (rounds_of(runs, first, centres, threshold) == plain_rounds(masks, threshold)).all()


def test_keeping_and_dropping_take_turns_along_a_chain():
    runs, first = shapes.runs_of(np.full((5, 32), 6, np.float32), *rays.star(2, 32, 1.0), 6)
    centres = np.array([[0, 10, 10 + 6 * n] for n in range(5)])
    assert rounds_of(runs, first, centres, 0.2).tolist() == [1, -1, 2, -2, 3]


@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_better_shape_covers_the_worse_and_sides_cut(dimensions):
    runs, first, centres, masks = random_shapes(5, dimensions)
    shape = (masks.shape[1], 28, 25)
    labels = paint(runs, first, centres, shape)
    covered = masks[:, :, :28, :25]
    assert (labels == np.where(covered.any(0), covered.argmax(0) + 1, 0)).all()
    before = labels.copy()
    shown = number_visible(labels, len(centres), 10)
    large = np.flatnonzero(np.bincount(before.ravel(), minlength=len(centres) + 1)[1:] >= 10)
    assert shown.tolist() == large.tolist()
    for number, n in enumerate(shown, 1):
        assert ((labels == number) == (before == n + 1)).all()


def test_shapes_off_the_volume_leave_no_trace():
    runs, first = shapes.runs_of(np.full((4, 32), 3, np.float32), *rays.star(2, 32, 1.0), 6)
    centres = np.array([[0, 5, -20], [0, 5, 40], [0, -9, 5], [0, 30, 5]])
    assert not paint(runs, first, centres, (1, 10, 10)).any()
