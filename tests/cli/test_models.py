from __future__ import annotations

import json
from dataclasses import replace

from mien.artifact import list_models, load_model, read_card, save_artifact
from mien.datasets.base import SplitOrigin
from tests.test_artifact import CARD, probe


def test_the_list_has_every_shipped_model(mien) -> None:
    done = mien("models", "list")
    assert done.exit_code == 0, done.output
    assert all(read_card(name).name in done.stdout for name in list_models())
    named = [card["model"] for card in json.loads(mien("models", "list", "--json").stdout)]
    assert named == list(list_models())
    assert all(mien("models", "info", name).exit_code == 0 for name in named)


def test_the_card_has_the_labels_in_their_order(mien) -> None:
    done = mien("models", "info", "default")
    assert "neutral, happiness, surprise, sadness, anger, disgust, fear, contempt" in done.stdout
    card = json.loads(mien("models", "info", "default", "--json").stdout)
    assert card["heads"][0]["labels"] == list(load_model("default").labels)


def test_a_file_that_is_no_model_is_refused(mien, tmp_path) -> None:
    fake = tmp_path / "fake.onnx"
    fake.write_bytes(b"no model")
    done = mien("models", "info", fake)
    assert done.exit_code == 1
    assert "fake.onnx" in done.stderr


def test_export_writes_the_model_with_its_card(mien, tmp_path) -> None:
    done = mien("export", "default", "--onnx", tmp_path / "mine.onnx")
    assert done.exit_code == 0, done.output
    assert read_card(tmp_path / "mine.onnx") == read_card("default")


def test_export_takes_the_folder_of_a_run(mien, tmp_path) -> None:
    (tmp_path / "run").mkdir()
    mien("export", "default", "--onnx", tmp_path / "run" / "model.onnx")
    assert mien("export", tmp_path / "run", "--onnx", tmp_path / "mine.onnx").exit_code == 0
    assert (tmp_path / "mine.onnx").is_file()


def test_export_of_a_folder_without_a_model_says_so(mien, tmp_path) -> None:
    done = mien("export", tmp_path, "--onnx", tmp_path / "mine.onnx")
    assert done.exit_code == 1
    assert "model.onnx" in done.stderr
    assert not (tmp_path / "mine.onnx").exists()


def test_export_of_an_unfinished_run_says_how_to_finish_it(mien, tmp_path) -> None:
    (tmp_path / "run.json").write_text("{}")
    done = mien("export", tmp_path, "--onnx", tmp_path / "mine.onnx")
    assert done.exit_code == 1
    assert "--resume" in done.stderr


def test_export_never_takes_the_place_of_another_kind_of_file(mien, tmp_path) -> None:
    (tmp_path / "photo.jpg").write_text("mine")
    done = mien("export", "default", "--onnx", tmp_path / "photo.jpg")
    assert done.exit_code == 2
    assert ".onnx" in done.stderr
    assert (tmp_path / "photo.jpg").read_text() == "mine"


def test_the_card_says_where_the_split_comes_from_and_what_it_lets_leak(mien, tmp_path) -> None:
    origin = SplitOrigin("sdl_as_published", "", "a" * 64, "Copies of one picture stand on several sides.")
    heads = (replace(CARD.heads[0], abstain_at={"0.8": 0.612, "0.9": 0.43}), CARD.heads[1])
    save_artifact(probe(), replace(CARD, heads=heads, selection="test", origin=origin), tmp_path / "m.onnx")
    told = mien("models", "info", tmp_path / "m.onnx").stdout
    assert "sdl_as_published aaaaaaaaaaaa" in told
    assert "Copies of one picture" in told
    assert "test: its figures there are not held out" in told
    assert "0.612 to answer 80%, 0.430 to answer 90%" in told
