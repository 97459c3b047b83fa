import numpy as np

from cellwright.simulation.segmentations import missegment


def _squares():
    labels = np.zeros((30, 60), np.int32)
    labels[5:15, 5:25], labels[5:15, 25:35], labels[20:25, 5:50] = 1, 2, 3
    return labels


def test_objects_are_cut_across_their_longest_axis_and_pairs_that_touch_joined():
    labels = _squares()
    cut = missegment(labels, 1.0, 0.0, seed=0)
    assert len(np.unique(cut)) == 7
    left, right = np.unique(cut[labels == 1])
    assert abs((cut == left).sum() - (cut == right).sum()) <= 10
    joined = missegment(labels, 0.0, 1.0, seed=0)
    assert len(np.unique(joined)) == 3
    assert joined[10, 10] == joined[10, 30]
    for wrong in (cut, joined):
        assert ((wrong > 0) == (labels > 0)).all()


def test_without_errors_objects_stay_and_the_seed_decides():
    labels = _squares()
    assert (missegment(labels, 0.0, 0.0, seed=1) == labels).all()
    full = np.ones((4, 4), np.int32)
    assert (missegment(full, 0.0, 0.0, seed=1) == full).all()
    once, again = (missegment(labels, 0.5, 0.5, seed=4) for _ in range(2))
    assert (once == again).all()
