"""Recipes of sequences: from drawn faces and CK+ in its layout to artifacts that answer without torch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import mien
from mien.artifact import SequenceModel, load_model
from mien.cli import app
from mien.core.errors import ArtifactError, InputError, RecipeError
from mien.datasets.avatars import export
from mien.datasets.base import load_dataset
from mien.datasets.sequences import as_sequences
from mien.evaluation.run import evaluate
from mien.models.densecnn import DenseCNN
from mien.training.data import load_sets, prepared, split_of
from mien.training.ensemble import load_plan
from mien.training.fuse import fuse
from mien.training.recipe import load_recipe
from mien.training.run import Run, best_network, train
from mien.training.sequences import layer_of, seen_by
from tests.datasets.fakes_ckplus import write_ckplus
from tests.training.layouts import SEQUENCES

LABELS = '["happiness comes", "happiness goes", "surprise comes", "surprise goes"]'
TURNS = {
    "targets.turns.labels": LABELS,
    "targets.turns.dataset": "manifest",
    "targets.turns.options": f"{{labels = {LABELS}, channels = 1}}",
}
SHORT = {"phases": "[{epochs = 2, size = 48}]", "optim.batch_size": "8", "precision": "32-true"}


def write_turns(folder: Path, channels: int = 1) -> Path:
    shown = ["happiness", "surprise"]
    drawn = load_dataset("avatars", folder, kind="turns", labels=shown, n=24, length=[5, 8], characters=6, workers=1, channels=channels)
    export(drawn, folder)
    return folder


@pytest.fixture(scope="module")
def turns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 drawn sequences of six characters, as files."""
    return write_turns(tmp_path_factory.mktemp("turns"))


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """240 drawn sequences of 24 characters, as files, with what has been seen in their frames beside them."""
    folder, shown = tmp_path_factory.mktemp("lesson"), ["happiness", "surprise"]
    export(load_dataset("avatars", folder, kind="turns", labels=shown, n=240, length=[6, 12], characters=24, workers=1, channels=1), folder)
    return folder


