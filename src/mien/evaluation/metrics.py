"""Figures of merit. Rows of a confusion matrix are the truth, columns what was predicted; the last two axes are (C, C).

The functions of a confusion matrix take stacks (…, C, C) too and give arrays (…,), so that a bootstrap needs no loop. A class is present
when its row holds at least one image; means over classes are over the present ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import InputError, LabelError
from mien.core.labels import LabelSet

FloatArray = NDArray[np.floating]
IntArray = NDArray[np.integer]


@dataclass(frozen=True)
class ClassMetrics:
    """One class: `precision`, `recall` and `f1` in 0–1 (0 where nothing was predicted or nothing is there), `support` in images."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


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
    return _ratio(_hits(confusion), confusion.sum(axis=-2))


def f1(confusion: NDArray[Any]) -> FloatArray:
    """Harmonic mean of precision and recall, 2·TP / (2·TP + FP + FN): (…, C)."""
    return _ratio(2 * _hits(confusion), confusion.sum(axis=-1) + confusion.sum(axis=-2))


def macro_f1(confusion: NDArray[Any]) -> FloatArray:
    """Mean F1 of the present classes."""
    return _mean_over_present(f1(confusion), confusion)


def balanced_accuracy(confusion: NDArray[Any]) -> FloatArray:
    """Mean recall of the present classes."""
    return _mean_over_present(recall(confusion), confusion)


def per_class(confusion: NDArray[np.int64], labels: LabelSet) -> tuple[ClassMetrics, ...]:
    """The figures of each class of one confusion matrix, in the order of `labels`."""
    columns = zip(labels, precision(confusion), recall(confusion), f1(confusion), confusion.sum(axis=1), strict=True)
    return tuple(ClassMetrics(name, float(p), float(r), float(f), int(n)) for name, p, r, f, n in columns)


def log_loss(scores: FloatArray, targets: IntArray) -> float:
    """Mean of -ln p(truth) over scores (N, C), in nats; a score under the machine epsilon of its dtype counts as that."""
    true = scores[np.arange(len(targets)), targets]
    return float(-np.log(np.maximum(true, np.finfo(scores.dtype).eps).astype(np.float64)).mean())


def brier(scores: FloatArray, targets: IntArray) -> float:
    """Mean squared distance between scores (N, C) and the truth as 0 and 1, summed over classes (Brier, 1950): 0 to 2."""
    truth = np.eye(scores.shape[1])[targets]
    return float(((scores.astype(np.float64) - truth) ** 2).sum(axis=1).mean())


def _hits(confusion: NDArray[Any]) -> NDArray[Any]:
    return np.diagonal(confusion, axis1=-2, axis2=-1)


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> FloatArray:
    ratio: FloatArray = np.divide(part, whole, out=np.zeros(np.shape(whole), np.float64), where=np.asarray(whole) > 0)
    return ratio


def _mean_over_present(values: FloatArray, confusion: NDArray[Any]) -> FloatArray:
    present = confusion.sum(axis=-1) > 0
    return _ratio((values * present).sum(axis=-1), present.sum(axis=-1))
