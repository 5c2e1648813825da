from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mien.core.errors import RecipeError, UnknownNameError
from mien.training.ensemble import load_plan
from mien.training.recipe import list_recipes, load_recipe, parse_recipe


@pytest.mark.parametrize("name", list_recipes())
def test_every_shipped_recipe_is_valid(name: str) -> None:
    assert load_plan(name).epochs > 0


def test_size_follows_the_phases(small: dict[str, Any]) -> None:
    recipe = parse_recipe(small)
    assert [recipe.size_at(epoch) for epoch in range(recipe.epochs)] == [24, 48, 48]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("optim.batchsize", "3", "Did you mean batch_size?"),
        ("sede", "3", "Did you mean seed"),
        ("targets.fer7.los", "'x'", "Did you mean loss?"),
        ("model.gaussian", "-1", "model.gaussian: Input should be greater than 0, or 'he', received -1."),
        ("optim.learning_rate", "-1", "greater than 0"),
        ("optim.learning_rate", "inf", "finite number"),
        ("optim.schedule", "triangle", "'one_cycle', 'cosine', 'constant', 'step' or 'plateau'"),
        ("phases", "[]", "at least 1 item"),
        ("augment.erase_probability", "1.5", "less than or equal to 1"),
    ],
)
def test_wrong_values_name_what_is_allowed(key: str, value: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said.replace("?", r"\?")):
        load_recipe("miennet", {key: value})


def test_override_reads_values_as_toml() -> None:
    recipe = load_recipe("miennet", {"optim.batch_size": "32", "phases": "[{epochs = 1, size = 48}]", "name": "mine"})
    assert (recipe.optim.batch_size, recipe.epochs, recipe.name) == (32, 1, "mine")


def test_override_below_a_value_is_refused() -> None:
    with pytest.raises(RecipeError, match="is a value, not a table"):
        load_recipe("miennet", {"name.first": "1"})


def test_unknown_recipe_names_the_near_ones() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean miennet"):
        load_recipe("mienet")


MERGED = 'targets={valence3 = {dataset = "merged", options = {datasets = ["fer2013", "ckplus"], options = {ckplus = {crop = "%s"}}}}}'


@pytest.mark.parametrize(
    ("crop", "framing", "fits"),
    [("face", "fer2013", True), ("geometric", "geometric", True), ("face", "geometric", False), ("geometric", "fer2013", False)],
)
@pytest.mark.parametrize("target", ['targets={fer7 = {dataset = "jaffe", options = {crop = "%s"}}}', MERGED])
def test_faces_are_cut_in_use_as_in_training(target: str, crop: str, framing: str, fits: bool) -> None:
    key, _, text = target.partition("=")
    changes = {key: text % crop, "preprocess.framing": framing}
    if fits:
        assert load_recipe("miennet", changes).preprocess.framing == framing
        return
    with pytest.raises(RecipeError, match=f'crop is "{crop}" and preprocess.framing "{framing}": faces would be cut'):
        load_recipe("miennet", changes)


def test_no_toml(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text("name = ")
    with pytest.raises(RecipeError, match="no TOML file"):
        load_recipe(tmp_path / "r.toml")
