"""Layers with a learning rate of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric

from mien.core.errors import RecipeError
from mien.training.data import load_sets, prepared, split_of
from mien.training.loop import fit, start
from mien.training.recipe import load_recipe, parse_recipe
from mien.training.run import network


def test_named_layers_move_by_their_factor(small: dict[str, Any], small_data: Path) -> None:
    """One step of plain SGD: what a parameter moves by is its rate times the same gradient."""
    small |= {
        "phases": [{"epochs": 1, "size": 48}],
        "optim": {"batch_size": 96, "schedule": "constant", "momentum": 0.0, "weight_decay": 0.0},
    }
    moved = []
    for factor in (1.0, 0.1):
        recipe = parse_recipe(small | {"rates": [{"layers": "features.1.*", "factor": factor}]})
        model = network(recipe)
        before = {name: value.clone() for name, value in model.named_parameters()}
        fabric = Fabric(accelerator="cpu", devices=1, precision="32-true")
        data = prepared(split_of(recipe, load_sets(recipe, small_data), "train"), recipe)
        fit(recipe, start(recipe, model, fabric), data, fabric, lambda *_: None)
        moved.append({name: value.detach() - before[name] for name, value in model.named_parameters()})
    torch.testing.assert_close(moved[1]["features.1.weight"], 0.1 * moved[0]["features.1.weight"], rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(moved[1]["heads.linear.fer7.weight"], moved[0]["heads.linear.fer7.weight"])


def test_a_pattern_that_fits_nothing_is_told(small: dict[str, Any]) -> None:
    recipe = parse_recipe(small | {"rates": [{"layers": "transformer.*", "factor": 0.1}]})
    with pytest.raises(RecipeError, match=r"No layer fits the pattern 'transformer\.\*' of rates"):
        start(recipe, network(recipe), Fabric(accelerator="cpu", devices=1, precision="32-true"))


@pytest.mark.parametrize("name", ["sdl", "deepfer"])
def test_spatial_transformers_learn_slowly(name: str) -> None:
    recipe = load_recipe(name)
    model = network(recipe)
    state = start(recipe, model, Fabric(accelerator="cpu", devices=1, precision="32-true"))
    slow = {id(p) for group in state.optimizer.param_groups if group["factor"] < 1 for p in group["params"]}
    assert slow == {id(p) for key, p in model.named_parameters() if "theta" in key or "localisation" in key}
