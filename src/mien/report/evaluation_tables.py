"""Tables of one evaluation: what was taken for what, the figures of each expression, and of each group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mien.core.labels import LabelSet
from mien.evaluation.metrics import ClassMetrics
from mien.evaluation.slices import Slices
from mien.report.charts import safe
from mien.report.evaluation_values import cell, heads, reach, share, span, table

NO_ANSWER = "no answer"
MOST_SLICES = 60
_THIN = ' class="thin"'
_DARK = 0.66
"""The share of ink from which a cell's words take the colour that stands out from ink."""


def confusion(counts: NDArray[np.int64], missing: NDArray[np.int64], labels: LabelSet, *, shares: bool) -> str:
    """A confusion matrix (C, C), rows the truth, and where there are any a column for the images (C,) that got no answer.

    Cells tell counts, or with `shares` percent of the row; both are inked by the share of the row.
    """
    matrix = np.column_stack([counts, missing]) if missing.any() else counts
    names = [*labels, NO_ANSWER][: matrix.shape[1]]
    ways = "".join(f'<th scope="col"><span>{safe(name)}</span></th>' for name in names)
    sums = matrix.sum(axis=1)
    total = '<th scope="col"><span>images</span></th>' if not shares else ""
    rows = []
    for place, (name, row) in enumerate(zip(labels, matrix.tolist(), strict=True)):
        side = f'<th class="side" rowspan="{len(matrix)}"><span>truth</span></th>' if not place else ""
        cells = "".join(_cell(count, int(sums[place]), shares, hit=place == column) for column, count in enumerate(row))
        end = "" if shares else f'<td class="sum">{int(sums[place]):,}</td>'
        rows.append(f'<tr>{side}<th scope="row">{safe(name)}</th>{cells}{end}</tr>')
    foot = "" if shares else _column_sums(matrix)
    top = f'<tr><td colspan="2"></td><th class="top" colspan="{len(names)}">predicted</th></tr><tr><td colspan="2"></td>{ways}{total}</tr>'
    words = "Percent of each row" if shares else "Images"
    body = f"<thead>{top}</thead><tbody>{''.join(rows)}</tbody>{foot}"
    return f'<table class="confusion"><caption>{words}</caption>{body}</table>'


def classes(rows: Sequence[ClassMetrics]) -> str:
    """Precision, recall and F1 of each expression, with bars and 95 % intervals."""
    lines = "".join(
        f'<tr class="k{place}"><th scope="row"><i class="dot"></i>{safe(row.label)}</th><td>{row.support:,}</td>'
        + _measure(place, row, "precision")
        + _measure(place, row, "recall")
        + _measure(place, row, "f1")
        + "</tr>"
        for place, row in enumerate(rows)
    )
    return table("classes", heads("Expression", "Images", "Precision", "Recall", "F1"), lines)


def _cell(count: int, total: int, shares: bool, *, hit: bool) -> str:
    part = count / total if total else 0.0
    text = ("–" if not total else "0" if not count else "&lt;1" if part < 0.005 else f"{part * 100:.0f}") if shares else f"{count:,}"
    kind = " ".join(name for name, on in (("hit", hit), ("dark", part >= _DARK), ("none", not count)) if on)
    named = f' class="{kind}"' if kind else ""
    return f'<td{named} style="--v:{part * 100:.0f}">{text}</td>'


def _column_sums(matrix: NDArray[np.int64]) -> str:
    sums = "".join(f'<td class="sum">{count:,}</td>' for count in matrix.sum(axis=0).tolist())
    return f'<tfoot><tr><td></td><th scope="row">predicted</th>{sums}<td class="sum">{int(matrix.sum()):,}</td></tr></tfoot>'


def _measure(place: int, row: ClassMetrics, name: str) -> str:
    value, interval = getattr(row, name), getattr(row, f"{name}_interval")
    if interval is None:
        return "<td>–</td>"
    ends = f"--v:{value * 100:.1f};--a:{interval.low * 100:.1f};--b:{interval.high * 100:.1f}"
    return f'<td><i class="bar whisk k{place}" style="{ends}"></i><b>{share(value)}</b> <small>{reach(interval)}</small></td>'


def groups(slices: Slices) -> tuple[str, str]:
    """A note with the gaps, and a table of a column's slices on one scale; slices under the minimum are set back."""
    shown = slices.slices[:MOST_SLICES]
    ends = [v for row in slices.told or shown for v in (row.accuracy_interval.low, row.accuracy_interval.high)]
    first, last = max(min(ends) - 0.02, 0), min(max(ends) + 0.02, 1)
    rows = "".join(
        f'<tr{_THIN if row.n < slices.minimum else ""}><th scope="row">{safe(row.value)}</th><td>{row.n:,}</td><td>{row.groups:,}</td>'
        f"{cell(row.accuracy, row.accuracy_interval)}<td>{span(row.accuracy, row.accuracy_interval, first, last)}</td>"
        f"{cell(row.macro_f1, row.macro_f1_interval, '.3f')}</tr>"
        for row in shown
    )
    names = heads(slices.column, "Images", "Groups", "Accuracy", f"{first:.0%} to {last:.0%}", "Macro-F1")
    return " ".join(_gaps(slices)), table("", names, rows)


def _gaps(slices: Slices) -> Iterator[str]:
    gap, ratio = slices.gap(), slices.ratio()
    if gap is not None and ratio is not None:
        yield f"Accuracy differs by {gap * 100:.1f} points between the best and the worst (ratio {ratio:.2f}),"
        yield f"of those with {slices.minimum} images or more."
    else:
        yield f"Fewer than two have {slices.minimum} images or more, so no gap is taken."
    if slices.unknown:
        yield f"Of {slices.unknown:,} images the value is not known."
    if len(slices.slices) > MOST_SLICES:
        yield f"The first {MOST_SLICES:,} of {len(slices.slices):,} are shown."
