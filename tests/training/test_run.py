from __future__ import annotations

import csv
import errno
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision
from lightning_fabric.utilities.exceptions import MisconfigurationException
from PIL import Image

from mien.artifact import load_model
from mien.core.calibration import Calibration
from mien.core.errors import DatasetAbsentError, LabelError, OutputError, RecipeError, TrainingError
from mien.core.labels import FER7
from mien.datasets.base import load_dataset
from mien.models.registry import count_parameters
from mien.training import checkpoint
from mien.training.data import load_sets, split_of
from mien.training.devices import arithmetic
from mien.training.loop import _chances, _optimizer
from mien.training.recipe import Recipe, parse_recipe
from mien.training.run import Run, best_network, train


@pytest.fixture(scope="module")
def finished(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A recipe run to its end: enough epochs to learn the stripes."""
    values = {
        "name": "stripes",
        "training_data": "stripes",
        "licence": "none",
        "precision": "32-true",
        "model": {"name": "miennet", "options": {"stem": 8, "widths": [8, 16], "depths": [1, 1], "dropout": 0.0}},
        "targets": {
            "fer8": {
                "dataset": "ferplus",
                "loss": "soft_cross_entropy",
                "options": {"verify": False, "keep": "all", "labels_from": "fer2013new.csv"},
            },
            "fer7": {"dataset": "fer2013", "options": {"verify": False}},
        },
        "augment": {"rotation": 0.0, "shift": 0.0, "scale": 0.0, "erase_probability": 0.0},
        "phases": [{"epochs": 2, "size": 24}, {"epochs": 10, "size": 48}],
        "optim": {"batch_size": 16, "ema_decay": 0.8, "learning_rate": 0.1},
    }
    return train(parse_recipe(values), small_data, tmp_path_factory.mktemp("run"))


def test_a_recipe_learns(finished: Run) -> None:
    assert finished.best["accuracy_fer7"] > 0.9
    assert finished.best["size"] == 48


def test_the_folder_says_everything(finished: Run) -> None:
    facts = json.loads((finished.folder / "run.json").read_text())
    assert facts["parameters"] == count_parameters(best_network(finished))
    assert facts["precision"] == "32-true"
    assert facts["data"]["train"]["rows"] == 96
    with (finished.folder / "log.csv").open() as file:
        assert [int(row["epoch"]) for row in csv.DictReader(file)] == list(range(1, 13))
    assert (finished.folder / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert parse_recipe(json.loads((finished.folder / "recipe.json").read_text())) == finished.recipe
    assert checkpoint.load(finished.folder / "checkpoint.safetensors")[1]["history"] == finished.history


def test_artifact_and_network_agree(finished: Run, small_data: Path) -> None:
    model = load_model(finished.folder / "model.onnx")
    images = load_dataset("fer2013", small_data, verify=False).images[:20]
    with torch.inference_mode():
        expected = best_network(finished)(torch.tensor(images)[:, None].float())
    for head in model.card.heads:
        np.testing.assert_allclose(model.logits(images, head.labels), expected[head.output].numpy(), atol=1e-4)


def test_card_carries_figures_of_both_heads_and_splits(finished: Run) -> None:
    card = load_model(finished.folder / "model.onnx").card
    assert [(m["dataset"], m["split"]) for m in card.metrics] == [
        ("ferplus", "validation"),
        ("fer2013", "validation"),
        ("ferplus", "test"),
        ("fer2013", "test"),
    ]
    for metric in card.metrics:
        overall = metric["overall"]
        assert overall["n"] == 28
        assert overall["accuracy_interval"]["low"] <= overall["accuracy"] <= overall["accuracy_interval"]["high"]
    assert card.recipe == finished.recipe.model_dump(mode="json")
    assert all(h.calibration != Calibration() for h in card.heads)
    assert all(0 < h.abstain_at["0.9"] <= h.abstain_at["0.8"] <= 1 for h in card.heads)
    assert all(metric["held_out"] == (metric["split"] == "test") for metric in card.metrics)
    assert (card.selection, card.origin.protocol) == ("validation", "official")


@pytest.mark.slow
def test_flip_average_is_inside_the_graph(finished: Run) -> None:
    import onnxruntime

    from mien.preprocess import Preprocessing
    from mien.training.export import FlipAverage, to_onnx

    graph = to_onnx(FlipAverage(best_network(finished)), Preprocessing())
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    images = np.random.default_rng(0).uniform(0, 255, (3, 1, 48, 48)).astype(np.float32)
    plain, mirrored = (session.run(["fer8"], {"images": x})[0] for x in (images, np.ascontiguousarray(images[..., ::-1])))
    np.testing.assert_allclose(plain, mirrored, atol=1e-5)


@pytest.mark.slow
def test_resumed_run_equals_an_unbroken_one_to_the_bit(recipe: Recipe, small_data: Path, tmp_path: Path) -> None:
    whole = train(recipe, small_data, tmp_path / "whole")
    for stop in (1, 2, None):
        broken = train(recipe, small_data, tmp_path / "broken", resume=True, stop_after=stop)
    timeless = [[{k: v for k, v in row.items() if k != "seconds"} for row in run.history] for run in (whole, broken)]
    assert timeless[0] == timeless[1]
    first, second = (checkpoint.load(run.folder / "best.safetensors")[0]["model"] for run in (whole, broken))
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert load_model(tmp_path / "whole" / "model.onnx").card.sha256 == load_model(tmp_path / "broken" / "model.onnx").card.sha256


@pytest.mark.slow
def test_a_16_bit_run_keeps_the_scale_of_its_loss(
    small: dict[str, Any], small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps whose gradients overflow halve the scale and are passed over; a run that forgot it would pass over others.

    On a CPU Fabric takes 16-mixed by its part alone, and not by its name; nor does it clip the gradients of a fused step then.
    """

    def half(*_: object) -> Fabric:
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**30, growth_interval=3)
        return Fabric(accelerator="cpu", devices=1, plugins=[MixedPrecision("16-mixed", "cpu", scaler)])

    monkeypatch.setattr("mien.training.run.fabric_of", half)
    monkeypatch.setattr("mien.training.loop._optimizer", lambda part, groups, fused: _optimizer(part, groups, None))  # as on a card
    recipe = parse_recipe(small)
    train(recipe, small_data, tmp_path / "broken", stop_after=1)
    scale = checkpoint.load(tmp_path / "broken" / "checkpoint.safetensors")[1]["precision"]["scale"]
    assert scale < 2**30
    broken = train(recipe, small_data, tmp_path / "broken", resume=True, stop_after=2)
    whole = train(recipe, small_data, tmp_path / "whole", stop_after=2)
    first, second = (checkpoint.load(run.folder / "checkpoint.safetensors") for run in (whole, broken))
    assert first[1]["precision"] == second[1]["precision"]
    assert all(torch.equal(value, second[0]["model"][key]) for key, value in first[0]["model"].items())


