"""`mien explain`: pictures and data sets, their figures, page and numbers, and what is wrong usage."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.cli.clip import write_clip
from mien.core.labels import FER7
from mien.explain import METHODS
from tests.cli.test_evaluate import write_people

QUICK = ("--option", "window=24", "--threads", "1")


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return write_people(tmp_path / "people", 28)


def test_a_photo_is_a_row_with_its_label_and_where_it_lies(mien, photo) -> None:
    done = mien("explain", photo, *QUICK)
    assert done.exit_code == 0, done.output
    row = next(line for line in done.stdout.splitlines() if "photo.jpg" in line)
    assert "happiness" in row
    assert "Occlusion" in row
    assert "mouth and chin" in row


def test_everything_is_in_the_json(mien, photo) -> None:
    told = json.loads(mien("explain", photo, *QUICK, "--label", "anger", "--labels", "fer7", "--json").stdout)
    assert told["schema"] == "mien-explain/1"
    assert (told["model"]["name"], told["model"]["labels"]) == ("miennet-int8-flip", list(FER7))
    assert told["methods"] == [{"name": "occlusion", "unit": "score lost where covered", "options": {"window": 24}}]
    assert (told["framing"], told["detector"], told["sanity"]) == ("fer2013", {"name": "centerface"}, None)
    (source,) = told["sources"]
    assert (source["width"], source["height"], source["error"]) == (512, 512, None)
    (face,) = source["faces"]
    assert face["label"] == "happiness"
    assert len(face["box"]) == 4
    assert (face["views"], face["figure"], face["arrays"]) == ([], None, None)
    found = face["maps"]["occlusion"]
    assert found["label"] == "anger"
    assert found["score"] == face["scores"]["anger"] < 0.1
    assert sum(found["regions"].values()) == pytest.approx(1, abs=1e-4)
    assert sum(found["area"].values()) == pytest.approx(1, abs=1e-4)
    assert -1 <= found["min"] <= found["max"] <= 1


def test_one_bad_file_is_a_row_and_the_rest_is_finished(mien, photo, tmp_path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    Image.new("RGB", (64, 64), "navy").save(tmp_path / "nobody.png")
    words = ("explain", tmp_path / "gone.jpg", tmp_path / "broken.jpg", tmp_path / "nobody.png", photo, *QUICK)
    done = mien(*words)
    assert done.exit_code == 1
    assert done.stdout.count("not explained") == 3
    assert "centerface found no face in" in done.stdout
    assert "happiness" in done.stdout
    assert done.stderr.strip() == "mien: 3 of 4 sources could not be explained."
    told = json.loads(mien(*words, "--json").stdout)
    assert [len(source["faces"]) for source in told["sources"]] == [0, 0, 0, 1]
    assert all(source["error"] for source in told["sources"][:3])


def test_one_bad_file_alone_is_one_line(mien, tmp_path) -> None:
    done = mien("explain", tmp_path / "gone.jpg")
    assert done.exit_code == 1
    assert "There is no file" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_figures_arrays_and_the_page_are_written(mien, photo, tmp_path, monkeypatch) -> None:
    words = ["explain", str(photo), *QUICK, "--out", str(tmp_path / "out"), "--arrays", "--report", str(tmp_path / "r.html")]
    monkeypatch.setattr(sys, "argv", ["mien", *words])
    done = mien(*words)
    assert done.exit_code == 0, done.output
    assert done.stdout.count("Wrote ") == 3
    with Image.open(tmp_path / "out" / "photo-face1.png") as figure:
        assert figure.size[0] > 500
    with np.load(tmp_path / "out" / "photo-face1.npz") as held:
        assert held["image"].shape == held["occlusion"].shape == (48, 48)
        assert held["occlusion"].dtype == np.float32
    assert "mien explain" in (tmp_path / "r.html").read_text("utf-8")
    again = json.loads(mien(*words, "--json").stdout)["sources"][0]["faces"][0]
    assert again["figure"] == str(tmp_path / "out" / "photo-face1.png")
    assert again["arrays"] == str(tmp_path / "out" / "photo-face1.npz")


def test_figures_do_not_come_back_as_pictures(mien, photo) -> None:
    words = ("explain", photo.parent, *QUICK, "--out", photo.parent, "--json")
    first, second = (json.loads(mien(*words).stdout)["sources"] for _ in range(2))
    assert [one["source"] for one in first] == [one["source"] for one in second] == [str(photo)]


@pytest.mark.slow
def test_of_a_video_one_frame_is_explained(mien, portrait, tmp_path) -> None:
    write_clip(portrait, tmp_path / "clip.mp4")
    told = json.loads(mien("explain", tmp_path / "clip.mp4", *QUICK, "--at", "0.5", "--json").stdout)
    assert len(told["sources"][0]["faces"]) == 1
    late = mien("explain", tmp_path / "clip.mp4", *QUICK, "--at", "900")
    assert late.exit_code == 1
    assert len(late.stderr.strip().splitlines()) == 1


def test_random_weights_are_held_against_it(mien, photo) -> None:
    done = mien("explain", photo, *QUICK, "--sanity")
    assert done.exit_code == 0, done.output
    assert re.search(r"Occlusion, agreement with random weights [+-]0\.\d\d \(1 face\)\. With random weights", done.stdout)


def test_the_light_core_explains_and_names_the_extra_for_the_rest(mien, photo, tmp_path, monkeypatch) -> None:
    for package in ("torch", "captum", "onnx", "matplotlib"):
        monkeypatch.setitem(sys.modules, package, None)
    done = mien("explain", photo, *QUICK, "--out", tmp_path / "out", "--report", tmp_path / "r.html")
    assert done.exit_code == 0, done.output
    missing = mien("explain", photo, "--method", "gradcam")
    assert missing.exit_code == 1
    assert "pip install 'mien[train]'" in missing.stderr


@pytest.mark.slow
def test_methods_stand_in_columns(mien, photo) -> None:
    names = [name for name in METHODS if name != "stn"]
    asked = [word for name in names for word in ("--method", name)]
    told = json.loads(mien("explain", photo, *QUICK, *asked, "--option", "integrated_gradients.steps=4", "--json").stdout)
    assert list(told["sources"][0]["faces"][0]["maps"]) == names
    assert [one["options"] for one in told["methods"]] == [{"window": 24}, {}, {}, {"steps": 4}]
    assert "miennet-int8-flip has no spatial transformer" in mien("explain", photo, "--method", "stn").stderr


@pytest.mark.slow
def test_the_classes_of_a_data_set_have_means(mien, people, tmp_path) -> None:
    words = ("explain", "--dataset", "manifest", "--data", people, "--per-class", 2, "--also-wrong", *QUICK)
    out, page = tmp_path / "out", tmp_path / "r.html"
    done = mien(*words, "--out", out, "--arrays", "--report", page, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["dataset"], told["split"], told["origin"]["protocol"]) == ("manifest", "test", "official")
    assert [one["label"] for one in told["classes"]] == list(FER7)
    assert [(one["n"], one["available"]) for one in told["classes"]] == [(2, 4)] * 7
    anger = next(one for one in told["classes"] if one["label"] == "anger")
    assert anger["maps"]["occlusion"]["n"] == 2
    assert anger["views"] == anger["rows"][0]["views"] == []
    assert len(anger["rows"]) == 2
    assert all(row["maps"]["occlusion"]["label"] == "anger" for row in anger["rows"])
    assert Path(anger["figure"]) == out / "anger.png"
    with np.load(told["arrays"]) as held:
        assert held["labels"].tolist() == list(FER7)
        assert held["occlusion"].shape == held["image"].shape == (7, 48, 48)
    with np.load(anger["arrays"]) as held:
        assert held["rows"].tolist() == [row["row"] for row in anger["rows"]]
        assert held["occlusion"].shape == (2, 48, 48)
    assert "miennet-int8-flip on manifest, test" in page.read_text("utf-8")
    same = json.loads(mien(*words, "--json").stdout)
    assert same["classes"][0]["rows"] == told["classes"][0]["rows"]
    other = json.loads(mien(*words, "--json", "--seed", 5).stdout)
    assert [one["rows"] for one in other["classes"]] != [one["rows"] for one in same["classes"]]


def test_without_right_answers_a_class_has_no_mean(mien, people) -> None:
    done = mien("explain", "--dataset", "manifest", "--data", people, "--per-class", 1, *QUICK)
    assert done.exit_code == 0, done.output
    told = json.loads(mien("explain", "--dataset", "manifest", "--data", people, "--per-class", 1, *QUICK, "--json").stdout)
    assert any(one["n"] == 0 and one["maps"] == {} for one in told["classes"])


@pytest.mark.slow
def test_a_data_set_is_divided_and_read_as_asked(mien, people) -> None:
    words = ("explain", "--dataset", "manifest", "--data", people, "--per-class", 1, "--also-wrong", *QUICK, "--json")
    told = json.loads(
        mien(*words, "--protocol", "subject_folds", "--protocol-option", "folds=2", "--fold", 1, "--labels", "valence3").stdout
    )
    assert told["origin"] == {"protocol": "subject_folds", "fold": "1 of 2"}
    assert [one["label"] for one in told["classes"]] == ["negative", "neutral", "positive"]
    checked = json.loads(mien(*words, "--sanity").stdout)["sanity"]
    assert checked[0]["n"] == 7


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["a.jpg", "--dataset", "fer2013", "--data", "."],
        ["--dataset", "fer2013"],
        ["a.jpg", "--split", "test"],
        ["a.jpg", "--per-class", "3"],
        ["a.jpg", "--also-wrong"],
        ["a.jpg", "--data-option", "n=3"],
        ["a.jpg", "--protocol", "sdl"],
        ["a.jpg", "--fold", "1"],
        ["a.jpg", "--arrays"],
        ["a.jpg", "--option", "window"],
        ["a.jpg", "--option", "gradcam.layer=x"],
        ["--dataset", "fer2013", "--data", ".", "--label", "anger"],
        ["--dataset", "fer2013", "--data", ".", "--at", "0"],
        ["--dataset", "fer2013", "--data", ".", "--detector", "cascade"],
    ],
)
def test_wrong_usage_is_exit_code_2(mien, words) -> None:
    assert mien("explain", *words).exit_code == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--method", "ocllusion"], "Did you mean occlusion"),
        (["--label", "angry"], "anger"),
        (["--labels", "fer70"], "fer7"),
        (["--option", "windw=3"], "window"),
        (["--option", "window=0"], "1–48"),
        (["--option", "window=big"], "window"),
        (["--option", "label=anger"], "Unknown option of occlusion 'label'"),
        (["--option", "method=gradcam"], "Unknown option of occlusion 'method'"),
        (["--report", "r.png"], "report suffix"),
        (["--detector", "centreface"], "centerface"),
    ],
)
def test_a_wrong_name_or_value_is_one_line_with_what_is_right(mien, photo, words, says) -> None:
    done = mien("explain", photo, *words)
    assert done.exit_code == 1
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_help_names_every_method(mien) -> None:
    told = " ".join(mien("explain", "--help").stdout.split())
    assert all(name in told for name in METHODS)
