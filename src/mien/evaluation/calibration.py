"""Whether a confidence of 80 % means right in 80 % of cases, and the one number that mends it (Guo et al., ICML 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from mien.core.errors import InputError, LabelError

BINS = 15
TEMPERATURES = (0.05, 20.0)
"""The range in which `fit_temperature` looks."""


@dataclass(frozen=True, eq=False)
class Reliability:
    """Equal-width bins of the confidence: `edges` (B+1,), and in each bin the `count`, mean `confidence` and `accuracy` (NaN if empty)."""

    edges: NDArray[np.float64]
    count: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    @property
    def ece(self) -> float:
        """Expected calibration error, 0–1: the gaps between confidence and accuracy, weighted by the images in each bin."""
        gaps = np.abs(self.accuracy - self.confidence)[self.count > 0]
        return float((gaps * self.count[self.count > 0]).sum() / self.count.sum())


def reliability(scores: NDArray[np.floating], targets: NDArray[np.integer], bins: int = BINS) -> Reliability:
    """Bin scores (N, C), rows summing to 1, by their highest value; a value on an edge belongs to the bin below it.

    Raises InputError for no bins or unequal rows, LabelError for a target outside the columns.
    """
    _check(scores, targets)
    if bins < 1:
        raise InputError(f"Calibration needs at least one bin; received {bins}.")
    confidence = scores.max(axis=1).astype(np.float64)
    right = (scores.argmax(axis=1) == targets).astype(np.float64)
    index = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    count = np.bincount(index, minlength=bins)
    means = [
        np.divide(np.bincount(index, values, bins), count, out=np.full(bins, np.nan), where=count > 0) for values in (confidence, right)
    ]
    return Reliability(np.linspace(0, 1, bins + 1), count, *means)


def expected_calibration_error(scores: NDArray[np.floating], targets: NDArray[np.integer], bins: int = BINS) -> float:
    """Expected calibration error of the highest score over `bins` equal-width bins, 0–1. Raises like `reliability`."""
    return reliability(scores, targets, bins).ece


def fit_temperature(logits: NDArray[np.floating], targets: NDArray[np.integer]) -> float:
    """The temperature that makes logits (N, C) most likely to give `targets` (N,): the one of least mean log-loss, within TEMPERATURES.

    Logarithms of scores may stand for logits. Raises like `reliability`.
    """
    _check(logits, targets)
    wide = logits.astype(np.float64)
    rows = np.arange(len(targets))

    def loss(log_temperature: float) -> float:
        return float(-log_softmax(wide / np.exp(log_temperature), axis=1)[rows, targets].mean())

    result = minimize_scalar(loss, bounds=np.log(TEMPERATURES), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(result.x))


def _check(values: NDArray[np.floating], targets: NDArray[np.integer]) -> None:
    if values.ndim != 2 or targets.shape != values.shape[:1] or not len(targets):
        raise InputError(f"Calibration needs values (N, C) and targets (N,), N ≥ 1; received {values.shape} and {targets.shape}.")
    if not np.isfinite(values).all():
        raise InputError(f"{int((~np.isfinite(values)).any(axis=1).sum())} rows hold NaN or infinity; calibration needs finite values.")
    if targets.min() < 0 or targets.max() >= values.shape[1]:
        raise LabelError(
            f"Targets reach from {targets.min()} to {targets.max()}; {values.shape[1]} columns allow 0 to {values.shape[1] - 1}."
        )
