"""How far a figure would move on another sample: percentile bootstrap (Efron, 1979) and Wilson's interval, by image or by group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from mien.core.errors import InputError

RESAMPLES = 2_000
LEVEL = 0.95
_CHUNK = 100
_CELLS = 1 << 24


@dataclass(frozen=True)
class Interval:
    """The ends of an interval and the share of samples that it is meant to hold."""

    low: float
    high: float
    level: float = LEVEL

    @classmethod
    def of(cls, draws: NDArray[np.floating], level: float = LEVEL) -> Interval:
        """The percentile interval of draws (B,)."""
        _need_level(level)
        low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
        return cls(float(low), float(high), level)


def resampled_sums(
    values: NDArray[Any], groups: NDArray[Any] | None = None, *, seed: int = 0, resamples: int = RESAMPLES
) -> NDArray[np.float64]:
    """Sums of `values` (N, K) over `resamples` samples drawn with replacement: float64 (resamples, K).

    With `groups` (N,), whole groups are drawn, as many as there are: rows of one group (twins, one person) always come together.
    The same seed gives the same draws for any values with the same groups, so that differences between models are paired.

    Raises InputError for no rows, rows of unequal number, or no resamples.
    """
    if resamples < 1 or values.ndim != 2 or not len(values):
        raise InputError(f"A bootstrap needs values (N, K), N ≥ 1, and resamples ≥ 1; received {values.shape} and {resamples}.")
    if groups is not None and len(groups) != len(values):
        raise InputError(f"A bootstrap by groups needs a group for each row; received {len(groups)} groups for {len(values)} rows.")
    blocks = values.astype(np.float64) if groups is None else _group_sums(values, groups)
    weights = _weights(len(blocks), np.random.default_rng(seed), resamples)
    return np.concatenate([chunk @ blocks for chunk in weights])


def resampled_confusions(
    targets: NDArray[np.integer],
    predicted: NDArray[np.integer],
    classes: int,
    groups: NDArray[Any] | None = None,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> NDArray[np.float64]:
    """Confusion matrices of resampled images: float64 (resamples, classes, classes). Raises InputError like `resampled_sums`."""
    cells = np.zeros((len(targets), classes * classes))
    cells[np.arange(len(targets)), targets * classes + predicted] = 1.0
    return resampled_sums(cells, groups, seed=seed, resamples=resamples).reshape(-1, classes, classes)


def wilson_interval(hits: int, n: int, level: float = LEVEL) -> Interval:
    """Interval of a share `hits` / `n` of independent images (Wilson, 1927). Raises InputError unless 0 ≤ hits ≤ n and n ≥ 1."""
    _need_level(level)
    if n < 1 or not 0 <= hits <= n:
        raise InputError(f"A share needs n ≥ 1 and 0 ≤ hits ≤ n; received {hits} of {n}.")
    return _wilson(hits / n, n, level)


def share_intervals(
    hits: NDArray[Any], counted: NDArray[Any], groups: NDArray[Any] | None = None, *, level: float = LEVEL
) -> tuple[Interval | None, ...]:
    """Wilson's interval of each share sum(hits) / sum(counted), for boolean (N, K), hits among the counted: K intervals.

    With `groups` (N,), n is the effective number of independent rows: n over the design effect of the groups, at least 1, from the variance
    of a ratio of group sums (Cochran, 1977). For shares of 0 and 1, where that is none, n is the number of groups. A share of nothing has
    the interval None. Fit for few rows and for shares near 0 and 1, where resampling knows no spread.

    Raises InputError for rows of unequal number.
    """
    _need_level(level)
    if hits.shape != counted.shape or hits.ndim != 2 or (groups is not None and len(groups) != len(hits)):
        raise InputError(
            f"Shares need hits and counted rows (N, K) and a group for each row; received {hits.shape}, {counted.shape} "
            f"and {'no' if groups is None else len(groups)} groups."
        )
    parts, wholes = hits.astype(np.float64), counted.astype(np.float64)
    if groups is not None:
        both = _group_sums(np.concatenate([parts, wholes], axis=1), groups)
        parts, wholes = both[:, : parts.shape[1]], both[:, parts.shape[1] :]
    return tuple(_grouped_share(part, whole, level) for part, whole in zip(parts.T, wholes.T, strict=True))


def share_interval(hits: NDArray[np.bool_], groups: NDArray[Any] | None = None) -> Interval:
    """Wilson's interval of the share of `hits` (N,), N ≥ 1, as `share_intervals` has it."""
    (found,) = share_intervals(hits[:, None], np.ones((len(hits), 1), bool), groups)
    return found or Interval(0.0, 1.0)


def _grouped_share(part: NDArray[np.float64], whole: NDArray[np.float64], level: float) -> Interval | None:
    part, whole = part[whole > 0], whole[whole > 0]
    n, blocks = float(whole.sum()), len(whole)
    if not blocks:
        return None
    share = float(part.sum() / n)
    if share in (0.0, 1.0) or blocks == 1:
        return _wilson(share, blocks, level)
    grouped = blocks / (blocks - 1) * float(((part - share * whole) ** 2).sum()) / n**2
    alone = share * (1 - share) / (n - 1)
    return _wilson(share, n / max(1.0, grouped / alone), level)


def _wilson(share: float, n: float, level: float) -> Interval:
    z = float(ndtri((1 + level) / 2))
    widened = 1 + z * z / n
    middle = (share + z * z / (2 * n)) / widened
    half = z * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))) / widened
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return Interval(0.0 if share == 0 else low, 1.0 if share == 1 else high, level)  # where rounding would leave the share outside


def _group_sums(values: NDArray[Any], groups: NDArray[Any]) -> NDArray[np.float64]:
    _, index = np.unique(groups, return_inverse=True)
    sums = np.zeros((int(index.max()) + 1, values.shape[1]))
    np.add.at(sums, index, values)
    return sums


def _weights(n: int, rng: np.random.Generator, resamples: int) -> Iterator[NDArray[np.float64]]:
    """How often each of `n` blocks is drawn, in chunks (B, n): all at once would take resamples × n numbers."""
    chunk = max(1, min(_CHUNK, _CELLS // n))
    for start in range(0, resamples, chunk):
        size = min(chunk, resamples - start)
        drawn = rng.integers(0, n, (size, n)) + n * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)


def _need_level(level: float) -> None:
    if not 0 < level < 1:
        raise InputError(f"The level of an interval lies between 0 and 1; received {level}.")