@pytest.mark.parametrize(
    ("precision", "card", "processor", "used"),
    [
        ("auto", None, {"avx512_bf16": True, "amx_bf16": False, "cpu_name": "AMD EPYC"}, "bf16-mixed"),
        ("auto", None, {"avx512_bf16": True, "amx_bf16": False, "cpu_name": "Intel Xeon"}, "32-true"),
        ("auto", None, {"avx512_bf16": True, "amx_bf16": True, "cpu_name": "Intel Xeon"}, "bf16-mixed"),
        ("auto", None, {"avx512_f": True, "avx512_bf16": False}, "32-true"),
        ("auto", None, {}, "32-true"),  # another family, or a torch that can't say
        ("auto", (9, 0), {}, "bf16-mixed"),
        ("auto", (7, 5), {"avx512_bf16": True}, "32-true"),
        ("bf16-mixed", None, {}, "bf16-mixed"),
        ("32-true", (9, 0), {"avx512_bf16": True}, "32-true"),
    ],
)
def test_bf16_where_the_device_is_faster_in_it(
    small: dict[str, Any],
    precision: str,
    card: tuple[int, int] | None,
    processor: dict[str, Any],
    used: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: card is not None)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: card)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: processor, raising=False)
    assert arithmetic(parse_recipe(small | {"precision": precision})) == used


