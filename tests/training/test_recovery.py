"""A run whose folder, data or recipe are not as it left them, or that can't go on: each is told with a way out, and nothing is lost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mien.artifact import find_model
from mien.core.errors import RecipeError, TrainingError, UnknownNameError
from mien.training import ensemble as room
from mien.training import repeat as several
from mien.training.ensemble import finished, load_plan
from mien.training.logs import LOG, read_log
from mien.training.recipe import Recipe, load_recipe, parse_recipe
from mien.training.repeat import repeat
from mien.training.run import Run, train
from mien.training.sweep import swept

DIVERGING = {"optim": {"batch_size": 16, "learning_rate": 1e30}}


@pytest.fixture(scope="module")
def one_epoch(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that stopped after its first epoch, to be copied."""
    options = {"stem": 8, "widths": [8, 16], "depths": [1, 1]}
    recipe = parse_recipe(
        {
            "name": "stopped",
            "precision": "32-true",
            "model": {"name": "miennet", "options": options},
            "targets": {"fer7": {"dataset": "fer2013", "options": {"verify": False}}},
            "phases": [{"epochs": 3, "size": 24}],
            "optim": {"batch_size": 16},
        }
    )
    return train(recipe, small_data, tmp_path_factory.mktemp("stopped"), stop_after=1)


@pytest.fixture
def stopped(one_epoch: Run, tmp_path: Path) -> Run:
    return Run(one_epoch.recipe, shutil.copytree(one_epoch.folder, tmp_path / "run"))


def test_a_damaged_recipe_is_told_from_another_one(stopped: Run, small_data: Path) -> None:
    path = stopped.folder / "recipe.json"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(TrainingError, match=r"recipe\.json is damaged .* Delete it to go on by the recipe given"):
        train(stopped.recipe, small_data, stopped.folder, resume=True)
    path.unlink()
    with pytest.raises(TrainingError, match="already holds a run"):
        train(stopped.recipe, small_data, stopped.folder)
    assert train(stopped.recipe, small_data, stopped.folder, resume=True, stop_after=1).history[0]["epoch"] == 1
    path.write_text("[1, 2]", encoding="utf-8")
    with pytest.raises(TrainingError, match="another recipe"):
        train(stopped.recipe, small_data, stopped.folder, resume=True)


def test_a_run_does_not_go_on_with_other_data(stopped: Run, small_data: Path, tmp_path: Path) -> None:
    import numpy as np

    held = dict(np.load(small_data / "fer2013.npz"))
    held["pixels"] = held["pixels"].copy()
    held["pixels"][0] = 0  # a row of training
    np.savez(tmp_path / "fer2013.npz", **held)
    before = (stopped.folder / "run.json").read_bytes()
    with pytest.raises(TrainingError, match=r"begun on other data: the train rows .* Give the same data"):
        train(stopped.recipe, tmp_path, stopped.folder, resume=True)
    assert (stopped.folder / "run.json").read_bytes() == before
    (stopped.folder / "run.json").write_text("{}", encoding="utf-8")  # it says nothing of the data, and is written anew
    train(stopped.recipe, small_data, stopped.folder, resume=True, stop_after=1)
    assert json.loads((stopped.folder / "run.json").read_text(encoding="utf-8"))["data"]["train"]["rows"] == 96


def test_the_log_comes_back_with_the_run(stopped: Run, small_data: Path) -> None:
    path = stopped.folder / LOG
    whole = path.read_bytes()
    shutil.copy(find_model("default"), stopped.folder / "model.onnx")  # any artifact that can be read
    (stopped.folder / "curve.png").touch()
    assert finished(stopped.recipe, stopped.folder)
    path.unlink()
    assert not finished(stopped.recipe, stopped.folder)
    with pytest.raises(TrainingError, match="Delete it, and go on with --resume"):
        read_log(stopped.folder)
    train(stopped.recipe, small_data, stopped.folder, resume=True, stop_after=1)
    assert path.read_bytes() == whole


def test_a_checkpoint_that_says_nonsense(stopped: Run, small_data: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = stopped.folder / "checkpoint.safetensors"
    save_file(load_file(path), path, {"facts": "[1]"})
    with pytest.raises(TrainingError, match=r"does not fit.*Delete all \*\.safetensors there"):
        train(stopped.recipe, small_data, stopped.folder, resume=True)


def test_a_recipe_that_fills_no_batch_leaves_its_folder_free(small: dict[str, Any], small_data: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"Lower optim\.batch_size"):
        train(parse_recipe(small | {"optim": {"batch_size": 4000}}), small_data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_which_of_several_runs_failed(recipe: Recipe, small: dict[str, Any], small_data: Path, tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    file.write_text(_toml(small), encoding="utf-8")
    runs = swept(file, {"optim.learning_rate": "1e30,1e31"}, small_data, tmp_path / "out")
    with pytest.raises(TrainingError, match=r"^optim\.learning_rate = 1e\+30: The loss became .* with another --out"):
        repeat(runs, small_data, tmp_path / "out")
    (tmp_path / "pair.toml").write_text('name = "pair"\nmembers = ["small.toml", "wild.toml"]', encoding="utf-8")
    (tmp_path / "wild.toml").write_text('base = "small.toml"\nname = "wild"\nseed = 1', encoding="utf-8")
    plan = load_plan(tmp_path / "pair.toml", {"optim.learning_rate": "1e30"})
    with pytest.raises(TrainingError, match=r"^small: The loss became"):
        room.train_plan(plan, small_data, tmp_path / "pair")
    assert several.SUMMARY not in {path.name for path in (tmp_path / "out").iterdir()}


def _toml(small: dict[str, Any]) -> str:
    def written(value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{key} = {written(one)}" for key, one in value.items()) + "}"
        return f"[{', '.join(map(written, value))}]" if isinstance(value, list) else json.dumps(value)

    return "\n".join(f"{key} = {written(value)}" for key, value in (small | DIVERGING).items())


def test_bases_by_way_of_other_paths(tmp_path: Path) -> None:
    (tmp_path / "round.toml").write_text(f'base = "../{tmp_path.name}/round.toml"', encoding="utf-8")
    with pytest.raises(RecipeError, match="is its own base"):
        load_recipe(tmp_path / "round.toml")
    (tmp_path / "lost.toml").write_text('base = "gone.toml"', encoding="utf-8")
    with pytest.raises(UnknownNameError, match=f"Unknown recipe 'gone.toml'.* from the folder {tmp_path} on"):
        load_recipe(tmp_path / "lost.toml")


def test_a_file_that_begins_with_a_mark(tmp_path: Path) -> None:
    (tmp_path / "marked.toml").write_text('base = "miennet"\nname = "marked"', encoding="utf-8-sig")
    assert load_recipe(tmp_path / "marked.toml").name == "marked"
