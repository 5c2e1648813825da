"""What the ten FER+ vote counts of an image say, as the published code reads them (Barsoum et al., ICMI 2016).

Counts are integers (N, 10): neutral, happiness, surprise, sadness, anger, disgust, fear, contempt, unknown, not a face.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CLASSES = 8
"""The first eight columns are expressions, in the order of `fer8`."""


def without_outliers(counts: NDArray[np.integer]) -> NDArray[np.int64]:
    """Counts (N, 10) in which a single vote counts for nothing (rule 2)."""
    return np.where(counts <= 1, 0, counts).astype(np.int64)


def majority(counts: NDArray[np.integer]) -> NDArray[np.int64]:
    """Column in `fer8` that more than half of the votes left by rule 2 name (rules 3 and 4): int64 (N,), -1 where there is none."""
    kept = without_outliers(counts)
    winner = kept.argmax(axis=1)
    wins = (2 * kept.max(axis=1) > kept.sum(axis=1)) & (winner < CLASSES)
    return np.where(wins, winner, -1)


def soft_votes(counts: NDArray[np.integer], min_votes: int = 5) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Votes over the eight expressions, as shares, for training.

    Single votes, unknown and not-a-face are removed. Gives float32 (N, 8), whose rows sum to 1 where at least `min_votes` votes
    remain and are zero elsewhere, and bool (N,) saying which.
    """
    return _shares(without_outliers(counts)[:, :CLASSES], max(min_votes, 1))


def peak_votes(counts: NDArray[np.integer]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The peaks of the votes, as shares: the published "crossentropy" reading (rule 5).

    Peaks are taken in descending order, equal ones together, until they hold 75 % of the votes or are three. An image whose peaks
    hold no more than half of the votes, that has more than three of them, or whose highest is unknown or not a face, is dropped.
    Gives float32 (N, 8), zero for the dropped, and bool (N,) saying which are kept.
    """
    peaks = np.stack([_peaks(row) for row in without_outliers(counts)]) if len(counts) else np.zeros((0, CLASSES), np.int64)
    return _shares(peaks, 1)


def _peaks(row: NDArray[np.int64]) -> NDArray[np.int64]:
    total, left = int(row.sum()), row.copy()
    peaks = np.zeros(CLASSES, np.int64)
    nothing = peaks.copy()
    taken = 0
    while int(peaks.sum()) < 0.75 * total and taken < 3:
        highest = left.max()
        tied = np.flatnonzero(left == highest)
        faces = tied[tied < CLASSES]
        peaks[faces] = highest
        left[tied] = 0
        taken += len(faces)
        if len(faces) < len(tied):
            break
    return nothing if taken > 3 or 2 * peaks.sum() <= total else peaks


def _shares(kept: NDArray[np.int64], min_votes: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    total = kept.sum(axis=1)
    enough = total >= min_votes
    shares = np.where(enough[:, None], kept / np.maximum(total, 1)[:, None], 0.0)
    return shares.astype(np.float32), enough
