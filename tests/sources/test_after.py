"""A video taken up in its middle: the frames of one read from the beginning, to the bit, and of those before few are decoded."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from mien.core.errors import DecodeError
from mien.core.types import RGB, Frame
from mien.sources.reader import VideoReader
from mien.sources.video import VideoSource
from tests.sources.videos import cut, retimed, write_video

TIMES = tuple(i / 25 for i in range(120))
UNEVEN = tuple(0.001 * (40 * i + 15 * (i % 3)) for i in range(120))
FAR = 45  # frames before: four and a half times as far as two key frames are apart
Told = tuple[list[tuple[int, float | None, int, bool]], str | None]


def told(frames: Iterator[Frame]) -> Told:
    found = []
    try:
        found.extend((f.index, f.time_s, mark(f.image), f.damaged) for f in frames)
    except DecodeError as error:
        return found, str(error)
    return found, None


def mark(image: RGB) -> int:
    return zlib.crc32(image)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with each decoded frame."""
    counted: list[int] = []
    every = VideoReader._frames

    def count(self: VideoReader) -> Iterator[av.VideoFrame]:
        for frame in every(self):
            counted.append(1)
            yield frame

    monkeypatch.setattr(VideoReader, "_frames", count)
    return counted


def write(case: str, path: Path) -> Path:
    options: dict[str, Any] = {"noisy": True}
    if case == "variable.mkv":
        return write_video(path, UNEVEN, **options)
    if case == "repeated.mkv":
        source = write_video(path.with_name("b.mkv"), TIMES, codec="mpeg4", **options)
        return retimed(source, path, [i // 2 * 80 for i in range(120)])
    if case == "cut.mkv":
        return cut(write_video(path, TIMES, sound_s=4.8, **options), 0.8)
    if case == "late.mp4":
        return write_video(path, [5 + t for t in TIMES], sound_s=8, **options)
    if case == "fragments.mp4":
        return write_video(path, TIMES, options={"movflags": "frag_keyframe+empty_moov"}, **options)
    if case == "joined.ts":
        path.write_bytes(2 * write_video(path, TIMES[:60], **options).read_bytes())
        return path
    codecs = {"plain.webm": "libvpx", "plain.avi": "mpeg4"}
    return write_video(path, TIMES, codec=codecs.get(case, "libx264"), **options)


SOUGHT = ("plain.mp4", "plain.mkv", "plain.ts", "plain.webm", "variable.mkv", "cut.mkv", "late.mp4", "fragments.mp4")
SEARCHED = ("plain.avi", "plain.h264", "repeated.mkv", "joined.ts")


SAMPLED: tuple[dict[str, Any], ...] = ({"every": 3}, {"fps": 5, "start_s": 0.3, "end_s": 4.2})


@pytest.mark.parametrize(
    ("case", "sampling"),
    [*((case, {}) for case in (*SOUGHT, *SEARCHED)), *((case, some) for case in ("plain.ts", "plain.avi") for some in SAMPLED)],
)
def test_the_same_frames_as_from_the_beginning(case: str, sampling: dict[str, Any], tmp_path: Path, decoded: list[int]) -> None:
    path = write(case, tmp_path / case)
    with VideoSource(path, **sampling) as source:
        whole, error = told(iter(source))
    for last in range(0, len(whole), max(len(whole) // 6, 1)):
        index, time_s, picture, damaged = whole[last]
        assert time_s is not None
        with VideoSource(path, **sampling) as source:
            before = len(decoded)
            assert told(source.after(index, time_s, lambda image, is_of=picture: mark(image) == is_of)) == (whole[last + 1 :], error)
        if case in SOUGHT and not damaged:
            assert len(decoded) - before <= 120 - index + FAR


def test_another_picture_is_not_gone_on_from(tmp_path: Path) -> None:
    """Where a seek leads elsewhere, or the time is another, all is read again and the frames after that index are given."""
    path = write("plain.mkv", tmp_path / "a.mkv")
    with VideoSource(path) as source:
        whole, _ = told(iter(source))
    for time_s, same in ((1.6, False), (1.5, True)):
        with VideoSource(path) as source:
            assert told(source.after(40, time_s, lambda _, answer=same: answer)) == (whole[41:], None)


def test_what_was_damaged_before_is_told_again(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", TIMES, codec="mjpeg", pix_fmt="yuvj420p", noisy=True)
    with av.open(str(path)) as container:
        at, size = [(packet.pos, packet.size) for packet in container.demux()][20]
    data = bytearray(path.read_bytes())
    assert at is not None
    data[at + 16 : at + size] = bytes(size - 16)
    path.write_bytes(data)
    with VideoSource(path) as source:
        whole, error = told(iter(source))
    assert error is not None
    # Frames are decoded ahead of their turn: the mark may come early, never late.
    assert [damaged for index, _, _, damaged in whole if index > 20] == [True] * 99
    assert not whole[0][3]
