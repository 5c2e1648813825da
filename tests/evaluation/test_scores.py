from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from mien.core.errors import InputError, LabelError
from mien.core.labels import FER7
from mien.evaluation import evaluate_scores
from mien.evaluation.bootstrap import wilson_interval


def sample(n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 7, n)
    scores = rng.dirichlet(np.ones(7), n) + np.eye(7)[targets] * (rng.random((n, 1)) < 0.6)
    return (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32), targets


def test_every_figure_comes_with_n_and_an_interval() -> None:
    scores, targets = sample()
    found = evaluate_scores(scores, targets, FER7)
    assert (found.n, found.groups) == (200, 200)
    assert found.accuracy == pytest.approx((scores.argmax(axis=1) == targets).mean())
    assert found.accuracy_interval.low < found.accuracy < found.accuracy_interval.high
    assert found.macro_f1_interval.low < found.macro_f1 < found.macro_f1_interval.high
    assert found.confusion.sum() == 200
    assert [row.label for row in found.per_class] == list(FER7)
    assert json.loads(json.dumps(found.to_dict()))["per_class"][0]["support"] == int((targets == 0).sum())


@pytest.mark.parametrize("right", [True, False])
def test_an_accuracy_at_its_end_has_an_interval_too(right: bool) -> None:
    targets = np.arange(50) % 7
    scores = np.eye(7)[targets if right else (targets + 1) % 7]
    found = evaluate_scores(scores, targets, FER7)
    assert found.accuracy_interval == wilson_interval(50 * right, 50)
    assert found.accuracy_interval.low <= found.accuracy <= found.accuracy_interval.high
    grouped = evaluate_scores(scores, targets, FER7, groups=targets)
    assert grouped.accuracy_interval == wilson_interval(7 * right, 7)


def test_groups_widen_the_interval() -> None:
    scores, targets = sample(40)
    scores, targets, groups = np.repeat(scores, 9, axis=0), np.repeat(targets, 9), np.repeat(np.arange(40), 9)
    alone, grouped = evaluate_scores(scores, targets, FER7), evaluate_scores(scores, targets, FER7, groups=groups)
    assert (alone.accuracy, grouped.groups) == (grouped.accuracy, 40)
    width = [e.accuracy_interval.high - e.accuracy_interval.low for e in (alone, grouped)]
    assert width[1] > 2 * width[0]


def test_the_seed_decides() -> None:
    scores, targets = sample()
    first, again, other = (evaluate_scores(scores, targets, FER7, seed=seed).to_dict() for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_permuted_columns_are_not_forgiven() -> None:
    scores, targets = sample()
    assert evaluate_scores(scores[:, ::-1], targets, FER7).accuracy < evaluate_scores(scores, targets, FER7).accuracy - 0.3


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda s, t: (s[:5], t), InputError, r"\(5, 7\) and \(200,\)"),
        (lambda s, t: (s[:0], t[:0]), InputError, "N ≥ 1"),
        (lambda s, t: (np.where(np.arange(7) == 3, np.nan, s), t), InputError, "200 rows .* finite"),
        (lambda s, t: (s * 2, t), InputError, "sum to 1"),
        (lambda s, t: (s[:, :6], t), LabelError, "6 columns .* 7 labels of fer7"),
        (lambda s, t: (s, t + 1), LabelError, "fer7 allows 0 to 6"),
        (lambda s, t: (s, t - 1), LabelError, "Leave out rows"),
        (lambda s, t: (s, t.astype(float)), InputError, "targets integers"),
        (lambda s, t: ((s > 0.5).astype(int), t), InputError, "floating-point"),
    ],
)
def test_scores_that_can_not_be_judged(change: object, error: type[Exception], words: str) -> None:
    scores, targets = change(*sample())  # type: ignore[operator]
    with pytest.raises(error, match=words):
        evaluate_scores(scores, targets, FER7)


def test_groups_need_a_row_each() -> None:
    scores, targets = sample()
    with pytest.raises(InputError, match="199 groups for 200 rows"):
        evaluate_scores(scores, targets, FER7, groups=np.zeros(199))


def test_every_interval_holds_its_figure() -> None:
    found = evaluate_scores(*sample(), FER7)
    for name in ("accuracy", "macro_f1", "balanced_accuracy", "log_loss", "brier"):
        interval = getattr(found, f"{name}_interval")
        assert interval.low < getattr(found, name) < interval.high
    for row in found.per_class:
        for name in ("precision", "recall", "f1"):
            interval = getattr(row, f"{name}_interval")
            assert interval.low < getattr(row, name) < interval.high
    assert 0 < found.ece_by_chance < found.ece


