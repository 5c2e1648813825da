"""The parts of a video's card that show what smoothing leaves: a band of segments, and a table of emotional stability."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

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
_NOTE = (
    "Of the smoothed scores, over all the time in which a face was seen. Switches: changes of the leading expression. Variety: entropy of "
    "the expressions' shares of time, 0 where one led throughout. Valence: positive less negative, −1 to 1. Instability: how much valence "
    "changes from half second to half second (root mean square). Inertia: how much it stays what it was (correlation with half a second "
    "before)."
)


def segment_band(parts: Sequence[Segment], labels: LabelSet, first_s: float, last_s: float) -> str:
    """The segments of a track between two times, as an SVG."""
    span = max(last_s - first_s, 1e-9)
    rects = []
    for part in parts:
        left, right = (min(max((time_s - first_s) / span, 0.0), 1.0) * WIDE for time_s in (part.onset_s, part.offset_s))
        rects.append(
            f'<rect class="band k{labels.index(part.label)}" x="{left:.0f}" width="{max(round(right) - round(left), 2)}" height="1"/>'
        )
    return f'<svg class="ribbon" viewBox="0 0 {WIDE} 1" preserveAspectRatio="none" aria-hidden="true">{"".join(rects)}</svg>'


def stability_table(found: Dynamics) -> str:
    """The figures of each track, the longest seen first, and their mean over the group."""
    tracks = sorted(found.tracks, key=lambda one: -one.whole.seen_s)
    rows = [_row(f"Face #{one.track}", _figures(one), len(one.segments)) for one in tracks[:_ROWS]]
    if len(tracks) > 1:
        rows.append(_row("Mean of all faces", of_group([one.whole for one in tracks]), None, "total"))
    heads = "".join(f'<th scope="col">{words}</th>' for words in ("Face", "Segments", *(words for _, words, _ in _COLUMNS)))
    table = f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    return f'<details class="shares"><summary>Emotional stability</summary>{table}<p class="note">{_NOTE}</p></details>'


def _figures(one: TrackDynamics) -> dict[str, float]:
    return {name: getattr(one.whole, name) for name, _, _ in _COLUMNS}


def _row(head: str, figures: Mapping[str, float], segments: int | None, kind: str = "") -> str:
    cells = "".join(f"<td>{_said(figures[name], form)}</td>" for name, _, form in _COLUMNS)
    return f'<tr class="{kind}"><th scope="row">{head}</th><td>{"" if segments is None else segments}</td>{cells}</tr>'


def _said(value: float, form: str) -> str:
    return "–" if math.isnan(value) else form.format(value).replace("-", "−")
