from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.artifact import load_model, read_card
from mien.core.calibration import Calibration
from mien.core.errors import DatasetAbsentError, RecipeError, TrainingError, UnknownNameError
from mien.datasets.base import load_dataset
from mien.training import ensemble as room
from mien.training.ensemble import Ensemble, epochs_before, finished, load_plan, runs_of, train_ensemble, train_plan, varied
from mien.training.recipe import Recipe, load_recipe
from mien.training.repeat import repeat, repetitions

NARROW = """
name = "narrow"
training_data = "stripes"
licence = "none"
precision = "32-true"
phases = [{ epochs = 2, size = 16 }]
optim = { batch_size = 16, ema_decay = 0.5 }
model = { name = "miennet", options = { stem = 4, widths = [4], depths = [1] } }
targets.fer7 = { dataset = "fer2013", options = { verify = false } }
"""
WIDE = 'base = "narrow.toml"\nname = "wide"\nseed = 5\nphases = [{ epochs = 1, size = 16 }]\nmodel.options.stem = 8\n'
PAIR = 'name = "pair"\nmembers = ["narrow.toml", "wide.toml"]\nlicence = "free"\n'


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with two recipes and their ensemble."""
    for name, text in (("narrow", NARROW), ("wide", WIDE), ("pair", PAIR)):
        (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
    return tmp_path


def pair_of(desk: Path, overrides: dict[str, str] | None = None) -> Ensemble:
    plan = load_plan(desk / "pair.toml", overrides)
    assert isinstance(plan, Ensemble)
    return plan


def test_members_are_read_beside_the_file_and_changed_alike(desk: Path) -> None:
    plan = pair_of(desk, {"optim.learning_rate": "0.02"})
    assert list(plan.members) == ["narrow", "wide"]
    assert {recipe.optim.learning_rate for recipe in plan.members.values()} == {0.02}
    assert (plan.epochs, plan.seed, plan.select_on) == (3, 0, "validation")
    assert [(name, place.name) for name, _, place in runs_of(plan, desk)] == [("narrow", "narrow"), ("wide", "wide")]
    assert isinstance(load_plan(desk / "wide.toml"), Recipe)


def test_huangs_three_networks_are_one_recipe() -> None:
    plan = load_plan("cnn123")
    assert isinstance(plan, Ensemble)
    assert list(plan.members) == ["cnn1", "cnn2", "cnn3"]


def test_progress_counts_the_members_before(desk: Path) -> None:
    plan = pair_of(desk)
    assert [epochs_before(plan, {"member": name}) for name in plan.members] == [0, 2]
    assert epochs_before(plan.first, {}) == 0


def test_every_seed_is_raised_and_every_fold_set(desk: Path) -> None:
    plan = varied(pair_of(desk), 2, "1 of 5")
    assert isinstance(plan, Ensemble)
    assert [(recipe.seed, recipe.protocol.fold) for recipe in plan.members.values()] == [
        (12, "1 of 5"),
        (17, "1 of 5"),
    ]
    with pytest.raises(RecipeError, match="seed"):
        varied(plan, 2**31)


@pytest.mark.parametrize(
    ("wide", "said"),
    [
        ("phases = [{ epochs = 1, size = 24 }]", r"'narrow' and 'wide' differ in phases \(last size\).*: 16 and 24"),
        (
            'preprocess.framing = "geometric"\ntargets.fer7 = { dataset = "fer2013", options = { crop = "geometric" } }',
            "differ in targets, preprocess",
        ),
        ("protocol.seed = 4", "differ in protocol"),
        ("evaluate_test = false", "differ in evaluate_test"),
        ('targets.fer8 = { dataset = "ferplus" }', "differ in targets"),
        ('licence = "another"', "'narrow' and 'wide' differ in name alone"),
        ('features.name = "bovw"', "'wide' takes more than single pictures"),
    ],
)
def test_members_that_can_not_be_fused_are_refused_before_they_are_trained(desk: Path, wide: str, said: str) -> None:
    (desk / "wide.toml").write_text(f'base = "narrow.toml"\nname = "wide"\n{wide}\n', encoding="utf-8")
    with pytest.raises(RecipeError, match=said):
        load_plan(desk / "pair.toml")


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ('name = "x"\nmembers = ["narrow.toml", "narrow.toml"]', RecipeError, "each member needs a name of its own"),
        ('name = "x"\nmembers = ["narrow.toml"]', RecipeError, "members"),
        ('name = "x"\nmembers = ["narrow.toml", "wide.toml"]\n[optim]\nbatch_size = 3', RecipeError, "Unknown key 'optim'"),
        ('name = "x"\nmembers = ["narrow.toml", "pair.toml"]', RecipeError, "pair.toml is an ensemble, and one recipe"),
        ('name = "x"\nmembers = ["narrow.toml", "wild.toml"]', UnknownNameError, "wild"),
    ],
)
def test_files_that_are_no_ensemble(desk: Path, text: str, error: type[Exception], said: str) -> None:
    (desk / "x.toml").write_text(text, encoding="utf-8")
    with pytest.raises(error, match=said):
        load_plan(desk / "x.toml")
    with pytest.raises(RecipeError, match="is an ensemble"):
        load_recipe(desk / "pair.toml")


def test_a_folder_is_taken_only_when_the_data_are_there(desk: Path, small_data: Path) -> None:
    plan = pair_of(desk)
    with pytest.raises(DatasetAbsentError):
        train_ensemble(plan, desk, desk / "out")
    assert not (desk / "out").exists()
    (desk / "out").mkdir()
    (desk / "out" / "recipe.json").write_text(plan.model_dump_json(), encoding="utf-8")
    with pytest.raises(TrainingError, match="already holds a run"):
        train_ensemble(plan, small_data, desk / "out")
    with pytest.raises(TrainingError, match="another recipe"):
        train_ensemble(pair_of(desk, {"optim.batch_size": "8"}), small_data, desk / "out", resume=True)
    with pytest.raises(TrainingError, match="holds a single run"):
        repeat(repetitions(plan, small_data, desk / "out"), small_data, desk / "out")


@pytest.mark.slow
def test_an_ensemble_is_trained_fused_and_measured(desk: Path, small_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, out, rows = pair_of(desk), desk / "out", []
    with monkeypatch.context() as patch:
        whole = room.train

        def once(recipe: Recipe, *args: Any, **options: Any) -> None:
            if recipe.name == "wide":
                raise KeyboardInterrupt
            whole(recipe, *args, **options)

        patch.setattr(room, "train", once)
        with pytest.raises(KeyboardInterrupt):
            train_plan(plan, small_data, out)
    assert not finished(plan, out)
    first = (out / "narrow" / "model.onnx").stat().st_mtime_ns
    card = train_plan(plan, small_data, out, resume=True, tensorboard=True, on_epoch=rows.append)
    assert (out / "narrow" / "model.onnx").stat().st_mtime_ns == first
    assert [(row["member"], row["epoch"]) for row in rows] == [("wide", 1)]
    assert finished(plan, out)
    assert not finished(pair_of(desk, {"seed": "1"}), out)

    members = [load_model(out / name / "model.onnx") for name in plan.members]
    assert [(metric["split"], metric["held_out"]) for metric in card.metrics] == [("validation", False), ("test", True)]
    assert (card.name, card.licence, card.training_data) == ("pair", "free", "stripes")
    assert card.parameters == sum(member.card.parameters or 0 for member in members)
    assert card.heads[0].calibration != Calibration()
    assert set(card.heads[0].abstain_at) == set(members[0].head.abstain_at)
    facts = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert facts["members"] == {member.card.name: member.card.sha256 for member in members}
    assert (out / "curve.png").read_bytes().startswith(b"\x89PNG")

    data = load_dataset("fer2013", small_data, verify=False)
    test = data.images[data.split == "test"]
    fused = load_model(out / "model.onnx")
    scores = np.exp(fused.logits(test))
    np.testing.assert_allclose(scores, np.mean([member.predict(test) for member in members], axis=0), atol=1e-5)
    accuracy = float((scores.argmax(axis=1) == data.targets[data.split == "test"]).mean())
    assert card.metrics[1]["overall"]["accuracy"] == pytest.approx(accuracy)


@pytest.mark.slow
def test_seeds_of_an_ensemble_are_ensembles(desk: Path, small_data: Path) -> None:
    runs = repetitions(pair_of(desk, {"phases": "[{epochs = 1, size = 16}]"}), small_data, desk / "out", seeds=2)
    assert [run.name for run in runs] == ["seed 0", "seed 6"]
    summary = repeat(runs, small_data, desk / "out")
    assert summary["summary"][0]["figures"]["accuracy"]["n"] == 2
    assert all(run.finished for run in runs)
    assert {read_card(desk / "out" / "seed-6" / name / "model.onnx").recipe["seed"] for name in ("narrow", "wide")} == {6, 11}
