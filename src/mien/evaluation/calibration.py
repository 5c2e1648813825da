"""Whether a confidence of 80 % means right in 80 % of cases, and the few numbers that mend it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax

from mien.core.calibration import Calibration, terms
from mien.core.errors import InputError, LabelError
from mien.evaluation.metrics import log_loss

BINS = 15
TEMPERATURES = (0.05, 20.0)
"""The range in which `fit_temperature` looks."""
_MOST = 10.0
_MEANS = ("confidence", "accuracy")


@dataclass(frozen=True, eq=False)
class Reliability:
    """Equal-width bins of the confidence: `edges` (B+1,), and in each bin the `count`, mean `confidence` and `accuracy` (NaN if empty).

    `variance`: in each bin, of the number of right answers if every confidence p were met: Σ p (1 − p), 0 if empty.
    """

    edges: NDArray[np.float64]
    count: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    variance: NDArray[np.float64]

    @property
    def ece(self) -> float:
        """Expected calibration error, 0–1: the gaps of confidence and accuracy, weighted by the images in each bin; NaN without any."""
        if not self.count.any():
            return float("nan")
        gaps = np.abs(self.accuracy - self.confidence)[self.count > 0]
        return float((gaps * self.count[self.count > 0]).sum() / self.count.sum())

    @property
    def by_chance(self) -> float:
        """The mean `ece` of perfectly calibrated answers of these confidences, for this few images; NaN without any.

        Σ √(2 variance / π) / n: the number of right answers in a bin is taken as normal, where Bröcker and Smith (2007) draw it.
        """
        n = int(self.count.sum())
        return float(np.sqrt(2 / np.pi * self.variance).sum() / n) if n else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """The bins as plain JSON lists, None for the mean of an empty one."""
        means = {name: [v if n else None for v, n in zip(getattr(self, name).tolist(), self.count, strict=True)] for name in _MEANS}
        return {"edges": self.edges.tolist(), "count": self.count.tolist(), **means}


@dataclass(frozen=True)
class Recalibration:
    """What one more temperature would do, fitted on the `n` labelled rows of the validation split.

    Scores become softmax(ln(scores) / `temperature`): above 1 the model was too sure, below 1 not sure enough; no answer changes. The
    expected calibration error (0–1) and the log-loss (nats) are those of the split that is judged, before and after.
    """

    temperature: float
    n: int
    ece_before: float
    ece_after: float
    log_loss_before: float
    log_loss_after: float

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain JSON values."""
        return asdict(self)


def reliability(scores: NDArray[np.floating], targets: NDArray[np.integer], bins: int = BINS) -> Reliability:
    """Bin scores (N, C), rows summing to 1, by their highest value; a value on an edge belongs to the bin below it.

    Raises InputError for no bins or unequal rows, LabelError for a target outside the columns.
    """
    _check(scores, targets)
    if bins < 1:
        raise InputError(f"Calibration needs at least one bin; received {bins}.")
    return bins_of(scores, targets, bins)


def bins_of(scores: NDArray[np.floating], targets: NDArray[np.integer], bins: int = BINS) -> Reliability:
    """`reliability` of scores that were checked before; no rows give empty bins."""
    confidence = scores.max(axis=1).astype(np.float64)
    right = (scores.argmax(axis=1) == targets).astype(np.float64)
    index = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    count = np.bincount(index, minlength=bins)
    mean, share = (
        np.divide(np.bincount(index, values, bins), count, out=np.full(bins, np.nan), where=count > 0) for values in (confidence, right)
    )
    variance = np.bincount(index, np.maximum(confidence * (1 - confidence), 0), bins).astype(np.float64)
    return Reliability(np.linspace(0, 1, bins + 1), count, mean, share, variance)


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


def fit_calibration(logits: NDArray[np.floating], targets: NDArray[np.integer]) -> Calibration:
    """The calibration that makes outputs (N, C) most likely to give `targets` (N,).

    It is more than a temperature where the two numbers that are added raise the log-likelihood by more than ln N (the Bayesian information
    criterion). What is minimised is convex, since the exponent is linear in 1/temperature, tail and top. Raises like `reliability`.
    """
    plain = Calibration(fit_temperature(logits, targets))
    rows, parts = np.arange(len(targets)), np.stack(terms(log_softmax(logits.astype(np.float64), axis=1)), axis=2)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logs = log_softmax(parts @ weights, axis=1)
        slope = np.einsum("nc,nck->k", np.exp(logs), parts) - parts[rows, targets].sum(axis=0)
        return float(-logs[rows, targets].mean()), slope / len(rows)

    least, most = TEMPERATURES
    start = np.array([1 / plain.temperature, 0.0, 0.0])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(1 / most, 1 / least), (0, _MOST), (0, _MOST)])
    gained = (loss(start)[0] - found.fun) * len(rows)
    return Calibration(1 / float(found.x[0]), float(found.x[1]), float(found.x[2])) if gained > np.log(len(rows)) else plain


def retempered(scores: NDArray[np.floating], temperature: float) -> NDArray[np.float32]:
    """softmax(ln(scores) / temperature): scores (N, C) as a model would give them whose logits are divided by `temperature` once more.

    The temperature 1/T takes back a division by T. Raises InputError unless `temperature` is positive and finite.
    """
    if not 0 < temperature < float("inf"):
        raise InputError(f"A temperature is a positive number; received {temperature}.")
    tempered: NDArray[np.float32] = np.exp(log_softmax(_logs(scores) / temperature, axis=1)).astype(np.float32)
    return tempered


def recalibrate(
    validation: NDArray[np.floating],
    validation_targets: NDArray[np.integer],
    scores: NDArray[np.floating],
    targets: NDArray[np.integer],
) -> Recalibration:
    """Fit a temperature to the scores (M, C) of the validation split and apply it to `scores` (N, C). Raises like `reliability`."""
    temperature = fit_temperature(_logs(validation), validation_targets)
    after = retempered(scores, temperature)
    return Recalibration(
        temperature=temperature,
        n=len(validation_targets),
        ece_before=expected_calibration_error(scores, targets),
        ece_after=expected_calibration_error(after, targets),
        log_loss_before=log_loss(scores, targets),
        log_loss_after=log_loss(after, targets),
    )


def _logs(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Logarithms of scores; one that is zero counts as the least normal number of its dtype."""
    logs: NDArray[np.float64] = np.log(np.maximum(scores, np.finfo(scores.dtype).tiny).astype(np.float64))
    return logs


def _check(values: NDArray[np.floating], targets: NDArray[np.integer]) -> None:
    if values.ndim != 2 or targets.shape != values.shape[:1] or not len(targets):
        raise InputError(f"Calibration needs values (N, C) and targets (N,), N ≥ 1; received {values.shape} and {targets.shape}.")
    if not np.isfinite(values).all():
        raise InputError(f"{int((~np.isfinite(values)).any(axis=1).sum())} rows hold NaN or infinity; calibration needs finite values.")
    if targets.min() < 0 or targets.max() >= values.shape[1]:
        raise LabelError(
            f"Targets reach from {targets.min()} to {targets.max()}; {values.shape[1]} columns allow 0 to {values.shape[1] - 1}."
        )
