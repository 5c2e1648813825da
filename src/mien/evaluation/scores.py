"""All figures of one set of scores against the truth, each with n and an interval."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import InputError, LabelError
from mien.core.labels import LabelSet
from mien.evaluation import metrics
from mien.evaluation.bootstrap import RESAMPLES, Interval, resampled_sums, share_interval, share_intervals
from mien.evaluation.calibration import Reliability, bins_of
from mien.evaluation.selective import RiskCoverage, risk_coverage

_SUM_TOLERANCE = 1e-3
_PLAIN = ("n", "groups", "accuracy", "macro_f1", "balanced_accuracy", "ece", "ece_by_chance", "log_loss", "brier", "kl_votes")
_INTERVALS = ("accuracy", "macro_f1", "balanced_accuracy", "log_loss", "brier")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What was measured on `n` images, which fall into `groups` groups that were resampled as one (n when every image stands for itself).

    Shares are 0–1. Intervals are 95 % percentile bootstrap; those of `per_class` are Wilson's, which hold for few images too, as is
    that of an `accuracy` of 0 or 1, which no resampling moves.
    `macro_f1` and `balanced_accuracy` are means over the classes present. `confusion` int64 (C, C), rows the truth, in the order of
    `labels`.

    `missing` int64 (C,) counts by their true class the images that got no answer, such as those where no face was found. They are among
    `n`, count as wrong in accuracy, recall, F1 and `selective` (there with the confidence 0), and stand in no column of `confusion`.

    Of the images with an answer: `log_loss` in nats, `brier` 0–2, `ece` over the 15 equal-width bins of `reliability`; NaN when there is
    none. `ece_by_chance`: the `ece` that a perfectly calibrated model of the same confidences would show on average, for this few images;
    resampling adds to an `ece`, so that it has no honest interval. `kl_votes`: mean KL(votes‖scores), nats, over the images that have
    votes; None without votes.
    """

    labels: LabelSet
    n: int
    groups: int
    accuracy: float
    accuracy_interval: Interval
    macro_f1: float
    macro_f1_interval: Interval
    balanced_accuracy: float
    balanced_accuracy_interval: Interval
    ece: float
    ece_by_chance: float
    log_loss: float
    log_loss_interval: Interval | None
    brier: float
    brier_interval: Interval | None
    confusion: NDArray[np.int64]
    missing: NDArray[np.int64]
    per_class: tuple[metrics.ClassMetrics, ...]
    reliability: Reliability
    selective: RiskCoverage
    kl_votes: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain JSON values, None for one that is not known. The curves are left to `curves`."""
        intervals = {f"{name}_interval": getattr(self, f"{name}_interval") for name in _INTERVALS}
        return {
            "label_set": self.labels.name,
            "labels": list(self.labels),
            **{key: _plain(getattr(self, key)) for key in _PLAIN},
            **{key: None if ends is None else asdict(ends) for key, ends in intervals.items()},
            "missing": self.missing.tolist(),
            "confusion": self.confusion.tolist(),
            "per_class": [asdict(row) for row in self.per_class],
            "selective": self.selective.to_dict(),
        }

    def curves(self) -> dict[str, Any]:
        """What is plotted, as plain JSON lists: the bins under "reliability", at most 200 points under "risk_coverage"."""
        return {"reliability": self.reliability.to_dict(), "risk_coverage": self.selective.curve()}


def evaluate_scores(
    scores: NDArray[np.floating],
    targets: NDArray[np.integer],
    labels: LabelSet,
    *,
    groups: NDArray[Any] | None = None,
    votes: NDArray[np.floating] | None = None,
    missing: NDArray[np.bool_] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Evaluation:
    """Judge scores (N, C), whose rows sum to 1 and whose column i means `labels[i]`, against `targets` (N,), columns of `labels`.

    `groups` (N,) keeps rows that belong together, such as twins or the pictures of one person, together in the bootstrap. `votes` (N, C):
    shares of the votes for each label, all zero in a row without. `missing` (N,): rows that got no answer; their scores are not read.

    Raises
    ------
    InputError
        No rows, rows of unequal number, values that are NaN or infinite, or rows that do not sum to 1.
    LabelError
        Scores with another number of columns than `labels`, or a target outside the set.
    """
    scores, targets = np.asarray(scores), np.asarray(targets)
    answered = np.ones(len(targets), bool) if missing is None else ~np.asarray(missing, bool)
    _check(scores, targets, labels, answered)
    classes, n = len(labels), len(targets)
    predicted = np.where(answered, np.where(answered[:, None], scores, 0).argmax(axis=1), classes)
    rows, truth = scores[answered], targets[answered]
    cells = np.zeros((n, classes * (classes + 1)))
    cells[np.arange(n), targets * (classes + 1) + predicted] = 1.0
    confusion = cells.sum(axis=0).astype(np.int64).reshape(classes, classes + 1)
    sums = resampled_sums(np.concatenate([cells, _losses(scores, targets, answered)], axis=1), groups, seed=seed, resamples=resamples)
    draws = sums[:, : cells.shape[1]].reshape(-1, classes, classes + 1)
    log_loss, brier = _loss_intervals(sums[:, cells.shape[1] :])
    confidence = np.zeros(n)
    confidence[answered] = rows.max(axis=1)
    bins = bins_of(rows, truth)
    accuracy = float(metrics.accuracy(confusion))
    return Evaluation(
        labels=labels,
        n=n,
        groups=n if groups is None else len(np.unique(groups)),
        accuracy=accuracy,
        accuracy_interval=Interval.of(metrics.accuracy(draws)) if 0 < accuracy < 1 else share_interval(predicted == targets, groups),
        macro_f1=float(metrics.macro_f1(confusion)),
        macro_f1_interval=Interval.of(metrics.macro_f1(draws)),
        balanced_accuracy=float(metrics.balanced_accuracy(confusion)),
        balanced_accuracy_interval=Interval.of(metrics.balanced_accuracy(draws)),
        ece=bins.ece,
        ece_by_chance=bins.by_chance,
        log_loss=metrics.log_loss(rows, truth) if len(rows) else math.nan,
        log_loss_interval=log_loss,
        brier=metrics.brier(rows, truth) if len(rows) else math.nan,
        brier_interval=brier,
        confusion=confusion[:, :classes],
        missing=confusion[:, classes],
        per_class=metrics.per_class(confusion, labels, _class_intervals(targets, predicted, classes, groups)),
        reliability=bins,
        selective=risk_coverage(confidence, predicted == targets),
        kl_votes=None if votes is None else _kl_votes(np.asarray(votes), scores, answered),
    )


def _losses(scores: NDArray[np.floating], targets: NDArray[np.integer], answered: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Answered or not, log-loss and Brier of each row: (N, 3), zeros where there is no answer."""
    rows, truth = scores[answered], targets[answered]
    columns = np.zeros((len(targets), 3))
    columns[answered] = np.stack([np.ones(len(rows)), metrics.log_losses(rows, truth), metrics.briers(rows, truth)], axis=1)
    return columns