def test_a_folder_with_a_run_is_not_overwritten(recipe: Recipe, small: dict[str, Any], small_data: Path, tmp_path: Path) -> None:
    train(recipe, small_data, tmp_path / "run", stop_after=1)
    with pytest.raises(TrainingError, match="already holds a run"):
        train(recipe, small_data, tmp_path / "run")
    with pytest.raises(TrainingError, match="another recipe"):
        train(parse_recipe(small | {"seed": 1}), small_data, tmp_path / "run", resume=True)


def test_damaged_checkpoint(recipe: Recipe, small_data: Path, tmp_path: Path) -> None:
    train(recipe, small_data, tmp_path, stop_after=1)
    (tmp_path / "checkpoint.safetensors").write_bytes(b"not a checkpoint")
    with pytest.raises(TrainingError, match="can't be read"):
        train(recipe, small_data, tmp_path, resume=True)


def test_checkpoint_of_another_architecture(recipe: Recipe, small: dict[str, Any], small_data: Path, tmp_path: Path) -> None:
    train(recipe, small_data, tmp_path / "one", stop_after=1)
    small["model"]["options"] |= {"widths": [8, 8]}
    other = train(parse_recipe(small), small_data, tmp_path / "other", stop_after=2)
    for name in ("checkpoint.safetensors", "best.safetensors"):
        (tmp_path / "one" / name).write_bytes((other.folder / name).read_bytes())
    with pytest.raises(TrainingError, match=r"checkpoint\.safetensors does not fit.*another --out"):
        train(recipe, small_data, tmp_path / "one", resume=True)
    with pytest.raises(TrainingError, match=r"best\.safetensors does not fit"):
        best_network(Run(recipe, tmp_path / "one"))


def test_a_missing_best_checkpoint_is_named(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"best\.safetensors can't be read"):
        best_network(Run(recipe, tmp_path))


def test_a_run_that_could_not_start_leaves_its_folder_free(recipe: Recipe, small_data: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetAbsentError):
        train(recipe, tmp_path, tmp_path / "run")
    assert train(recipe, small_data, tmp_path / "run", stop_after=1).history[-1]["epoch"] == 1


