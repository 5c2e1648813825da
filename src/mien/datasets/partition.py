"""Dealing rows to sides: in given shares, each class in these shares too, and units whole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def deal(targets: Rows, units: Rows, shares: Sequence[float], rng: np.random.Generator) -> Rows:
    """The side, 0 to len(shares) − 1, of each row: int64 (N,).

    `targets` (N,): classes, -1 for none. `units` (N,): rows of equal number go to one side. `shares`: positive, summing to 1.

    Units of several rows go first, those with the most uneven classes before the others, each to the side that leaves the classes' shares
    most even (the rule of scikit-learn's StratifiedGroupKFold, here for unequal shares too). Single rows then fill each class up to its
    share. No side stays empty while there are enough units.
    """
    if not len(targets):
        return np.zeros(0, np.int64)
    _, unit, size = np.unique(units, return_inverse=True, return_counts=True)
    _, kind = np.unique(targets, return_inverse=True)
    counts = np.zeros((len(size), int(kind.max()) + 1))
    np.add.at(counts, (unit, kind), 1)
    share, total = np.asarray(shares, np.float64), counts.sum(axis=0)
    side = np.full(len(size), -1, np.int64)
    held = np.zeros((len(share), counts.shape[1]))
    order = rng.permutation(len(size))
    several = order[size[order] > 1]
    for one in several[np.argsort(-counts[several].std(axis=1), kind="stable")]:
        side[one] = _evenest(held, counts[one], total, share)
        held[side[one]] += counts[one]
    for column in range(counts.shape[1]):
        single = order[(size[order] == 1) & (counts[order, column] == 1)]
        number = _quotas(len(single), share * total[column] - held[:, column], share, held.sum(axis=1))
        side[single] = np.repeat(np.arange(len(share)), number)
        held[:, column] += number
    _fill_empty(side, size, order, len(share))
    return np.asarray(side[unit], np.int64)


def counted(n: int, counts: Sequence[int]) -> list[int]:
    """`counts` where they sum to at most `n`, else numbers in the same proportion that sum to `n`."""
    if sum(counts) <= n:
        return list(counts)
    share = np.asarray(counts, np.float64) / sum(counts)
    return [int(number) for number in _quotas(n, share * n, share, np.zeros(len(share)))]


def _evenest(held: NDArray[np.float64], unit: NDArray[np.float64], total: NDArray[np.float64], share: NDArray[np.float64]) -> int:
    """The side on which `unit`, counts (C,), leaves the smallest mean spread of the classes; the emptiest of equal ones."""
    after = held[None] + np.eye(len(share))[:, :, None] * unit
    spread = (after / total / share[None, :, None]).std(axis=1).mean(axis=1)
    fill = held.sum(axis=1) / share
    near = np.flatnonzero(np.isclose(spread, spread.min()))
    return int(near[fill[near].argmin()])


def _quotas(n: int, wanted: NDArray[np.float64], share: NDArray[np.float64], filled: NDArray[np.float64]) -> Rows:
    """`n` in whole numbers in proportion to what is wanted (B,); the largest remainders go up, of equal ones the emptiest side's."""
    wanted = np.maximum(wanted, 0)
    exact = n * (wanted / wanted.sum() if wanted.sum() > 0 else share)
    number = np.floor(exact + 1e-9).astype(np.int64)
    first = np.lexsort((filled / share, -np.round(exact - number, 9)))
    number[first[: n - int(number.sum())]] += 1
    return number


def _fill_empty(side: Rows, size: Rows, order: Rows, sides: int) -> None:
    """Give each side without a unit the smallest one of the side with the most, the first in `order` of equal ones."""
    for empty in range(sides):
        if (side == empty).any():
            continue
        units_of = np.bincount(side, minlength=sides)
        if units_of.max() < 2:
            return
        donors = order[side[order] == units_of.argmax()]
        side[donors[size[donors].argmin()]] = empty
