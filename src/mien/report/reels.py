"""The videos of a report: a strip of pictures, a timeline for each face, and a table of how long each expression was seen."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.labels import LabelSet
from mien.core.types import SourceInfo
from mien.dynamics.tracks import Dynamics, TrackDynamics
from mien.report.cards import count
from mien.report.charts import Bands, bar, clock, portion, safe, score, source_name, stripe, ticks, when
from mien.report.group import mostly, name, people, ribbons
from mien.report.moments import Shot
from mien.report.stability import segment_band, stability_panel
from mien.report.thumbs import data_uri
from mien.report.timeline import Sums, Timeline, Track

CHARTS, ROWS, SHOTS = 12, 40, 8
SEEN = 0.01
HINT = (
    '<span class="note">Colour: the expression with the highest score. Bars above a band: what was seen only briefly there, as high as its '
    'score. Hatched: the face was not in the picture. <span class="if-live">Point at a time for faces and scores; click to hold it; drag '
    "to look closer, double-click for the whole; a name shows one expression alone.</span></span>"
)
CHART_HINT = (
    '<p class="note">Upper band: the highest expression. Below it: all scores, stacked to 100%. Lower band: segments, after smoothing.</p>'
)


def reel(info: SourceInfo, timeline: Timeline, error: str | None, number: int, found: Dynamics | None = None) -> str:
    """One video as a card. `number` tells its parts from those of other videos in the page; `found` is what its tracks showed over time."""
    tracks = sorted(timeline.tracks.values(), key=lambda track: -track.sums.faces)
    broke = f'<p class="error">It broke off: {safe(error)}</p>' if error else ""
    return (
        f'<article class="card"><header><h3>{source_name(info.source)}</h3><p>{_about(info, timeline)}</p></header>{broke}'
        f"{_strip(timeline)}{_charts(timeline, tracks[:CHARTS], number, found)}{_table(timeline, tracks)}"
        "</article>\n"
    )


def _about(info: SourceInfo, timeline: Timeline) -> str:
    people = sum(number is not None for number in timeline.tracks) + timeline.folded
    size = f"{info.width:,} × {info.height:,} px" if info.width and info.height else ""
    tracked = count(people, "tracked face") if people else ""
    parts = (size, clock(timeline.duration_s), count(timeline.frames, "frame") + " analysed", tracked)
    return " · ".join(part for part in parts if part)


def _strip(timeline: Timeline) -> str:
    items = "".join(
        f'<figure><img alt="" src="{data_uri(shot.data)}"><figcaption>{when(shot.time_s, timeline.duration_s)}</figcaption></figure>'
        for shot in timeline.strip
    )
    return f'<div class="strip">{items}</div>' if items else ""


def _charts(timeline: Timeline, tracks: Sequence[Track], number: int, found: Dynamics | None) -> str:
    if not tracks:
        return '<p class="note">No face was found.</p>'
    tracks = sorted(tracks, key=lambda track: (track.number is None, track.number))
    bands = [Bands(timeline, track) for track in tracks]
    edges = bands[0].edges
    ends = float(edges[0]), float(edges[-1])
    axis = _axis(*ends)
    known: dict[int | None, TrackDynamics] = {one.track: one for one in found.tracks} if found else {}
    parts = {number: segment_band(one.segments, timeline.labels, *ends) for number, one in known.items()}
    charts = enumerate(zip(tracks, bands, strict=True))
    rows = "".join(_chart(timeline, track, band, row, axis, parts.get(track.number, "")) for row, (track, band) in charts)
    data = {"edges": np.round(edges, 3).tolist(), "tracks": [_read_out(t, b, timeline.labels) for t, b in zip(tracks, bands, strict=True)]}
    more = len(timeline.tracks) + timeline.folded - len(tracks)
    note = f'<p class="note">{count(more, "more face")} seen for less time: see the table.</p>' if more else ""
    return (
        f'<div class="timeline" data-reel="{number}">{legend(timeline.labels)}{ribbons(tracks, bands, axis, timeline.labels)}{note}'
        f"{people(tracks, known, *ends, timeline.labels)}{stability_panel(found, *ends) if found else ''}"
        f'<details class="each" open><summary>Every score of each face</summary>{CHART_HINT}{rows}</details></div>'
        f'<script type="application/json" id="data{number}">{_json(data)}</script>'
    )


def legend(labels: LabelSet) -> str:
    """The names in their colours; each shows one expression alone in all charts of the page."""
    buttons = "".join(
        f'<button type="button" class="k{i}" data-label="{i}" aria-pressed="false"><i class="dot"></i>{safe(label)}</button>'
        for i, label in enumerate(labels)
    )
    return f'<div class="legend" role="group" aria-label="Show one expression alone">{buttons}{HINT}</div>'


def _axis(first_s: float, last_s: float) -> str:
    marks = [
        f'<span class="{"last" if place > 97 else ""}" style="left:{place:.2f}%">{words}</span>' for place, words in ticks(first_s, last_s)
    ]
    return f'<div class="axis" aria-hidden="true">{"".join(marks)}</div>'


def _chart(timeline: Timeline, track: Track, bands: Bands, row: int, axis: str, smoothed: str) -> str:
    labels, shares, span_s = timeline.labels, track.sums.shares, timeline.duration_s
    words = f"{mostly(track, labels)} of its time, seen from {when(track.first_s, span_s)} to {when(track.last_s, span_s)}"
    seen = [(index, shot) for index, shot in track.shots.items() if shares[index] >= SEEN]
    shots = "".join(_shot(labels[index], index, shot, span_s) for index, shot in sorted(seen, key=lambda item: item[1].time_s)[:SHOTS])
    moments = f'<div class="shots" aria-label="The clearest moment of each expression">{shots}</div>' if shots else ""
    plot = f'<div class="plot" tabindex="0" role="img" data-row="{row}" aria-label="{name(track)}: {words}">'
    return (
        f'<section class="track"><h4>{name(track)} <small>{words}</small></h4>{moments}'
        f"{plot}{bands.brief()}{bands.ribbon()}{bands.area()}{smoothed}</div>{axis}</section>"
    )


def _shot(label: str, index: int, shot: Shot, span_s: float) -> str:
    return (
        f'<figure class="k{index}"><img alt="" src="{data_uri(shot.data)}">'
        f"<figcaption><b>{safe(label)}</b><br>{score(shot.confidence)} · {when(shot.time_s, span_s)}</figcaption></figure>"
    )


def _table(timeline: Timeline, tracks: Sequence[Track]) -> str:
    """How long each label was the highest, for every track and for all together."""
    if not tracks:
        return ""
    rows = [_row(timeline, name(track), track.sums) for track in tracks[:ROWS]]
    rest = tracks[ROWS:]
    if rest or timeline.folded:
        words = count(len(rest) + timeline.folded, "more face")
        rows.append(_row(timeline, words, sum((track.sums for track in rest), timeline.folded_sums)))
    if len(rows) > 1:
        rows.append(_row(timeline, "All faces", timeline.sums, "total"))
    heads = "".join(f'<th scope="col" class="k{i}"><i class="dot"></i>{safe(label)}</th>' for i, label in enumerate(timeline.labels))
    table = f'<tr><th scope="col">Face</th><th scope="col">Seen</th>{heads}</tr></thead><tbody>{"".join(rows)}</tbody>'
    return (
        '<details class="shares"><summary>Share of the time that each expression was the highest</summary>'
        f'<div class="wide"><table><thead>{table}</table></div></details>'
    )


def _row(timeline: Timeline, head: str, sums: Sums, kind: str = "") -> str:
    cells = "".join(f"<td>{bar(i, share)}{portion(share) if share else '–'}</td>" for i, share in enumerate(sums.shares))
    seen = f"{clock(float(sums.seconds.sum()))}<br><small>{count(sums.faces, 'frame')}</small>"
    return f'<tr class="{kind}"><th scope="row">{head}{stripe(sums.shares, timeline.labels.names)}</th><td>{seen}</td>{cells}</tr>'


def _read_out(track: Track, bands: Bands, labels: LabelSet) -> dict[str, Any]:
    """What the pointer reads: scores in whole percents and pictures, [time, label, percent, base64 of a JPEG]."""
    kept = sorted({shot.time_s: shot for shot in (*track.shots.values(), *track.album.shots)}.items())
    shots = [
        [round(time_s, 2), labels.index(shot.label), round(100 * shot.confidence), base64.b64encode(shot.data).decode()]
        for time_s, shot in kept
    ]
    runs = list(bands.runs())
    return {"name": name(track), "runs": _packed(bands.means, runs), "peaks": _packed(bands.peaks, runs), "pictures": shots}


def _packed(values: NDArray[np.float32], runs: Sequence[tuple[int, int]]) -> list[list[Any]]:
    """[first bin, base64 of (bins, C)] for each stretch with a face."""
    return [[a, base64.b64encode(np.round(values[a:b] * 100).astype(np.uint8).tobytes()).decode()] for a, b in runs]


def _json(value: Any) -> str:
    """JSON that can't end a script element."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
