from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import stats

from mien.core.errors import InputError
from mien.evaluation import metrics
from mien.evaluation.bootstrap import Interval, mean_interval, resampled_confusions, resampled_sums, wilson_interval


def test_the_interval_of_a_mean_is_that_of_scipy() -> None:
    values = (np.random.default_rng(0).random(400) < 0.7).astype(float)
    expected = stats.bootstrap((values,), np.mean, n_resamples=4000, method="percentile", rng=1).confidence_interval
    found = mean_interval(values, resamples=4000)
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.006)
    assert mean_interval(values, level=0.5).low > found.low


def test_groups_are_drawn_whole() -> None:
    """A hundred copies of ten values hold no more than the ten values do."""
    few = np.random.default_rng(0).normal(size=10)
    copies, groups = np.repeat(few, 100), np.repeat(np.arange(10), 100)
    alone, grouped = mean_interval(few, seed=3), mean_interval(copies, groups, seed=3)
    assert (grouped.low, grouped.high) == pytest.approx((alone.low, alone.high), abs=1e-9)
    assert mean_interval(copies).high - mean_interval(copies).low < (grouped.high - grouped.low) / 5


def test_groups_may_be_names_and_of_unequal_size() -> None:
    sums = resampled_sums(np.ones((4, 1)), np.array(["a", "b", "b", "b"]), resamples=500)
    assert set(sums.ravel().tolist()) == {2.0, 4.0, 6.0}


def test_the_seed_decides_and_draws_are_paired() -> None:
    values = np.random.default_rng(0).random((50, 2))
    assert np.array_equal(resampled_sums(values, seed=4), resampled_sums(values, seed=4))
    assert not np.array_equal(resampled_sums(values, seed=4), resampled_sums(values, seed=5))
    assert np.allclose(resampled_sums(values, seed=4)[:, :1], resampled_sums(values[:, :1], seed=4))


def test_resampled_confusions_are_those_of_resampled_images() -> None:
    rng = np.random.default_rng(0)
    targets, predicted = rng.integers(0, 3, 60), rng.integers(0, 3, 60)
    draws = resampled_confusions(targets, predicted, 3, seed=7, resamples=150)
    assert draws.shape == (150, 3, 3)
    assert (draws.sum(axis=(1, 2)) == 60).all()
    index = np.random.default_rng(7).integers(0, 60, (100, 60))[99]
    assert np.array_equal(draws[99], metrics.confusion_matrix(targets[index], predicted[index], 3))


def test_two_thousand_resamples_of_a_test_split_take_a_moment() -> None:
    rng = np.random.default_rng(0)
    start = time.process_time()
    resampled_confusions(rng.integers(0, 8, 3589), rng.integers(0, 8, 3589), 8)
    assert time.process_time() - start < 5


def test_wilson() -> None:
    for hits, n in ((0, 10), (7, 10), (2512, 3589), (5, 5)):
        expected = stats.binomtest(hits, n).proportion_ci(method="wilson")
        found = wilson_interval(hits, n)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize(
    ("values", "groups", "resamples"),
    [(np.ones((0, 1)), None, 10), (np.ones(3), None, 10), (np.ones((3, 1)), None, 0), (np.ones((3, 1)), np.zeros(2), 10)],
)
def test_samples_that_can_not_be_drawn_from(values: np.ndarray, groups: np.ndarray | None, resamples: int) -> None:
    with pytest.raises(InputError, match="bootstrap"):
        resampled_sums(values, groups, resamples=resamples)


def test_shares_and_levels_are_checked() -> None:
    for hits, n in ((3, 2), (-1, 2), (0, 0)):
        with pytest.raises(InputError, match="0 ≤ hits ≤ n"):
            wilson_interval(hits, n)
    with pytest.raises(InputError, match="level"):
        wilson_interval(1, 2, level=95)
    with pytest.raises(InputError, match="level"):
        Interval.of(np.ones(3), level=0)
