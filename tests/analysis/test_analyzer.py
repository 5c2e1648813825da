"""`Analyzer`: parts by name or object, batches, labels, abstaining, streams."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mien
from mien.analysis.analyzer import Analyzer, analyze
from mien.artifact import save_artifact
from mien.core.errors import DecodeError, InputError, LabelError, OptionError, UnknownNameError
from mien.core.labels import FER7, FER8, VALENCE3, LabelSet
from mien.core.types import RGB, Face, Frame
from tests.analysis.parts import COLOURS, ArraySource, ColourModel, FixedDetector, plain
from tests.test_artifact import CARD, probe


@pytest.fixture
def analyzer() -> Analyzer:
    return Analyzer(ColourModel(), FixedDetector())


def test_a_frame(analyzer: Analyzer) -> None:
    result = analyzer.analyze_frame(Frame(plain(20, 60, 120), index=7, time_s=0.5))
    assert (result.index, result.time_s) == (7, 0.5)
    [face] = result.faces
    assert face.face.box_xyxy == (10, 5, 40, 35)
    np.testing.assert_allclose(face.prediction.scores, [0.1, 0.3, 0.6], atol=1e-6)
    assert (face.prediction.label, face.prediction.labels, face.track_id) == ("blue", COLOURS, None)


def test_a_frame_without_faces(analyzer: Analyzer) -> None:
    assert analyzer.analyze_frame(Frame(plain(0, 0, 0))).faces == ()
    assert analyzer.model.batches == []


def test_all_faces_of_a_frame_go_through_the_model_together() -> None:
    model = ColourModel()
    boxes = [(x, 2.0, x + 10.0, 14.0) for x in (0.0, 20.0, 40.0)]
    picture = np.concatenate([plain(200, 10, 10, width=20), plain(10, 200, 10, width=20), plain(10, 10, 200, width=20)], axis=1)
    result = Analyzer(model, FixedDetector(*boxes)).analyze_frame(Frame(picture))
    assert model.batches == [3]
    assert [f.prediction.label for f in result.faces] == ["red", "green", "blue"]


def test_results_carry_who_spoke(analyzer: Analyzer) -> None:
    results = analyzer.analyze(plain(9, 1, 1))
    assert (results.model, results.detector) == (analyzer.model.identity, "fixed")


@pytest.mark.parametrize(("threshold", "abstains"), [(0.0, False), (0.59, False), (0.61, True), (1.0, True)])
def test_abstaining_keeps_the_label(threshold: float, abstains: bool) -> None:
    analyzer = Analyzer(ColourModel(), FixedDetector(), abstain_below=threshold)
    [face] = analyzer.analyze(plain(20, 60, 120))[0].faces
    assert (face.prediction.abstained, face.prediction.label) == (abstains, "blue")


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_abstain_below_is_a_score(threshold: float) -> None:
    with pytest.raises(OptionError, match="abstain_below is a score from 0 to 1"):
        Analyzer(ColourModel(), FixedDetector(), abstain_below=threshold)


def test_a_coverage_stands_for_the_threshold_of_the_card(tmp_path: Path) -> None:
    heads = (replace(CARD.heads[0], abstain_at={"0.9": 0.25}),)
    save_artifact(probe(), replace(CARD, heads=heads), tmp_path / "m.onnx")
    assert Analyzer(tmp_path / "m.onnx", FixedDetector(), coverage=0.9).abstain_below == 0.25
    with pytest.raises(OptionError, match=r"no threshold for the coverage 0\.5"):
        Analyzer(tmp_path / "m.onnx", FixedDetector(), coverage=0.5)
    with pytest.raises(OptionError, match="not both"):
        Analyzer(tmp_path / "m.onnx", FixedDetector(), coverage=0.9, abstain_below=0.5)
    with pytest.raises(OptionError, match="colour is no model file of mien"):
        Analyzer(ColourModel(), FixedDetector(), coverage=0.9)


def test_labels_of_a_model_object() -> None:
    other = LabelSet("other", ("warm", "mild", "cold"))
    analyzer = Analyzer(ColourModel(), FixedDetector(), labels=other)
    assert analyzer.labels == analyzer.model.identity.labels == other
    assert analyzer.analyze(plain(20, 60, 120))[0].faces[0].prediction.label == "cold"


@pytest.mark.parametrize(("labels", "expected"), [(None, FER8), ("fer8", FER8), ("fer7", FER7), (VALENCE3, VALENCE3)])
def test_labels_of_the_default_model(labels: str | LabelSet | None, expected: LabelSet, portrait: RGB) -> None:
    results = analyze(portrait, detector="whole", labels=labels)
    assert results.model.labels == results[0].faces[0].prediction.labels == expected


def test_labels_that_do_not_fit() -> None:
    with pytest.raises(LabelError):
        Analyzer(labels=LabelSet("moods", ("fine", "awful")), detector="whole")


@pytest.mark.parametrize(
    ("options", "near"),
    [({"model": "defualt"}, "default"), ({"detector": "centrface"}, "centerface"), ({"labels": "fer9"}, "fer8")],
)
def test_unknown_names_tell_the_near_ones(options: dict[str, str], near: str) -> None:
    with pytest.raises(UnknownNameError, match=f"Did you mean .*{near}"):
        Analyzer(**{"detector": "whole", **options})


def test_on_frame_is_called_with_every_frame(analyzer: Analyzer) -> None:
    seen = []
    analyzer.analyze(
        np.stack([plain(9, 1, 1), plain(0, 0, 0)]), on_frame=lambda result, image: seen.append((len(result.faces), image.shape))
    )
    assert seen == [(1, (40, 60, 3)), (0, (40, 60, 3))]


def test_inputs_may_come_from_a_generator(analyzer: Analyzer, tmp_path: Path) -> None:
    Image.fromarray(plain(9, 1, 1)).save(tmp_path / "a.png")
    results = analyzer.analyze(path for path in [tmp_path / "a.png"])
    assert len(results) == 1
    assert results.plot().size == (60, 40)


def test_stream_gives_frames_and_then_the_error(analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = ArraySource("cut", [plain(9, 1, 1)] * 5, "video", DecodeError("cut short"), breaks_at=3)
    monkeypatch.setattr("mien.analysis.analyzer.resolve", lambda *_, **__: [cut])
    results = analyzer.stream("cut.mp4")
    assert [r.index for r in itertools.islice(results, 3)] == [0, 1, 2]
    with pytest.raises(DecodeError, match="cut short"):
        next(results)


def test_stream_left_early_closes_the_source(analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = ArraySource("camera:0", [plain(9, 1, 1)] * 1000, "camera")
    monkeypatch.setattr("mien.analysis.analyzer.resolve", lambda *_, **__: [endless])
    results = analyzer.stream("camera:0")
    next(results)
    assert endless.is_open
    results.close()
    assert not endless.is_open


def test_stream_of_a_missing_file(analyzer: Analyzer) -> None:
    with pytest.raises(InputError, match=r"gone\.mp4"):
        next(analyzer.stream("gone.mp4"))


def test_frames_of_videos_are_moving() -> None:
    class Watching(FixedDetector):
        seen: list[bool] = []  # noqa: RUF012

        def detect(self, image: RGB, *, moving: bool = False) -> list[Face]:
            self.seen.append(moving)
            return []

    analyzer = Analyzer(ColourModel(), Watching())
    analyzer.analyze_frame(Frame(plain(1, 2, 3)))
    analyzer.analyze_frame(Frame(plain(1, 2, 3), time_s=0.0))
    assert Watching.seen == [False, True]


def test_one_analyzer_serves_several_threads(portrait: RGB) -> None:
    analyzer = Analyzer()
    pictures = [portrait, portrait[:400], np.ascontiguousarray(portrait[:, ::-1])]
    alone = [analyzer.analyze(p).to_dict()["sources"][0]["frames"] for p in pictures]
    with ThreadPoolExecutor(3) as workers:
        together = list(workers.map(lambda p: analyzer.analyze(p).to_dict()["sources"][0]["frames"], pictures * 2))
    assert together == alone * 2


def test_a_picture_that_is_gone(analyzer: Analyzer, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(plain(9, 1, 1)).save(path)
    results = analyzer.analyze(tmp_path)
    path.rename(tmp_path / "a.txt")
    with pytest.raises(InputError, match="Check the path"):
        results.plot()


def test_the_pictures_of_a_camera_are_gone(analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch) -> None:
    camera = ArraySource("camera:0", [plain(9, 1, 1)], "camera")
    monkeypatch.setattr("mien.analysis.analyzer.resolve", lambda *_, **__: iter([camera]))
    with pytest.raises(InputError, match="on_frame="):
        analyzer.analyze("camera:0").plot()


def test_a_file_that_has_changed(analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch) -> None:
    source = ArraySource("a", [plain(9, 1, 1)] * 2, "video")
    monkeypatch.setattr("mien.analysis.analyzer.resolve", lambda *_, **__: iter([source]))
    results = analyzer.analyze("a")
    source.images = source.images[:1]
    with pytest.raises(InputError, match="Frame 1 of source 0 is not there any more"):
        results.plot(1)


def test_the_public_door_is_the_same(portrait: RGB) -> None:
    assert mien.Analyzer is Analyzer
    assert mien.analyze is analyze
    assert mien.analyze(portrait, detector="whole").detector == "whole"
