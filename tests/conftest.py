"""Fixtures that every room's tests share: the embedded portrait, and the real data where it lies."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.core.decode import decode_image

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def portrait_path() -> Path:
    """The embedded photo: one smiling face, 512×512."""
    return ROOT / "src" / "mien" / "assets" / "portrait.jpg"


@pytest.fixture(scope="session")
def portrait(portrait_path: Path) -> NDArray[np.uint8]:
    """The embedded photo, decoded: uint8 (512, 512, 3) RGB."""
    return decode_image(portrait_path)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data: MIEN_DATA, or shared/data beside the checkout. Tests that need it are skipped where it is absent."""
    for folder in (os.environ.get("MIEN_DATA"), ROOT.parent / "shared" / "data"):
        if folder and (Path(folder) / "fer2013.parquet").is_file():
            return Path(folder)
    pytest.skip("the FER2013 table is not on this machine (set MIEN_DATA)")
