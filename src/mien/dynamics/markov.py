"""A face that dwells on an expression and then shows another: a Markov chain in continuous time under the scores of single frames.

From label i it leaves at the rate 1 / dwell_i; to j it goes with the probability jumps[i, j]. Between two frames Δt apart it stays with
exp(−Δt / dwell_i), and changes at most once, which holds for frames that are near to each other beside the dwell. A frame's scores are read
as posteriors under even odds, so that they stand in proportion to the likelihoods of the labels (Rabiner, 1989, for the algorithms).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import InputError
from mien.core.labels import LabelSet
from mien.dynamics.series import Series

FloatArray = NDArray[np.float64]
_LEAST = 1e-4  # of a score: one frame alone rules nothing out
_SHORTEST_S, _LONGEST_S = 0.05, 600.0


@dataclass(frozen=True, eq=False)
class DwellModel:
    """How long a face dwells on each label, and where it goes from there.

    `dwell_s`: float64 (C,), mean times in seconds; `jumps`: float64 (C, C), rows summing to 1, zeros on the diagonal.
    """

    dwell_s: FloatArray
    jumps: FloatArray
    labels: LabelSet

    @classmethod
    def even(cls, labels: LabelSet, dwell_s: float = 1.0) -> DwellModel:
        """The same dwell for all labels, and no jump likelier than another."""
        n = len(labels)
        return cls(np.full(n, float(dwell_s)), (1 - np.eye(n)) / max(n - 1, 1), labels)

    @classmethod
    def learnt(cls, sequences: Sequence[Series], rounds: int = 20) -> DwellModel:
        """Dwell times and jumps that make the sequences likeliest, by expectation and maximisation from `even` on; needs no labels.

        The dwell of i is the expected time on i over the expected number of jumps from it; one jump of half a second to each other label is
        counted besides, so that what was never seen stays possible. Raises InputError without a sequence of two rows.
        """
        parts = [part for series in sequences for part in series.stretches() if len(part) > 1]
        if not parts:
            raise InputError("Dwell times are learnt from series of two rows or more; received none. Give longer ones.")
        model = cls.even(parts[0].labels)
        for _ in range(rounds):
            model = model._improved(parts)
        return model

    def path(self, part: Series) -> NDArray[np.int64]:
        """The likeliest labels of a stretch, as columns (N,) (Viterbi)."""
        likely, moves = np.log(self._likely(part)), np.log(np.maximum(self._moves(part), 1e-300))
        best, came = likely[0], np.zeros(likely.shape, np.int64)
        for k, move in enumerate(moves, 1):
            ways = best[:, None] + move
            came[k] = ways.argmax(axis=0)
            best = ways.max(axis=0) + likely[k]
        found = np.full(len(part), best.argmax())
        for k in range(len(part) - 1, 0, -1):
            found[k - 1] = came[k, found[k]]
        return found

    def posteriors(self, part: Series) -> FloatArray:
        """How likely each label is at each row of a stretch, given all of it: (N, C) (forward–backward)."""
        forward, backward = _sums(self._likely(part), self._moves(part))
        return _to_one(forward * backward, 1)

    def smoothed(self, part: Series) -> FloatArray:
        """The posteriors, with the label of the path put first where another is likelier: (N, C)."""
        scores, path, rows = self.posteriors(part), self.path(part), np.arange(len(part))
        top = scores.argmax(axis=1)
        scores[rows, path], scores[rows, top] = scores[rows, top], scores[rows, path].copy()
        return scores

    def _likely(self, part: Series) -> FloatArray:
        """How likely each row is under each label, up to a factor of the row: (N, C)."""
        weights = 1.0 if part.weights is None else (part.weights / part.weights.mean())[:, None]
        return np.asarray(np.maximum(part.scores, _LEAST) ** weights, np.float64)

    def _moves(self, part: Series) -> FloatArray:
        """Probabilities of going from label to label between neighbouring rows: (N − 1, C, C)."""
        stays = np.exp(-np.diff(part.times_s)[:, None] / self.dwell_s)
        moves = (1 - stays)[:, :, None] * self.jumps
        every = np.arange(len(self.labels))
        moves[:, every, every] = stays
        return moves

    def _improved(self, parts: Sequence[Series]) -> DwellModel:
        n = len(self.labels)
        time, jumps = np.full(n, 0.5 * (n - 1)), 1 - np.eye(n)
        for part in parts:
            likely, moves = self._likely(part), self._moves(part)
            forward, backward = _sums(likely, moves)
            pairs = _to_one(forward[:-1, :, None] * moves * (likely * backward)[1:, None, :], (1, 2))
            stayed = np.einsum("kii->ki", pairs)
            time += np.diff(part.times_s) @ (stayed + pairs.sum(axis=2)) / 2  # half of a step with a jump was spent here
            moved = pairs.sum(axis=0)
            jumps += moved - np.diag(np.diag(moved))
        dwell_s = np.clip(time / np.maximum(jumps.sum(axis=1), 1e-12), _SHORTEST_S, _LONGEST_S)
        return DwellModel(dwell_s, jumps / np.maximum(jumps.sum(axis=1, keepdims=True), 1e-12), self.labels)


def _sums(likely: FloatArray, moves: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The sums over all paths to each label of each row, and over all from it on, each row up to a factor: (N, C), (N, C)."""
    forward, backward = likely / likely.sum(axis=1, keepdims=True), np.ones_like(likely)
    for k, move in enumerate(moves, 1):
        row = (forward[k - 1] @ move) * likely[k]
        forward[k] = row / row.sum()
    for k in range(len(moves) - 1, -1, -1):
        row = moves[k] @ (likely[k + 1] * backward[k + 1])
        backward[k] = row / row.sum()
    return forward, backward


def _to_one(values: FloatArray, axes: int | tuple[int, int]) -> FloatArray:
    return np.asarray(values / values.sum(axis=axes, keepdims=True))
