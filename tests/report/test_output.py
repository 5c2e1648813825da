"""Files that are whole or absent: killed half-way, a full disk, closed twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mien.core.errors import OutputError
from mien.report.tables import open_table
from tests.report.parts import MODEL, clip

ROOT = Path(__file__).resolve().parents[2]

WRITE_FOR_EVER = """
import itertools, sys
from pathlib import Path
from mien.core.types import FrameResult
from mien.report.html import open_report
from mien.report.tables import open_table
from mien.report.video import AnnotatedVideo
from tests.report.parts import MODEL, clip, gray

folder = Path(sys.argv[1])
tables = [open_table(folder / f"r{suffix}", MODEL, "centerface") for suffix in (".json", ".jsonl", ".csv", ".parquet")]
report, video = open_report(folder / "r.html", MODEL, "centerface"), AnnotatedVideo(folder / "r.mp4")
for writer in (*tables, report):
    writer.begin(clip().info)
for number in itertools.count():
    result = FrameResult(number, number / 25, clip().frames[1].faces)
    for writer in (*tables, report):
        writer.frame(result, gray())
    video.write(gray(), number / 25)
    if number == 20:
        print("under way", flush=True)
"""

WRITE_OVER_THE_LIMIT = """
import resource, sys
from mien.core.errors import OutputError
from mien.report.tables import open_table
from tests.report.parts import MODEL, clip

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    with open_table(sys.argv[1], MODEL, "centerface") as table:
        table.begin(clip().info)
        while True:
            table.frame(clip().frames[1])
except OutputError as error:
    print(error)
"""


def test_a_kill_leaves_the_targets_untouched(tmp_path: Path) -> None:
    names = ["r.json", "r.jsonl", "r.csv", "r.parquet", "r.html", "r.mp4"]
    for name in names[:3]:
        (tmp_path / name).write_text("old")
    with subprocess.Popen([sys.executable, "-c", WRITE_FOR_EVER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "under way\n"
        process.kill()
    assert [(tmp_path / name).read_text() for name in names[:3]] == ["old"] * 3
    left = [path.name for path in tmp_path.iterdir() if path.name not in names[:3]]
    assert all(name.startswith(".r-") for name in left)


def test_a_full_disk_is_an_output_error_and_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITE_OVER_THE_LIMIT, str(tmp_path / "r.csv")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"Can't write {tmp_path / 'r.csv'}: File too large")
    assert list(tmp_path.iterdir()) == []


def test_closing_twice_does_nothing_more(tmp_path: Path) -> None:
    table = open_table(tmp_path / "r.csv", MODEL, "centerface")
    table.close(True)
    (tmp_path / "r.csv").unlink()
    table.close(True)
    table.close(False)
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_became_a_folder_is_an_output_error(tmp_path: Path) -> None:
    table = open_table(tmp_path / "r.csv", MODEL, "centerface")
    table.begin(clip().info)
    (tmp_path / "r.csv" / "x").mkdir(parents=True)
    with pytest.raises(OutputError, match="Can't write"):
        table.close(True)
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv"]