def _loss_intervals(sums: NDArray[np.float64]) -> tuple[Interval | None, Interval | None]:
    sums = sums[sums[:, 0] > 0]
    if not len(sums):
        return None, None
    return Interval.of(sums[:, 1] / sums[:, 0]), Interval.of(sums[:, 2] / sums[:, 0])


def _class_intervals(
    targets: NDArray[np.integer], predicted: NDArray[np.integer], classes: int, groups: NDArray[Any] | None
) -> list[tuple[Interval | None, ...]]:
    """Of precision, recall and F1: F1 = 2J / (1 + J) rises with the share J of hits among the images that are or are called the class."""
    columns = np.arange(classes)
    there, called = targets[:, None] == columns, predicted[:, None] == columns
    counted = np.concatenate([called, there, there | called], axis=1)
    ends = share_intervals(np.tile(there & called, 3), counted, groups)
    return [(ends[c], ends[classes + c], _f1_of(ends[2 * classes + c])) for c in range(classes)]


def _f1_of(ends: Interval | None) -> Interval | None:
    return None if ends is None else Interval(2 * ends.low / (1 + ends.low), 2 * ends.high / (1 + ends.high), ends.level)


def _kl_votes(votes: NDArray[np.floating], scores: NDArray[np.floating], answered: NDArray[np.bool_]) -> float | None:
    if votes.shape != scores.shape:
        raise InputError(f"Votes need a row and a column for each of the scores {scores.shape}; received {votes.shape}.")
    told = answered & (votes.sum(axis=1) > 0)
    return metrics.kl_divergence(votes[told], scores[told]) if told.any() else None


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _check(scores: NDArray[np.floating], targets: NDArray[np.integer], labels: LabelSet, answered: NDArray[np.bool_]) -> None:
    if scores.ndim != 2 or targets.shape != scores.shape[:1] or not len(targets):
        raise InputError(f"An evaluation needs scores (N, C) and targets (N,), N ≥ 1; received {scores.shape} and {targets.shape}.")
    if answered.shape != targets.shape:
        raise InputError(f"A mask of missing answers needs a row for each of the {len(targets)} targets; received {answered.shape}.")
    if targets.dtype.kind not in "iu" or scores.dtype.kind != "f":
        raise InputError(f"Scores are floating-point numbers and targets integers; received {scores.dtype} and {targets.dtype}.")
    if scores.shape[1] != len(labels):
        raise LabelError(f"{scores.shape[1]} columns of scores do not fit the {len(labels)} labels of {labels.name}: {', '.join(labels)}.")
    if targets.min() < 0 or targets.max() >= len(labels):
        raise LabelError(
            f"Targets reach from {targets.min()} to {targets.max()}; {labels.name} allows 0 to {len(labels) - 1}. "
            "Leave out rows without a label."
        )
    sums_to_1 = np.abs(np.nan_to_num(scores, nan=np.inf).sum(axis=1) - 1) <= _SUM_TOLERANCE
    bad = answered & ~(np.isfinite(scores).all(axis=1) & sums_to_1)
    if bad.any():
        raise InputError(f"{int(bad.sum())} rows of scores are not finite numbers that sum to 1 (the first is row {int(bad.argmax())}).")
