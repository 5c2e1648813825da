"""The videos of a report: a strip of pictures, a timeline for each face, and a table of how long each expression was seen."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from mien.core.labels import LabelSet
from mien.core.types import SourceInfo
from mien.dynamics.tracks import Dynamics
from mien.report.cards import count
from mien.report.charts import Bands, bar, clock, portion, safe, score, source_name, stripe, ticks
from mien.report.stability import segment_band, stability_table
from mien.report.thumbs import data_uri
from mien.report.timeline import Shot, Sums, Timeline, Track

CHARTS, ROWS, SHOTS = 8, 40, 8
SEEN = 0.01
HINT = (
    '<span class="note">Upper band: the highest expression. Below it: all scores, stacked to 100%. Lower band: segments, after smoothing. '
    "A gap: no face.</span>"
)


def reel(info: SourceInfo, timeline: Timeline, error: str | None, number: int, found: Dynamics | None = None) -> str:
    """One video as a card. `number` tells its parts from those of other videos in the page; `found` is what its tracks showed over time."""
    tracks = sorted(timeline.tracks.values(), key=lambda track: -track.sums.faces)
    broke = f'<p class="error">It broke off: {safe(error)}</p>' if error else ""
    return (
        f'<article class="card"><header><h3>{source_name(info.source)}</h3><p>{_about(info, timeline)}</p></header>{broke}'
        f"{_strip(timeline.strip)}{_charts(timeline, tracks[:CHARTS], number, found)}{_table(timeline, tracks)}"
        f"{stability_table(found) if found else ''}</article>\n"
    )


def name(track: Track) -> str:
    """What a track is called."""
    return "Faces without a track" if track.number is None else f"Face #{track.number}"


def _about(info: SourceInfo, timeline: Timeline) -> str:
    people = sum(number is not None for number in timeline.tracks) + timeline.folded
    size = f"{info.width:,} × {info.height:,} px" if info.width and info.height else ""
    tracked = count(people, "tracked face") if people else ""
    parts = (size, clock(timeline.duration_s), count(timeline.frames, "frame") + " analysed", tracked)
    return " · ".join(part for part in parts if part)


def _strip(shots: Sequence[Shot]) -> str:
    items = "".join(
        f'<figure><img alt="" src="{data_uri(shot.data)}"><figcaption>{clock(shot.time_s)}</figcaption></figure>' for shot in shots
    )
    return f'<div class="strip">{items}</div>' if items else ""


def _charts(timeline: Timeline, tracks: Sequence[Track], number: int, found: Dynamics | None) -> str:
    if not tracks:
        return '<p class="note">No face was found.</p>'
    bands = [Bands(timeline, track) for track in tracks]
    edges = bands[0].edges
    ends = float(edges[0]), float(edges[-1])
    axis = _axis(*ends)
    parts: dict[int | None, str] = {}
    if found:
        parts = {one.track: segment_band(one.segments, timeline.labels, *ends) for one in found.tracks}
    charts = enumerate(zip(tracks, bands, strict=True))
    rows = "".join(_chart(timeline, track, band, row, axis, parts.get(track.number, "")) for row, (track, band) in charts)
    data = {
        "edges": np.round(edges, 3).tolist(),
        "tracks": [{"name": name(t), "runs": _packed(b)} for t, b in zip(tracks, bands, strict=True)],
    }
    more = len(timeline.tracks) + timeline.folded - len(tracks)
    note = f'<p class="note">{count(more, "more face")} seen for less time: see the table.</p>' if more else ""
    return (
        f'<div class="timeline" data-reel="{number}">{legend(timeline.labels)}{rows}</div>'
        f'{note}<script type="application/json" id="data{number}">{_json(data)}</script>'
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
    labels, shares = timeline.labels, track.sums.shares
    share, label = max(zip(shares, labels, strict=True))
    words = f"mostly {safe(label)} ({portion(share)} of its time), seen from {clock(track.first_s)} to {clock(track.last_s)}"
    seen = [(index, shot) for index, shot in track.shots.items() if shares[index] >= SEEN]
    shots = "".join(_shot(labels[index], index, shot) for index, shot in sorted(seen, key=lambda item: item[1].time_s)[:SHOTS])
    moments = f'<div class="shots" aria-label="The clearest moment of each expression">{shots}</div>' if shots else ""
    plot = f'<div class="plot" tabindex="0" role="img" data-row="{row}" aria-label="{name(track)}: {words}">'
    return (
        f'<section class="track"><h4>{name(track)} <small>{words}</small></h4>{moments}'
        f"{plot}{bands.ribbon()}{bands.area()}{smoothed}</div>{axis}</section>"
    )


def _shot(label: str, index: int, shot: Shot) -> str:
    return (
        f'<figure class="k{index}"><img alt="" src="{data_uri(shot.data)}">'
        f"<figcaption><b>{safe(label)}</b><br>{score(shot.confidence)} · {clock(shot.time_s)}</figcaption></figure>"
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
        '<details class="shares" open><summary>Share of the time that each expression was the highest</summary>'
        f'<div class="wide"><table><thead>{table}</table></div></details>'
    )


def _row(timeline: Timeline, head: str, sums: Sums, kind: str = "") -> str:
    cells = "".join(f"<td>{bar(i, share)}{portion(share) if share else '–'}</td>" for i, share in enumerate(sums.shares))
    seen = f"{clock(float(sums.seconds.sum()))}<br><small>{count(sums.faces, 'frame')}</small>"
    return f'<tr class="{kind}"><th scope="row">{head}{stripe(sums.shares, timeline.labels.names)}</th><td>{seen}</td>{cells}</tr>'


def _packed(bands: Bands) -> list[list[Any]]:
    """Mean scores in whole percents for the pointer's read-out: [first column, base64 of (columns, C)] for each stretch with a face."""
    return [[a, base64.b64encode(np.round(bands.means[a:b] * 100).astype(np.uint8).tobytes()).decode()] for a, b in bands.runs()]


def _json(value: Any) -> str:
    """JSON that can't end a script element."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
