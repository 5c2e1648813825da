"""Scores over time made steadier: exponential, Hann window, and a hidden Markov model with dwell times that are learnt.

All go by the frames' own times, so that any sampling rate will do, and none looks across a gap (`series.gap_s`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError, UnknownNameError
from mien.dynamics.markov import DwellModel
from mien.dynamics.series import Series

FloatArray = NDArray[np.float64]


def exponential(series: Series, time_constant_s: float = 0.3) -> Series:
    """An exponential average of what was seen so far: after a jump, 63 % of the way in `time_constant_s`. It lags, and can be used live.

    s_k = s_{k−1} + (1 − exp(−w_k Δt_k / τ)) (x_k − s_{k−1}), w_k the row's weight over the mean weight.
    """
    _need(time_constant_s > 0, "time_constant_s", time_constant_s, "above 0 seconds")
    return _by_stretch(series, lambda part: _exponential(part, time_constant_s))


def hann(series: Series, width_s: float = 0.5) -> Series:
    """The mean in a Hann window of `width_s`, centred on each row: no lag, but it needs half a window of what comes after.

    The weight of a row Δt away is w (1 + cos(2π Δt / width)) / 2 within half a width, w the row's own (Harris, 1978).
    """
    _need(width_s > 0, "width_s", width_s, "above 0 seconds")
    return _by_stretch(series, lambda part: _hann(part, width_s))


def viterbi(series: Series, dwell_s: float | DwellModel = 1.0) -> Series:
    """What a hidden Markov model makes of the scores: the likeliest path decides each row's label, its posterior the scores.

    `dwell_s`: the mean time on a label, or a model of such times (`DwellModel.learnt`). Where path and posterior differ, the two columns
    change places, so that `shown` is the path.
    """
    if not isinstance(dwell_s, DwellModel):
        _need(dwell_s > 0, "dwell_s", dwell_s, "above 0 seconds")
        dwell_s = DwellModel.even(series.labels, dwell_s)
    return _by_stretch(series, dwell_s.smoothed)


def none(series: Series) -> Series:
    """The scores as they are."""
    return series


SMOOTHERS: dict[str, Callable[..., Series]] = {"none": none, "exponential": exponential, "hann": hann, "viterbi": viterbi}


def smooth(series: Sequence[Series], method: str, width_s: float | None = None) -> list[Series]:
    """Smooth the series of one video by name, one of SMOOTHERS.

    `width_s`: the method's one number, its time constant, window or dwell; by default its own, and for "viterbi" the dwell times that the
    series themselves teach. Raises UnknownNameError, and OptionError for a number out of range or where there is none.
    """
    if method not in SMOOTHERS:
        raise UnknownNameError("smoothing", method, SMOOTHERS)
    _need(method != "none" or width_s is None, "The width of no smoothing", width_s, "none")
    given: list[Any] = [] if width_s is None else [width_s]
    if method == "viterbi" and not given and any(len(part) > 1 for one in series for part in one.stretches()):
        given = [DwellModel.learnt(series)]
    return [SMOOTHERS[method](one, *given) for one in series]


def _by_stretch(series: Series, work: Callable[[Series], FloatArray]) -> Series:
    parts = [work(part) for part in series.stretches()]
    return series.with_scores(np.concatenate([np.zeros((0, len(series.labels))), *parts]))


def _exponential(part: Series, time_constant_s: float) -> FloatArray:
    weights = _relative(part)
    out = np.array(part.scores, np.float64)
    for k, step in enumerate(np.diff(part.times_s), 1):
        out[k] = out[k - 1] + (1 - np.exp(-weights[k] * step / time_constant_s)) * (out[k] - out[k - 1])
    return out


def _hann(part: Series, width_s: float) -> FloatArray:
    times, half, weights = part.times_s, width_s / 2, _relative(part)
    first, last = np.searchsorted(times, times - half, "right"), np.searchsorted(times, times + half, "left")
    out = np.array(part.scores, np.float64)
    for k in np.flatnonzero(last - first > 1):
        rows = slice(first[k], last[k])
        window = weights[rows] * (1 + np.cos(np.pi * (times[rows] - times[k]) / half))
        out[k] = window @ part.scores[rows] / window.sum()
    return out


def _relative(part: Series) -> FloatArray:
    return np.ones(len(part)) if part.weights is None else np.asarray(part.weights / part.weights.mean(), np.float64)


def _need(met: bool, name: str, received: object, allowed: str) -> None:
    if not met:
        raise OptionError(f"{name} is {allowed}; received {received!r}.")
