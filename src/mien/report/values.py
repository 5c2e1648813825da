"""Results as plain values: the dicts of the schema "mien/1" and the flat rows of the tables. Every writer and `Results` use these.

Floats are float32 at heart and are given with six significant digits (a score to a millionth, a pixel to a thousandth in a picture of
1,000), so that every format holds the same number; times have microseconds. A number that is not finite becomes null.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mien.core.labels import LabelSet
from mien.core.types import FaceResult, FrameResult, ModelIdentity, SourceInfo, SourceResult

if TYPE_CHECKING:
    import pandas

SCHEMA = "mien/1"
POINTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
_BOX = ("x1", "y1", "x2", "y2")
_HEAD = ("source", "error", "frame", "time_s", "face", "track", *_BOX, "detection_score", "label", "confidence", "abstained")
_MARKS = tuple(f"{point}_{axis}" for point in POINTS for axis in "xy")
TEXTS = ("source", "error", "label")
WHOLES = ("frame", "face", "track")
FLAGS = ("abstained",)


def columns(labels: LabelSet) -> list[str]:
    """The columns of every table, in order.

    `source`, `error`, `frame` (its index in the source), `time_s`, `face` (0 is the first of the frame), `track`, the box `x1 y1 x2 y2` in
    pixels, `detection_score`, `label`, `confidence`, `abstained`, `score_<label>` for each label, and the landmarks in pixels
    (`left_eye_x` …), where left and right are those of the picture.
    """
    return [*_HEAD, *(f"score_{name}" for name in labels), *_MARKS]


def results_dict(sources: Iterable[SourceResult], model: ModelIdentity, detector: str) -> dict[str, Any]:
    """All results as plain JSON values, schema "mien/1"."""
    return {**document_head(model, detector), "sources": [source_dict(source) for source in sources]}


def document_head(model: ModelIdentity, detector: str) -> dict[str, Any]:
    """What stands before the sources: schema, model and detector."""
    return {
        "schema": SCHEMA,
        "model": {"name": text(model.name), "sha256": model.sha256, "labels": list(model.labels)},
        "detector": {"name": text(detector)},
    }


def source_dict(source: SourceResult) -> dict[str, Any]:
    """One source: its head, its frames, then its error, which a stream knows last."""
    return {**source_head(source.info), "frames": [frame_dict(frame) for frame in source.frames], "error": clean(source.error)}


def source_head(info: SourceInfo) -> dict[str, Any]:
    """Name and size in pixels of a source."""
    return {"source": text(info.source), "width": info.width, "height": info.height}


def frame_dict(frame: FrameResult) -> dict[str, Any]:
    """One frame: index, time and faces."""
    return {"index": frame.index, "time_s": seconds(frame.time_s), "faces": [_face_dict(face) for face in frame.faces]}


def rows(source: SourceResult) -> Iterator[dict[str, Any]]:
    """The rows of one source; absent keys are empty cells.

    One for each face of each frame, one for each frame without faces, and a last one for an error, or for a source that had neither.
    """
    for frame in source.frames:
        yield from frame_rows(source.info.source, frame)
    yield from last_rows(source.info.source, source.error, bool(source.frames))


def frame_rows(source: str, frame: FrameResult) -> Iterator[dict[str, Any]]:
    """The rows of one frame: at least one."""
    head = {"source": text(source), "frame": frame.index, "time_s": seconds(frame.time_s)}
    if not frame.faces:
        yield head
    for number, face in enumerate(frame.faces):
        yield {**head, "face": number, **_face_row(face)}


def last_rows(source: str, error: str | None, had_frames: bool) -> Iterator[dict[str, Any]]:
    """The row that ends a source: its error, or its name alone when nothing came of it, so that no source is ever lost."""
    if error is not None or not had_frames:
        yield {"source": text(source), "error": clean(error)}


def to_frame(sources: Iterable[SourceResult], model: ModelIdentity) -> pandas.DataFrame:
    """All rows as a DataFrame, typed as `flat_frame` types it."""
    return flat_frame([row for source in sources for row in rows(source)], model.labels)


def flat_frame(lines: Sequence[dict[str, Any]], labels: LabelSet) -> pandas.DataFrame:
    """Flat rows as a DataFrame whose column types never depend on what was found: nullable integers, text and booleans, float64."""
    import pandas

    table = pandas.DataFrame(lines, columns=columns(labels))
    return table.astype({name: _dtype(name) for name in table.columns})


def text(name: str) -> str:
    """`name` as it can be written in UTF-8: a byte of a file name that is no character is spelt out."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def clean(name: str | None) -> str | None:
    """`text`, or None."""
    return None if name is None else text(name)


def seconds(time_s: float | None) -> float | None:
    """A time rounded to microseconds."""
    return None if time_s is None else round(float(time_s), 6)


def number(value: float) -> float | None:
    """A float with six significant digits; None when it is not finite."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _numbers(values: Iterable[float]) -> list[float | None]:
    return [number(value) for value in values]


def _scores(face: FaceResult) -> dict[str, float | None]:
    return dict(zip(face.prediction.labels, _numbers(face.prediction.scores.tolist()), strict=True))


def _face_dict(face: FaceResult) -> dict[str, Any]:
    found, said = face.face, face.prediction
    marks = None if found.landmarks is None else [_numbers(point) for point in found.landmarks.tolist()]
    return {
        "track": face.track_id,
        "box": _numbers(found.box_xyxy),
        "detection_score": number(found.score),
        "landmarks": marks,
        "label": said.label,
        "confidence": number(said.confidence),
        "abstained": said.abstained,
        "scores": _scores(face),
    }


def _face_row(face: FaceResult) -> dict[str, Any]:
    cells = _face_dict(face)
    box, marks, scores = cells.pop("box"), cells.pop("landmarks"), cells.pop("scores")
    flat = [value for point in marks or () for value in point]
    cells.update(zip(_BOX, box, strict=True))
    cells.update((f"score_{name}", score) for name, score in scores.items())
    cells.update(zip(_MARKS, flat, strict=False))
    return cells


def _dtype(column: str) -> str:
    return "string" if column in TEXTS else "Int64" if column in WHOLES else "boolean" if column in FLAGS else "float64"
