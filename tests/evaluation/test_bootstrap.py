from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mien.core.errors import InputError
from mien.evaluation import bootstrap, metrics
from mien.evaluation.bootstrap import LEVEL, RESAMPLES, Interval, resampled_confusions, resampled_sums, share_intervals, wilson_interval


def mean_interval(values, groups=None, *, seed: int = 0, resamples: int = RESAMPLES, level: float = LEVEL) -> Interval:
    sums = resampled_sums(np.stack([values, np.ones(len(values))], axis=1), groups, seed=seed, resamples=resamples)
    return Interval.of(sums[:, 0] / sums[:, 1], level)


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


def test_many_rows_are_drawn_in_smaller_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).random((50, 2))
    whole = resampled_sums(values, seed=4, resamples=30)
    monkeypatch.setattr(bootstrap, "_CELLS", 350)
    assert np.allclose(resampled_sums(values, seed=4, resamples=30), whole, rtol=1e-12)


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


def test_shares_of_single_rows_are_wilson() -> None:
    rng = np.random.default_rng(0)
    hits, counted = rng.random((60, 3)) < [0.1, 0.5, 1.0], rng.random((60, 3)) < [0.2, 0.9, 1.0]
    hits &= counted
    for found, part, whole in zip(share_intervals(hits, counted), hits.sum(axis=0), counted.sum(axis=0), strict=True):
        expected = wilson_interval(int(part), int(whole))
        assert found is not None
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_copies_of_a_row_add_nothing_to_a_share() -> None:
    hits = (np.random.default_rng(0).random((50, 1)) < 0.7).repeat(8, axis=0)
    (alone,), (grouped,) = share_intervals(hits[::8], hits[::8] >= 0), share_intervals(hits, hits >= 0, np.repeat(np.arange(50), 8))
    assert alone is not None
    assert grouped is not None
    assert (grouped.low, grouped.high) == pytest.approx((alone.low, alone.high), abs=0.003)


def test_a_share_of_nothing_and_one_of_all() -> None:
    counted = np.zeros((6, 2), bool)
    counted[:, 1] = True
    nothing, everything = share_intervals(counted, counted, np.array([0, 0, 0, 1, 1, 1]))
    assert nothing is None
    assert everything is not None
    assert everything.low == pytest.approx(wilson_interval(2, 2).low)


def test_shares_need_equal_rows() -> None:
    ones = np.ones((3, 1), bool)
    with pytest.raises(InputError, match=r"\(3, 1\), \(2, 1\)"):
        share_intervals(ones, ones[:2])
    with pytest.raises(InputError, match="2 groups"):
        share_intervals(ones, ones, np.zeros(2))
