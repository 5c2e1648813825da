"""Where in time a face showed what: onset, apex, offset."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError
from mien.dynamics.series import Series


@dataclass(frozen=True)
class Segment:
    """A stretch of time in which one label led.

    `onset_s`, `offset_s`: half way between its first row and the one before, its last and the one after; those rows themselves at an end
    of what is known. `apex_s`: when its score was highest, the middle of the first plateau. `intensity`: that score; `mean_score`: the mean
    over time; `rows`: how many it has.
    """

    label: str
    onset_s: float
    apex_s: float
    offset_s: float
    intensity: float
    mean_score: float
    rows: int

    @property
    def duration_s(self) -> float:
        """From onset to offset."""
        return self.offset_s - self.onset_s


def segments(series: Series, least_s: float = 0.0) -> list[Segment]:
    """The segments of a series, smoothed or not, in time; neutral is one like the others.

    What is shorter than `least_s` goes to the longer one of its neighbours within its stretch, the shortest first, and to none where there
    is no other. Gaps (`series.gap_s`) belong to no segment. Raises OptionError for a `least_s` below 0.
    """
    if least_s < 0:
        raise OptionError(f"least_s is 0 seconds or more; received {least_s!r}.")
    return [found for part in series.stretches() for found in _of_stretch(part, least_s)]


def _of_stretch(part: Series, least_s: float) -> list[Segment]:
    middles = (part.times_s[1:] + part.times_s[:-1]) / 2
    edges = np.concatenate([part.times_s[:1], middles, part.times_s[-1:]])  # row k stands from edges[k] to edges[k + 1]
    shown = part.shown
    starts = [0, *(np.flatnonzero(np.diff(shown)) + 1), len(part)]
    runs = [(int(a), int(b), int(shown[a])) for a, b in pairwise(starts)]
    while len(runs) > 1:
        lengths = [edges[b] - edges[a] for a, b, _ in runs]
        short = int(np.argmin(lengths))
        if lengths[short] >= least_s:
            break
        beside = [i for i in (short - 1, short + 1) if 0 <= i < len(runs)]
        runs = _joined(runs, short, max(beside, key=lambda i: lengths[i]))
    return [_segment(part, edges, *run) for run in runs]


def _joined(runs: list[tuple[int, int, int]], short: int, into: int) -> list[tuple[int, int, int]]:
    """The runs with one given to a neighbour, and neighbours of one label made one."""
    relabelled = [(a, b, runs[into][2] if i == short else label) for i, (a, b, label) in enumerate(runs)]
    out: list[tuple[int, int, int]] = []
    for a, b, label in relabelled:
        if out and out[-1][2] == label:
            out[-1] = (out[-1][0], b, label)
        else:
            out.append((a, b, label))
    return out


def _segment(part: Series, edges: NDArray[np.float64], first: int, end: int, column: int) -> Segment:
    scores, times = part.scores[first:end, column], part.times_s[first:end]
    spans = np.diff(edges[first : end + 1])
    mean = float(scores @ spans / spans.sum()) if spans.sum() > 0 else float(scores.mean())
    highest = scores >= scores.max() - 1e-9
    begin = int(highest.argmax())
    plateau = begin + int(np.append(highest[begin:], False).argmin()) - 1
    apex = float(times[begin] + times[plateau]) / 2
    return Segment(part.labels[column], float(edges[first]), apex, float(edges[end]), float(scores.max()), mean, end - first)
