"""Whether one model is better than another on the same rows: the difference with its paired interval, and McNemar's test."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from mien.core.errors import InputError, LabelError
from mien.evaluation.bootstrap import RESAMPLES, Interval, resampled_confusions
from mien.evaluation.metrics import accuracy, confusion_matrix, macro_f1


@dataclass(frozen=True)
class Comparison:
    """Two models on the same `n` rows, which fall into `groups` groups.

    `difference` is `accuracy_a` − `accuracy_b`, `interval` its 95 % paired percentile bootstrap, groups drawn whole; so for macro-F1 over
    the classes present. `both_right`, `only_a`, `only_b` and `both_wrong` count rows. `p_exact` and `p_mid` are McNemar's test, two-sided,
    of the hypothesis that `only_a` and `only_b` differ by chance alone; it takes every row as independent, so with groups of several rows
    trust the interval.
    """

    n: int
    groups: int
    accuracy_a: float
    accuracy_b: float
    difference: float
    interval: Interval
    both_right: int
    only_a: int
    only_b: int
    both_wrong: int
    p_exact: float
    p_mid: float
    macro_f1_a: float
    macro_f1_b: float
    macro_f1_difference: float
    macro_f1_interval: Interval

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain JSON values."""
        return asdict(self)


def compare(
    scores_a: NDArray[np.floating],
    scores_b: NDArray[np.floating],
    targets: NDArray[np.integer],
    groups: NDArray[Any] | None = None,
    *,
    missing_a: NDArray[np.bool_] | None = None,
    missing_b: NDArray[np.bool_] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Comparison:
    """Compare scores (N, C) of two models for the same rows with the truth `targets` (N,), columns of the scores.

    `groups` (N,) keeps twins or the pictures of one person together in the bootstrap. Rows of `missing_a` and `missing_b` (N,) got no
    answer and count as wrong.

    Raises
    ------
    InputError
        No rows, rows of unequal number, or a NaN score in a row with an answer.
    LabelError
        A target outside the columns, or models of unequal columns.
    """
    if scores_a.shape[1:] != scores_b.shape[1:]:
        raise LabelError(f"Models are compared over one label set; received scores {scores_a.shape} and {scores_b.shape}.")
    answers = [_answers(scores_a, targets, missing_a, "A"), _answers(scores_b, targets, missing_b, "B")]
    classes = scores_a.shape[1] + 1
    right_a, right_b = (row == targets for row in answers)
    draws_a, draws_b = (resampled_confusions(targets, row, classes, groups, seed=seed, resamples=resamples) for row in answers)
    f1_a, f1_b = (float(macro_f1(confusion_matrix(targets, row, classes))) for row in answers)
    n, only_a, only_b = len(targets), int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    p_exact, p_mid = mcnemar(only_a, only_b)
    return Comparison(
        n=n,
        groups=n if groups is None else len(np.unique(groups)),
        accuracy_a=float(right_a.mean()),
        accuracy_b=float(right_b.mean()),
        difference=(only_a - only_b) / n,
        interval=Interval.of(accuracy(draws_a) - accuracy(draws_b)),
        both_right=int((right_a & right_b).sum()),
        only_a=only_a,
        only_b=only_b,
        both_wrong=int((~right_a & ~right_b).sum()),
        p_exact=p_exact,
        p_mid=p_mid,
        macro_f1_a=f1_a,
        macro_f1_b=f1_b,
        macro_f1_difference=f1_a - f1_b,
        macro_f1_interval=Interval.of(macro_f1(draws_a) - macro_f1(draws_b)),
    )


def mcnemar(only_a: int, only_b: int) -> tuple[float, float]:
    """Two-sided p of McNemar's exact test and of its mid-p form (Fagerland, Lydersen and Laake, 2013), from the rows one alone got right.

    Without such rows both are 1. Raises InputError for a negative count.
    """
    if min(only_a, only_b) < 0:
        raise InputError(f"McNemar's test needs two counts of rows; received {only_a} and {only_b}.")
    fewer, n = min(only_a, only_b), only_a + only_b
    below = float(bdtr(fewer - 1, n, 0.5)) if fewer else 0.0
    up_to = float(bdtr(fewer, n, 0.5))
    return min(1.0, 2 * up_to), min(1.0, below + up_to)


def _answers(
    scores: NDArray[np.floating], targets: NDArray[np.integer], missing: NDArray[np.bool_] | None, which: str
) -> NDArray[np.int64]:
    """The column of the highest score, or the one after the last where there is no answer: int64 (N,)."""
    answered = np.ones(len(scores), bool) if missing is None else ~np.asarray(missing, bool)
    if scores.ndim != 2 or targets.shape != scores.shape[:1] or answered.shape != targets.shape or not len(targets):
        raise InputError(
            f"A comparison needs scores (N, C) of both models and targets (N,), N ≥ 1; received {scores.shape} for model {which} "
            f"and {targets.shape}. Judge both on the same rows."
        )
    if targets.min() < 0 or targets.max() >= scores.shape[1]:
        raise LabelError(f"Targets reach from {targets.min()} to {targets.max()}; model {which} has columns 0 to {scores.shape[1] - 1}.")
    bad = np.isnan(scores).any(axis=1) & answered
    if bad.any():
        raise InputError(f"{int(bad.sum())} rows of scores of model {which} hold NaN (the first is row {int(bad.argmax())}).")
    return np.asarray(np.where(answered, scores.argmax(axis=1), scores.shape[1]), np.int64)
