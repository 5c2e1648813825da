"""Pictures and videos are told by their content, else by their suffix."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from mien.core.decode import FORMATS
from mien.core.suffixes import PICTURE_SUFFIXES
from mien.sources.formats import PREFIX_BYTES, VIDEO_SUFFIXES, kind_of_content, kind_of_file, kind_of_suffix
from tests.sources.videos import write_sound, write_video


@pytest.mark.parametrize("format_", FORMATS)
def test_every_picture_that_is_decoded_is_told_by_its_content(format_: str) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (32, 32)).save(stream, format_)
    assert kind_of_content(stream.getvalue()[:PREFIX_BYTES]) == "image"


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "avi", "flv", "ts", "m2ts", "wmv", "3gp"])
def test_videos_are_told_by_their_content(suffix: str, tmp_path: Path) -> None:
    codec = {"webm": "libvpx", "wmv": "mpeg4", "avi": "mpeg4"}.get(suffix, "libx264")
    path = write_video(tmp_path / f"a.{suffix}", [0, 0.04], codec=codec)
    assert kind_of_content(path.read_bytes()[:PREFIX_BYTES]) == "video"


def test_content_goes_before_the_suffix(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [0]).rename(tmp_path / "video.jpg")
    Image.new("RGB", (9, 9)).save(tmp_path / "picture.png")
    (tmp_path / "picture.png").rename(tmp_path / "picture.mp4")
    assert kind_of_file(tmp_path / "video.jpg") == "video"
    assert kind_of_file(tmp_path / "picture.mp4") == "image"
    assert kind_of_file(write_sound(tmp_path / "sound.mp4")) == "video"


@pytest.mark.parametrize("content", [b"", b"G", b"P", b"RIFF....WAVE", b"Good morning", b"text " * 99])
def test_where_content_tells_nothing_the_suffix_does(content: bytes, tmp_path: Path) -> None:
    assert kind_of_content(content) is None
    for name, kind in (("a.JPG", "image"), ("a.Mp4", "video"), ("a.txt", None), ("a", None)):
        (tmp_path / name).write_bytes(content)
        assert kind_of_file(tmp_path / name) == kind
    assert kind_of_file(tmp_path / "missing.mkv") == "video"


def test_suffixes() -> None:
    assert not set(PICTURE_SUFFIXES) & set(VIDEO_SUFFIXES)
    assert {kind_of_suffix(Path("a" + s.upper())) for s in PICTURE_SUFFIXES} == {"image"}
    assert {kind_of_suffix(Path("a" + s)) for s in VIDEO_SUFFIXES} == {"video"}
