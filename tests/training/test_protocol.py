"""Recipes that say who trains and who is tested."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mien.core.errors import OptionError, RecipeError, TrainingError, UnknownNameError
from mien.training.data import load_sets, split_of
from mien.training.recipe import parse_recipe
from mien.training.run import train


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest of 84 pictures of six people, two expressions, the second one rare."""
    folder = tmp_path_factory.mktemp("album")
    lines = ["path,label,subject,split"]
    rng = np.random.default_rng(0)
    for i in range(84):
        Image.fromarray(rng.integers(0, 256, (16, 16), np.uint8)).save(folder / f"{i}.png")
        label = "happiness" if i % 4 else "neutral"
        lines.append(f"{i}.png,{label},p{i % 6},{('train', 'train', 'validation', 'test')[i // 6 % 4]}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def values(album: Path) -> dict[str, Any]:
    return {
        "name": "album",
        "precision": "32-true",
        "model": {"name": "miennet", "options": {"stem": 8, "widths": [8], "depths": [1]}},
        "targets": {"pair": {"dataset": "manifest", "labels": ["neutral", "happiness"], "options": {"labels": "fer7", "channels": 1}}},
        "phases": [{"epochs": 2, "size": 16}],
        "optim": {"batch_size": 8},
    }


def test_without_a_protocol_the_sides_are_the_published_ones(values: dict[str, Any], album: Path) -> None:
    sets = load_sets(parse_recipe(values), album)
    assert sets["pair"].origin.protocol == "official"
    recipe = parse_recipe(values)
    assert len(split_of(recipe, load_sets(recipe, album), "train")) == 48


def test_a_fold_by_subject(values: dict[str, Any], album: Path) -> None:
    values["protocol"] = {"name": "subject_folds", "options": {"folds": 3, "validation": 0.2}, "fold": 2}
    data = load_sets(parse_recipe(values), album)["pair"]
    assert (data.origin.protocol, data.origin.fold) == ("subject_folds", "2 of 3")
    assert not set(data.subjects[data.split == "train"]) & set(data.subjects[data.split == "test"])


def test_oversampling_is_of_the_train_side(values: dict[str, Any], album: Path) -> None:
    values["protocol"] = {"oversample": True}
    recipe = parse_recipe(values)
    train_rows, validation = (split_of(recipe, load_sets(recipe, album), split) for split in ("train", "validation"))
    counts = np.bincount(train_rows.heads["pair"].classes.numpy())
    assert len(set(counts[counts > 0].tolist())) == 1
    assert len(validation) == 18


@pytest.mark.parametrize(
    ("protocol", "error", "words"),
    [
        ({"name": "subject_fold"}, UnknownNameError, "Did you mean .*subject_folds"),
        ({"name": "subject_folds", "options": {"validaton": 0.1}}, UnknownNameError, "Did you mean validation"),
        ({"name": "subject_folds", "options": {"folds": 3}}, RecipeError, r"into 3 folds: 1 of 3, 2 of 3, 3 of 3\. Choose one"),
        ({"name": "subject_folds", "options": {"folds": 3}, "fold": 4}, UnknownNameError, "fold of subject_folds '4'"),
        ({"name": "stratified", "options": {"fractions": [0.5, 0.0, 0.5]}}, RecipeError, "no validation split"),
        ({"name": "deepfer_balanced", "options": {"per_class": [8, 2]}}, OptionError, "whole numbers"),
    ],
)
def test_protocols_that_do_not_fit(
    values: dict[str, Any], album: Path, tmp_path: Path, protocol: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        train(parse_recipe(values | {"protocol": protocol}), album, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_selecting_on_test_takes_a_flag(values: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match=r'^recipe: select_on = "test" picks .* set allow_test_selection = true'):
        parse_recipe(values | {"select_on": "test"})
    assert parse_recipe(values | {"select_on": "test", "allow_test_selection": True}).select_on == "test"
    with pytest.raises(RecipeError, match=r"protocol.*Did you mean .*options"):
        parse_recipe(values | {"protocol": {"option": {}}})


def test_the_run_says_what_it_was_selected_on(values: dict[str, Any], album: Path, tmp_path: Path) -> None:
    values |= {
        "select_on": "test",
        "allow_test_selection": True,
        "protocol": {"name": "stratified", "options": {"fractions": [0.6, 0, 0.4]}},
    }
    train(parse_recipe(values), album, tmp_path / "run", stop_after=1)
    facts = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert facts["selection"] == "test"
    assert facts["protocol"]["protocol"] == "stratified"
    assert len(facts["protocol"]["sha256"]) == 64
    assert set(facts["data"]) == {"train", "test"}


def test_a_run_of_before_the_protocols_goes_on(values: dict[str, Any], album: Path, tmp_path: Path) -> None:
    recipe = parse_recipe(values)
    train(recipe, album, tmp_path / "run", stop_after=1)
    path = tmp_path / "run" / "recipe.json"
    older = {
        k: v for k, v in json.loads(path.read_text(encoding="utf-8")).items() if k not in ("protocol", "select_on", "allow_test_selection")
    }
    path.write_text(json.dumps(older), encoding="utf-8")
    assert train(recipe, album, tmp_path / "run", resume=True, stop_after=1).history[-1]["epoch"] == 1
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(TrainingError, match="another recipe"):
        train(recipe, album, tmp_path / "run", resume=True)
