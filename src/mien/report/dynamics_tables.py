"""Tables of what faces showed over time: scores, segments, tracks and stability.

scores.csv      a row for each tracked face of each frame: source, track, frame, time_s, label and confidence, smoothed_label, quality,
                the raw scores (score_<label>) and the smoothed ones (smoothed_<label>)
segments.csv    a row for each segment: source, track, label, onset_s, apex_s, offset_s, duration_s, intensity, mean_score, frames
tracks.csv      a row for each track: source, track, frames, first_s, last_s, quality (the mean), the figures of stability over all of it,
                share_<label>
stability.csv   the same figures for each window of each track that was seen in it; and, with an empty track, their mean over the group
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mien.core.files import replacing
from mien.core.labels import LabelSet
from mien.dynamics.series import Series
from mien.dynamics.stability import Stability, stability
from mien.dynamics.tracks import Dynamics, TrackDynamics
from mien.report.values import number, seconds, text

if TYPE_CHECKING:
    import pandas

FIGURES = tuple(field.name for field in fields(Stability) if field.name not in ("start_s", "end_s", "shares"))


def tables(found: Sequence[Dynamics], labels: LabelSet) -> dict[str, pandas.DataFrame]:
    """scores, segments, tracks and stability as DataFrames whose columns and types never depend on what was found."""
    import pandas

    scores = [_no_scores(labels), *(_scores(one.source, track) for one in found for track in one.tracks)]
    made = {"scores": pandas.concat(scores, ignore_index=True)}
    for name, (columns, rows) in _TABLES.items():
        made[name] = pandas.DataFrame([row for one in found for row in rows(one)], columns=columns(labels))
    return {name: table.astype({column: _dtype(column) for column in table.columns}) for name, table in made.items()}


def write_tables(folder: str | Path, found: Sequence[Dynamics], labels: LabelSet) -> list[Path]:
    """Write them as CSV into a folder; gives their paths. Raises OutputError."""
    return write_frames(folder, tables(found, labels))


def write_frames(folder: str | Path, frames: Mapping[str, pandas.DataFrame]) -> list[Path]:
    """Write DataFrames as CSV under their names into a folder, each whole or not at all; gives their paths. Raises OutputError."""
    paths = []
    for name, frame in frames.items():
        paths.append(Path(folder, f"{name}.csv"))
        with replacing(paths[-1]) as temporary:
            frame.to_csv(temporary, index=False, lineterminator="\n")
    return paths


def _scores(source: str, one: TrackDynamics) -> pandas.DataFrame:
    import pandas

    names = np.array(one.raw.labels.names)
    columns: dict[str, Any] = {
        "source": text(source),
        "track": one.track,
        "frame": one.frames,
        "time_s": one.raw.times_s.round(6),
        "label": names[one.raw.shown],
        "confidence": one.raw.scores.max(axis=1).astype(np.float64).round(6),
        "smoothed_label": names[one.smoothed.shown],
        "quality": np.full(len(one.raw), np.nan) if one.raw.weights is None else one.raw.weights.round(6),
    }
    for kind, series in (("score", one.raw), ("smoothed", one.smoothed)):
        columns |= {f"{kind}_{name}": series.scores[:, i].astype(np.float64).round(6) for i, name in enumerate(names)}
    return pandas.DataFrame(columns)


def _no_scores(labels: LabelSet) -> pandas.DataFrame:
    nobody = Series(np.zeros(0), np.zeros((0, len(labels))), labels)
    return _scores("", TrackDynamics(0, np.zeros(0, np.int64), nobody, nobody, [], stability(nobody), []))


def _segment_columns(_: LabelSet) -> list[str]:
    times = ["onset_s", "apex_s", "offset_s", "duration_s"]
    return ["source", "track", "label", *times, "intensity", "mean_score", "frames"]


def _segment_rows(found: Dynamics) -> Iterable[dict[str, Any]]:
    for one in found.tracks:
        for part in one.segments:
            values = {**asdict(part), "duration_s": part.duration_s, "frames": part.rows}
            kept = {name: seconds(value) if name.endswith("_s") else value for name, value in values.items() if name != "rows"}
            yield {**_head(found, one), **kept, "intensity": number(part.intensity), "mean_score": number(part.mean_score)}


def _track_columns(labels: LabelSet) -> list[str]:
    return ["source", "track", "frames", "first_s", "last_s", "quality", *FIGURES, *(f"share_{name}" for name in labels)]


def _track_rows(found: Dynamics) -> Iterable[dict[str, Any]]:
    for one in found.tracks:
        ends = {"first_s": seconds(one.raw.times_s[0]), "last_s": seconds(one.raw.times_s[-1])}
        quality = None if one.raw.weights is None else number(float(one.raw.weights.mean()))
        yield {**_head(found, one), "frames": len(one.frames), **ends, "quality": quality, **_figures(one.whole)}


def _stability_columns(labels: LabelSet) -> list[str]:
    return ["source", "track", "start_s", "end_s", "people", *FIGURES, *(f"share_{name}" for name in labels)]


def _stability_rows(found: Dynamics) -> Iterable[dict[str, Any]]:
    for place, group in enumerate(found.group):
        members = [(one, one.windows[place]) for one in found.tracks]
        times = {name: seconds(getattr(members[0][1], name)) for name in ("start_s", "end_s")}
        for one, window in members:
            if window.seen_s > 0:
                yield {**_head(found, one), **times, **_figures(window)}
        yield {"source": text(found.source), **times, **{name: number(value) for name, value in group.items()}}


def _head(found: Dynamics, one: TrackDynamics) -> dict[str, Any]:
    return {"source": text(found.source), "track": one.track}


def _figures(said: Stability) -> dict[str, Any]:
    figures = {name: number(getattr(said, name)) for name in FIGURES}
    return figures | {f"share_{name}": number(share) for name, share in said.shares.items()}


def _dtype(column: str) -> str:
    if column in ("track", "frame", "frames", "people"):
        return "Int64"
    return "string" if column in ("source", "label", "smoothed_label") else "float64"


_TABLES = {
    "segments": (_segment_columns, _segment_rows),
    "tracks": (_track_columns, _track_rows),
    "stability": (_stability_columns, _stability_rows),
}
