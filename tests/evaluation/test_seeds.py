from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from mien.core.errors import InputError
from mien.core.labels import FER7
from mien.evaluation import evaluate_scores
from mien.evaluation.seeds import FIGURES, over_runs, summarise


def test_mean_and_interval_are_those_of_the_table() -> None:
    values = np.random.default_rng(0).normal(0.749, 0.003, 15)
    found = over_runs(values.tolist())
    half = 1.96 * values.std(ddof=1) / 15**0.5
    assert found.interval is not None
    assert found.t_interval is not None
    assert (found.n, found.mean, found.sd) == (15, pytest.approx(values.mean()), pytest.approx(values.std(ddof=1)))
    assert (found.interval.low, found.interval.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=1e-9)
    expected = stats.t.interval(0.95, 14, values.mean(), stats.sem(values))
    assert (found.t_interval.low, found.t_interval.high) == pytest.approx(expected, abs=1e-9)
    assert found.t_interval.high > found.interval.high


def test_a_single_run_has_no_spread() -> None:
    found = over_runs([0.7])
    assert (found.mean, found.sd, found.interval, found.t_interval) == (0.7, None, None, None)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["sd"] is None


def test_every_figure_of_several_evaluations() -> None:
    rng = np.random.default_rng(0)
    runs = [evaluate_scores(rng.dirichlet(np.ones(7), 50), rng.integers(0, 7, 50), FER7, resamples=10) for _ in range(3)]
    found = summarise(runs)
    assert set(found) == set(FIGURES)
    assert found["macro_f1"].mean == pytest.approx(np.mean([run.macro_f1 for run in runs]))


def test_what_can_not_be_summarised() -> None:
    for values in ([], [0.5, float("nan")]):
        with pytest.raises(InputError, match="one finite figure for each run"):
            over_runs(values)
    with pytest.raises(InputError, match="at least one evaluation"):
        summarise([])
