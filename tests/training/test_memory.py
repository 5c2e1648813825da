"""What training does with the memory that tensors free."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric

from mien.training.data import load_sets, prepared, split_of
from mien.training.loop import fit, start
from mien.training.recipe import parse_recipe
from mien.training.run import network

resource = pytest.importorskip("resource")
GLIBC = sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallopt")


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.skipif(not GLIBC, reason="needs glibc's mallopt")
def test_what_tensors_free_is_kept_while_training_and_given_back_after(small: dict[str, Any], small_data: Path) -> None:
    recipe = parse_recipe(small | {"phases": [{"epochs": 2, "size": 24}]})
    data = prepared(split_of(recipe, load_sets(recipe, small_data), "train"), recipe)
    fabric = Fabric(accelerator="cpu", devices=1, precision="32-true")
    held, freed = [], []

    def hold_and_free(*_: object) -> None:
        block = torch.ones(2**26, dtype=torch.uint8)
        held.append(resident())
        del block
        freed.append(resident())

    fit(recipe, start(recipe, network(recipe), fabric), data, fabric, hold_and_free)
    assert len(held) == 2
    assert min(after - before for before, after in zip(held, freed, strict=True)) > -(2**22)
    assert resident() < freed[-1] - 2**25
