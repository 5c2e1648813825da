"""A run that was killed in the middle of an epoch goes on as if nothing had happened."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.artifact import read_card

RECIPE = """
name = "killed"
[model]
name = "sdl"
gaussian = 0.05
options = { widths = [8, 8, 8, 8], spatial = [4, 4], hidden = 16 }
[targets.fer7]
dataset = "fer2013"
loss = "focal"
class_weights = "balanced"
options = { verify = false }
[augment]
mixup = 0.2
[[phases]]
epochs = 6
size = 48
[optim]
name = "adamw"
learning_rate = 1e-3
schedule = "plateau"
patience = 1
batch_size = 2
ema_decay = 0.9
[[penalties]]
layers = "heads.hidden.*.weight"
weight = 1e-3
"""


def _command(recipe: Path, data: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "mien", "train", str(recipe), "--data", str(data), "--out", str(out), "--resume"]


def _history(folder: Path) -> list[list[str]]:
    """log.csv without the times."""
    rows = [line.split(",") for line in (folder / "log.csv").read_text(encoding="utf-8").splitlines()]
    return [row[:-1] for row in rows]


@pytest.mark.slow
def test_killed_and_resumed_equals_unbroken_to_the_bit(small_data: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "killed.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    subprocess.run(_command(recipe, small_data, tmp_path / "whole"), check=True, capture_output=True)
    kills = 0
    for epochs in (1, 3):
        running = subprocess.Popen(_command(recipe, small_data, tmp_path / "broken"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        log = tmp_path / "broken" / "log.csv"
        deadline = time.monotonic() + 120
        while running.poll() is None and time.monotonic() < deadline:
            if log.is_file() and len(log.read_text(encoding="utf-8").splitlines()) > epochs:
                break
            time.sleep(0.005)
        kills += running.poll() is None
        running.kill()
        running.wait()
    assert kills == 2  # neither had come to its end
    subprocess.run(_command(recipe, small_data, tmp_path / "broken"), check=True, capture_output=True)
    assert _history(tmp_path / "broken") == _history(tmp_path / "whole")
    whole, broken = (read_card(tmp_path / name / "model.onnx") for name in ("whole", "broken"))
    assert whole.sha256 == broken.sha256
    assert json.dumps(whole.metrics, default=_plain) == json.dumps(broken.metrics, default=_plain)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else str(value)
