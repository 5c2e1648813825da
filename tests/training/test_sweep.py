from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mien.core.errors import OptionError, RecipeError
from mien.training.repeat import Repetition
from mien.training.sweep import compared, split_values, sweep, swept
from tests.training.test_repeat import card

TOML = """
name = "tiny"
precision = "32-true"
phases = [{ epochs = 1, size = 16 }]
optim = { batch_size = 16 }
model = { name = "miennet", options = { stem = 4, widths = [4], depths = [1] } }
targets.fer7 = { dataset = "fer2013", options = { verify = false } }
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    (tmp_path / "tiny.toml").write_text(TOML, encoding="utf-8")
    return tmp_path / "tiny.toml"


def judged(validation: int, test: int) -> Any:
    """A card with so many of 10 right on either split."""
    first, second = (replace(card(right)).metrics[0] for right in (validation, test))
    return replace(card(5), metrics=({**first, "split": "validation"}, second))


def test_values_are_toml_parted_by_commas() -> None:
    assert split_values("k", "50, 100,128") == ["50", "100", "128"]
    assert split_values("k", "[1, 2],[3]") == ["[1, 2]", "[3]"]
    assert split_values("k", "[{epochs=1, size=8}],[{epochs=2, size=8}]") == ["[{epochs=1, size=8}]", "[{epochs=2, size=8}]"]
    assert split_values("k", '"a,b",cosine') == ['"a,b"', "cosine"]


@pytest.mark.parametrize("texts", ["50", "", "50,", "[1,2]", "50,50", 'step,"step"', "[1,2"])
def test_a_sweep_has_several_values(texts: str) -> None:
    with pytest.raises(OptionError, match=r"two values or more, each once.*Try optim\.batch_size=A,B"):
        split_values("optim.batch_size", texts)


def test_each_value_has_a_folder(tiny: Path, tmp_path: Path) -> None:
    runs = swept(tiny, {"optim.batch_size": "50,100"}, tmp_path, tmp_path, overrides={"seed": "3"})
    assert [run.folder.name for run in runs] == ["optim.batch_size-50", "optim.batch_size-100"]
    assert [run.name for run in runs] == ["optim.batch_size = 50", "optim.batch_size = 100"]
    assert [(run.recipe.optim.batch_size, run.recipe.seed) for run in runs if not hasattr(run.recipe, "members")] == [(50, 3), (100, 3)]


def test_several_keys_make_a_grid_with_seeds(tiny: Path, tmp_path: Path) -> None:
    runs = swept(tiny, {"optim.schedule": "step,cosine", "optim.learning_rate": "1e-3,0.01"}, tmp_path, tmp_path, seeds=2)
    assert len(runs) == 8
    assert runs[2].name == "optim.schedule = step, optim.learning_rate = 0.01, seed 0"
    assert runs[2].values == {"optim.schedule": "step", "optim.learning_rate": 0.01}
    assert runs[3].folder == tmp_path / "optim.schedule-step-optim.learning_rate-0.01" / "seed-1"
    assert len({run.folder for run in runs}) == 8


def test_values_that_are_no_names_have_folders_of_their_own(tiny: Path, tmp_path: Path) -> None:
    phases = "[{epochs = 1, size = 16}],[{epochs = 1, size = 24}]"
    runs = swept(tiny, {"phases": phases}, tmp_path, tmp_path)
    assert len({run.folder for run in runs}) == 2
    assert all(run.folder.parent == tmp_path and len(run.folder.name) < 80 for run in runs)


def test_what_can_not_be_swept(tiny: Path, tmp_path: Path) -> None:
    for options in ({"overrides": {"seed": "2"}}, {"seeds": 2}):
        with pytest.raises(OptionError, match="'seed' is swept over and set at once"):
            swept(tiny, {"seed": "0,1"}, tmp_path, tmp_path, **options)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"'protocol\.fold' is swept"):
        swept(tiny, {"protocol.fold": "1,2"}, tmp_path, tmp_path, folds=True)
    with pytest.raises(RecipeError, match="Did you mean batch_size"):
        swept(tiny, {"optim.batchsize": "1,2"}, tmp_path, tmp_path)


def test_the_best_value_is_the_best_on_validation(tiny: Path, tmp_path: Path) -> None:
    runs = swept(tiny, {"optim.batch_size": "50,100,200"}, tmp_path, tmp_path, seeds=2)
    cards = [judged(5, 9), judged(7, 9), judged(8, 3), judged(7, 3), judged(7, 2), judged(8, 1)]
    summary = compared(list(zip(runs, cards, strict=True)), 6, tmp_path)
    assert summary["best"]["values"] == {"optim.batch_size": 100}  # the first of equals, the worst but one on test
    assert summary["best"]["split"] == "validation"
    assert [value["accuracy"]["validation"]["mean"] for value in summary["values"]] == pytest.approx([0.6, 0.75, 0.75])
    assert summary["values"][0]["accuracy"]["test"]["n"] == 2
    assert summary["runs"][3]["folder"] == "optim.batch_size-100/seed-1"
    assert summary["swept"] == ["optim.batch_size"]
    assert "summary" not in summary
    without = compared([(run, card(5)) for run in runs], 6, tmp_path)
    assert without["best"] is None


def test_a_summary_of_some_runs_says_how_many_there_will_be(tiny: Path, tmp_path: Path) -> None:
    runs: list[Repetition] = swept(tiny, {"optim.batch_size": "50,100"}, tmp_path, tmp_path)
    summary = compared([(runs[0], judged(5, 5))], 2, tmp_path)
    assert (summary["runs_done"], summary["runs_planned"], len(summary["values"])) == (1, 2, 1)


@pytest.mark.slow
def test_a_sweep_ends_with_a_comparison(tiny: Path, small_data: Path, tmp_path: Path) -> None:
    runs = swept(tiny, {"optim.batch_size": "16,48"}, small_data, tmp_path / "out")
    summary = sweep(runs, small_data, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8")) == summary
    assert (tmp_path / "out" / "comparison.png").read_bytes().startswith(b"\x89PNG")
    assert [value["values"]["optim.batch_size"] for value in summary["values"]] == [16, 48]
    written = (runs[0].folder / "model.onnx").stat().st_mtime_ns
    more = swept(tiny, {"optim.batch_size": "16,48,24"}, small_data, tmp_path / "out")
    again = sweep(more, small_data, tmp_path / "out", resume=True)
    assert (runs[0].folder / "model.onnx").stat().st_mtime_ns == written
    assert [value["summary"] for value in again["values"][:2]] == [value["summary"] for value in summary["values"]]
