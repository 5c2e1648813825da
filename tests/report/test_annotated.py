"""The folder of drawn pictures and videos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.core.errors import OutputError
from mien.core.types import FrameResult, SourceInfo, SourceResult
from mien.report.annotated import AnnotatedFolder
from tests.report.parts import click_at, clip, face, gray, missing, picture_times, sound_of, still, write_video


def draw(folder: AnnotatedFolder, *results: SourceResult) -> list[str]:
    for source in results:
        folder.begin(source.info)
        for frame in source.frames:
            folder.frame(frame, gray())
        folder.end(source.error)
    folder.close(True)
    return [path.name for path in folder.written]


def test_each_source_becomes_a_file_of_its_name(tmp_path: Path) -> None:
    folder = AnnotatedFolder(tmp_path / "new" / "out")
    names = draw(folder, still("in/a.jpg", [face()]), still("other/a.jpg"), still("b.gif"), still("c.PNG"), clip("d.mov", 3), missing())
    assert names == ["a.jpg", "a-2.jpg", "b.png", "c.png", "d.mp4"]
    assert sorted(path.name for path in folder.folder.iterdir()) == sorted(names)
    with Image.open(folder.folder / "a.jpg") as picture:
        assert picture.format == "JPEG"
        assert (np.asarray(picture) != 128).any()


def test_a_source_is_never_overwritten(tmp_path: Path) -> None:
    Image.fromarray(gray()).save(tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()
    assert draw(AnnotatedFolder(tmp_path), still(str(tmp_path / "a.png"), [face()])) == ["a-2.png"]
    assert (tmp_path / "a.png").read_bytes() == before


@pytest.mark.parametrize("name", ["a.jpg", "a.jpeg", "a.png", "a.webp", "a.tif", "a.TIFF", "a.bmp"])
def test_a_second_run_replaces_the_pictures_of_the_first(tmp_path: Path, name: str) -> None:
    first = draw(AnnotatedFolder(tmp_path), still(f"in/{name}", [face()]))
    assert draw(AnnotatedFolder(tmp_path), still(f"in/{name}", [face()])) == first
    assert len(list(tmp_path.iterdir())) == 1


def test_a_second_run_replaces_the_videos_of_the_first(tmp_path: Path) -> None:
    for _ in range(2):
        assert draw(AnnotatedFolder(tmp_path), clip("v.mov", 3)) == ["v.mp4"]


def test_what_mien_did_not_draw_is_never_overwritten(tmp_path: Path) -> None:
    Image.fromarray(gray()).save(tmp_path / "a.png")
    Image.fromarray(gray()).save(tmp_path / "a-2.png")
    write_video(tmp_path / "v.mp4", [0.0, 0.1])
    (tmp_path / "b.jpg").write_text("no picture")
    (tmp_path / "c.mp4").mkdir()
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    sources = [still(str(tmp_path / "a.png")), still("in/a.png"), still("in/b.jpg"), clip("in/v.mp4", 3), clip("in/c.mp4", 3)]
    for _ in range(2):
        assert draw(AnnotatedFolder(tmp_path), *sources) == ["a-3.png", "a-4.png", "b-2.jpg", "v-2.mp4", "c-2.mp4"]
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("name", ["camera:0", "", "/", "a<b>|c?.jpg", "x" * 200 + ".jpg"])
def test_any_name_makes_a_file(tmp_path: Path, name: str) -> None:
    info = SourceInfo(name, "image")
    assert len(draw(AnnotatedFolder(tmp_path), SourceResult(info, (FrameResult(0, None, (face(),)),)))) == 1


def test_a_video_that_broke_off_keeps_its_beginning_and_its_sound(tmp_path: Path) -> None:
    source = write_video(tmp_path / "v.mkv", [n / 10 for n in range(10)], sound=click_at(0.5, 1.0, 44100))
    frames = tuple(FrameResult(n, n / 10, ()) for n in range(10))
    result = SourceResult(SourceInfo(str(source), "video"), frames, "cut short")
    assert draw(AnnotatedFolder(tmp_path / "out"), result) == ["v.mp4"]
    assert len(picture_times(tmp_path / "out" / "v.mp4")) == 10
    assert sound_of(tmp_path / "out" / "v.mp4")[1] == pytest.approx(1.0, abs=0.1)


def test_a_broken_run_throws_the_open_video_away(tmp_path: Path) -> None:
    folder = AnnotatedFolder(tmp_path)
    folder.begin(clip().info)
    folder.frame(clip().frames[1], gray())
    folder.close(False)
    assert list(tmp_path.iterdir()) == folder.written == []


def test_an_unwritable_folder_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match="Can't write into"):
            AnnotatedFolder(folder)
