"""Drawn faces to describe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.datasets import load_dataset


@pytest.fixture(scope="session")
def faces() -> NDArray[np.uint8]:
    """24 avatars, uint8 (24, 48, 48)."""
    return load_dataset("avatars", Path(), n=24, characters=4).images
