"""Charts of scores as fragments of HTML and SVG.

SVG written by hand, not plotly: a face's timeline over ten minutes takes some 40 KB, where plotly.js alone takes 4.8 MB on every page; it
follows the page's light or dark scheme, prints sharp, and shows without scripts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mien.core.types import Prediction
from mien.report.draw import percent
from mien.report.timeline import Timeline, Track
from mien.report.values import text

WIDE, HIGH = 20_000, 200
BRIEF = 0.5
_CONTROL = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127), "\ufffd")


def safe(value: object) -> str:
    """Text that came from outside, escaped for HTML text and attributes."""
    return escape(text(str(value)).translate(_CONTROL), quote=True)


def clock(time_s: float) -> str:
    """A time in words: 7.2 s, 3:05, 1:02:03."""
    whole = round(time_s)
    if round(time_s, 1) < 60:
        return f"{time_s:.1f} s"
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def when(time_s: float, span_s: float) -> str:
    """A time within `span_s` seconds in words, alike for all of them: of a minute or more as 0:07, else as 7.0 s."""
    return clock(time_s) if span_s < 60 or time_s >= 59.95 else f"0:{round(time_s):02}"


def bars(prediction: Prediction) -> str:
    """A list with a bar for every score."""
    rows = []
    for index, (name, share) in enumerate(zip(prediction.labels, prediction.scores.tolist(), strict=True)):
        top = ' class="top"' if name == prediction.label else ""
        rows.append(f"<li{top}><span>{safe(name)}</span>{bar(index, share)}<span>{score(share)}</span></li>")
    return f'<ul class="scores">{"".join(rows)}</ul>'


def bar(index: int, share: float) -> str:
    """A bar of the given share (0–1) in the colour of label `index`."""
    return f'<i class="bar k{index}" style="--v:{share * 100:.1f}"></i>'


def score(share: float) -> str:
    """A score in words, escaped; never a certainty."""
    return escape(percent(share))


def portion(share: float) -> str:
    """A share of what was counted in words, escaped; all of it is 100%."""
    return "&lt;1%" if 0 < share < 0.005 else f"{share:.0%}"


def source_name(source: str) -> str:
    """The name of a source, its folder set back."""
    folder, slash, name = source.rpartition("/")
    return f"<bdi><small>{safe(folder + slash)}</small>{safe(name)}</bdi>" if name and folder else f"<bdi>{safe(source)}</bdi>"


def stripe(shares: Sequence[float], names: Sequence[str]) -> str:
    """One bar cut into shares that sum to 1."""
    start, parts = 0.0, []
    for index, share in enumerate(shares):
        if share >= 0.001:
            parts.append(f'<rect class="band k{index}" x="{start * 1000:.0f}" width="{max(share * 1000, 1):.0f}" height="1"/>')
        start += share
    words = ", ".join(f"{name} {percent(share)}" for name, share in zip(names, shares, strict=True) if share >= 0.005)
    shape = 'class="stripe" viewBox="0 0 1000 1" preserveAspectRatio="none"'
    return f'<svg {shape} role="img" aria-label="{safe(words)}">{"".join(parts)}</svg>'


class Bands:
    """One track's scores over the bins of a chart.

    `means` float32 (bins, C), NaN where no face was; `peaks`, the same of the highest scores; `edges` (bins + 1,) seconds; `xs` (bins + 1,)
    the same in 0–`WIDE`.
    """

    def __init__(self, timeline: Timeline, track: Track) -> None:
        self.edges: NDArray[np.float64] = timeline.edges
        shape = len(self.edges) - 1, len(timeline.labels)
        self.means, self.peaks = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
        for position, held in track.bins.items():
            self.means[position] = held[:-1] / held[-1]
            self.peaks[position] = track.peaks[position]
        span = float(self.edges[-1] - self.edges[0])
        places = (self.edges - self.edges[0]) / span if span else np.linspace(0, 1, len(self.edges))
        self.xs: NDArray[np.int64] = np.round(places * WIDE).astype(np.int64)

    def runs(self) -> Iterator[tuple[int, int]]:
        """First column and the one after the last of each stretch with a face."""
        there = np.concatenate([[False], ~np.isnan(self.means[:, 0]), [False]])
        turns = np.flatnonzero(there[1:] != there[:-1]).tolist()
        yield from zip(turns[::2], turns[1::2], strict=True)

    def area(self) -> str:
        """All scores stacked, the first label at the bottom: an SVG."""
        tops = np.cumsum(np.nan_to_num(self.means), axis=1)
        runs = list(self.runs())
        paths = []
        for label in reversed(range(tops.shape[1])):
            heights = HIGH - np.round(np.minimum(tops[:, label], 1) * HIGH).astype(np.int64)
            if (heights < HIGH).any():
                shape = "".join(_steps(self.xs[a : b + 1].tolist(), heights[a:b].tolist()) for a, b in runs)
                paths.append(f'<path class="band k{label}" d="{shape}"/>')
        return _svg("area", HIGH, "".join(paths))

    def brief(self) -> str:
        """What reached at least `BRIEF` in a bin that another label leads, as high as it reached: an SVG.

        What leads the bin before or after is left out: it is no more than the end of a longer stretch.
        """
        parts = []
        for first, last in self.runs():
            others, leads = self.peaks[first:last].copy(), self.means[first:last].argmax(axis=1)
            rows = np.arange(last - first)
            for near in (rows, np.maximum(rows - 1, 0), np.minimum(rows + 1, last - first - 1)):
                others[rows, leads[near]] = 0
            for place in np.flatnonzero(others.max(axis=1) >= BRIEF).tolist():
                label, left, right = int(others[place].argmax()), int(self.xs[first + place]), int(self.xs[first + place + 1])
                high = round(float(others[place].max()) * 100)
                parts.append(f'<rect class="band k{label}" x="{left}" width="{right - left}" y="{100 - high}" height="{high}"/>')
        return _svg("brief", 100, "".join(parts))

    def ribbon(self) -> str:
        """The highest label over time: an SVG."""
        parts = []
        for first, last in self.runs():
            top = self.means[first:last].argmax(axis=1)
            turns = [0, *(np.flatnonzero(np.diff(top)) + 1).tolist(), last - first]
            for a, b in pairwise(turns):
                left, right = int(self.xs[first + a]), int(self.xs[first + b])
                parts.append(f'<rect class="band k{int(top[a])}" x="{left}" width="{max(right - left, 2)}" height="1"/>')
        return _svg("ribbon", 1, "".join(parts))


def ticks(first_s: float, last_s: float, most: int = 8) -> list[tuple[float, str]]:
    """Marks of a time axis: place in percent, and words."""
    span = max(last_s - first_s, 1e-9)
    steps = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
    step = next((s for s in steps if span / s <= most + 1e-6), span)
    first = int(np.ceil(first_s / step - 1e-9))
    times = [step * i for i in range(first, int(last_s / step + 1e-9) + 1)]
    return [((time - first_s) / span * 100, _mark(time, step, last_s)) for time in times]


def _mark(time_s: float, step_s: float, last_s: float) -> str:
    return f"{time_s:.1f} s" if step_s < 1 else f"{time_s:.0f} s" if last_s < 60 else when(time_s, last_s)


def _steps(xs: list[int], ys: list[int]) -> str:
    """A closed outline over the ground line that steps at every x; equal neighbours share a step."""
    parts, at = [f"M{xs[0]} {HIGH}"], HIGH
    for index, y in enumerate(ys):
        if y != at:
            if index:
                parts.append(f"H{xs[index]}")
            parts.append(f"V{y}")
            at = y
    return "".join([*parts, f"H{xs[-1]}V{HIGH}z"])


def _svg(name: str, high: int, inside: str) -> str:
    return f'<svg class="{name}" viewBox="0 0 {WIDE} {high}" preserveAspectRatio="none" aria-hidden="true">{inside}</svg>'
