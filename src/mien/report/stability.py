"""The parts of a video's card that show what smoothing leaves: a band of segments, and a table of emotional stability."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mien.core.labels import LabelSet
from mien.dynamics.segments import Segment
from mien.dynamics.stability import of_group
from mien.dynamics.tracks import Dynamics, TrackDynamics
from mien.report.charts import WIDE

_ROWS = 40
_COLUMNS = (
    ("switches_per_minute", "Switches a minute", "{:.1f}"),
    ("dwell_s", "Mean dwell, s", "{:.1f}"),
    ("entropy_bits", "Variety, bits", "{:.2f}"),
    ("valence_mean", "Valence", "{:+.2f}"),
    ("valence_sd", "its deviation", "{:.2f}"),
    ("rmssd", "Instability", "{:.2f}"),
    ("inertia", "Inertia", "{:+.2f}"),
)
_COURSES, _LEAST_WINDOWS, _MOST = 12, 3, 1500
_COURSE_NOTE = (
    "Valence over time, positive above the line and negative below it: the mean in a window that moves along. A gap: not in the picture."
)
_NOTE = (
    "Of the smoothed scores, over all the time in which a face was seen. Switches: changes of the leading expression. Variety: entropy of "
    "the expressions' shares of time, 0 where one led throughout. Valence: positive less negative, −1 to 1. Instability: how much valence "
    "changes from half second to half second (root mean square). Inertia: how much it stays what it was (correlation with half a second "
    "before)."
)


def segment_band(parts: Sequence[Segment], labels: LabelSet, first_s: float, last_s: float) -> str:
    """The segments of a track between two times, as an SVG; of more than `_MOST` what led longest in each of so many parts of the time."""
    span = max(last_s - first_s, 1e-9)
    ends = np.clip([[(time_s - first_s) / span for time_s in (part.onset_s, part.offset_s)] for part in parts], 0, 1).reshape(-1, 2)
    shown = np.array([labels.index(part.label) for part in parts], np.int64)
    if len(parts) > _MOST:
        ends, shown = _coarser(ends, shown, len(labels))
    rects = "".join(
        f'<rect class="band k{label}" x="{left}" width="{max(right - left, 1)}" height="1"/>'
        for (left, right), label in zip(np.round(ends * WIDE).astype(np.int64).tolist(), shown.tolist(), strict=True)
    )
    return f'<svg class="ribbon" viewBox="0 0 {WIDE} 1" preserveAspectRatio="none" aria-hidden="true">{rects}</svg>'


def _coarser(ends: NDArray[np.float64], shown: NDArray[np.int64], labels: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """At most `_MOST` stretches, each of whole columns, in place of many segments; `ends` (N, 2) are shares of the time."""
    seen = np.zeros((_MOST, labels))
    for (left, right), label in zip((ends * _MOST).tolist(), shown.tolist(), strict=True):
        columns = np.arange(int(left), min(int(right), _MOST - 1) + 1)
        seen[columns, label] += np.minimum(columns + 1, right) - np.maximum(columns, left)
    leads = np.where(seen.sum(axis=1) > 0.5, seen.argmax(axis=1), -1)
    turns = np.concatenate([[0], np.flatnonzero(np.diff(leads)) + 1, [_MOST]])
    kept = [(a, b) for a, b in pairwise(turns.tolist()) if leads[a] >= 0]
    return np.array(kept, np.float64).reshape(-1, 2) / _MOST, leads[[a for a, _ in kept]]


def stability_panel(found: Dynamics, first_s: float, last_s: float) -> str:
    """How steady each face was: its course over the windows between two times, and the figures over all of it."""
    tracks = sorted(found.tracks, key=lambda one: -one.whole.seen_s)[:_COURSES]
    courses = "".join(_course(one, first_s, last_s) for one in sorted(tracks, key=lambda one: one.track))
    note = f'<p class="note">{_COURSE_NOTE}</p>' if courses else ""
    return f'<details class="shares" open><summary>Emotional stability</summary>{courses}{note}{stability_table(found)}</details>'


def stability_table(found: Dynamics) -> str:
    """The figures of each track, the longest seen first, and their mean over the group."""
    tracks = sorted(found.tracks, key=lambda one: -one.whole.seen_s)
    rows = [_row(f"Face #{one.track}", _figures(one), len(one.segments)) for one in tracks[:_ROWS]]
    if len(tracks) > 1:
        rows.append(_row("Mean of all faces", of_group([one.whole for one in tracks]), None, "total"))
    heads = "".join(f'<th scope="col">{words}</th>' for words in ("Face", "Segments", *(words for _, words, _ in _COLUMNS)))
    table = f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    return f'{table}<p class="note">{_NOTE}</p>'


def _course(one: TrackDynamics, first_s: float, last_s: float) -> str:
    """Valence over the windows in which the face was seen, each at its middle; nothing where they are too few for a line."""
    seen = [window for window in one.windows if window.seen_s > 0]
    if len(seen) < _LEAST_WINDOWS:
        return ""
    span = max(last_s - first_s, 1e-9)
    step_s = one.windows[1].start_s - one.windows[0].start_s
    xs = np.array([((window.start_s + window.end_s) / 2 - first_s) / span * WIDE for window in seen])
    valence = np.array([window.valence_mean for window in seen])
    starts = [0, *(np.flatnonzero(np.diff([window.start_s for window in seen]) > 1.5 * step_s) + 1).tolist(), len(seen)]
    lines = "".join(_line(xs[a:b], valence[a:b]) for a, b in pairwise(starts))
    words = f"valence {_said(one.whole.valence_mean, '{:+.2f}')}, instability {_said(one.whole.rmssd, '{:.2f}')}"
    drawn = (
        f'<svg class="course" viewBox="0 0 {WIDE} 200" preserveAspectRatio="none" aria-hidden="true"><path class="zero" d="M0 100H{WIDE}"/>'
    )
    return (
        f'<div class="lane"><div class="who"><p><b>Face #{one.track}</b><br><small>{words}</small></p></div>'
        f'<div class="plot still" role="img" aria-label="Face #{one.track}: {words}">{drawn}{lines}</svg></div></div>'
    )


def _line(xs: NDArray[np.float64], values: NDArray[np.float64]) -> str:
    kept = extremes(values)
    points = " ".join(f"{x:.0f},{100 - 100 * value:.0f}" for x, value in zip(xs[kept], values[kept], strict=True))
    return f'<polyline points="{points}"/>'


def extremes(values: NDArray[np.float64], most: int = 1600) -> NDArray[np.int64]:
    """The places of at most `most` values, in order: the lowest and the highest of each of as many parts as that allows."""
    if len(values) <= most:
        return np.arange(len(values))
    parts = np.array_split(np.arange(len(values)), most // 2)
    return np.unique([place for part in parts for place in (part[values[part].argmin()], part[values[part].argmax()])])


def _figures(one: TrackDynamics) -> dict[str, float]:
    return {name: getattr(one.whole, name) for name, _, _ in _COLUMNS}


def _row(head: str, figures: Mapping[str, float], segments: int | None, kind: str = "") -> str:
    cells = "".join(f"<td>{_said(figures[name], form)}</td>" for name, _, form in _COLUMNS)
    return f'<tr class="{kind}"><th scope="row">{head}</th><td>{"" if segments is None else segments}</td>{cells}</tr>'


def _said(value: float, form: str) -> str:
    return "–" if math.isnan(value) else form.format(value).replace("-", "−")
