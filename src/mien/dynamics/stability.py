"""Emotional stability: how much what a face shows changes within a window of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError
from mien.dynamics.segments import segments
from mien.dynamics.series import Series

FloatArray = NDArray[np.float64]
STEP_S = 0.5
"""The even grid on which successive differences and inertia are taken, since they depend on the step, and frame rates differ.

Where rows are usually farther apart than that, their usual step."""


@dataclass(frozen=True)
class Stability:
    """What can be said of one window.

    `seen_s`: the time in which the face was seen, by what its rows stand for, with what lies between two of them and is no gap; nothing
    else is said where it is 0.
    `switches_per_minute`: changes of the leading label over `seen_s`; across a gap none is counted.
    `dwell_s`: the mean duration of a segment, `seen_s` by their number: they are cut at the borders of the window and of gaps.
    `entropy_bits`: Shannon's, of the shares of time, 0 … log2 C; 0 where one label led throughout (Shannon, 1948).
    `shares`: label → share of `seen_s` in which it led.
    `valence_mean`, `valence_sd`: of `Series.valence`, −1 … 1, weighted by time and, where there are any, by the rows' weights.
    `rmssd`: the root of the mean squared successive difference of valence on a grid of STEP_S seconds (von Neumann et al., 1941; for
    affect, Jahng et al., 2008): instability, that is variability and the speed of change together.
    `inertia`: the correlation of valence with itself one step before (Kuppens et al., 2010), −1 … 1: how much it stays what it was.
    The last two are NaN with fewer than two, or three, neighbouring steps; inertia also where valence does not vary.
    """

    start_s: float
    end_s: float
    seen_s: float
    switches_per_minute: float
    dwell_s: float
    entropy_bits: float
    shares: Mapping[str, float]
    valence_mean: float
    valence_sd: float
    rmssd: float
    inertia: float


def stability(series: Series, start_s: float | None = None, end_s: float | None = None, least_s: float = 0.0) -> Stability:
    """The stability of a series from `start_s` on and before `end_s`; by default of the whole. Segments as `segments` has them."""
    ends = [float(time) for time in series.times_s[[0, -1]]] if len(series) else [0.0, 0.0]
    start, end = (given if given is not None else own for given, own in zip((start_s, end_s), ends, strict=True))
    rows = series.between(-np.inf if start_s is None else start, np.inf if end_s is None else end)
    nan, spans = float("nan"), rows.spans_s
    seen = float(spans.sum())
    if not seen:
        return Stability(start, end, 0.0, nan, nan, nan, dict.fromkeys(series.labels, nan), nan, nan, nan, nan)
    shares = np.bincount(rows.shown, spans, len(rows.labels)) / spans.sum()
    found = segments(rows, least_s)
    switches = len(found) - sum(1 for _ in rows.stretches())
    valence = rows.valence
    says = spans if rows.weights is None else spans * rows.weights
    mean = float(np.average(valence, weights=says))
    pairs = _steps(rows)
    return Stability(
        start,
        end,
        seen,
        60 * switches / seen,
        seen / len(found),
        float(-sum(p * np.log2(p) for p in shares if p > 0)) if np.count_nonzero(shares) > 1 else 0.0,
        dict(zip(rows.labels, shares.tolist(), strict=True)),
        mean,
        float(np.sqrt(np.average((valence - mean) ** 2, weights=says))),
        float(np.sqrt(np.mean((pairs[1] - pairs[0]) ** 2))) if pairs.shape[1] else nan,
        _correlation(pairs),
    )


def window_starts(members: Sequence[Series], length_s: float = 30.0, step_s: float = 5.0) -> list[float]:
    """Where windows of `length_s` begin that move by `step_s`: with the first row of all, while they end by the last; one at least.

    Raises OptionError for a length or a step of 0 or below.
    """
    for name, value in (("length_s", length_s), ("step_s", step_s)):
        if not value > 0:
            raise OptionError(f"{name} is above 0 seconds; received {value!r}.")
    times = np.concatenate([np.zeros(0), *(series.times_s for series in members)])
    if not len(times):
        return []
    first, last = float(times.min()), float(times.max())
    more = max(0, int(np.floor((last - first - length_s) / step_s + 1e-9)))
    return [first + step_s * k for k in range(more + 1)]


def of_group(members: Sequence[Stability]) -> dict[str, float]:
    """The mean of each figure over people that were seen, each counting alike, and `people`, how many."""
    seen = [one for one in members if one.seen_s > 0]
    names = ("switches_per_minute", "dwell_s", "entropy_bits", "valence_mean", "valence_sd", "rmssd", "inertia")
    return {"people": float(len(seen))} | {name: _mean([getattr(one, name) for one in seen]) for name in names}


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def _steps(series: Series) -> FloatArray:
    """Valence at neighbouring points of the grid, first row before and second after: (2, pairs); none reaches over a gap."""
    found = [np.zeros((2, 0))]
    step_s = max(STEP_S, float(np.median(np.diff(series.times_s)))) if len(series) > 1 else STEP_S
    for part in series.stretches():
        bins = np.floor((part.times_s - series.times_s[0]) / step_s + 1e-9).astype(np.int64)
        places, which = np.unique(bins, return_inverse=True)
        means = np.bincount(which, part.valence) / np.bincount(which)
        beside = np.flatnonzero(np.diff(places) == 1)
        found.append(np.stack([means[beside], means[beside + 1]]))
    return np.concatenate(found, axis=1)


def _correlation(pairs: FloatArray) -> float:
    if pairs.shape[1] < 3 or pairs.std(axis=1).min() < 1e-9:
        return float("nan")
    before, after = pairs - pairs.mean(axis=1, keepdims=True)
    return float(before @ after / np.sqrt((before @ before) * (after @ after)))
