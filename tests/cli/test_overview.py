from __future__ import annotations

import numpy as np
import pytest

from mien.cli.overview import COLUMNS, LONGEST_NAME, Overview
from mien.core.labels import VALENCE3, LabelSet
from mien.core.types import Face, FaceResult, FrameResult, Prediction, SourceInfo

PICTURE = np.zeros((8, 8, 3), np.uint8)


def face(*scores: float, track: int | None = None, labels: LabelSet = VALENCE3, abstained: bool = False) -> FaceResult:
    return FaceResult(Face((0, 0, 4, 4), 0.9), Prediction(np.array(scores, np.float32), labels, abstained), track)


def overview(info: SourceInfo, frames: list[list[FaceResult]], error: str | None = None) -> Overview:
    seen = Overview()
    seen.begin(info)
    for index, faces in enumerate(frames):
        seen.frame(FrameResult(index, index / 2 if info.kind == "video" else None, tuple(faces)), PICTURE)
    seen.end(error)
    return seen


def test_a_still_has_a_row_a_face() -> None:
    seen = overview(SourceInfo("a.jpg", "image"), [[face(0.1, 0.2, 0.7), face(0.6, 0.4, 0, abstained=True)]])
    assert seen.rows == [("a.jpg", "1", "", "positive", "70%", "neutral 20%"), ("a.jpg", "2", "", "negative ?", "60%", "neutral 40%")]


def test_a_video_has_a_row_a_track_over_the_mean_of_its_scores() -> None:
    frames = [[face(0.9, 0.1, 0, track=7)], [face(0.3, 0.7, 0, track=7), face(0, 0, 1, track=None)], [face(0.3, 0.7, 0, track=2)]]
    seen = overview(SourceInfo("a.mp4", "video"), frames)
    assert [row[1:5] for row in seen.rows] == [
        ("2", "1.0–1.0 s", "neutral", "70%"),
        ("7", "0.0–0.5 s", "negative", "60%"),
        ("–", "0.5–0.5 s", "positive", "100%"),
    ]


def test_a_track_is_doubtful_where_most_of_its_frames_are() -> None:
    sure, doubtful = face(0.9, 0.1, 0, track=1), face(0.6, 0.4, 0, track=1, abstained=True)
    for frames, label in (([sure, doubtful], "negative"), ([sure, doubtful, doubtful], "negative ?"), ([doubtful], "negative ?")):
        assert [row[3] for row in overview(SourceInfo("a.mp4", "video"), [[one] for one in frames]).rows] == [label]


@pytest.mark.parametrize(
    ("frames", "error", "note"),
    [([[]], None, "no face found"), ([], "gone", "not read"), ([[]], "cut short", "broke off"), ([], None, "no face found")],
)
def test_a_source_without_a_face_has_a_row_that_says_why(frames, error, note) -> None:
    seen = overview(SourceInfo("a.mp4", "video"), frames, error)
    assert [row[3] for row in seen.rows] == [note]
    assert seen.errors == ([] if error is None else [("a.mp4", error)])


def test_a_set_of_one_label_has_no_runner_up() -> None:
    seen = overview(SourceInfo("a.jpg", "image"), [[face(1.0, labels=LabelSet("custom", ("face",)))]])
    assert seen.rows == [("a.jpg", "1", "", "face", "100%", "")]


def test_of_a_long_name_the_end_is_shown() -> None:
    seen = overview(SourceInfo("folder/" * 20 + "a.jpg", "image"), [[]])
    name = seen.rows[0][0]
    assert len(name) == LONGEST_NAME
    assert name.startswith("…")
    assert name.endswith("/a.jpg")
    assert len(seen.rows[0]) == len(COLUMNS)
