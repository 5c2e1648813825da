from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from mien.datasets.partition import counted, deal


def spread(targets: np.ndarray, side: np.ndarray, sides: int) -> float:
    """Mean over the classes of the standard deviation of their shares over the sides."""
    shares = [np.bincount(side[targets == one], minlength=sides) / (targets == one).sum() for one in np.unique(targets)]
    return float(np.std(shares, axis=1).mean())


def test_single_rows_are_dealt_in_the_shares_to_the_row() -> None:
    targets = np.repeat(np.arange(3), [1000, 100, 37])
    side = deal(targets, np.arange(len(targets)), [0.8, 0.1, 0.1], np.random.default_rng(0))
    assert [np.bincount(side[targets == one], minlength=3).tolist() for one in range(2)] == [[800, 100, 100], [80, 10, 10]]
    assert np.bincount(side[targets == 2], minlength=3).tolist() == [29, 4, 4]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 80), st.integers(1, 12), st.sampled_from([(0.8, 0.1, 0.1), (0.5, 0.5), (0.2,) * 5]))
def test_units_stay_whole_and_no_side_is_empty(seed: int, n: int, groups: int, shares: tuple[float, ...]) -> None:
    rng = np.random.default_rng(seed)
    targets, units = rng.integers(-1, 4, n), rng.integers(0, groups, n)
    side = deal(targets, units, shares, np.random.default_rng(seed))
    assert side.shape == (n,)
    assert set(side.tolist()) <= set(range(len(shares)))
    assert all(len(set(side[units == unit].tolist())) == 1 for unit in units)
    assert len(set(side.tolist())) == min(len(shares), len(set(units.tolist())))


@pytest.mark.parametrize("seed", range(5))
def test_groups_are_as_even_as_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(40), rng.integers(2, 30, 40))
    habits = rng.dirichlet(np.full(7, 0.7), 40)
    targets = np.array([rng.choice(7, p=habits[g]) for g in groups])
    ours = deal(targets, groups, [0.2] * 5, np.random.default_rng(seed))
    theirs = np.zeros(len(groups), int)
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(groups, targets, groups)
    for number, (_, test) in enumerate(folds):
        theirs[test] = number
    assert spread(targets, ours, 5) <= spread(targets, theirs, 5) * 1.1 + 0.005


def test_no_rows() -> None:
    assert deal(np.zeros(0, int), np.zeros(0, int), [0.5, 0.5], np.random.default_rng(0)).shape == (0,)


def test_counts_shrink_in_proportion() -> None:
    assert counted(55_767, (36_500, 6_647, 12_620)) == [36_500, 6_647, 12_620]
    assert counted(55_767, (34_000, 14_000, 7_000)) == [34_000, 14_000, 7_000]
    assert counted(100, (935, 140, 260)) == [70, 11, 19]
