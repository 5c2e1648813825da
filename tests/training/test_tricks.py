"""Options of recipes that are off by default: each does what its paper says, and a recipe with all of them trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from mien.core.errors import RecipeError
from mien.models.blocks import DropPath, PooledNetwork, drop_rates
from mien.models.registry import build
from mien.training.augment import cutmix, mixed
from mien.training.data import load_sets, split_of
from mien.training.export import averaging
from mien.training.loop import fit, start
from mien.training.losses import attention_consistency
from mien.training.network import network
from mien.training.parts import AugmentPart, DistillPart
from mien.training.recipe import Recipe, parse_recipe
from mien.training.run import train
from mien.training.teachers import Teachers


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", range(5))
def test_cutmix_takes_one_rectangle_from_the_partner_and_tells_its_area(seed: int) -> None:
    images = torch.arange(6.0).view(6, 1, 1, 1).expand(6, 1, 48, 48)
    partner = torch.tensor([1, 2, 3, 4, 5, 0])
    out, share = cutmix(images, 0.6, partner, _generator(seed))
    changed = out != images
    assert torch.equal(out[changed], images[partner][changed])
    assert (changed == changed[:1]).all()
    rows, columns = changed[0, 0].any(1).sum(), changed[0, 0].any(0).sum()
    assert int(changed[0].sum()) == int(rows * columns)
    assert share == pytest.approx(1 - float(changed[0].float().mean()))
    assert 0.55 < share < 1


def test_with_mixup_and_cutmix_each_batch_has_one_of_them() -> None:
    images, part, generator = torch.rand(4, 1, 8, 8, generator=_generator()) * 255, AugmentPart(mixup=0.4, cutmix=1.0), _generator()
    kinds = set()
    for _ in range(20):
        out, share, partner = mixed(images, part, generator)
        whole = torch.allclose(out, share * images + (1 - share) * images[partner])
        kinds.add("mixup" if whole else "cutmix")
        assert whole or ((out == images) | (out == images[partner])).all()
    assert kinds == {"mixup", "cutmix"}


def test_stochastic_depth_drops_rows_in_training_alone_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    drop, x = DropPath(0.25), torch.ones(4000, 2, 1, 1)
    out = drop.train()(x)
    assert out.unique().tolist() == pytest.approx([0, 4 / 3])
    assert (out[:, 0] == out[:, 1]).all()
    assert float(out.mean()) == pytest.approx(1, abs=0.05)
    assert drop.eval()(x) is x
    assert drop_rates(0.3, 3) == pytest.approx([0.1, 0.2, 0.3])
    for name in ("miennet", "small_convnext"):
        with pytest.raises(RecipeError, match=r"refuses.*stochastic depth"):
            build(name, {"fer7": 7}, {"drop_path": 1.0})


def test_attention_consistency_is_zero_for_a_network_that_mirrors() -> None:
    maps = torch.randn(3, 4, 6, 6, generator=_generator())
    layer = torch.nn.Linear(4, 2)
    assert float(attention_consistency(maps, maps.flip(3), layer).detach()) == pytest.approx(0, abs=1e-12)
    expected = ((torch.einsum("ck,nkhw->nchw", layer.weight, maps - maps.flip(3))) ** 2).mean()
    torch.testing.assert_close(attention_consistency(maps, maps, layer), expected)


def test_maps_are_outputs_in_training_alone() -> None:
    model, x = build("miennet", {"fer7": 7}), torch.rand(2, 1, 48, 48) * 255
    assert isinstance(model, PooledNetwork)
    assert model.train()(x)["maps"].shape == (2, 128, 6, 6)
    assert set(model.eval()(x)) == {"fer7", "embedding"}


def test_attention_consistency_needs_such_a_network(small: dict[str, Any], small_data: Path, tmp_path: Path) -> None:
    recipe = parse_recipe(small | {"model": {"name": "mini_xception"}, "noise": {"attention_consistency": 5.0}})
    with pytest.raises(RecipeError, match="needs a network that ends in a global average"):
        train(recipe, small_data, tmp_path)


def test_of_training_rows_with_equal_pixels_the_first_stays(small: dict[str, Any], small_data: Path, tmp_path: Path) -> None:
    with np.load(small_data / "fer2013.npz") as file:
        columns = dict(file)
    pixels = columns["pixels"].copy()
    pixels[[7, 50]] = pixels[3]  # within training
    pixels[100] = pixels[4]  # a validation row
    np.savez(tmp_path / "fer2013.npz", **(columns | {"pixels": pixels}))
    rows = {}
    for drop in (False, True):
        sets = load_sets(parse_recipe(small | {"protocol": {"drop_twins": drop}}), tmp_path)
        rows[drop] = {head: dataset.ids[dataset.split == "train"].tolist() for head, dataset in sets.items()}
        assert all((dataset.split != "train").sum() == 56 for dataset in sets.values())
    assert rows[True] == {head: [row for row in ids if row not in (7, 50)] for head, ids in rows[False].items()}
    with pytest.raises(RecipeError, match="Set one of them"):
        parse_recipe(small | {"protocol": {"drop_twins": True, "oversample": True}})


def test_twins_are_those_of_the_rows_that_a_protocol_left(small: dict[str, Any], small_data: Path, tmp_path: Path) -> None:
    with np.load(small_data / "fer2013.npz") as file:
        columns = dict(file)
    train_rows = np.flatnonzero(columns["usage"] == "Training")
    columns["pixels"][train_rows[1::2]] = columns["pixels"][train_rows[::2][: len(train_rows[1::2])]]
    np.savez(tmp_path / "fer2013.npz", **columns)
    six = {"targets": {"fer6": small["targets"]["fer7"]}, "protocol": {"name": "cnncraft_six", "drop_twins": True}}
    dataset = load_sets(parse_recipe(small | six), tmp_path)["fer6"]
    left = dataset.images[dataset.split == "train"].reshape((dataset.split == "train").sum(), -1)
    whole = load_sets(parse_recipe(small | six | {"protocol": {"name": "cnncraft_six"}}), tmp_path)["fer6"]
    pixels = whole.images[whole.split == "train"].reshape((whole.split == "train").sum(), -1)
    assert len(left) == len(np.unique(left, axis=0)) == len(np.unique(pixels, axis=0)) < len(pixels)


def test_shifted_views_are_averaged(recipe: Recipe) -> None:
    model, x = network(recipe).eval(), torch.rand(2, 1, 48, 48, generator=_generator()) * 255
    used = averaging(model, recipe.model_copy(update={"shift_average": 2}))
    wide = torch.nn.functional.pad(x, (2, 2, 2, 2), mode="reflect")
    views = [x, wide[:, :, :48, 2:50], wide[:, :, 4:, 2:50], wide[:, :, 2:50, :48], wide[:, :, 2:50, 4:]]
    with torch.inference_mode():
        torch.testing.assert_close(used(x)["fer7"], torch.stack([model(view)["fer7"] for view in views]).mean(0))
        both = averaging(model, recipe.model_copy(update={"shift_average": 2, "flip_average": True}))
        torch.testing.assert_close(both(x)["fer7"], both(x.flip(3))["fer7"])
    assert averaging(model, recipe) is model


@pytest.fixture(scope="module")
def everything() -> dict[str, Any]:
    """All of them at once."""
    return {
        "augment": {"mixup": 0.2, "cutmix": 1.0},
        "noise": {"attention_consistency": 5.0},
        "protocol": {"drop_twins": True},
        "model": {"name": "miennet", "options": {"stem": 8, "widths": [8, 16], "depths": [1, 1], "drop_path": 0.2}},
    }


def test_all_together_train_and_follow_from_the_seed(small: dict[str, Any], everything: dict[str, Any], small_data: Path) -> None:
    losses = []
    for _ in range(2):
        recipe = parse_recipe(small | everything)
        split = split_of(recipe, load_sets(recipe, small_data), "train")
        fabric = Fabric(accelerator="cpu", devices=1, precision="32-true")
        fit(recipe, start(recipe, network(recipe), fabric), split, fabric, lambda _, row: losses.append(row["loss"]), until=1)
    assert losses[0] == losses[1] > 0


@pytest.fixture
def teacher(small: dict[str, Any], small_data: Path, tmp_path: Path) -> Path:
    """A run of one epoch, without an artifact."""
    recipe = parse_recipe(small | {"name": "teacher", "phases": [{"epochs": 1, "size": 48}]})
    return train(recipe, small_data, tmp_path / "teacher", export=False).folder


def test_teachers_are_asked_about_the_batch_as_it_is(small: dict[str, Any], teacher: Path) -> None:
    fabric, x = Fabric(accelerator="cpu", devices=1, precision="32-true"), torch.rand(3, 1, 48, 48, generator=_generator()) * 255
    student = parse_recipe(small)
    teachers = Teachers(DistillPart(teachers=[str(teacher)] * 2, weight=0.25, temperature=2.0, augmented=True), student, 1, fabric)
    told = teachers.opinions(x)
    alone, _ = teachers.networks[0]
    with torch.inference_mode():
        torch.testing.assert_close(told["fer8"], (alone(x)["fer8"] / 2).softmax(1))
    assert not torch.allclose(told["fer8"], teachers.opinions(x * 0.5)["fer8"])
    assert teachers.opinions(x[:, :, :24, :24])["fer7"].shape == (3, 7)
    labels, known = torch.eye(8)[:3], torch.tensor([True, True, False])
    mixture, all_known = teachers.mixed(labels, known, told["fer8"])
    torch.testing.assert_close(mixture[0], 0.75 * labels[0] + 0.25 * told["fer8"][0])
    torch.testing.assert_close(mixture[2], told["fer8"][2])
    assert all_known.all()
    with pytest.raises(RecipeError, match="no folder of a finished run"):
        Teachers(DistillPart(teachers=[str(teacher / "nothing")], augmented=True), student, 1, fabric)


@pytest.mark.parametrize(
    ("changes", "channels", "said"),
    [
        ({"targets": {"fer6": {"dataset": "fer2013"}}}, 1, "no head fer6"),
        ({"targets": {"fer7": {"dataset": "fer2013", "labels": ["anger", "fear"]}}}, 1, "recipe has anger, fear"),
        ({"preprocess": {"equalise": True}}, 1, "has False. Give the recipe the same"),
        ({}, 3, "can't see pictures of 3 channels"),
    ],
)
def test_a_teacher_of_other_pictures_or_labels_is_refused(
    changes: dict[str, Any], channels: int, said: str, small: dict[str, Any], teacher: Path
) -> None:
    fabric = Fabric(accelerator="cpu", devices=1, precision="32-true")
    with pytest.raises(RecipeError, match=said):
        Teachers(DistillPart(teachers=[str(teacher)], augmented=True), parse_recipe(small | changes), channels, fabric)


@pytest.mark.slow
def test_a_run_without_an_artifact_gets_one_later_and_teaches(
    small: dict[str, Any], everything: dict[str, Any], small_data: Path, teacher: Path, tmp_path: Path
) -> None:
    assert not (teacher / "model.onnx").exists()
    recipe = parse_recipe(small | {"name": "teacher", "phases": [{"epochs": 1, "size": 48}]})
    train(recipe, small_data, teacher, resume=True)
    student = parse_recipe(small | everything | {"distill": {"teachers": [str(teacher)], "augmented": True}})
    whole = train(student, small_data, tmp_path / "whole", export=False)
    for stop in (2, None):  # the checkpoint of the second epoch is kept though it is not due
        broken = train(student, small_data, tmp_path / "broken", resume=True, stop_after=stop, keep_seconds=600, export=False)
    assert [row["loss"] for row in whole.history] == [row["loss"] for row in broken.history]
    assert (tmp_path / "broken" / "best.safetensors").is_file()
