"""What is gained by saying nothing when unsure: the risk–coverage curve (Geifman and El-Yaniv, NeurIPS 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import InputError, OptionError

COVERAGES = (0.8, 0.9)
"""The coverages at which accuracy is told and thresholds are kept."""

POINTS = 200


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """One point for each distinct confidence, from the highest down.

    Answering where the confidence is at least `threshold` covers the share `coverage` of the rows; the share `risk` of the answers is
    wrong. All three float64 (K,), 0–1; `coverage` rises to 1, `threshold` falls. Rows of equal confidence are answered together, so that no
    figure depends on the order of the rows. `n`: the rows in all.
    """

    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]
    threshold: NDArray[np.float64]
    n: int

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """The share of the answers that is right at each point: float64 (K,)."""
        return 1 - self.risk

    @property
    def aurc(self) -> float:
        """Area under the curve: the mean of the risk over the coverages 1/n, 2/n … 1 (Geifman, Uziel and El-Yaniv, ICLR 2019).

        Within rows of equal confidence it is the mean over all their orders.
        """
        answered = np.rint(self.coverage * self.n)
        wrong = np.concatenate([[0.0], self.risk * answered])
        steps = np.arange(1, self.n + 1)
        return float((np.interp(steps, np.concatenate([[0.0], answered]), wrong) / steps).mean())

    def threshold_at(self, coverage: float) -> float:
        """The highest threshold that answers at least the share `coverage` of the rows. Raises OptionError outside 0 < coverage ≤ 1."""
        return float(self.threshold[self._point(coverage)])

    def accuracy_at(self, coverage: float) -> float:
        """The accuracy of the answers that `threshold_at(coverage)` leaves. Raises OptionError outside 0 < coverage ≤ 1."""
        return float(1 - self.risk[self._point(coverage)])

    def _point(self, coverage: float) -> int:
        if not 0 < coverage <= 1:
            raise OptionError(f"A coverage is a share above 0 and up to 1; received {coverage}. 0.9 answers for nine rows in ten.")
        return int(np.searchsorted(self.coverage, coverage - 1e-12))

    def to_dict(self) -> dict[str, Any]:
        """The area, and accuracy and threshold at COVERAGES, as plain JSON values."""
        return {
            "aurc": self.aurc,
            "accuracy_at": {f"{share:g}": self.accuracy_at(share) for share in COVERAGES},
            "threshold_at": {f"{share:g}": self.threshold_at(share) for share in COVERAGES},
        }

    def curve(self, points: int = POINTS) -> dict[str, list[float]]:
        """Coverage, risk and threshold as plain lists of at most `points` points, evenly spread over the curve, its ends among them."""
        chosen = np.unique(np.linspace(0, len(self.coverage) - 1, points).round().astype(np.int64))
        return {name: getattr(self, name)[chosen].tolist() for name in ("coverage", "risk", "threshold")}


def risk_coverage(confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> RiskCoverage:
    """The curve of answers given with `confidence` (N,), 0–1, of which `right` (N,) are true.

    Raises InputError for no rows, rows of unequal number, or a confidence that is no finite number.
    """
    confidence, right = np.asarray(confidence, np.float64), np.asarray(right, bool)
    if confidence.ndim != 1 or confidence.shape != right.shape or not len(right):
        raise InputError(
            f"A risk–coverage curve needs confidences (N,) and right answers (N,), N ≥ 1; received {confidence.shape} and {right.shape}."
        )
    if not np.isfinite(confidence).all():
        raise InputError(f"{int((~np.isfinite(confidence)).sum())} confidences are NaN or infinite; leave these rows out or give them 0.")
    order = np.argsort(-confidence, kind="stable")
    falling = confidence[order]
    last = np.append(falling[1:] < falling[:-1], True)
    answered = np.flatnonzero(last) + 1
    wrong = np.cumsum(~right[order])[last]
    return RiskCoverage(answered / len(right), wrong / answered, falling[last], len(right))
