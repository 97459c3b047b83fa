"""The random forest."""

import numpy as np
import pytest

from cellwright._errors import ModelError
from cellwright.methods.pixels.bins import Bins
from cellwright.methods.pixels.forest import Forest, _best_cut, grow_forest


def codes_of(values):
    codes = np.empty(values.shape, np.uint8)
    Bins.fit(values).encode(values.T, 0, codes)
    return codes


def two_moons(rng, count):
    """Return two interleaved half circles, and features that say nothing."""
    angle, classes = rng.uniform(0, np.pi, count), rng.integers(2, size=count)
    x = np.where(classes, 1 - np.cos(angle), np.cos(angle))
    y = np.where(classes, 0.5 - np.sin(angle), np.sin(angle))
    values = np.column_stack([x, y, *rng.normal(size=(4, count))])
    values[:, :2] += rng.normal(scale=0.2, size=(count, 2))
    return values.astype(np.float32), classes


def walked(forest, row):
    """Walk one sample down every tree, one node after the other."""
    shares = []
    for root in forest.roots.tolist():
        at = root
        while True:
            node = int(forest.nodes[at])
            child, feature, cut = node >> 24, node >> 8 & 0xFFFF, node & 0xFF
            if child == at:
                break
            at = child + int(row[feature] > cut)
        shares.append(forest.shares[at])
    return np.mean(shares, axis=0)


def test_separates_what_a_line_cannot(rng):
    values, classes = two_moons(rng, 3000)
    codes = codes_of(values)
    forest = grow_forest(codes[:2000], classes[:2000], 2, trees=30, seed=0)
    right = forest.probabilities(codes[2000:]).argmax(0) == classes[2000:]
    assert right.mean() > 0.95  # the noise overlaps: no classifier gets all
    assert forest.importance[:2].sum() > 0.7
    assert forest.importance.sum() == pytest.approx(1)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 511, 513])
def test_walking_side_by_side_is_walking_one_by_one(count, rng):
    codes = rng.integers(0, 256, (600, 5), dtype=np.uint8)
    classes = rng.integers(3, size=600)
    forest = grow_forest(codes, classes, 3, trees=4, seed=1)
    expected = np.stack([walked(forest, row) for row in codes[:count]], axis=1)
    found = forest.probabilities(codes[:count])
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-6)


def test_the_best_cut_is_the_purest_of_all(rng):
    column = rng.integers(0, 40, 60).astype(np.uint8)
    classes, drawn = rng.integers(3, size=60), rng.integers(1, 4, 60)
    histogram = np.zeros((256, 3), np.int64)
    total = np.bincount(classes, drawn, 3).astype(np.int64)
    best, cut = _best_cut(column, np.arange(60), classes, drawn, total, histogram)

    def purity(cut):
        sides = [np.bincount(classes[s], drawn[s], 3) for s in (column <= cut, column > cut)]
        return sum((side**2).sum() / side.sum() for side in sides)

    assert best == pytest.approx(max(map(purity, range(column.min(), column.max()))))
    assert purity(cut) == pytest.approx(best)
    assert not histogram.any()


def test_the_same_seed_gives_the_same_forest(rng):
    values, classes = two_moons(rng, 300)
    first, again, other = (
        grow_forest(codes_of(values), classes, 2, trees=3, seed=seed).nodes for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first, again)
    assert len(first) != len(other) or (first != other).any()


def test_equal_samples_of_two_classes_share_a_leaf():
    forest = grow_forest(np.zeros((100, 3), np.uint8), np.arange(100) % 2, 2, trees=50, seed=0)
    np.testing.assert_allclose(forest.probabilities(np.zeros((1, 3), np.uint8)), 0.5, atol=0.05)


def test_one_class_is_certain():
    forest = grow_forest(np.zeros((5, 3), np.uint8), np.zeros(5, np.int64), 1, trees=2, seed=0)
    np.testing.assert_array_equal(forest.probabilities(np.zeros((2, 3), np.uint8)), [[1, 1]])


@pytest.mark.parametrize("node", [0 << 24 | 7, 9 << 24, (1 << 24) | (3 << 8)])
def test_a_damaged_tree_is_refused(node):
    nodes = np.array([node, 1 << 24 | 255, 2 << 24 | 255], np.uint64)
    with pytest.raises(ModelError, match="damaged"):
        Forest(np.zeros(1, np.uint64), nodes, np.ones((3, 2), np.float32), np.ones(3))


def test_bins_hold_about_equally_many_values_in_order(rng):
    values = np.column_stack(
        [rng.normal(size=20_000), rng.exponential(size=20_000), np.ones(20_000)]
    )
    codes = codes_of(values.astype(np.float32))
    for k in (0, 1):
        assert np.all(np.diff(codes[np.argsort(values[:, k]), k].astype(int)) >= 0)
        assert np.bincount(codes[:, k]).max() < 2.5 * 20_000 / 256
    assert len(np.unique(codes[:, 2])) == 1


def test_values_beyond_the_range_lie_in_the_outermost_bins():
    bins = Bins.fit(np.arange(100, dtype=np.float32)[:, None])
    codes = np.empty((4, 1), np.uint8)
    bins.encode(np.array([[-1e30, 0, 99, 1e30]], np.float32), 0, codes)
    assert codes[0] == codes[1] < codes[2] == codes[3]