def test_the_interval_of_recall_is_wilsons() -> None:
    scores, targets = sample()
    for c, row in enumerate(evaluate_scores(scores, targets, FER7).per_class):
        expected = wilson_interval(int(((scores.argmax(axis=1) == c) & (targets == c)).sum()), row.support)
        assert row.recall_interval is not None
        assert (row.recall_interval.low, row.recall_interval.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_a_class_without_images_has_no_interval() -> None:
    targets = np.array([0, 0, 1, 1])
    scores = np.eye(7)[[0, 0, 1, 0]]
    found = evaluate_scores(scores, targets, FER7)
    assert found.per_class[6].recall_interval is None
    assert found.per_class[6].f1_interval is None
    assert found.balanced_accuracy == 0.75
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["per_class"][6]["f1_interval"] is None


def test_one_class_alone_can_be_judged() -> None:
    found = evaluate_scores(np.eye(7)[np.zeros(9, int)], np.zeros(9, np.int64), FER7)
    assert (found.accuracy, found.macro_f1, found.balanced_accuracy, found.selective.aurc) == (1, 1, 1, 0)


def test_answers_that_are_missing_count_as_wrong() -> None:
    scores, targets = sample()
    missing = np.arange(200) % 8 == 0
    spoiled = np.where(missing[:, None], np.nan, scores)
    found = evaluate_scores(spoiled, targets, FER7, missing=missing)
    answered = evaluate_scores(scores[~missing], targets[~missing], FER7)
    right = ~missing & (scores.argmax(axis=1) == targets)
    assert (found.n, found.missing.sum(), found.confusion.sum()) == (200, 25, 175)
    assert found.accuracy == pytest.approx(right.mean())
    assert (found.selective.accuracy[-1], found.selective.threshold[-1]) == (pytest.approx(right.mean()), 0)
    for c, row in enumerate(found.per_class):
        assert row.recall == pytest.approx(right[targets == c].mean())
        assert row.support == (targets == c).sum()
        assert row.precision == answered.per_class[c].precision
    assert (found.ece, found.log_loss, found.brier) == (answered.ece, answered.log_loss, answered.brier)
    assert found.accuracy_interval.low < found.accuracy < found.accuracy_interval.high < answered.accuracy_interval.high


def test_answers_that_are_all_missing_are_all_wrong() -> None:
    scores, targets = sample(20)
    found = evaluate_scores(scores, targets, FER7, missing=np.ones(20, bool))
    assert (found.accuracy, found.macro_f1, found.selective.accuracy_at(0.1)) == (0, 0, 0)
    assert np.isnan([found.ece, found.log_loss, found.brier]).all()
    plain = json.loads(json.dumps([found.to_dict(), found.curves()], allow_nan=False))[0]
    assert [plain[key] for key in ("ece", "ece_by_chance", "log_loss", "log_loss_interval", "brier")] == [None] * 5


def test_votes_are_compared_where_there_are_any() -> None:
    scores, targets = sample()
    votes = np.random.default_rng(1).dirichlet(np.ones(7), 200).astype(np.float32)
    votes[:50] = 0
    expected = stats.entropy(votes[50:].astype(float), scores[50:].astype(float), axis=1).mean()
    assert evaluate_scores(scores, targets, FER7, votes=votes).kl_votes == pytest.approx(expected, abs=1e-5)
    assert evaluate_scores(scores, targets, FER7, votes=np.zeros_like(votes)).kl_votes is None
    assert evaluate_scores(scores, targets, FER7).kl_votes is None
    with pytest.raises(InputError, match=r"\(200, 7\); received \(200, 6\)"):
        evaluate_scores(scores, targets, FER7, votes=votes[:, :6])


def test_curves_are_what_is_plotted_and_the_figures_stay_small() -> None:
    found = evaluate_scores(*sample(3000), FER7)
    curves = json.loads(json.dumps(found.curves(), allow_nan=False))
    assert sum(curves["reliability"]["count"]) == 3000
    assert len(curves["risk_coverage"]["risk"]) == 200
    assert len(json.dumps(found.to_dict())) < 6000
    assert found.to_dict()["selective"]["accuracy_at"]["0.8"] > found.accuracy


def test_a_mask_of_missing_answers_needs_every_row() -> None:
    scores, targets = sample()
    with pytest.raises(InputError, match=r"each of the 200 targets; received \(199,\)"):
        evaluate_scores(scores, targets, FER7, missing=np.zeros(199, bool))
