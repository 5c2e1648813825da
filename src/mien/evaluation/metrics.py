"""Figures of merit. Rows of a confusion matrix are the truth, columns what was predicted; the last two axes are (C, C).

The functions of a confusion matrix take stacks (…, C, C) too and give arrays (…,), so that a bootstrap needs no loop. A matrix may have one
more column (…, C, C+1), for images that got no answer: they lower recall, F1 and accuracy, and belong to no prediction. A class is present
when its row holds at least one image; means over classes are over the present ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

from mien.core.errors import InputError, LabelError
from mien.core.labels import LabelSet
from mien.evaluation.bootstrap import Interval

FloatArray = NDArray[np.floating]
IntArray = NDArray[np.integer]


@dataclass(frozen=True)
class ClassMetrics:
    """One class: `precision`, `recall` and `f1` in 0–1 (0 where nothing was predicted or nothing is there), `support` in images.

    The intervals are 95 %; None where there is nothing to take a share of, and for figures made without rows.
    """

    label: str
    precision: float
    recall: float
    f1: float
    support: int
    precision_interval: Interval | None = None
    recall_interval: Interval | None = None
    f1_interval: Interval | None = None


def confusion_matrix(targets: IntArray, predicted: IntArray, classes: int) -> NDArray[np.int64]:
    """Count images by truth (row) and prediction (column): int64 (classes, classes) from two rows (N,) of columns.

    Raises InputError for unequal rows, LabelError for a column outside 0 … classes-1.
    """
    if targets.shape != predicted.shape or targets.ndim != 1:
        raise InputError(f"Targets and predictions are two rows of one length; received the shapes {targets.shape} and {predicted.shape}.")
    for what, columns in (("Targets", targets), ("Predictions", predicted)):
        if columns.size and (columns.min() < 0 or columns.max() >= classes):
            raise LabelError(f"{what} reach from {columns.min()} to {columns.max()}; {classes} classes allow 0 to {classes - 1}.")
    flat = targets.astype(np.int64) * classes + predicted
    return np.bincount(flat, minlength=classes * classes).reshape(classes, classes)


def accuracy(confusion: NDArray[Any]) -> FloatArray:
    """Share of images on the diagonal."""
    return _ratio(np.trace(confusion, axis1=-2, axis2=-1), confusion.sum(axis=(-2, -1)))


def recall(confusion: NDArray[Any]) -> FloatArray:
    """Share of each class's images that are found: (…, C), 0 for an absent class."""
    return _ratio(_hits(confusion), confusion.sum(axis=-1))


def precision(confusion: NDArray[Any]) -> FloatArray:
    """Share of what is called a class that is of it: (…, C), 0 for a class that was never predicted."""
    return _ratio(_hits(confusion), _predicted(confusion))


def f1(confusion: NDArray[Any]) -> FloatArray:
    """Harmonic mean of precision and recall, 2·TP / (2·TP + FP + FN): (…, C)."""
    return _ratio(2 * _hits(confusion), confusion.sum(axis=-1) + _predicted(confusion))


def macro_f1(confusion: NDArray[Any]) -> FloatArray:
    """Mean F1 of the present classes."""
    return _mean_over_present(f1(confusion), confusion)


def balanced_accuracy(confusion: NDArray[Any]) -> FloatArray:
    """Mean recall of the present classes."""
    return _mean_over_present(recall(confusion), confusion)


def per_class(
    confusion: NDArray[np.int64], labels: LabelSet, intervals: Sequence[tuple[Interval | None, ...]] | None = None
) -> tuple[ClassMetrics, ...]:
    """The figures of each class of one confusion matrix, in the order of `labels`, with its `intervals` of precision, recall and F1."""
    columns = zip(labels, precision(confusion), recall(confusion), f1(confusion), confusion.sum(axis=1), strict=True)
    known = intervals or [()] * len(labels)
    return tuple(
        ClassMetrics(name, float(p), float(r), float(f), int(n), *ends) for (name, p, r, f, n), ends in zip(columns, known, strict=True)
    )


def log_losses(scores: FloatArray, targets: IntArray) -> NDArray[np.float64]:
    """-ln p(truth) of each row (N,) of scores (N, C), in nats; a score under the machine epsilon of its dtype counts as that."""
    true = scores[np.arange(len(targets)), targets]
    losses: NDArray[np.float64] = -np.log(np.maximum(true, np.finfo(scores.dtype).eps).astype(np.float64))
    return losses


def log_loss(scores: FloatArray, targets: IntArray) -> float:
    """Mean of `log_losses`."""
    return float(log_losses(scores, targets).mean())


def briers(scores: FloatArray, targets: IntArray) -> NDArray[np.float64]:
    """Squared distance of each row (N,) of scores (N, C) to the truth as 0 and 1, summed over classes (Brier, 1950): 0 to 2."""
    squares: NDArray[np.float64] = ((scores.astype(np.float64) - np.eye(scores.shape[1])[targets]) ** 2).sum(axis=1)
    return squares


def brier(scores: FloatArray, targets: IntArray) -> float:
    """Mean of `briers`."""
    return float(briers(scores, targets).mean())


def kl_divergence(votes: FloatArray, scores: FloatArray) -> float:
    """Mean of KL(votes‖scores) over rows (N, C) that sum to 1, in nats; a score under its dtype's machine epsilon counts as that."""
    floored = np.maximum(scores, np.finfo(scores.dtype).eps).astype(np.float64)
    return float(rel_entr(votes.astype(np.float64), floored).sum(axis=1).mean())


def _hits(confusion: NDArray[Any]) -> NDArray[Any]:
    return np.diagonal(confusion, axis1=-2, axis2=-1)


def _predicted(confusion: NDArray[Any]) -> NDArray[Any]:
    called: NDArray[Any] = confusion[..., : confusion.shape[-2]].sum(axis=-2)
    return called


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> FloatArray:
    ratio: FloatArray = np.divide(part, whole, out=np.zeros(np.shape(whole), np.float64), where=np.asarray(whole) > 0)
    return ratio


def _mean_over_present(values: FloatArray, confusion: NDArray[Any]) -> FloatArray:
    present = confusion.sum(axis=-1) > 0
    return _ratio((values * present).sum(axis=-1), present.sum(axis=-1))
