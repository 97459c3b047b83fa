import numpy as np
import pytest

from cellwright.metrics.bootstrap import mean_interval


def test_it_agrees_with_the_normal_approximation():
    values = np.random.default_rng(0).normal(3, 2, 400)
    low, high = mean_interval(values, np.arange(400))
    error = values.std() / 20
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


def test_it_holds_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    hits = 0
    for seed in range(200):
        low, high = mean_interval(rng.exponential(1, 40), np.arange(40), seed=seed)
        hits += low <= 1 <= high
    assert 0.88 <= hits / 200 <= 0.99


def test_values_of_one_group_are_not_independent():
    groups = np.repeat(np.arange(8), 50)
    values = np.random.default_rng(2).normal(0, 1, 8)[groups]
    low, high = mean_interval(values, groups)
    narrow = mean_interval(values, np.arange(400))
    assert high - low > 3 * (narrow[1] - narrow[0])


def test_unknown_values_are_left_out_and_one_unit_tells_nothing():
    known = mean_interval([1.0, 2.0, 4.0], ["a", "b", "c"])
    assert mean_interval([1.0, np.nan, 2.0, 4.0], ["a", "x", "b", "c"]) == known
    assert np.isnan(mean_interval([1.0, 2.0], ["a", "a"])).all()
    assert np.isnan(mean_interval([], [])).all()
