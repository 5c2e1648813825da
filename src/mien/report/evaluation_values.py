"""What the page of an evaluation is made of, and how its figures are put in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mien.evaluation.bootstrap import Interval
from mien.evaluation.run import SplitEvaluation
from mien.report.charts import safe

if TYPE_CHECKING:
    from mien.evaluation.compare import Comparison
    from mien.evaluation.cost import Cost
    from mien.evaluation.slices import Slices


@dataclass(frozen=True, eq=False)
class Whole:
    """The same rows judged from whole pictures, in which `detector` had to find the face first; `result` counts what it missed as wrong."""

    detector: str
    result: SplitEvaluation


@dataclass(frozen=True, eq=False)
class Entry:
    """One model's figures on one split of one data set: a row of the page's tables and a chapter of its own.

    `name` is what the page calls it. `cost`: what it takes to run. `against`: this entry (A) compared with the first entry of the same data
    set (B) on the same rows; None for that first one. `notes`: sentences for the reader. `slices`: the figures by columns of the data set.
    `whole`: the same split from whole pictures. `sha256`: of the model, "" for one without. `trained`: whether it has seen the training
    part of that data set; None where that is not known.
    """

    name: str
    result: SplitEvaluation
    cost: Cost | None = None
    against: Comparison | None = None
    notes: tuple[str, ...] = ()
    slices: tuple[Slices, ...] = ()
    whole: Whole | None = None
    sha256: str = ""
    trained: bool | None = None


def worst_mistakes(result: SplitEvaluation, top: int) -> NDArray[np.int64]:
    """The places, among the judged rows, of the `top` wrong answers of highest confidence, the surest first: int64 (≤ top,)."""
    wrong = np.flatnonzero((result.predicted != result.targets) & ~result.missing)
    return wrong[np.argsort(-result.confidence[wrong], kind="stable")][: max(top, 0)]


def share(value: float) -> str:
    """A share 0–1 in percent, to one digit."""
    return f"{value:.1%}"


def reach(interval: Interval | None, form: str = "%") -> str:
    """The ends of an interval as `value` writes the figure; nothing for none."""
    if interval is None:
        return ""
    low, high = interval.low, interval.high
    return f"{low * 100:.1f}–{high * 100:.1f}%" if form == "%" else f"{low:{form}}–{high:{form}}"


def cell(value: float | None, interval: Interval | None = None, form: str = "%", mark: str = "") -> str:
    """A table's cell: the figure, a mark behind it, and its interval beneath. `form` is "%" or a format such as ".3f"."""
    if value is None or math.isnan(value):
        return "<td>–</td>"
    figure = share(value) if form == "%" else f"{value:{form}}"
    return f"<td><b>{figure}{mark}</b><small>{reach(interval, form)}</small></td>"


def span(value: float, interval: Interval | None, first: float, last: float, kind: str = "") -> str:
    """A dot at the figure and a line over its interval, on a scale from `first` to `last`."""
    scale = 100 / (last - first)
    low, high = (value, value) if interval is None else (interval.low, interval.high)
    places = (min(max((v - first) * scale, 0), 100) for v in (value, low, high))
    style = ";".join(f"--{name}:{place:.1f}" for name, place in zip("mab", places, strict=True))
    return f'<i class="span{f" {kind}" if kind else ""}" style="{style}"></i>'


def table(kind: str, heads: str, rows: str, foot: str = "") -> str:
    """A table in a card that scrolls by itself where it is too wide."""
    foot = f"<tfoot>{foot}</tfoot>" if foot else ""
    return (
        f'<div class="card wide"><table class="figures {kind}"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody>{foot}</table></div>\n'
    )


def heads(*names: str) -> str:
    """Column heads from words."""
    return "".join(f'<th scope="col">{safe(name)}</th>' for name in names)
