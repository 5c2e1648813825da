"""From a model's outputs to scores: as sure as they are right, and always in the order of the outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import ArtifactError

KNEE = 4.0
"""Below e⁻⁴, 2 %, the tail is straight, so that a label that was thought unlikely never becomes an impossible one."""
DOUBT = 1e-6
"""Of what is left to the other labels at least so much is reckoned with, so that a score of 1 has a logarithm."""


@dataclass(frozen=True)
class Calibration:
    """How a head's outputs become scores.

    With l = ln softmax(outputs), the score of a label is in proportion to

        exp(l / temperature − tail · h(l) − top · ln(1 − eˡ)),    h(l) = l² down to l = −4, and straight from there.

    The temperature alone is temperature scaling (Guo et al., ICML 2017). `top` comes from beta calibration (Kull et al., AISTATS 2017) and
    is for models that are less sure of a clear first than they may be. `tail` is for models that were taught with smoothed labels: they
    leave something to every label, however clear the case. All three rise with l, so that the order of labels, and with it every answer,
    stays. Raises ArtifactError unless the temperature is positive, the others are not negative, and all are finite.
    """

    temperature: float = 1.0
    tail: float = 0.0
    top: float = 0.0

    def __post_init__(self) -> None:
        if not (0 < self.temperature < np.inf and 0 <= self.tail < np.inf and 0 <= self.top < np.inf):
            raise ArtifactError(f"{self} gives no scores: a temperature is a positive number, tail and top are 0 or more.")

    def __str__(self) -> str:
        curve = f", tail {self.tail:.3g}, top {self.top:.3g}" if self.bends else ""
        return f"temperature {self.temperature:.3g}{curve}"

    @property
    def bends(self) -> bool:
        """Whether it is more than a temperature."""
        return bool(self.tail or self.top)

    def scores(self, logits: NDArray[np.floating]) -> NDArray[np.float32]:
        """Scores float32 (…, C), rows summing to 1, of raw outputs (…, C)."""
        if not self.bends or not logits.size:
            return softmax(logits / np.float32(self.temperature))
        above = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
        return softmax(self.bent(above - np.log(np.exp(above).sum(axis=-1, keepdims=True))))

    def bent(self, logs: Any, math: Any = np) -> Any:
        """The exponent above, of l as an array of numpy, or as a tensor of the library that `math` is."""
        straight, tail, top = terms(logs, math)
        return straight / self.temperature + self.tail * tail + self.top * top

    def undone(self, scores: NDArray[np.floating]) -> NDArray[np.float32]:
        """softmax(outputs) of the outputs that have given these scores (…, C)."""
        logs = np.log(np.maximum(scores, np.finfo(np.float32).tiny).astype(np.float64))
        if not self.bends or not logs.size:
            return softmax(logs * self.temperature)
        known = -np.geomspace(100, 1e-7, 5000)
        bent = self.bent(known)
        low, high = bent[0] - logs.max(axis=-1, keepdims=True), bent[-1] - logs.min(axis=-1, keepdims=True)
        for _ in range(60):  # what the scores were divided by, until they sum to 1 again
            middle = (low + high) / 2
            less = np.exp(np.interp(logs + middle, bent, known)).sum(axis=-1, keepdims=True) < 1
            low, high = np.where(less, middle, low), np.where(less, high, middle)
        return softmax(np.interp(logs + middle, bent, known))


def terms(logs: Any, math: Any = np) -> tuple[Any, Any, Any]:
    """What the numbers of a `Calibration` weigh: l, −h(l) and −ln(1 − eˡ), each rising with l."""
    below = (-KNEE - logs).clip(0)
    return logs, below * below - logs * logs, -math.log(1 + DOUBT - math.exp(logs))


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float32]:
    """Softmax over the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True)) if logits.size else logits
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)
