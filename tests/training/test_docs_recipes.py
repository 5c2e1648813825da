"""docs/recipes.md names every key that a recipe takes, and its example is a recipe."""

from __future__ import annotations

import re
from pathlib import Path

from mien.training import parts
from mien.training.recipe import Recipe, load_recipe

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")


def test_every_key_is_named() -> None:
    tables = [value for value in vars(parts).values() if isinstance(value, type) and issubclass(value, parts.Part)]
    keys = {key for table in tables for key in table.model_fields} | set(Recipe.model_fields)
    named = set(re.findall(r"`([a-z_]+)`", DOCUMENT)) | set(re.findall(r"`\[+([a-z]+)[\].]", DOCUMENT))
    assert sorted(keys - named) == []


def test_the_example_is_a_recipe(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", DOCUMENT, re.S)
    assert example is not None
    (tmp_path / "mine.toml").write_text(example.group(1), encoding="utf-8")
    assert load_recipe(tmp_path / "mine.toml").model.name == "densecnn"
