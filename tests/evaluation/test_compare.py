from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score
from statsmodels.stats.contingency_tables import mcnemar as reference

from mien.core.errors import InputError, LabelError
from mien.evaluation.compare import compare, mcnemar


def scores_of(answers: np.ndarray, classes: int = 7) -> np.ndarray:
    return (np.eye(classes)[answers] * 0.6 + 0.4 / classes).astype(np.float32)


def two(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Answers of a model that is right in about 70 %, of one that is right in about 60 %, and the truth; they share many mistakes."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 7, n)
    a = np.where(rng.random(n) < 0.7, targets, rng.integers(0, 7, n))
    b = np.where(rng.random(n) < 0.8, a, rng.integers(0, 7, n))
    return a, b, targets


@pytest.mark.parametrize(("only_a", "only_b"), [(12, 3), (3, 12), (0, 5), (7, 7), (1, 0), (250, 190)])
def test_mcnemar_is_that_of_statsmodels(only_a: int, only_b: int) -> None:
    exact, mid = mcnemar(only_a, only_b)
    assert exact == pytest.approx(reference([[9, only_a], [only_b, 9]], exact=True).pvalue, abs=1e-9)
    assert exact == pytest.approx(stats.binomtest(only_a, only_a + only_b).pvalue, abs=1e-9)
    fewer, n = min(only_a, only_b), only_a + only_b
    assert mid == pytest.approx(min(1, 2 * stats.binom.cdf(fewer - 1, n, 0.5) + stats.binom.pmf(fewer, n, 0.5)), abs=1e-9)
    assert mid <= exact


def test_models_that_agree_do_not_differ() -> None:
    assert mcnemar(0, 0) == (1.0, 1.0)
    a, _, targets = two()
    found = compare(scores_of(a), scores_of(a), targets)
    assert (found.difference, found.interval.low, found.interval.high, found.only_a, found.p_mid) == (0, 0, 0, 0, 1)


def test_counts_and_differences() -> None:
    a, b, targets = two()
    found = compare(scores_of(a), scores_of(b), targets)
    right_a, right_b = a == targets, b == targets
    assert found.both_right + found.only_a + found.only_b + found.both_wrong == found.n == found.groups == 400
    assert (found.only_a, found.only_b) == ((right_a & ~right_b).sum(), (right_b & ~right_a).sum())
    assert found.difference == pytest.approx(right_a.mean() - right_b.mean(), abs=1e-12)
    assert (found.accuracy_a, found.accuracy_b) == (right_a.mean(), right_b.mean())
    macro = [f1_score(targets, answers, average="macro") for answers in (a, b)]
    assert (found.macro_f1_a, found.macro_f1_b) == pytest.approx(tuple(macro), abs=1e-9)
    assert found.macro_f1_interval.low < found.macro_f1_difference < found.macro_f1_interval.high
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["interval"]["low"] == found.interval.low


def test_the_interval_is_the_paired_one_of_scipy() -> None:
    a, b, targets = two()
    found = compare(scores_of(a), scores_of(b), targets, resamples=4000)
    differences = (a == targets).astype(float) - (b == targets)
    expected = stats.bootstrap((differences,), np.mean, n_resamples=4000, method="percentile", rng=1).confidence_interval
    assert (found.interval.low, found.interval.high) == pytest.approx(tuple(expected), abs=0.006)


def test_groups_are_drawn_whole() -> None:
    a, b, targets = two(40)
    alone = compare(scores_of(a), scores_of(b), targets)
    copies = [np.repeat(row, 25) for row in (a, b, targets)]
    grouped = compare(scores_of(copies[0]), scores_of(copies[1]), copies[2], np.repeat(np.arange(40), 25))
    assert (grouped.n, grouped.groups) == (1000, 40)
    assert (grouped.interval.low, grouped.interval.high) == pytest.approx((alone.interval.low, alone.interval.high), abs=1e-9)


def test_a_missing_answer_is_wrong_and_its_scores_are_not_read() -> None:
    a, b, targets = two()
    missing = np.arange(400) < 50
    scores = scores_of(a)
    scores[missing] = np.nan
    found = compare(scores, scores_of(b), targets, missing_a=missing)
    assert found.accuracy_a == pytest.approx(((a == targets) & ~missing).mean())
    assert found.accuracy_b == pytest.approx((b == targets).mean())
    assert found.macro_f1_a == pytest.approx(f1_score(targets, np.where(missing, 7, a), labels=range(7), average="macro"), abs=1e-9)


def test_rows_that_can_not_be_compared() -> None:
    a, b, targets = two()
    with pytest.raises(InputError, match="Judge both on the same rows"):
        compare(scores_of(a), scores_of(b[:399]), targets)
    with pytest.raises(InputError, match="N ≥ 1"):
        compare(scores_of(a[:0]), scores_of(b[:0]), targets[:0])
    with pytest.raises(InputError, match=r"1 rows of scores of model B hold NaN .* row 3"):
        compare(scores_of(a), np.where(np.arange(400)[:, None] == 3, np.nan, scores_of(b)), targets)
    with pytest.raises(LabelError, match="model A has columns 0 to 6"):
        compare(scores_of(a), scores_of(b), targets + 1)
    with pytest.raises(LabelError, match="one label set"):
        compare(scores_of(a), scores_of(b, 8), targets)
    with pytest.raises(InputError, match="3 groups for 400 rows"):
        compare(scores_of(a), scores_of(b), targets, np.arange(3))
    with pytest.raises(InputError, match="two counts"):
        mcnemar(-1, 2)
