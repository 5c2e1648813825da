"""The people of a video at a glance: a row each, in which colour is the leading expression and hatching a time out of the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mien.core.labels import LabelSet
from mien.dynamics.series import Series
from mien.dynamics.tracks import TrackDynamics
from mien.report.charts import Bands, clock, portion, safe, score, stripe, when
from mien.report.moments import Shot
from mien.report.thumbs import data_uri
from mien.report.timeline import Track

_ABSENCES, _MOMENTS = 4, 4
_MARKED, _LONG_S = 0.5, 0.4
_HEADS = ("", "In the picture", "Out of the picture", "Showed", "Most marked moments")
_ZOOM = (("in", "Zoom in", "+"), ("out", "Zoom out", "−"), ("back", "Earlier", "←"), ("on", "Later", "→"), ("whole", "The whole", "Whole"))


def name(track: Track) -> str:
    """What a track is called."""
    return "Faces without a track" if track.number is None else f"Face #{track.number}"


def ribbons(tracks: Sequence[Track], bands: Sequence[Bands], axis: str, labels: LabelSet) -> str:
    """A row for each track over the same time, with the means to look closer."""
    buttons = "".join(f'<button type="button" data-zoom="{what}" aria-label="{words}">{sign}</button>' for what, words, sign in _ZOOM)
    rows = "".join(_lane(track, band, row, labels) for row, (track, band) in enumerate(zip(tracks, bands, strict=True)))
    return (
        '<section class="together"><header><h4>Who showed what, when</h4><p class="at note" role="status"></p>'
        f'<div class="zoom" role="group" aria-label="Part of the time that is shown">{buttons}</div></header>'
        f'{rows}<div class="lane"><div></div>{axis}</div></section>'
    )


def people(tracks: Sequence[Track], found: Mapping[int | None, TrackDynamics], first_s: float, last_s: float, labels: LabelSet) -> str:
    """A table: when each was in the picture and out of it, what was seen for how long, and the most marked moments."""
    heads = "".join(
        f'<th scope="col">{words}</th>' for words in ("", "In the picture", "Out of the picture", "Showed", "Most marked moments")
    )
    rows = "".join(_row(track, row, found.get(track.number), (first_s, last_s), labels) for row, track in enumerate(tracks))
    return f'<div class="wide people"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'


def absences(series: Series, first_s: float, last_s: float) -> list[tuple[float, float]]:
    """From when to when a face was not seen between `first_s` and `last_s`, but for times no longer than `series.gap_s`."""
    ends = np.concatenate([[first_s], series.times_s, [last_s]])
    return [(float(ends[k]), float(ends[k + 1])) for k in np.flatnonzero(np.diff(ends) > series.gap_s)]


def moments(one: TrackDynamics) -> list[tuple[float, str, float]]:
    """When, what and how sure: the surest segment of each of the expressions but neutral that were seen most, in time."""
    marked = [part for part in one.segments if part.label != "neutral" and part.intensity >= _MARKED and part.duration_s >= _LONG_S]
    best = {part.label: part for part in sorted(marked, key=lambda part: part.intensity)}
    share = one.whole.shares
    chosen = sorted(best.values(), key=lambda part: -share[part.label])[:_MOMENTS]
    return [(part.apex_s, part.label, part.intensity) for part in sorted(chosen, key=lambda part: part.apex_s)]


def face(track: Track) -> Shot | None:
    """The picture that stands for a track: the surest of the expression that was seen most of those that have one."""
    shares = track.sums.shares
    label = max(track.shots, key=lambda index: shares[index], default=None)
    return None if label is None else track.shots[label]


def mostly(track: Track, labels: LabelSet) -> str:
    """The expression that led longest, in words, escaped."""
    share, label = max(zip(track.sums.shares, labels, strict=True))
    return f"mostly {safe(label)}, {portion(share)}"


def _lane(track: Track, bands: Bands, row: int, labels: LabelSet) -> str:
    shot = face(track)
    picture = "" if shot is None else f'<img class="now" alt="" data-row="{row}" src="{data_uri(shot.data)}">'
    words = mostly(track, labels)
    plot = f'<div class="plot" tabindex="0" role="img" data-row="{row}" aria-label="{name(track)}: {words}">'
    return (
        f'<div class="lane"><div class="who">{picture}<p><b>{name(track)}</b><br><small>{words}</small></p></div>'
        f"{plot}{bands.brief()}{bands.ribbon()}</div></div>"
    )


def _row(track: Track, row: int, one: TrackDynamics | None, ends: tuple[float, float], labels: LabelSet) -> str:
    seen_s, span_s = float(track.sums.seconds.sum()), max(ends[1] - ends[0], 1e-9)
    from_to = f"{when(track.first_s, ends[1])} to {when(track.last_s, ends[1])}"
    inside = f"{clock(seen_s)} ({portion(min(seen_s / span_s, 1.0))})<br><small>{from_to}</small>"
    top = sorted(zip(track.sums.shares, labels, strict=True), reverse=True)[:3]
    showed = ", ".join(f"{safe(label)} {portion(share)}" for share, label in top if share >= 0.005)
    out = "–" if one is None else _absent(one.raw, *ends)
    marked = "" if one is None else "".join(_moment(row, moment, ends[1], labels) for moment in moments(one))
    cells = f"<td>{inside}</td><td>{out}</td><td>{stripe(track.sums.shares, labels.names)}{showed}</td><td>{marked or '–'}</td>"
    return f'<tr><th scope="row">{name(track)}</th>{cells}</tr>'


def _absent(series: Series, first_s: float, last_s: float) -> str:
    gaps = absences(series, first_s, last_s)
    if not gaps:
        return f"never over {series.gap_s:.3g} s"
    longest = sorted(sorted(gaps, key=lambda gap: gap[0] - gap[1])[:_ABSENCES])
    words = "<br>".join(f"{when(start_s, last_s)} to {when(end_s, last_s)}" for start_s, end_s in longest)
    total = clock(sum(end_s - start_s for start_s, end_s in gaps))
    more = f"; {len(gaps) - len(longest)} shorter" if len(gaps) > len(longest) else ""
    return words + (f"<br><small>{total} in all{more}</small>" if len(gaps) > 1 else "")


def _moment(row: int, moment: tuple[float, str, float], last_s: float, labels: LabelSet) -> str:
    time_s, label, intensity = moment
    place = labels.index(label)
    return (
        f'<button type="button" class="moment k{place}" data-row="{row}" data-time="{time_s:.2f}"><i class="dot"></i>'
        f"{when(time_s, last_s)} {safe(label)} {score(intensity)}</button>"
    )
