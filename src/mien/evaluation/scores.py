"""All figures of one set of scores against the truth, each with n and an interval."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import InputError, LabelError
from mien.core.labels import LabelSet
from mien.evaluation import metrics
from mien.evaluation.bootstrap import RESAMPLES, Interval, resampled_confusions
from mien.evaluation.calibration import expected_calibration_error

_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What was measured on `n` images, which fall into `groups` groups that were resampled as one (n when every image stands for itself).

    Shares are 0–1; intervals are 95 % percentile bootstrap. `macro_f1` and `balanced_accuracy` are means over the classes present.
    `log_loss` in nats; `brier` 0–2; `ece` over 15 equal-width bins. `confusion` int64 (C, C), rows the truth, in the order of `labels`.
    """

    labels: LabelSet
    n: int
    groups: int
    accuracy: float
    accuracy_interval: Interval
    macro_f1: float
    macro_f1_interval: Interval
    balanced_accuracy: float
    ece: float
    log_loss: float
    brier: float
    confusion: NDArray[np.int64]
    per_class: tuple[metrics.ClassMetrics, ...]

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain JSON values."""
        plain = ("n", "groups", "accuracy", "macro_f1", "balanced_accuracy", "ece", "log_loss", "brier")
        return {
            "label_set": self.labels.name,
            "labels": list(self.labels),
            **{key: getattr(self, key) for key in plain},
            "accuracy_interval": asdict(self.accuracy_interval),
            "macro_f1_interval": asdict(self.macro_f1_interval),
            "confusion": self.confusion.tolist(),
            "per_class": [asdict(row) for row in self.per_class],
        }


def evaluate_scores(
    scores: NDArray[np.floating],
    targets: NDArray[np.integer],
    labels: LabelSet,
    *,
    groups: NDArray[Any] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Evaluation:
    """Judge scores (N, C), whose rows sum to 1 and whose column i means `labels[i]`, against `targets` (N,), columns of `labels`.

    `groups` (N,) keeps rows that belong together, such as twins or the pictures of one person, together in the bootstrap.

    Raises
    ------
    InputError
        No rows, rows of unequal number, values that are NaN or infinite, or rows that do not sum to 1.
    LabelError
        Scores with another number of columns than `labels`, or a target outside the set.
    """
    scores, targets = np.asarray(scores), np.asarray(targets)
    _check(scores, targets, labels)
    predicted = scores.argmax(axis=1)
    confusion = metrics.confusion_matrix(targets, predicted, len(labels))
    draws = resampled_confusions(targets, predicted, len(labels), groups, seed=seed, resamples=resamples)
    return Evaluation(
        labels=labels,
        n=len(targets),
        groups=len(targets) if groups is None else len(np.unique(groups)),
        accuracy=float(metrics.accuracy(confusion)),
        accuracy_interval=Interval.of(metrics.accuracy(draws)),
        macro_f1=float(metrics.macro_f1(confusion)),
        macro_f1_interval=Interval.of(metrics.macro_f1(draws)),
        balanced_accuracy=float(metrics.balanced_accuracy(confusion)),
        ece=expected_calibration_error(scores, targets),
        log_loss=metrics.log_loss(scores, targets),
        brier=metrics.brier(scores, targets),
        confusion=confusion,
        per_class=metrics.per_class(confusion, labels),
    )


def _check(scores: NDArray[np.floating], targets: NDArray[np.integer], labels: LabelSet) -> None:
    if scores.ndim != 2 or targets.shape != scores.shape[:1] or not len(targets):
        raise InputError(f"An evaluation needs scores (N, C) and targets (N,), N ≥ 1; received {scores.shape} and {targets.shape}.")
    if targets.dtype.kind not in "iu" or scores.dtype.kind != "f":
        raise InputError(f"Scores are floating-point numbers and targets integers; received {scores.dtype} and {targets.dtype}.")
    if scores.shape[1] != len(labels):
        raise LabelError(f"{scores.shape[1]} columns of scores do not fit the {len(labels)} labels of {labels.name}: {', '.join(labels)}.")
    if targets.min() < 0 or targets.max() >= len(labels):
        raise LabelError(
            f"Targets reach from {targets.min()} to {targets.max()}; {labels.name} allows 0 to {len(labels) - 1}. "
            "Leave out rows without a label."
        )
    bad = ~np.isfinite(scores).all(axis=1) | ~(np.abs(scores.sum(axis=1) - 1) <= _SUM_TOLERANCE)
    if bad.any():
        raise InputError(f"{int(bad.sum())} rows of scores are not finite numbers that sum to 1 (the first is row {int(bad.argmax())}).")
