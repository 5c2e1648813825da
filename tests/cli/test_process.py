"""The command line as a process: exit codes, streams, signals."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mien.cli.clip import HEIGHT, WIDTH, views, write_clip
from tests.sources.videos import write_video


def test_the_version(process) -> None:
    done = process("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("mien ")


def test_without_a_command_the_help_is_shown(process) -> None:
    done = process()
    assert done.returncode == 2
    assert "analyze" in done.stdout + done.stderr


def test_an_error_is_one_line_without_a_traceback(process) -> None:
    done = process("models", "info", "nope")
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1


def test_what_a_stream_cannot_encode_is_spelt_out(process) -> None:
    done = process("analyze", "ünï 写真.jpg", PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert r"\xfcn\xef \u5199\u771f.jpg" in done.stdout + done.stderr


def test_mien_debug_shows_the_traceback(process) -> None:
    done = process("models", "info", "nope", MIEN_DEBUG="1")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


@pytest.mark.slow
def test_json_and_errors_keep_to_their_streams(process, photo) -> None:
    done = process("analyze", photo, "missing.jpg", "--json")
    assert done.returncode == 1
    assert len(json.loads(done.stdout)["sources"]) == 2
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals are those of POSIX")
def test_a_reader_that_goes_away_is_no_traceback(process, photo) -> None:
    command = f"'{sys.executable}' -m mien analyze '{photo}' --json | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_full_disk_behind_stdout_is_one_line(photo, options) -> None:
    command = [sys.executable, "-m", "mien", "analyze", str(photo), *options]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert "No space left" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals are those of POSIX")
@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_quietly_and_leaves_no_half_file(tmp_path, portrait) -> None:
    write_clip(portrait, tmp_path / "clip.mp4")
    command = [sys.executable, "-m", "mien", "analyze", *["clip.mp4"] * 99, "--out", "results.csv", "--annotate", "drawn"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        deadline = time.monotonic() + 30
        while not (tmp_path / "drawn").is_dir() or not list((tmp_path / "drawn").iterdir()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        try:
            _, stderr = running.communicate(timeout=30)
        finally:
            running.kill()
    assert running.returncode == 130
    assert "Traceback" not in stderr
    assert not (tmp_path / "results.csv").exists()
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="terminals are those of POSIX")
def test_the_bar_is_on_the_terminal_of_stderr_and_stdout_stays_clean(tmp_path, portrait) -> None:
    write_clip(portrait, tmp_path / "clip.mp4")
    terminal, its_end = os.openpty()
    command = [sys.executable, "-m", "mien", "analyze", "clip.mp4", "--every", "6"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=its_end, text=True) as running:
        os.close(its_end)
        shown = b"".join(_everything(terminal)).decode()
        stdout, _ = running.communicate(timeout=30)
    assert "1. clip.mp4" in shown
    assert "\x1b" not in stdout
    assert stdout.startswith("Source")


def _everything(terminal: int) -> Iterator[bytes]:
    """What is written to a pseudo-terminal until its other end is closed, which Linux says by EIO."""
    with os.fdopen(terminal, "rb", buffering=0) as file, contextlib.suppress(OSError):
        yield from iter(lambda: file.read(4096), b"")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals are those of POSIX")
@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.avi"])
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path, portrait, name) -> None:
    """At whatever frame it was killed; of even and uneven times, and of a file in which nothing can be sought."""
    times = [number / 25 + (number % 3 / 100 if name == "clip.mkv" else 0) for number in range(60)]
    codec = "mpeg4" if name == "clip.avi" else "libx264"
    write_video(tmp_path / name, times, size=(WIDTH, HEIGHT), codec=codec, pictures=list(views(portrait)))
    names = ("results.csv", "results.jsonl")
    words = [sys.executable, "-m", "mien", "analyze", name, "--detect-every", "3"]

    def command(folder: str, *more: str) -> list[str]:
        return [*words, *(part for name in names for part in ("--out", f"{folder}/{name}")), "--over-time", f"{folder}/over", *more]

    subprocess.run(command("whole"), cwd=tmp_path, check=True, capture_output=True)
    journal = tmp_path / "parts" / "results.csv.journal"
    frames = random.SystemRandom().randrange(1, 50)
    running = subprocess.Popen(command("parts", "--resume"), cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while running.poll() is None and not (journal.is_file() and journal.read_bytes().count(b'"frame"') >= frames):
        time.sleep(0.01)
    running.kill()
    assert running.wait() == -signal.SIGKILL
    assert not any((tmp_path / "parts" / name).exists() for name in names)
    subprocess.run(command("parts", "--resume"), cwd=tmp_path, check=True, capture_output=True)
    for one in (*names, "over/scores.csv", "over/segments.csv", "over/tracks.csv", "over/stability.csv"):
        assert (tmp_path / "parts" / one).read_bytes() == (tmp_path / "whole" / one).read_bytes(), (one, frames)
    assert not journal.exists()
