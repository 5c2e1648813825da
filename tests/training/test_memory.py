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

GLIBC = sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallopt")


def cleared() -> int:
    """How many pages the system clears for a block that is allocated, filled and freed eight times."""
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        torch.ones(2**26, dtype=torch.uint8)
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)


@pytest.mark.skipif(not GLIBC, reason="needs glibc's mallopt")
def test_what_tensors_free_is_used_again_while_training_and_given_back_after(small: dict[str, Any], small_data: Path) -> None:
    recipe = parse_recipe(small | {"phases": [{"epochs": 2, "size": 24}]})
    data = prepared(split_of(recipe, load_sets(recipe, small_data), "train"), recipe)
    fabric = Fabric(accelerator="cpu", devices=1, precision="32-true")
    before, within = cleared(), []
    fit(recipe, start(recipe, network(recipe), fabric), data, fabric, lambda *_: within.append(cleared()))
    assert within[1] < before / 8
    assert cleared() > before / 10  # once at the least, since the block went back to the system
