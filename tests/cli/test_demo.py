from __future__ import annotations

import av
import numpy as np
import pytest

from mien.cli.clip import FRAMES_PER_SECOND, HEIGHT, SECONDS, WIDTH, views, write_clip
from mien.core.errors import OutputError


@pytest.mark.parametrize("name", ["portrait.jpg", "clip.mp4", "results.csv", "report.html"])
def test_the_demo_writes_over_nobodys_files(mien, tmp_path, name) -> None:
    (tmp_path / name).write_text("mine")
    done = mien("demo", "--out", tmp_path)
    assert done.exit_code == 1
    assert f"{name} is there already" in done.stderr
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


@pytest.mark.slow
def test_the_demo_writes_everything_and_ends_with_the_reports_path(mien, tmp_path) -> None:
    done = mien("demo", "--out", tmp_path / "demo")
    assert done.exit_code == 0, done.output
    last = done.stdout.strip().splitlines()[-1]
    assert last == f"Report: {tmp_path / 'demo' / 'report.html'}"
    for name in ("clip.mp4", "results.csv", "report.html", "annotated/portrait.jpg", "annotated/clip.mp4"):
        assert (tmp_path / "demo" / name).stat().st_size
    row = next(line for line in done.stdout.splitlines() if "portrait.jpg" in line)
    assert "%" in row
    assert mien("demo", "--out", tmp_path / "demo").exit_code == 0  # its own files may be written again


def test_the_demo_says_when_it_cannot_write(mien, tmp_path) -> None:
    (tmp_path / "demo").write_text("a file")
    done = mien("demo", "--out", tmp_path / "demo")
    assert done.exit_code in (1, 2)
    assert "demo" in done.stderr


@pytest.mark.parametrize("shape", [(512, 512, 3), (97, 41, 3), (1, 1, 3)])
def test_every_view_lies_inside_the_picture(shape) -> None:
    image = np.full(shape, 200, np.uint8)
    seen = list(views(image))
    assert len(seen) == SECONDS * FRAMES_PER_SECOND
    assert all(view.shape == (HEIGHT, WIDTH, 3) and (view == 200).all() for view in seen)


@pytest.mark.slow
def test_the_clip_has_its_frames(tmp_path, portrait) -> None:
    write_clip(portrait, tmp_path / "clip.mp4")
    with av.open(str(tmp_path / "clip.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == SECONDS * FRAMES_PER_SECOND


def test_a_clip_that_cannot_be_written_is_an_output_error(tmp_path, portrait) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_clip(portrait, tmp_path / "file" / "clip.mp4")
