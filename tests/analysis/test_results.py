"""`Results`: a sequence, a table, a dict, a picture, and the shapes of DeepFace and fer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas
import pytest
from PIL import Image

from mien.analysis.analyzer import Analyzer
from mien.analysis.results import Results
from mien.core.errors import InputError, LabelError, OutputError, UnknownNameError
from mien.core.labels import FER7, FER8, VALENCE3, LabelSet
from mien.core.types import Face, FaceResult, FrameResult, ModelIdentity, Prediction, SourceInfo, SourceResult
from tests.analysis.parts import ColourModel, FixedDetector, plain

LANDMARKS = np.array([[20, 15], [30, 15], [25, 20], [21, 28], [29, 28]], np.float32)
CONTEMPT = np.array([0.1, 0.2, 0.05, 0.02, 0.08, 0.03, 0.02, 0.5], np.float32)


def face(scores: Sequence[float], labels: LabelSet = FER8, track: int | None = None, landmarks: bool = True) -> FaceResult:
    found = Face((10.4, -3.0, 40.6, 35.0), 0.75, LANDMARKS if landmarks else None)
    return FaceResult(found, Prediction(np.asarray(scores, np.float32), labels), track)


def one_hot(label: str, labels: LabelSet = FER8) -> list[float]:
    return [float(name == label) for name in labels]


def results(*sources: SourceResult, labels: LabelSet = FER8) -> Results:
    return Results(sources, ModelIdentity("colour", "0" * 64, labels), "fixed")


def still(name: str, *faces: FaceResult, error: str | None = None) -> SourceResult:
    return SourceResult(SourceInfo(name, "image", 38, 60), () if error else (FrameResult(0, None, faces),), error)


@pytest.fixture
def mixed() -> Results:
    """A picture with two faces, one that could not be read, and a cut video of three frames with two tracks."""
    happy, sad = one_hot("happiness"), one_hot("sadness")
    frames = (
        FrameResult(0, 0.0, (face(happy, track=1), face(sad, track=2))),
        FrameResult(1, 0.04),
        FrameResult(2, 0.08, (face(happy, track=1),)),
    )
    video = SourceResult(SourceInfo("c.mp4", "video", 640, 480), frames, "cut short")
    return results(still("a.jpg", face(happy), face(CONTEMPT)), still("b.jpg", error="empty file"), video)


def test_is_a_sequence_of_frames(mixed: Results) -> None:
    assert isinstance(mixed, Sequence)
    assert len(mixed) == 4
    assert [f.index for f in mixed] == [0, 0, 1, 2]
    assert mixed[-1] is mixed.sources[2].frames[2]
    assert mixed[1:3] == mixed.sources[2].frames[:2]
    assert len(mixed.faces) == 5
    with pytest.raises(IndexError):
        mixed[4]


def test_empty() -> None:
    nothing = results()
    assert (len(nothing), nothing.errors, nothing.to_deepface(), nothing.to_fer()) == (0, {}, [], [])
    assert nothing.summary().empty
    assert nothing.to_df().empty
    assert nothing.to_dict()["sources"] == []


def test_errors(mixed: Results) -> None:
    assert mixed.errors == {"b.jpg": "empty file", "c.mp4": "cut short"}


def test_repr_says_what_was_found(mixed: Results) -> None:
    assert repr(mixed) == "<Results: 3 sources, 4 frames, 2 errors, 5 faces (3 happiness, 1 contempt, 1 sadness); colour over fer8, fixed>"
    assert repr(results(still("a.jpg"))) == "<Results: 1 source, 1 frame, 0 faces; colour over fer8, fixed>"


def test_html_is_escaped() -> None:
    html = results(still("<script>.jpg", face(one_hot("fear"))))._repr_html_()
    assert "<script>" not in html
    assert "fear" in html


def test_summary(mixed: Results) -> None:
    table = mixed.summary()
    assert list(table.columns) == ["source", "track", "error", "frames", "faces", *FER8]
    rows = table[["source", "track", "frames", "faces", "happiness", "sadness", "contempt"]].astype(object).where(table.notna(), None)
    assert rows.values.tolist() == [
        ["a.jpg", None, 1, 2, 1, 0, 1],
        ["b.jpg", None, 0, 0, 0, 0, 0],
        ["c.mp4", 1, 2, 2, 2, 0, 0],
        ["c.mp4", 2, 1, 1, 0, 1, 0],
    ]
    assert table["error"].fillna("").tolist() == ["", "empty file", "cut short", "cut short"]


def test_to_dict_is_schema_mien_1(mixed: Results) -> None:
    data = json.loads(json.dumps(mixed.to_dict()))
    assert data["schema"] == "mien/1"
    assert data["model"] == {"name": "colour", "sha256": "0" * 64, "labels": list(FER8)}
    assert data["detector"] == {"name": "fixed"}
    assert [(s["source"], s["width"], s["height"], s["error"], len(s["frames"])) for s in data["sources"]] == [
        ("a.jpg", 38, 60, None, 1),
        ("b.jpg", 38, 60, "empty file", 0),
        ("c.mp4", 640, 480, "cut short", 3),
    ]
    [first, _] = data["sources"][0]["frames"][0]["faces"]
    assert set(first) == {"track", "box", "detection_score", "landmarks", "label", "confidence", "abstained", "scores"}
    assert list(first["scores"]) == list(FER8)
    assert (first["label"], first["confidence"], first["abstained"], first["track"]) == ("happiness", 1.0, False, None)
    assert [f["time_s"] for f in data["sources"][2]["frames"]] == [0.0, 0.04, 0.08]


def test_to_df_loses_no_frame_and_no_source(mixed: Results) -> None:
    table = mixed.to_df()
    assert set(table["source"]) == {"a.jpg", "b.jpg", "c.mp4"}
    assert len(table[(table["source"] == "c.mp4") & table["label"].isna() & (table["frame"] == 1)]) == 1
    assert table["label"].value_counts().to_dict() == {"happiness": 3, "contempt": 1, "sadness": 1}


@pytest.mark.parametrize("suffix", ["json", "jsonl", "csv", "parquet"])
def test_save(mixed: Results, tmp_path: Path, suffix: str) -> None:
    path = mixed.save(tmp_path / f"out.{suffix}")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    if suffix == "json":
        assert json.loads(path.read_text(encoding="utf-8")) == json.loads(json.dumps(mixed.to_dict()))
    if suffix in ("csv", "parquet"):
        table = pandas.read_csv(path) if suffix == "csv" else pandas.read_parquet(path)
        assert list(table["source"].unique()) == ["a.jpg", "b.jpg", "c.mp4"]
        assert list(table.columns) == list(mixed.to_df().columns)


@pytest.mark.parametrize("name", ["out.xlsx", "out"])
def test_save_to_an_unknown_suffix(mixed: Results, tmp_path: Path, name: str) -> None:
    with pytest.raises(UnknownNameError, match="table suffix"):
        mixed.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_plot_draws_on_the_picture(tmp_path: Path) -> None:
    analyzer = Analyzer(ColourModel(), FixedDetector((60.0, 60.0, 160.0, 160.0)))
    found = analyzer.analyze([plain(90, 90, 90, 240, 320), plain(30, 90, 30, 200, 200)])
    picture = found.plot(1, tmp_path / "drawn.png")
    assert picture.size == (200, 200)
    assert np.asarray(picture).std() > 0
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "drawn.png")), np.asarray(picture))
    assert found.plot(-2).size == (320, 240)


def test_plot_to_a_suffix_of_no_picture(tmp_path: Path) -> None:
    found = Analyzer(ColourModel(), FixedDetector()).analyze(plain(9, 9, 9))
    for name in ("drawn.xyz", "drawn"):
        with pytest.raises(OutputError, match="no suffix of a picture"):
            found.plot(0, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("frame", [1, -2])
def test_plot_of_a_frame_that_is_not_there(frame: int) -> None:
    found = Analyzer(ColourModel(), FixedDetector()).analyze(plain(9, 9, 9))
    with pytest.raises(InputError, match=f"Can't draw frame {frame}"):
        found.plot(frame)


def test_plot_without_pictures(mixed: Results) -> None:
    with pytest.raises(InputError, match="Can't draw frame 0"):
        mixed.plot()


def test_deepface_shape_of_one_picture() -> None:
    [entry] = results(still("a.jpg", face(one_hot("happiness")))).to_deepface()
    assert list(entry) == ["emotion", "dominant_emotion", "region", "face_confidence"]
    assert list(entry["emotion"]) == ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
    assert entry["emotion"]["happy"] == 100.0
    assert entry["dominant_emotion"] == "happy"
    assert entry["region"] == {"x": 10, "y": 0, "w": 28, "h": 35, "left_eye": (30, 15), "right_eye": (20, 15)}
    assert entry["face_confidence"] == 0.75


def test_deepface_shape_without_landmarks() -> None:
    [entry] = results(still("a.jpg", face(one_hot("fear"), landmarks=False))).to_deepface()
    assert (entry["region"]["left_eye"], entry["region"]["right_eye"]) == (None, None)


def test_fer_shape_of_one_picture() -> None:
    [entry] = results(still("a.jpg", face(one_hot("anger")))).to_fer()
    assert entry["box"] == [10, 0, 28, 35]
    assert list(entry["emotions"]) == ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
    assert entry["emotions"]["angry"] == 1.0


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("anger", "angry"),
        ("disgust", "disgust"),
        ("fear", "fear"),
        ("happiness", "happy"),
        ("sadness", "sad"),
        ("surprise", "surprise"),
        ("neutral", "neutral"),
    ],
)
@pytest.mark.parametrize("labels", [FER7, FER8])
def test_each_label_has_its_name(label: str, name: str, labels: LabelSet) -> None:
    found = results(still("a.jpg", face(one_hot(label, labels), labels)), labels=labels)
    assert found.to_deepface()[0]["dominant_emotion"] == name
    assert found.to_fer()[0]["emotions"][name] == 1.0


def test_contempt_is_shared_out() -> None:
    found = results(still("a.jpg", face(CONTEMPT)))
    [fer] = found.to_fer()
    assert fer["emotions"]["happy"] == pytest.approx(0.4)
    assert sum(fer["emotions"].values()) == pytest.approx(1.0)
    [deepface] = found.to_deepface()
    assert deepface["dominant_emotion"] == "happy"
    assert sum(deepface["emotion"].values()) == pytest.approx(100.0)


def test_several_pictures_give_a_list_of_lists(mixed: Results) -> None:
    assert [len(entry) for entry in mixed.to_deepface()] == [2, 0, 2, 0, 1]
    assert [len(entry) for entry in mixed.to_fer()] == [2, 0, 2, 0, 1]


def test_one_picture_without_a_face_or_with_an_error() -> None:
    assert results(still("a.jpg")).to_deepface() == []
    assert results(still("b.jpg", error="empty file")).to_fer() == []


def test_a_video_gives_a_list_for_each_frame() -> None:
    frames = (FrameResult(0, 0.0, (face(one_hot("fear")),)),)
    assert len(results(SourceResult(SourceInfo("v.mp4", "video"), frames)).to_fer()[0]) == 1


def test_labels_without_the_seven() -> None:
    found = results(still("a.jpg", face([0.2, 0.3, 0.5], VALENCE3)), labels=VALENCE3)
    with pytest.raises(LabelError, match="valence3 can't be read as fer7"):
        found.to_deepface()
    with pytest.raises(LabelError):
        found.to_fer()
