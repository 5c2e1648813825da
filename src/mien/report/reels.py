"""The videos of a report: a strip of pictures, a timeline for each face, and a table of how long each expression was seen."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.types import SourceInfo
from mien.report.cards import count
from mien.report.charts import Bands, bar, clock, percent_html, safe, stripe, ticks
from mien.report.thumbs import data_uri
from mien.report.timeline import Shot, Timeline, Track

CHARTS, ROWS, SHOTS = 8, 40, 8
SEEN = 0.01


def reel(info: SourceInfo, timeline: Timeline, error: str | None, number: int) -> str:
    """One video as a card. `number` tells its parts from those of other videos in the page."""
    tracks = sorted(timeline.tracks.values(), key=lambda track: -track.total)
    broke = f'<p class="error">It broke off here: {safe(error)}</p>' if error else ""
    return (
        f'<article class="card reel" id="reel{number}"><header><h3><bdi>{safe(info.source)}</bdi></h3><p>{_about(info, timeline)}</p></header>{broke}'
        f"{_strip(timeline.strip)}{_charts(timeline, tracks[:CHARTS], number)}{_table(timeline, tracks)}</article>\n"
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
        f'<figure><img alt="The video at {clock(shot.time_s)}" src="{data_uri(shot.data)}"><figcaption>{clock(shot.time_s)}</figcaption></figure>'
        for shot in shots
    )
    return f'<div class="strip">{items}</div>' if items else ""


def _charts(timeline: Timeline, tracks: Sequence[Track], number: int) -> str:
    if not tracks:
        return '<p class="note">No face was found.</p>'
    bands = [Bands(timeline, track) for track in tracks]
    rows = "".join(_chart(timeline, track, band, row) for row, (track, band) in enumerate(zip(tracks, bands, strict=True)))
    edges = bands[0].edges
    marks = "".join(f'<span style="left:{place:.2f}%">{words}</span>' for place, words in ticks(float(edges[0]), float(edges[-1])))
    data = {"edges": np.round(edges, 3).tolist(), "tracks": [{"name": name(t), "runs": _packed(b)} for t, b in zip(tracks, bands, strict=True)]}
    more = len(timeline.tracks) + timeline.folded - len(tracks)
    note = f'<p class="note">{count(more, "more face")} seen for less time: see the table.</p>' if more else ""
    return (
        f'<div class="timeline" data-reel="{number}">{rows}<div class="axis" aria-hidden="true">{marks}</div></div>'
        f'{note}<script type="application/json" id="data{number}">{_json(data)}</script>'
    )


def _chart(timeline: Timeline, track: Track, bands: Bands, row: int) -> str:
    labels, shares = timeline.labels, _shares(track.seconds, track.frames)
    top = int(shares.argmax())
    words = f"mostly {safe(labels[top])} ({percent_html(float(shares[top]))} of its time), seen from {clock(track.first_s)} to {clock(track.last_s)}"
    seen = [(label, shot) for label, shot in track.shots.items() if shares[label] >= SEEN]
    shots = "".join(_shot(labels[label], label, shot) for label, shot in sorted(seen, key=lambda item: item[1].time_s)[:SHOTS])
    moments = f'<div class="shots" aria-label="The clearest moment of each expression">{shots}</div>' if shots else ""
    return (
        f'<section class="track"><h4>{name(track)} <small>{words}</small></h4>{moments}'
        f'<div class="plot" tabindex="0" role="img" data-row="{row}" aria-label="{name(track)}: {words}">{bands.ribbon()}{bands.area()}</div></section>'
    )


def _shot(label: str, index: int, shot: Shot) -> str:
    return (
        f'<figure class="k{index}"><img alt="" src="{data_uri(shot.data)}"><figcaption>{safe(label)} {percent_html(shot.confidence)}'
        f"<br>{clock(shot.time_s)}</figcaption></figure>"
    )


def _table(timeline: Timeline, tracks: Sequence[Track]) -> str:
    """How long each label was the highest, for every track and for all together."""
    if not tracks:
        return ""
    rows = [_row(timeline, name(track), track.seconds, track.frames) for track in tracks[:ROWS]]
    rest = tracks[ROWS:]
    if rest or timeline.folded:
        seconds = sum((t.seconds for t in rest), timeline.folded_seconds)
        rows.append(_row(timeline, count(len(rest) + timeline.folded, "more face"), seconds, sum((t.frames for t in rest), timeline.folded_frames)))
    seconds, frames = totals(timeline)
    if len(rows) > 1:
        rows.append(_row(timeline, "All faces", seconds, frames, "total"))
    heads = "".join(f'<th scope="col" class="k{i}"><i class="dot"></i>{safe(label)}</th>' for i, label in enumerate(timeline.labels))
    return (
        '<details class="shares" open><summary>Share of the time that each expression was the highest</summary><div class="wide"><table>'
        f'<thead><tr><th scope="col">Face</th><th scope="col">Seen</th>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table></div></details>'
    )


def totals(timeline: Timeline) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Seconds and faces of each label over all tracks, (C,)."""
    tracks = timeline.tracks.values()
    return sum((t.seconds for t in tracks), timeline.folded_seconds), sum((t.frames for t in tracks), timeline.folded_frames)


def _row(timeline: Timeline, head: str, seconds: NDArray[np.float64], frames: NDArray[np.int64], kind: str = "") -> str:
    shares = _shares(seconds, frames)
    cells = "".join(f"<td>{bar(i, share)}{percent_html(share) if share else '–'}</td>" for i, share in enumerate(shares.tolist()))
    seen = f"{clock(float(seconds.sum()))}<br><small>{count(int(frames.sum()), 'frame')}</small>"
    return f'<tr class="{kind}"><th scope="row">{head}{stripe(shares.tolist(), timeline.labels.names)}</th><td>{seen}</td>{cells}</tr>'


def _shares(seconds: NDArray[np.float64], frames: NDArray[np.int64]) -> NDArray[np.float64]:
    """Shares that sum to 1: of the time, or of the frames where no time passed."""
    weights = seconds if seconds.sum() > 0 else frames.astype(np.float64)
    return weights / max(float(weights.sum()), 1e-12)


def _packed(bands: Bands) -> list[list[Any]]:
    """Mean scores in whole percents for the pointer's read-out: [first column, bytes of (columns, C) as base64] for each stretch with a face."""
    return [[a, base64.b64encode(np.round(bands.means[a:b] * 100).astype(np.uint8).tobytes()).decode()] for a, b in bands.runs()]


def _json(value: Any) -> str:
    """JSON that can't end a script element."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
