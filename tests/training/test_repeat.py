from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mien.card import Card, Head
from mien.core.errors import RecipeError, TrainingError
from mien.core.labels import FER7
from mien.datasets.base import SplitOrigin
from mien.preprocess import Preprocessing
from mien.training import repeat as room
from mien.training.recipe import Recipe, parse_recipe
from mien.training.repeat import repeat, repetitions, summarised


def card(right: int, held_out: bool = True) -> Card:
    """A card with `right` of 10 images right."""
    overall = {"n": 10, "label_set": "fer7", "accuracy": right / 10, "macro_f1": right / 10, "confusion": [[right, 10 - right], [0, 0]]}
    metric = {"dataset": "fer2013", "split": "test", "overall": overall, "clean": {"accuracy": 0.5}, "held_out": held_out}
    return Card("small", "1", (Head("fer7", FER7),), Preprocessing(), "", "", metrics=(metric,))


def test_seeds_and_folds_each_have_a_folder(small: dict[str, Any], small_data: Path, tmp_path: Path) -> None:
    recipe = parse_recipe(small | {"seed": 7, "protocol": {"name": "stratified_folds", "options": {"folds": 3}}})
    runs = repetitions(recipe, small_data, tmp_path, seeds=2, folds=True)
    assert [run.folder.name for run in runs] == [f"seed-{seed}-fold-{fold}" for seed in (7, 8) for fold in (1, 2, 3)]
    assert runs[4].name == "seed 8, fold 2 of 3"
    assert (runs[4].recipe.seed, runs[4].recipe.protocol.fold) == (8, "2 of 3")
    assert runs[4].recipe.protocol.seed == recipe.protocol.seed
    assert [run.folder.name for run in repetitions(recipe, small_data, tmp_path, seeds=2)] == ["seed-7", "seed-8"]


def test_what_can_not_be_repeated(recipe: Recipe, small: dict[str, Any], small_data: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="at least one seed"):
        repetitions(recipe, small_data, tmp_path, seeds=0)
    with pytest.raises(TrainingError, match="official has one fold only"):
        repetitions(recipe, small_data, tmp_path, folds=True)
    with pytest.raises(RecipeError, match="seed"):
        repetitions(parse_recipe(small | {"seed": 2**31 - 1}), small_data, tmp_path, seeds=2)
    (tmp_path / "recipe.json").touch()
    with pytest.raises(TrainingError, match="holds a single run"):
        repeat(repetitions(recipe, small_data, tmp_path, seeds=2), small_data, tmp_path)


def test_the_summary_is_mean_deviation_and_interval(recipe: Recipe, small_data: Path, tmp_path: Path) -> None:
    runs = repetitions(recipe, small_data, tmp_path, seeds=3)
    leaky = replace(card(9), origin=SplitOrigin("sdl_as_published", leaks="Copies."))
    summary = summarised(list(zip(runs, (card(7), card(8), leaky), strict=True)), 4, tmp_path)
    (row,) = summary["summary"]
    accuracy = row["figures"]["accuracy"]
    assert (accuracy["n"], accuracy["mean"], accuracy["sd"]) == (3, pytest.approx(0.8), pytest.approx(0.1))
    assert accuracy["interval"]["high"] == pytest.approx(0.8 + 1.96 * 0.1 / 3**0.5)
    assert row["pooled"] == {"n": 30, "accuracy": pytest.approx(0.8)}
    assert row["figures"]["clean_accuracy"]["mean"] == 0.5
    assert row["held_out"]
    assert (summary["runs_done"], summary["runs_planned"]) == (3, 4)
    assert summary["leaks"] == ["Copies."]
    assert [run["figures"][0]["accuracy"] for run in summary["runs"]] == [0.7, 0.8, 0.9]
    assert not summarised([(runs[0], card(5, held_out=False))], 1, tmp_path)["summary"][0]["held_out"]


@pytest.mark.slow
def test_runs_go_on_where_they_stopped(small: dict[str, Any], small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = parse_recipe(
        small
        | {
            "phases": [{"epochs": 1, "size": 24}],
            "select_on": "test",
            "allow_test_selection": True,
            "targets": {"fer7": small["targets"]["fer7"]},
            "protocol": {"name": "stratified_folds", "options": {"folds": 2, "validation": 0.2}},
        }
    )
    runs = repetitions(recipe, small_data, tmp_path, folds=True)
    told: list[str] = []
    with monkeypatch.context() as patch:
        begun = []

        def once(*args: Any, **options: Any) -> None:
            begun.append(args)
            if len(begun) > 1:
                raise KeyboardInterrupt
            whole(*args, **options)

        whole = room.train_plan
        patch.setattr(room, "train_plan", once)
        with pytest.raises(KeyboardInterrupt):
            repeat(runs, small_data, tmp_path)
    assert json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))["runs_done"] == 1
    with pytest.raises(TrainingError, match="already holds a run"):
        repeat(runs, small_data, tmp_path)
    first = (runs[0].folder / "model.onnx").stat().st_mtime_ns
    summary = repeat(runs, small_data, tmp_path, resume=True, on_run=lambda number, run: told.append(f"{number} {run.name}"))
    assert told == ["0 seed 0, fold 1 of 2", "1 seed 0, fold 2 of 2"]
    assert (runs[0].folder / "model.onnx").stat().st_mtime_ns == first
    assert summary["runs_done"] == 2
    assert {(row["split"], row["held_out"]) for row in summary["summary"]} == {("validation", True), ("test", False)}
    tested = next(row for row in summary["summary"] if row["split"] == "test")
    assert tested["pooled"]["n"] == 152
    assert summary["selection"] == "test"