def test_a_full_disk_keeps_the_last_checkpoint(recipe: Recipe, small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(recipe, small_data, tmp_path, stop_after=1)
    held = (tmp_path / "checkpoint.safetensors").read_bytes()

    def full(path: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="No space left"):
        train(recipe, small_data, tmp_path, resume=True)
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == held
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_folder_that_can_not_be_made(recipe: Recipe, small_data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="in a folder you may write"):
        train(recipe, small_data, tmp_path / "file" / "run")


def test_more_devices_than_there_are(recipe: Recipe, small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fabric(**_: object) -> None:
        raise MisconfigurationException("You requested gpu: [0, 1] But your machine only has: [0].")

    monkeypatch.setattr("mien.training.devices.Fabric", fabric)
    with pytest.raises(TrainingError, match=r"2 devices here: .* only has: \[0\]\. Lower --devices"):
        train(recipe, small_data, tmp_path, devices=2)


def test_each_device_has_its_own_rows_and_its_own_draws() -> None:
    shares, draws = [], []
    for rank in range(3):
        order, generator = _chances(7, 30, cast("Any", SimpleNamespace(global_rank=rank, world_size=3)))
        shares.append(order)
        draws.append((float(torch.rand((), generator=generator)), float(torch.rand(()))))
    assert sorted(torch.cat(shares).tolist()) == list(range(30))
    assert len(set(draws)) == 3


@pytest.mark.parametrize("clip_norm", [None, 5.0])
def test_loss_that_is_no_number(small: dict[str, Any], small_data: Path, tmp_path: Path, clip_norm: float | None) -> None:
    small["optim"] |= {"learning_rate": 1e30, "clip_norm": clip_norm, "warmup": 0.0}
    with pytest.raises(TrainingError, match=r"Lower optim\.learning_rate"):
        train(parse_recipe(small), small_data, tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"phases": [{"epochs": 1, "size": 50}]}, r"takes no pictures of 50×50 with 1 channels"),
        ({"targets": {"fer7": {"dataset": "folder"}}, "evaluate_test": False}, r"takes no pictures of .* with 3 channels"),
        ({"targets": {"fer7": {"dataset": "folder"}}}, r"no test split to evaluate.*evaluate_test = false"),
    ],
)
def test_what_would_fail_later_fails_at_once(
    small: dict[str, Any], small_data: Path, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    for split in ("train", "val"):
        for name in FER7:
            (tmp_path / split / name).mkdir(parents=True)
            Image.new("RGB", (48, 48)).save(tmp_path / split / name / "a.png")
    small["model"]["options"] |= {"widths": [8, 8, 8], "depths": [1, 1, 1]}
    with pytest.raises(RecipeError, match=said):
        train(parse_recipe(small | change), tmp_path if "targets" in change else small_data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_batch_larger_than_the_data(small: dict[str, Any], small_data: Path, tmp_path: Path) -> None:
    small["optim"] |= {"batch_size": 1000}
    with pytest.raises(TrainingError, match=r"Lower optim\.batch_size"):
        train(parse_recipe(small), small_data, tmp_path)


@pytest.mark.parametrize(
    ("head", "change", "said"),
    [
        ("fer7", {"loss": "soft_cross_entropy"}, "needs annotators' votes"),
        ("fer8", {"dataset": "fer2013", "options": {"verify": False}}, "contempt"),
        ("fer7", {"labels": ["neutral", "joy"]}, "joy"),
        ("fer8", {"options": {"verify": False, "keep": "majority", "labels_from": "fer2013new.csv"}, "dataset": "ferplus"}, None),
    ],
)
def test_targets_that_do_not_fit(small: dict[str, Any], small_data: Path, head: str, change: dict[str, Any], said: str | None) -> None:
    small["targets"][head] |= change
    recipe = parse_recipe(small)
    if said is None:  # every row of this data set has a majority: both heads label the same rows
        assert len(split_of(recipe, load_sets(recipe, small_data), "train")) == 96
    else:
        with pytest.raises((RecipeError, LabelError), match=said):
            split_of(recipe, load_sets(recipe, small_data), "train")


def test_a_class_that_no_row_shows_is_missed_under_smoothing_too(small: dict[str, Any], small_data: Path, tmp_path: Path) -> None:
    with np.load(small_data / "fer2013.npz") as table:
        np.savez(tmp_path / "fer2013.npz", **{**table, "emotion": np.where(table["emotion"] == 1, 0, table["emotion"])})
    del small["targets"]["fer8"]
    assert small["targets"]["fer7"]["label_smoothing"] > 0
    recipe = parse_recipe(small)
    with pytest.raises(RecipeError, match=r"shows disgust, which the label set fer7 holds\. Give rows of every class, or name"):
        split_of(recipe, load_sets(recipe, tmp_path), "train")


def test_weights_by_class_need_a_row_of_each(small: dict[str, Any], small_data: Path) -> None:
    """Contempt has votes here, and no row of its own."""
    sets = load_sets(parse_recipe(small), small_data)
    assert len(split_of(parse_recipe(small), sets, "train")) == 96
    small["targets"]["fer8"]["class_weights"] = "balanced"
    with pytest.raises(RecipeError, match=r'shows contempt, .* or set class_weights = "none"'):
        split_of(parse_recipe(small), sets, "train")
