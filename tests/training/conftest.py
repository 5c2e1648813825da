"""A small FER2013 + FER+ in its npz layout, easy to learn, and a recipe that takes seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.training.recipe import Recipe, parse_recipe

USAGES = ("Training",) * 96 + ("PublicTest",) * 28 + ("PrivateTest",) * 28
FER_TO_VOTES = (4, 5, 6, 1, 3, 2, 0)  # FER2013's codes as columns of FER+


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """152 pictures; each class has stripes of its own width, in noise."""
    rng = np.random.default_rng(0)
    codes = np.arange(len(USAGES)) % 7
    pixels = rng.integers(0, 120, (len(USAGES), 48, 48), dtype=np.uint8)
    stripes = np.arange(48) // (np.arange(7)[:, None] + 1) % 2
    pixels += (stripes[codes] * 120).astype(np.uint8)[:, :, None]
    votes = np.zeros((len(USAGES), 10), np.uint8)
    votes[np.arange(len(USAGES)), np.take(FER_TO_VOTES, codes)] = 8
    votes[:, 8] = 2
    votes[::4, 7] = 2  # every class has some say in training
    folder = tmp_path_factory.mktemp("fer2013")
    np.savez(folder / "fer2013.npz", pixels=pixels, emotion=codes, usage=np.array(USAGES), votes=votes)
    return folder


@pytest.fixture
def small() -> dict[str, Any]:
    """The plain values of a recipe with both heads and two picture sizes."""
    return {
        "name": "small",
        "precision": "32-true",
        "training_data": "stripes",
        "licence": "none",
        "model": {"name": "miennet", "options": {"stem": 8, "widths": [8, 16], "depths": [1, 1]}},
        "targets": {
            "fer8": {
                "dataset": "ferplus",
                "loss": "soft_cross_entropy",
                "options": {"keep": "all", "verify": False, "labels_from": "fer2013new.csv"},
            },
            "fer7": {"dataset": "fer2013", "label_smoothing": 0.1, "options": {"verify": False}},
        },
        "augment": {"rotation": 5.0, "shift": 0.02, "scale": 0.02, "flip": True, "mixup": 0.2},
        "phases": [{"epochs": 1, "size": 24}, {"epochs": 2, "size": 48}],
        "optim": {"batch_size": 16, "ema_decay": 0.5, "clip_norm": 5.0},
    }


@pytest.fixture
def recipe(small: dict[str, Any]) -> Recipe:
    return parse_recipe(small)
