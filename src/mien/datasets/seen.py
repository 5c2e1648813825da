"""Which data sets a model has learnt from, told by its recipe."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_ONE_SOURCE = frozenset({"fer2013", "ferplus"})
"""Two labellings of the same pictures: who has learnt from one has seen the other's."""


def same_pictures(names: Iterable[str]) -> frozenset[str]:
    """The data sets of these names, with those that show the same pictures."""
    given = frozenset(names)
    return given | _ONE_SOURCE if given & _ONE_SOURCE else given


def seen_by(recipe: Any) -> frozenset[str]:
    """The data sets whose pictures a recipe, as a model's card keeps it, learns from; none where it does not tell.

    An ensemble has seen what its members have; where one of them does not tell, neither does it.
    """
    if isinstance(recipe, dict) and isinstance(recipe.get("members"), list):
        members = [seen_by(member.get("recipe")) for member in recipe["members"]]
        return frozenset().union(*members) if all(members) else frozenset()
    targets = recipe.get("targets") if isinstance(recipe, dict) else None
    parts = targets.values() if isinstance(targets, dict) else ()
    return same_pictures(name for part in parts if "dataset" in part for name in _sources(part))


def _sources(part: dict[str, Any]) -> list[str]:
    """The data set of a recipe's target; of a merged one, those that it is made of."""
    options = part.get("options")
    merged = options.get("datasets") if part["dataset"] == "merged" and isinstance(options, dict) else None
    return [str(name) for name in merged] if isinstance(merged, list) else [str(part["dataset"])]
