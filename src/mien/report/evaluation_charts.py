"""Charts of an evaluation as fragments of SVG, drawn from plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.evaluation.bootstrap import wilson_interval
from mien.report.charts import safe

WIDTH, HEIGHT = 430, 330
LEFT, RIGHT, TOP, BOTTOM = 54, 20, 10, 46
COUNTS = 72
POINTS = 300
SERIES = 8
"""Curves that have a look of their own; a ninth looks like the first."""

FEWEST = 0.05
"""Coverage from which a curve is drawn: under it a handful of images decides."""

MARKED = (0.8, 0.9, 1.0)
ROOM = 1.12
"""The height of the axis over that of the curves: words under the lowest point stay inside."""

_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2)


@dataclass(frozen=True, eq=False)
class Curve:
    """A named risk–coverage curve: `coverage` ascending and `accuracy` there, both (K,) in 0–1."""

    name: str
    coverage: NDArray[np.float64]
    accuracy: NDArray[np.float64]


@dataclass(frozen=True)
class Axes:
    """A rectangle of the picture, from (`left`, `top`) and `width` × `height` large, that shows x and y of these ranges."""

    x: tuple[float, float] = (0.0, 1.0)
    y: tuple[float, float] = (0.0, 1.0)
    left: float = LEFT
    top: float = TOP
    width: float = WIDTH - LEFT - RIGHT
    height: float = HEIGHT - TOP - BOTTOM

    def across(self, value: float) -> float:
        """Where `value` lies from the left of the picture."""
        return round(self.left + (value - self.x[0]) / (self.x[1] - self.x[0]) * self.width, 1)

    def down(self, value: float) -> float:
        """Where `value` lies from the top of the picture."""
        return round(self.top + (self.y[1] - value) / (self.y[1] - self.y[0]) * self.height, 1)

    def grid(self, x_ticks: Sequence[float], y_ticks: Sequence[float]) -> str:
        """Lines and shares along both axes."""
        right, foot = self.left + self.width, self.top + self.height
        across = [(self.across(tick), tick) for tick in x_ticks]
        down = [(self.down(tick), tick) for tick in y_ticks]
        lines = "".join(f'<path class="rule" d="M{x} {self.top}V{foot}"/>' for x, _ in across)
        lines += "".join(f'<path class="rule" d="M{self.left} {y}H{right}"/>' for y, _ in down)
        words = "".join(f'<text x="{x}" y="{foot + 16}" text-anchor="middle">{tick:.0%}</text>' for x, tick in across)
        return lines + words + "".join(f'<text x="{self.left - 6}" y="{y + 4}" text-anchor="end">{tick:.0%}</text>' for y, tick in down)

    def names(self, x_name: str, y_name: str) -> str:
        """What the axes show."""
        middle, foot = self.left + self.width / 2, self.top + self.height
        upright = f"translate(12 {self.top + self.height / 2}) rotate(-90)"
        return (
            f'<text class="name" x="{middle}" y="{foot + 36}" text-anchor="middle">{safe(x_name)}</text>'
            f'<text class="name" transform="{upright}" text-anchor="middle">{safe(y_name)}</text>'
        )


def reliability_diagram(
    edges: NDArray[np.float64], count: NDArray[np.int64], confidence: NDArray[np.float64], accuracy: NDArray[np.float64]
) -> str:
    """How often the model is right at each confidence, and how many images lie there: an SVG.

    `edges` (B+1,) ascending in 0–1; `count` (B,); `confidence` and `accuracy` (B,) in 0–1, means of the bin, NaN where it is empty.
    Whiskers are Wilson's intervals.
    """
    axes = Axes(height=HEIGHT - TOP - BOTTOM)
    ticks = (0, 0.2, 0.4, 0.6, 0.8, 1)
    ideal = f'<path class="ideal" d="M{axes.across(0)} {axes.down(0)}L{axes.across(1)} {axes.down(1)}"/>'
    filled = np.flatnonzero(count).tolist()
    bins = (_bin(axes, edges[i : i + 2].tolist(), int(count[i]), float(confidence[i]), float(accuracy[i])) for i in filled)
    parts = [axes.grid(ticks, ticks), *bins, ideal]
    below = Axes(y=(0, float(max(count.max(), 1))), top=HEIGHT + 12, height=COUNTS - 26)
    parts.append(_counts(below, edges, count))
    middle = below.top + below.height / 2
    parts.append(f'<text class="name" transform="translate(12 {middle}) rotate(-90)" text-anchor="middle">images</text>')
    words = f"Reliability of {int(count.sum()):,} images: accuracy against confidence in {len(count)} bins"
    return _svg(words, "".join(parts) + axes.names("confidence (highest score)", "accuracy"), HEIGHT + COUNTS)


def risk_coverage(curves: Sequence[Curve]) -> str:
    """Accuracy on the surest part of the images, over how large that part is: an SVG; a lone curve has its marks in words."""
    drawn = [(curve, curve.coverage >= min(FEWEST, float(curve.coverage.max()))) for curve in curves]
    least = min(float(curve.accuracy[shown].min()) for curve, shown in drawn)
    ticks = _ticks(least)
    axes = Axes(y=(ticks[0], 1.0))
    parts = [axes.grid((0, 0.2, 0.4, 0.6, 0.8, 1), ticks)]
    for place, (curve, shown) in enumerate(drawn):
        parts.append(f'<path class="curve s{place % SERIES}" d="{_line(axes, curve.coverage[shown], curve.accuracy[shown])}"/>')
        parts.extend(_mark(axes, curve, at, place, words=len(curves) == 1) for at in MARKED)
    names = axes.names("coverage (share of images answered)", "accuracy on them")
    words = "Accuracy over coverage: " + ", ".join(f"{curve.name} {float(curve.accuracy[-1]):.1%} at 100%" for curve in curves)
    return _svg(words, "".join(parts) + names, HEIGHT)


def legend(names: Sequence[str]) -> str:
    """The names of several curves, each beside its look."""
    line = '<svg viewBox="0 0 28 10" width="28" height="10" aria-hidden="true"><path class="curve s{}" d="M1 5H27"/></svg>'
    items = "".join(f"<li>{line.format(place % SERIES)}{safe(name)}</li>" for place, name in enumerate(names))
    return f'<ul class="series">{items}</ul>'


def short(number: int) -> str:
    """A count in at most four signs: 934, 1.2k, 21k, 1.3M."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if number >= size * 0.9995:
            return f"{number / size:.1f}{unit}" if number < 9.95 * size else f"{number / size:.0f}{unit}"
    return str(number)


