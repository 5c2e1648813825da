"""What the tests of the command line share."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mien.cli import app

Mien = Callable[..., Result]
Process = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def mien(monkeypatch: pytest.MonkeyPatch) -> Mien:
    """Run the command line inside this process."""
    monkeypatch.delenv("MIEN_DATA", raising=False)
    monkeypatch.delenv("MIEN_DEBUG", raising=False)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def process(tmp_path: Path) -> Process:
    """Run the command line as a process of its own, in `tmp_path`."""

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mien", *map(str, arguments)]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("MIEN_")}
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env={**clean, **environment})

    return run


@pytest.fixture
def photo(tmp_path: Path, portrait_path: Path) -> Path:
    """A copy of the portrait."""
    return Path(shutil.copy(portrait_path, tmp_path / "photo.jpg"))


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let processes started here hear SIGINT, which those of a shell's background jobs are born deaf to."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
