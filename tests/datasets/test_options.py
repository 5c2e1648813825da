from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mien.core.errors import OptionError, UnknownNameError
from mien.core.labels import FER7, LabelSet
from mien.datasets import load_dataset
from mien.datasets.options import check_options


def load(
    place: Path,
    *,
    labels: str | LabelSet | Sequence[str] = "fer7",
    size: int | None = None,
    share: float = 0.5,
    strict: bool = True,
    ends: tuple[float, float] = (0, 1),
    parts: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Stands for a loader."""


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"labels": "fer8"},
        {"labels": FER7},
        {"labels": ["neutral", "anger"]},
        {"size": None},
        {"size": 3, "share": 1, "strict": False},
        {"ends": [0.5, 1]},
        {"parts": {}},
        {"parts": {"one": {"any": 3}}},
    ],
)
def test_what_fits_passes(options: dict[str, object]) -> None:
    check_options("a loader", load, options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"labels": 5}, "text or LabelSet or a list of text; received 5"),
        ({"labels": [1]}, "a list of text"),
        ({"size": "big"}, "a whole number or null; received 'big'"),
        ({"size": True}, "a whole number"),
        ({"share": "half"}, "a number"),
        ({"strict": 1}, "true or false"),
        ({"ends": 0.5}, "2 values, each a number"),
        ({"ends": [1]}, "2 values, each a number"),
        ({"parts": ["one"]}, "a table, each entry a table or null"),
        ({"parts": {"one": 3}}, "a table, each entry a table or null"),
    ],
)
def test_other_types_are_refused_in_words(options: dict[str, object], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        check_options("a loader", load, options)


def test_unknown_options_name_the_near_ones() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean size"):
        check_options("a loader", load, {"sizes": 3})


@pytest.mark.parametrize("options", [{"kind": []}, {"labels": 5}, {"n": "many"}, {"intensity": 0.5}])
def test_every_loader_is_held_to_its_signature(options: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="of avatars takes"):
        load_dataset("avatars", tmp_path, **options)
