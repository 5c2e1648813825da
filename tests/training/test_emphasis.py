"""Saliency mapping as pre-processing: the second model sees what the first one found important."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mien.artifact import load_model, read_card, save_artifact
from mien.core.errors import RecipeError
from mien.datasets.base import load_dataset
from mien.training import checkpoint
from mien.training.autoencoder import start_from
from mien.training.emphasis import PER_CLASS, Emphasised, _spread
from mien.training.export import to_onnx
from mien.training.network import network as network_of
from mien.training.recipe import parse_recipe
from mien.training.run import Run, best_network, train


@pytest.fixture(scope="module")
def first(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    values = {
        "name": "first",
        "precision": "32-true",
        "model": {"name": "miennet", "options": {"stem": 8, "widths": [8, 16], "depths": [1, 1], "dropout": 0.0}},
        "targets": {"fer7": {"dataset": "fer2013", "options": {"verify": False}}},
        "augment": {"rotation": 0.0, "shift": 0.0, "scale": 0.0, "erase_probability": 0.0},
        "phases": [{"epochs": 5, "size": 48}],  # after 9 every square, covered, raised the score, and none was important
        "optim": {"batch_size": 16, "ema_decay": 0.8, "learning_rate": 0.1},
    }
    return train(parse_recipe(values), small_data, tmp_path_factory.mktemp("first"))


def _second(first: Run, **changes: Any) -> Any:
    values = first.recipe.model_dump(mode="json")
    return values | {"preprocess": {"saliency": str(first.folder / "model.onnx")}, "phases": [{"epochs": 2, "size": 48}], **changes}


@pytest.mark.slow
def test_the_map_is_part_of_the_network_and_of_the_artifact(first: Run, small_data: Path, tmp_path: Path) -> None:
    run = train(parse_recipe(_second(first)), small_data, tmp_path / "run")
    network = best_network(run)
    assert isinstance(network, Emphasised)
    assert 0 <= float(network.emphasis.min()) < float(network.emphasis.max()) == 1
    images = load_dataset("fer2013", small_data, verify=False).images[:5]
    with torch.inference_mode():
        expected = network(torch.tensor(images)[:, None].float())["fer7"]
    model = load_model(tmp_path / "run" / "model.onnx")
    np.testing.assert_allclose(model.logits(images), expected.numpy(), atol=1e-4)
    facts = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert list(facts["teachers"].values()) == [read_card(first.folder / "model.onnx").sha256]


@pytest.mark.slow
def test_the_run_that_it_starts_from_hands_on_weights_and_no_map(first: Run, small_data: Path, tmp_path: Path) -> None:
    run = train(parse_recipe(_second(first)), small_data, tmp_path / "run")
    theirs, model = best_network(run), Emphasised(network_of(first.recipe), 48)
    for folder in (run.folder, first.folder):  # one with a map, and one without
        start_from(model, folder)
        assert (model.emphasis == 1).all()
    assert torch.equal(model.model.features[1].weight, best_network(first).features[1].weight)  # type: ignore[index, union-attr]
    plain = network_of(first.recipe)
    start_from(plain, run.folder)
    assert torch.equal(plain.features[1].weight, theirs.model.features[1].weight)  # type: ignore[index, union-attr]


@pytest.mark.slow
def test_a_resumed_run_keeps_its_map(first: Run, small_data: Path, tmp_path: Path) -> None:
    recipe = parse_recipe(_second(first, penalties=[{"layers": "heads.linear.*.weight", "weight": 1e-3}]))
    train(recipe, small_data, tmp_path / "run", stop_after=1)
    before = checkpoint.load(tmp_path / "run" / "checkpoint.safetensors")[0]["model"]["emphasis"]
    run = train(recipe, small_data, tmp_path / "run", resume=True)
    assert torch.equal(before, best_network(run).state_dict()["emphasis"])


def test_the_map_is_drawn_from_all_over_the_training_rows() -> None:
    for count in (0, 1, PER_CLASS, 1000):
        rows = _spread(np.arange(count))
        assert len(set(rows.tolist())) == len(rows) == min(count, PER_CLASS)
    assert (rows[0], rows[-1]) == (0, 999)
    assert np.diff(rows).min() > 40


def test_what_is_not_important_fades_to_the_mean() -> None:
    class Same(nn.Module):
        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"seen": x}

    network = Emphasised(Same(), 4)
    picture = torch.arange(16.0).view(1, 1, 4, 4)
    assert torch.equal(network(picture)["seen"], picture)
    network.emphasis[:2] = 0
    seen = network(picture)["seen"][0, 0]
    assert torch.equal(seen[2:], picture[0, 0, 2:])
    assert torch.equal(seen[:2], torch.full((2, 4), 7.5))
    assert network(torch.zeros(1, 1, 8, 8))["seen"].shape == (1, 1, 8, 8)


@pytest.mark.slow
def test_a_model_without_the_head_is_refused(first: Run, small_data: Path, tmp_path: Path) -> None:
    pair = {"valence3": {"dataset": "fer2013", "options": {"verify": False}}}
    with pytest.raises(RecipeError, match="first has no head valence3"):
        train(parse_recipe(_second(first, targets=pair)), small_data, tmp_path)


@pytest.mark.slow
def test_a_model_that_looks_nowhere_is_refused(first: Run, small_data: Path, tmp_path: Path) -> None:
    network = best_network(first)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    card = read_card(first.folder / "model.onnx")
    save_artifact(to_onnx(network, card.preprocessing), card, tmp_path / "blind.onnx")
    values = _second(first, preprocess={"saliency": str(tmp_path / "blind.onnx")})
    with pytest.raises(RecipeError, match="Nothing that first sees"):
        train(parse_recipe(values), small_data, tmp_path / "run")
