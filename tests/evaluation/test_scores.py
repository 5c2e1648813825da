from __future__ import annotations

import json

import numpy as np
import pytest

from mien.core.errors import InputError, LabelError
from mien.core.labels import FER7
from mien.evaluation import evaluate_scores


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