@pytest.fixture(scope="module")
def gru(turns: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(load_recipe("turns_gru", TURNS | SHORT), turns, tmp_path_factory.mktemp("gru"))


@pytest.fixture(scope="module")
def ckplus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CK+ in its layout, as noise: 70 sequences of 35 people, ten of each expression, of two to seven frames."""
    folder = tmp_path_factory.mktemp("ckplus")
    listed = [(f"S{i % 35:03d}", f"{i // 35:03d}", 2 + i % 6, 1 + i % 7, ()) for i in range(70)]
    write_ckplus(folder / "ckplus", facs=False, sequences=listed)
    return folder


@pytest.mark.slow
def test_the_artifact_says_what_the_network_says(gru: Run, turns: Path) -> None:
    model = load_model(gru.folder / "model.onnx")
    assert isinstance(model, SequenceModel)
    assert model.card.sequence == {"frames": None, "rate_hz": 25.0, "longest": 8}
    layer, sets = layer_of(gru.recipe), load_sets(gru.recipe, turns)
    split = split_of(gru.recipe, sets, "test")
    seen = seen_by(layer, prepared(split, gru.recipe), mirrored=False)
    with torch.inference_mode():
        expected = best_network(gru)(seen.images, seen.lengths)["turns"].numpy()
    assert split.lengths is not None
    sequences = [one[:length, 0].numpy() for one, length in zip(split.images, split.lengths.tolist(), strict=True)]
    np.testing.assert_allclose(model.sequence_logits(sequences), expected, atol=1e-4)
    scores = model.predict_sequences(sequences)
    assert scores.shape == (len(split), 4)
    np.testing.assert_allclose(scores.sum(1), 1, atol=1e-5)


@pytest.mark.slow
def test_the_card_has_the_figures_of_its_sequences(gru: Run, turns: Path) -> None:
    model, dataset = load_model(gru.folder / "model.onnx"), next(iter(load_sets(gru.recipe, turns).values()))
    told = {metric["split"]: metric["overall"]["accuracy"] for metric in model.card.metrics}
    assert told["test"] == evaluate(model, dataset, "test").overall.accuracy
    assert gru.best["accuracy_turns"] == pytest.approx(told["validation"])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["turns_lstm40", "turns_lstm", "turns_gru", "turns_attention", "turns_cnn3d"])
def test_it_learns_from_the_order_of_frames(name: str, lesson: Path, tmp_path: Path) -> None:
    changes = {"phases": "[{epochs = 15, size = 48}]", "optim.batch_size": "16", "precision": "32-true"}
    if name == "turns_cnn3d":
        changes["sequence.frames"] = "8"
    else:
        changes["features.cache"] = json.dumps(str(lesson / "vectors.sqlite"))
    finished = train(load_recipe(name, TURNS | changes), lesson, tmp_path)
    [told] = [metric for metric in load_model(finished.folder / "model.onnx").card.metrics if metric["split"] == "test"]
    assert told["overall"]["accuracy"] >= 0.75  # of four, by characters not seen before; single frames tell two apart


@pytest.mark.slow
def test_training_sequences_come_mirrored_too(gru: Run, turns: Path) -> None:
    split = prepared(split_of(gru.recipe, load_sets(gru.recipe, turns), "train"), gru.recipe)
    seen = seen_by(layer_of(gru.recipe), split, mirrored=True)
    assert seen.images.shape[0] == 2 * len(split)
    assert torch.equal(seen.heads["turns"].classes[: len(split)], seen.heads["turns"].classes[len(split) :])
    assert not torch.allclose(seen.images[: len(split)], seen.images[len(split) :])
    assert split.lengths is not None
    for one, length in zip(seen.images, split.lengths.repeat(2).tolist(), strict=True):
        assert not one[length:].any()
        assert one[:length].any(1).all()


@pytest.mark.slow
def test_a_cache_gives_the_same_vectors(gru: Run, turns: Path, tmp_path: Path) -> None:
    split = prepared(split_of(gru.recipe, load_sets(gru.recipe, turns), "test"), gru.recipe)
    layer, cache = layer_of(gru.recipe), str(tmp_path / "vectors.sqlite")
    plain = seen_by(layer, split, mirrored=True)
    for _ in range(2):
        torch.testing.assert_close(seen_by(layer, split, mirrored=True, cache=cache).images, plain.images, atol=1e-5, rtol=0)


@pytest.mark.slow
def test_a_resumed_run_ends_alike(gru: Run, turns: Path, tmp_path: Path) -> None:
    train(gru.recipe, turns, tmp_path, stop_after=1)
    again = train(gru.recipe, turns, tmp_path, resume=True)
    assert [{**row, "seconds": 0} for row in again.history] == [{**row, "seconds": 0} for row in gru.history]
    assert (tmp_path / "model.onnx").read_bytes() == (gru.folder / "model.onnx").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SEQUENCES if name.startswith("turns")])
def test_a_recipe_of_drawn_sequences(name: str, turns: Path, tmp_path: Path) -> None:
    finished = train(load_recipe(name, TURNS | SHORT), turns, tmp_path)
    model = load_model(tmp_path / "model.onnx")
    assert isinstance(model, SequenceModel)
    assert [metric["split"] for metric in model.card.metrics] == ["validation", "test"]
    pictures = np.random.default_rng(0).integers(0, 256, (9, 60, 60), np.uint8)
    one, two = model.predict_sequences([pictures, pictures[:3]])
    np.testing.assert_allclose(one, model.predict_sequences([list(pictures)])[0], atol=1e-6)
    assert not np.allclose(one, two)
    assert len(finished.history) == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SEQUENCES if name.startswith("ckplus")])
def test_a_recipe_of_ckplus(name: str, ckplus: Path, tmp_path: Path) -> None:
    changes = {"targets.ckplus7.options": '{frames = "all", crop_size = 48, verify = false}'}
    if name.endswith("densecnn"):
        changes["features.options.model"] = str(_frames_network(tmp_path / "frames.onnx"))
    recipe = load_recipe(name, SHORT | changes)
    finished = train(recipe, ckplus, tmp_path / "run")
    model = load_model(tmp_path / "run" / "model.onnx")
    assert isinstance(model, SequenceModel)
    assert model.card.sequence["longest"] == 7
    assert model.card.sequence["rate_hz"] is None
    assert model.card.origin.protocol == "subject_split"
    assert finished.history[-1]["loss"] > 0


def _frames_network(path: Path) -> Path:
    """An untrained network of the thesis as an artifact."""
    from mien.artifact import save_artifact
    from mien.card import Card, Head
    from mien.core.labels import VALENCE3
    from mien.preprocess import Preprocessing
    from mien.training.export import to_onnx

    torch.manual_seed(0)
    graph = to_onnx(DenseCNN({"valence3": 3}), Preprocessing())
    learnt = {"targets": {"valence3": {"dataset": "fer2013"}}}
    save_artifact(graph, Card("frames", "1", (Head("valence3", VALENCE3),), Preprocessing(), "none", "none", recipe=learnt), path)
    return path


def test_the_thesis_has_108_numbers_a_frame() -> None:
    recipe = load_recipe("ckplus_lstm40_densecnn")
    assert recipe.model.options == {"numbers": 108}
    assert recipe.sequence is not None
    assert (recipe.sequence.frames, recipe.epochs, recipe.optim.early_stop) == (40, 300, 50)


@pytest.mark.slow
def test_judged_by_the_command_line(gru: Run, turns: Path) -> None:
    model = str(gru.folder / "model.onnx")
    where = ["--dataset", "manifest", "--data", str(turns), "--option", f"labels={LABELS}", "--option", "channels=1", "--json"]
    found = CliRunner().invoke(app, ["evaluate", model, *where])
    overall = json.loads(found.stdout)["overall"]
    assert overall["n"] == 4
    assert overall["accuracy"] == load_model(gru.folder / "model.onnx").card.metrics[1]["overall"]["accuracy"]
    whole = CliRunner().invoke(app, ["evaluate", model, *where, "--whole"])
    assert (whole.exit_code, whole.stderr.startswith("mien: --whole finds faces in single pictures")) == (1, True)
    side = CliRunner().invoke(app, ["bench", model, *where, "--runs", "1"])
    [told] = json.loads(side.stdout)["results"]
    assert told["overall"]["accuracy"] == overall["accuracy"]


@pytest.mark.slow
def test_models_and_rows_that_do_not_fit_are_refused(gru: Run, turns: Path) -> None:
    sequences = load_model(gru.folder / "model.onnx")
    frames = load_dataset("manifest", turns, labels=list(sequences.labels))
    with pytest.raises(InputError, match="turns_gru reads sequences, and the rows of manifest are single pictures"):
        evaluate(sequences, frames, "test", labels=sequences.labels)
    whole = as_sequences(load_dataset("avatars", turns, kind="sequences", n=2, length=5, size=16, workers=1))
    with pytest.raises(InputError, match="reads single pictures, and the rows of avatars are sequences"):
        evaluate(load_model("default", labels=whole.labels), whole, "train")
    with pytest.raises(InputError, match="at least one crop"):
        sequences.predict_sequences([[]])  # type: ignore[attr-defined]


@pytest.mark.slow
def test_models_of_sequences_are_not_fused(gru: Run, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"turns_gru reads sequences\. Fuse models of single pictures"):
        fuse([gru.folder / "model.onnx", "default"], tmp_path / "both.onnx")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "pair.toml").write_text('name = "pair"\nmembers = ["turns_gru", "turns_lstm"]\n')
    with pytest.raises(RecipeError, match="'turns_gru' takes more than single pictures"):
        load_plan(tmp_path / "pair.toml")


@pytest.mark.slow
def test_a_picture_by_itself_is_refused(gru: Run, portrait_path: Path) -> None:
    results = mien.analyze(str(portrait_path), model=gru.folder / "model.onnx")
    assert "is a picture, and turns_gru reads sequences" in str(results.errors)


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        ("turns_gru", {"augment.mixup": "0.2"}, "takes no augment.mixup"),
        ("turns_gru", {"flip_average": "true"}, "takes no flip_average"),
        ("turns_gru", {"features.name": '"hog"'}, "takes no features"),
        ("miennet", {"features": '{name = "network"}'}, "Give sequence, or leave it out"),
        ("pixels_knn", {"sequence": "{}"}, "sequence out"),
        ("turns_gru", {"sequence.frames": "0"}, "greater than or equal to 1"),
    ],
)
def test_recipes_that_can_not_be(name: str, changes: dict[str, str], told: str) -> None:
    from mien.training.recipe import load_experiment

    with pytest.raises(RecipeError, match=told):
        load_experiment(name, changes)


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        ("turns_gru", {"model.options.numbers": "64"}, "takes 64 numbers for each frame, and the recipe gives 128"),
        ("turns_gru", {"model.name": '"miennet"', "model.options": "{}"}, "miennet reads single pictures"),
        ("turns_cnn3d", {"sequence": "{}"}, "sequence.frames"),
        ("turns_gru", {"phases": "[{epochs = 1, size = 40}]"}, "takes its pictures as"),
    ],
)
def test_recipes_that_do_not_fit_are_told_before_training(
    name: str, changes: dict[str, str], told: str, turns: Path, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=told):
        train(load_recipe(name, TURNS | SHORT | changes), turns, tmp_path)
    assert not (tmp_path / "model.onnx").exists()


@pytest.mark.slow
def test_colour_is_for_networks_that_describe(tmp_path: Path) -> None:
    drawn = TURNS | {"targets.turns.options": f"{{labels = {LABELS}, channels = 3}}"}
    with pytest.raises(RecipeError, match="takes gray ones"):
        train(load_recipe("turns_cnn3d", drawn | SHORT), write_turns(tmp_path, 3), tmp_path / "run")


def test_the_document_lists_every_recipe_with_what_it_runs() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "sequences.md").read_text(encoding="utf-8")
    cells = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")]
    told = {name: (network, frames) for name, network, frames, _ in cells}
    plans = {name: load_recipe(name) for name in SEQUENCES}
    assert told == {
        name: (plan.model.name, str(plan.sequence.frames or "any")) for name, plan in plans.items() if plan.sequence is not None
    }


@pytest.mark.slow
def test_the_card_is_shown(gru: Run) -> None:
    shown = CliRunner().invoke(app, ["models", "info", str(gru.folder / "model.onnx")])
    assert "of up to 8 frames at 25 frames a second" in shown.stdout
