"""Several models on one page: how they differ on the same images, their curves together, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence

from mien.evaluation.cost import Cost
from mien.report.charts import safe
from mien.report.evaluation_charts import Curve, legend, risk_coverage
from mien.report.evaluation_values import Entry, cell, heads, span, table

_WORDS = (
    "Accuracy against the first, paired: both saw the same images. The interval is a paired bootstrap; p is McNemar's test of the images "
    "that one alone has right, mid-p and exact. Where images belong together, trust the interval."
)
TRAINED = "*: the model was trained on the training part of this data set; the others were not, or it is not known."


def differences(entries: Sequence[Entry]) -> str:
    """Each entry against the first one, in percentage points; nothing where none was compared."""
    compared = [(entry, entry.against) for entry in entries if entry.against is not None]
    if not compared:
        return ""
    widest = max(max(abs(one.interval.low), abs(one.interval.high), 0.005) for _, one in compared) * 1.1
    rows = "".join(
        f'<tr><th scope="row">{safe(entry.name)}</th><td><b>{_points(one.difference)}</b>'
        f"<small>{_points(one.interval.low)} to {_points(one.interval.high)}</small></td>"
        f"<td>{span(one.difference, one.interval, -widest, widest, 'zero')}</td>"
        f"<td>{one.only_a:,}</td><td>{one.only_b:,}</td><td>{one.both_right:,}</td><td>{one.both_wrong:,}</td>"
        f"<td>{_p(one.p_mid)}</td><td>{_p(one.p_exact)}</td></tr>"
        for entry, one in compared
    )
    first = safe(entries[0].name)
    scale = f"{_points(-widest)} to {_points(widest)}"
    names = heads("", "Points", scale, "It alone right", "First alone right", "Both", "Neither", "Mid-p", "Exact p")
    return f'<section><h3>Against {first}</h3><p class="note">{_WORDS}</p>{table("", names, rows)}</section>\n'


def together(entries: Sequence[Entry]) -> str:
    """The risk–coverage curves of several entries in one chart; nothing for one."""
    if len(entries) < 2:
        return ""
    held = [(entry.name, entry.result.overall.selective) for entry in entries]
    lines = risk_coverage([Curve(name, curve.coverage, curve.accuracy) for name, curve in held])
    names = legend([f"{name} (AURC {curve.aurc:.3f})" for name, curve in held])
    return f'<section><h3>Answering only when sure</h3><div class="card charts">{lines}{names}</div></section>\n'


def costs(entries: Sequence[Entry]) -> str:
    """Size and speed of each model, once; nothing where none was measured."""
    measured = {entry.name: entry.cost for entry in entries if entry.cost is not None}
    if not measured:
        return ""
    rows = "".join(_cost(name, cost) for name, cost in measured.items())
    unit = next(iter(measured.values())).unit
    names = heads("", "File", "Parameters", f"MACs a {unit}", f"One {unit}", f"{unit.title()}s a second", "Threads")
    machines = "; ".join(dict.fromkeys(cost.hardware for cost in measured.values() if cost.hardware))
    note = f'<p class="note">Measured on {safe(machines)}. Times are medians, with their quartiles.</p>' if machines else ""
    return f"<section><h2>Cost</h2>{table('', names, rows)}{note}</section>\n"


def across(entries: Sequence[Entry]) -> str:
    """Every model on every data set, accuracy with its interval; nothing for one data set."""
    found = {(entry.name, f"{entry.result.dataset} {entry.result.split}"): entry for entry in entries}
    models, places = (list(dict.fromkeys(key[side] for key in found)) for side in (0, 1))
    if len(places) < 2:
        return ""
    rows = ""
    for model in models:
        held = (found.get((model, place)) for place in places)
        cells = "".join("<td>–</td>" if one is None else _accuracy(one) for one in held)
        rows += f'<tr><th scope="row">{safe(model)}</th>{cells}</tr>'
    note = f'<p class="note">{TRAINED}</p>' if any(entry.trained for entry in entries) else ""
    return f"<section><h2>Accuracy on every data set</h2>{table('', heads('', *places), rows)}{note}</section>\n"


def _accuracy(entry: Entry) -> str:
    overall = entry.result.overall
    return cell(overall.accuracy, overall.accuracy_interval, mark=" *" if entry.trained else "")


def _cost(name: str, cost: Cost) -> str:
    spread = "" if cost.latency_spread is None else f"{cost.latency_spread[0]:.2f}–{cost.latency_spread[1]:.2f}"
    latency = "–" if cost.latency_ms is None else f"<b>{cost.latency_ms:.2f} ms</b><small>{spread}</small>"
    sizes = f"<td>{_size(cost.size_bytes)}</td><td>{_many(cost.parameters)}</td><td>{_many(cost.macs)}</td>"
    times = f"<td>{latency}</td>{cell(cost.faces_per_s, form=',.0f')}<td>{cost.threads or 'all'}</td>"
    return f'<tr><th scope="row">{safe(name)}</th>{sizes}{times}</tr>'


def _points(value: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    return f"{value * 100:+.1f}".replace("-", "−")


def _p(value: float) -> str:
    return "&lt;0.0001" if value < 1e-4 else f"{value:.4f}"


def _size(size_bytes: int | None) -> str:
    if size_bytes is None:
        return "–"
    return f"{size_bytes / 1e6:,.1f} MB" if size_bytes >= 1e5 else f"{size_bytes / 1e3:,.1f} kB"


def _many(number: int | None) -> str:
    """A large count in words."""
    if number is None:
        return "–"
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:,.2f} {unit}"
    return f"{number:,}"
