"""What a face showed over time: the one value that smoothing, segments and stability work on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import InputError
from mien.core.labels import LabelSet

GAP_S, _GAP_STEPS = 1.0, 2.5


def gap_s(step_s: float) -> float:
    """A face that was not seen for longer is another stretch: nothing is known of what it showed meanwhile.

    GAP_S, or, where the frames that are looked at, `step_s` apart, are rarer than that, two and a half of their steps.
    """
    return max(GAP_S, _GAP_STEPS * step_s)


@dataclass(frozen=True, eq=False)
class Series:
    """The scores of one face at the times when it was seen.

    `times_s`: float64 (N,), rising; `scores`: float (N, C), each row summing to 1, column i meaning `labels[i]`. `weights`: float (N,)
    above 0, how much each row says (the quality of its crop); None counts all alike. `step_s`: how far apart the frames are that were
    looked at, whether the face was seen in them or not; 0 where that is not known.
    """

    times_s: NDArray[np.float64]
    scores: NDArray[np.floating]
    labels: LabelSet
    weights: NDArray[np.floating] | None = None
    step_s: float = 0.0

    def __post_init__(self) -> None:
        n = len(self.times_s)
        if self.times_s.shape != (n,) or self.scores.shape != (n, len(self.labels)):
            raise InputError(
                f"A series has times (N,) and scores (N, {len(self.labels)}); received {self.times_s.shape} and {self.scores.shape}."
            )
        if n > 1 and not (np.diff(self.times_s) > 0).all():
            raise InputError("The times of a series rise from row to row; these do not. Sort the rows, and leave one of each time.")
        if self.weights is not None and (self.weights.shape != (n,) or not (self.weights > 0).all()):
            raise InputError(f"The weights of a series are (N,) = ({n},) and above 0; received {self.weights.shape}.")

    def __len__(self) -> int:
        return len(self.times_s)

    @property
    def shown(self) -> NDArray[np.int64]:
        """The column of the highest score of each row: int64 (N,)."""
        return np.asarray(self.scores.argmax(axis=1), np.int64)

    @property
    def valence(self) -> NDArray[np.float64]:
        """How positive each row is, −1 … 1: the score of positive less that of negative, as `valence3` has them.

        Surprise, contempt and what has other names count as neither. NaN for labels of which none is positive, or none negative.
        """
        signs = self.labels.signs
        return np.asarray(self.scores @ signs, np.float64) if {-1, 1} <= set(signs.tolist()) else np.full(len(self), np.nan)

    @property
    def spans_s(self) -> NDArray[np.float64]:
        """The time that each row stands for: half of that to its neighbours, which counts as a usual step beyond gaps and ends."""
        if len(self) < 2:
            return np.full(len(self), self.step_s)
        steps = np.diff(self.times_s)
        steps = np.where(steps > self.gap_s, min(float(np.median(steps)), self.gap_s), steps)
        return (np.append(steps, steps[-1]) + np.insert(steps, 0, steps[0])) / 2

    @property
    def gap_s(self) -> float:
        """What is longer between two rows is a time in which the face was not seen."""
        return gap_s(self.step_s)

    def with_scores(self, scores: NDArray[np.floating]) -> Series:
        """The same times with other scores."""
        return replace(self, scores=scores)

    def between(self, start_s: float, end_s: float) -> Series:
        """The rows from `start_s` on and before `end_s`."""
        return self._rows(slice(*np.searchsorted(self.times_s, (start_s, end_s))))

    def stretches(self) -> Iterator[Series]:
        """The parts between gaps of more than `gap_s`."""
        cuts = [0, *(np.flatnonzero(np.diff(self.times_s) > self.gap_s) + 1), len(self)]
        return (self._rows(slice(a, b)) for a, b in pairwise(cuts) if b > a)

    def _rows(self, rows: slice) -> Series:
        weights = None if self.weights is None else self.weights[rows]
        return Series(self.times_s[rows], self.scores[rows], self.labels, weights, self.step_s)
