from __future__ import annotations

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from onnx import numpy_helper

from mien.artifact import list_models, load_model, read_card, save_artifact
from mien.datasets.base import SplitOrigin
from mien.features.texture import HOG
from mien.models.registry import architectures
from mien.training.classifiers import CLASSIFIERS
from mien.training.recipe import list_recipes
from tests.test_artifact import CARD, probe


def test_the_list_has_every_shipped_model(mien) -> None:
    done = mien("models", "list")
    assert done.exit_code == 0, done.output
    assert all(read_card(name).name in done.stdout for name in list_models())
    named = [card["model"] for card in json.loads(mien("models", "list", "--json").stdout)["models"]]
    assert named == list(list_models())
    assert all(mien("models", "info", name).exit_code == 0 for name in named)


def test_the_list_has_every_architecture_and_classifier_with_its_recipes(mien) -> None:
    answer = json.loads(mien("models", "list", "--json").stdout)
    assert {entry["name"] for entry in answer["architectures"]} == set(architectures())
    assert {entry["name"] for entry in answer["classifiers"]} == set(CLASSIFIERS)
    listed = {entry["name"]: entry for entry in [*answer["architectures"], *answer["classifiers"]]}
    assert {recipe for entry in listed.values() for recipe in entry["recipes"]} == set(list_recipes())
    assert listed["cnn2"]["recipes"] == ["cnn123", "cnn2"]
    told = mien("models", "list").stdout
    assert all(name in told and entry["about"].split()[0] in told for name, entry in listed.items())


def test_the_list_without_the_extra_says_what_is_missing(mien, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    done = mien("models", "list")
    assert done.exit_code == 0, done.output
    assert "default" in done.stdout
    assert "There are architectures to train besides. This needs the package 'torch'" in done.stdout
    assert json.loads(mien("models", "list", "--json").stdout)["architectures"] is None


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
    (tmp_path / "recipe.json").write_text("{}")
    done = mien("export", tmp_path, "--onnx", tmp_path / "mine.onnx")
    assert done.exit_code == 1
    assert "--resume" in done.stderr


def test_export_never_takes_the_place_of_another_kind_of_file(mien, tmp_path) -> None:
    (tmp_path / "photo.jpg").write_text("mine")
    done = mien("export", "default", "--onnx", tmp_path / "photo.jpg")
    assert done.exit_code == 2
    assert ".onnx" in done.stderr
    assert (tmp_path / "photo.jpg").read_text() == "mine"


@pytest.mark.parametrize(
    ("models", "options", "said"),
    [
        (["default"], ["--int8"], "--int8 calibrates and measures anew, and needs the data set's folder"),
        (["default", "default"], ["--flip", "--data", "."], "--flip takes one model; received 2"),
        (["default"], ["--int8", "--half", "--data", "."], "Give one of the two"),
    ],
)
def test_export_in_another_form_says_what_it_needs(mien, tmp_path, models: list[str], options: list[str], said: str) -> None:
    done = mien("export", *models, "--onnx", tmp_path / "m.onnx", *options)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())
    assert not (tmp_path / "m.onnx").exists()


def test_export_in_another_form_without_the_data_or_the_package(mien, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ("export", "miennet", "--onnx", tmp_path / "m.onnx", "--int8", "--data", tmp_path)
    absent = mien(*options)
    assert absent.exit_code == 1
    assert "No FER2013 in" in absent.stderr
    monkeypatch.setitem(sys.modules, "onnx", None)
    missing = mien(*options)
    assert missing.exit_code == 1
    assert "pip install 'mien[train]'" in " ".join(missing.stderr.split())


@pytest.mark.slow
def test_export_in_half_the_space(mien, tmp_path) -> None:
    recipe = {
        "name": "drawn",
        "training_data": "drawn faces",
        "licence": "none",
        "evaluate_test": False,
        "model": {"name": "miennet"},
        "targets": {"fer7": {"dataset": "avatars", "options": {"n": 84, "size": 16, "workers": 1}}},
        "phases": [{"epochs": 1, "size": 8}],
    }
    card = replace(CARD, name="drawn", heads=CARD.heads[1:], preprocessing=replace(CARD.preprocessing, size=8), recipe=recipe)
    save_artifact(probe(size=8), card, tmp_path / "m.onnx")
    done = mien("export", tmp_path / "m.onnx", "--onnx", tmp_path / "half.onnx", "--half", "--data", tmp_path)
    assert done.exit_code == 0, done.output
    assert "half of drawn 1" in " ".join(done.stdout.split())
    told = mien("models", "info", tmp_path / "half.onnx").stdout
    assert "half of drawn 1" in told
    assert "avatars validation" in told


def test_export_of_several_models_is_one_that_averages_them(mien, tmp_path) -> None:
    for number, name in enumerate(("a", "b")):
        (tmp_path / name).mkdir()
        graph = probe()
        weights = numpy_helper.to_array(graph.graph.initializer[0]) * (1 - 3 * number)
        graph.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, "w8"))
        save_artifact(graph, replace(CARD, name=name), tmp_path / name / "model.onnx")
    done = mien("export", tmp_path / "a", tmp_path / "b" / "model.onnx", "--onnx", tmp_path / "both.onnx")
    assert done.exit_code == 0, done.output
    assert len(done.stdout.splitlines()) == 1
    assert "the mean of a 1 + b 1, not calibrated or measured as a whole" in done.stdout
    card = read_card(tmp_path / "both.onnx")
    assert (card.name, len(card.recipe["members"])) == ("both", 2)
    crops = np.random.default_rng(0).integers(0, 256, (5, 4, 4), np.uint8)
    members = [load_model(tmp_path / name / "model.onnx").predict(crops) for name in ("a", "b")]
    np.testing.assert_allclose(load_model(tmp_path / "both.onnx").predict(crops), np.mean(members, axis=0), atol=1e-6)
    held = (tmp_path / "b" / "model.onnx").read_bytes()
    over = mien("export", tmp_path / "a", tmp_path / "b", "--onnx", tmp_path / "a" / ".." / "b" / "model.onnx")
    assert over.exit_code == 2
    assert "is one of the models" in " ".join(over.stderr.split())
    assert (tmp_path / "b" / "model.onnx").read_bytes() == held
    refused = mien("export", tmp_path / "a", "default", "--onnx", tmp_path / "other.onnx")
    assert refused.exit_code == 1
    assert "same preprocessing" in refused.stderr
    assert not (tmp_path / "other.onnx").exists()


def test_the_card_says_where_the_split_comes_from_and_what_it_lets_leak(mien, tmp_path) -> None:
    origin = SplitOrigin("sdl_as_published", "", "a" * 64, "Copies of one picture stand on several sides.")
    heads = (replace(CARD.heads[0], abstain_at={"0.8": 0.612, "0.9": 0.43}), CARD.heads[1])
    save_artifact(probe(), replace(CARD, heads=heads, selection="test", origin=origin), tmp_path / "m.onnx")
    told = mien("models", "info", tmp_path / "m.onnx").stdout
    assert "sdl_as_published aaaaaaaaaaaa" in told
    assert "Copies of one picture" in told
    assert "test: its figures there are not held out" in told
    assert "0.612 to answer 80%, 0.430 to answer 90%" in told


def test_the_card_tells_handcrafted_features(mien, tmp_path) -> None:
    save_artifact(probe(), CARD, tmp_path / "hog.onnx", HOG(size=16))
    assert "hog: " in mien("models", "info", tmp_path / "hog.onnx").stdout