def _bin(axes: Axes, edges: Sequence[float], count: int, confidence: float, accuracy: float) -> str:
    left, right = axes.across(edges[0]) + 1, axes.across(edges[1]) - 1
    middle = round((left + right) / 2, 1)
    interval = wilson_interval(round(accuracy * count), count)
    gap = "over" if confidence > accuracy else "under"
    told = f"confidence {edges[0]:.0%} to {edges[1]:.0%}: {count:,} images, mean {confidence:.1%}, right {accuracy:.1%}"
    return (
        f"<g><title>{told}</title>{_column(axes, 'right', left, right, 0, min(accuracy, confidence))}"
        f"{_column(axes, gap, left, right, min(accuracy, confidence), max(accuracy, confidence))}"
        f'<path class="whisker" d="M{middle} {axes.down(interval.low)}V{axes.down(interval.high)}"/></g>'
    )


def _counts(axes: Axes, edges: NDArray[np.float64], count: NDArray[np.int64]) -> str:
    parts = [f'<path class="rule" d="M{axes.left} {axes.down(0)}H{axes.left + axes.width}"/>']
    least = axes.y[1] / axes.height
    for place in np.flatnonzero(count).tolist():
        left, right, number = axes.across(edges[place]) + 1, axes.across(edges[place + 1]) - 1, int(count[place])
        parts.append(_column(axes, "count", left, right, 0, max(number, least)))
        middle, over = round((left + right) / 2, 1), round(axes.down(number) - 4, 1)
        parts.append(f'<text class="tiny" x="{middle}" y="{over}" text-anchor="middle">{short(number)}</text>')
    return "".join(parts)


def _column(axes: Axes, kind: str, left: float, right: float, low: float, high: float) -> str:
    top, foot = axes.down(high), axes.down(low)
    return f'<rect class="{kind}" x="{round(left, 1)}" y="{top}" width="{round(right - left, 1)}" height="{round(foot - top, 1)}"/>'


def _line(axes: Axes, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> str:
    picked = np.unique(np.linspace(0, len(xs) - 1, min(len(xs), POINTS)).round().astype(np.int64))
    points = (f"{axes.across(x)} {axes.down(y)}" for x, y in zip(xs[picked].tolist(), ys[picked].tolist(), strict=True))
    return "M" + "L".join(points)


def _mark(axes: Axes, curve: Curve, at: float, series: int, *, words: bool) -> str:
    place = int(np.searchsorted(curve.coverage, at - 1e-12))
    accuracy = float(curve.accuracy[place])
    x, y = axes.across(float(curve.coverage[place])), axes.down(accuracy)
    told = f"{safe(curve.name)}: right {accuracy:.1%} at {at:.0%} coverage"
    spot = f'<circle class="spot s{series % SERIES}" cx="{x}" cy="{y}" r="4"><title>{told}</title></circle>'
    # The middle one stands over the curve and its neighbours under it, so that they never touch, however flat or steep the curve is.
    left, up, anchor = (x + 4, y - 8, "start") if at == MARKED[1] else (x - 6, y + 14, "end")
    beside = f'<text class="value" x="{round(left, 1)}" y="{round(up, 1)}" text-anchor="{anchor}">{accuracy:.1%}</text>'
    return spot + beside if words else spot


def _ticks(least: float) -> list[float]:
    """From a round share under `least` to 1, seven at the most."""
    span = max((1 - least) * ROOM, 0.04)
    step = next((step for step in _STEPS if span / step <= 5), 0.2)
    first = int(np.floor(max(1 - span, 0) / step + 1e-9))
    return [round(i * step, 4) for i in range(first, round(1 / step) + 1)]


def _svg(words: str, inside: str, height: float) -> str:
    return f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{safe(words)}">{inside}</svg>'
