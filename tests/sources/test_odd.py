"""Odd videos, each a line of a table: what is given of it, and what is said."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mien.core.errors import DecodeError
from mien.core.types import Frame
from mien.sources.video import VideoSource
from tests.sources.videos import STEADY, cut, level, retimed, write_sizes, write_video

FRAGMENTS = {"movflags": "frag_keyframe+empty_moov"}
JOINED = tuple(i / 25 for i in range(100))
SIZES = ((64, 48), (96, 72), (48, 64))


def joined(path: Path) -> Path:
    """Two recordings in one file; the clock begins anew with the second."""
    path.write_bytes(2 * write_video(path).read_bytes())
    return path


def fragments(path: Path, share: float) -> Path:
    return cut(write_video(path, noisy=True, options=FRAGMENTS, sound_s=2), share)


def repeated(path: Path) -> Path:
    return retimed(write_video(path.with_name("b.mkv"), codec="mpeg4"), path, [i // 2 * 80 for i in range(50)])


# What is written; the times of the frames that are given; what is said after them.
Write = Callable[[Path], Path]
ODD: dict[str, tuple[Write, tuple[float, ...], str | None]] = {
    "fragments": (lambda folder: fragments(folder / "a.mp4", 1), STEADY, None),
    "fragments, cut in the middle": (lambda folder: fragments(folder / "a.mp4", 0.5), STEADY[:25], "is cut short: it ends at 1.0 s"),
    "fragments, cut near the end": (lambda folder: fragments(folder / "a.mp4", 0.9), STEADY[:45], "is cut short: it ends at 1.8 s"),
    "gray": (lambda folder: write_video(folder / "a.mp4", pix_fmt="gray"), STEADY, None),
    "gray of ten bits": (lambda folder: write_video(folder / "a.mkv", pix_fmt="gray10le"), STEADY, None),
    "gray of sixteen bits": (lambda folder: write_video(folder / "a.mkv", codec="ffv1", pix_fmt="gray16le"), STEADY, None),
    "two planes of ten bits": (lambda folder: write_video(folder / "a.mp4", pix_fmt="yuv422p10le"), STEADY, None),
    "321×241": (lambda folder: write_video(folder / "a.mp4", size=(321, 241)), STEADY, None),
    "sound long before": (lambda folder: write_video(folder / "a.mkv", [5 + t for t in STEADY], sound_s=8), STEADY, None),
    "an hour between two frames": (lambda folder: write_video(folder / "a.mp4", (0, 0.04, 3600)), (0, 0.04, 3600), None),
    "times that repeat": (lambda folder: repeated(folder / "a.mkv"), tuple(i // 2 * 0.08 for i in range(50)), None),
    "a clock that is set back": (lambda folder: joined(folder / "a.ts"), JOINED, None),
    "JPEGs of three sizes": (lambda folder: write_sizes(folder / "a.mkv", SIZES, "mjpeg", "yuvj420p"), STEADY[:30], None),
    "H.264 of three sizes": (lambda folder: write_sizes(folder / "a.ts", SIZES, "libx264"), STEADY[:30], None),
    "VP8 of three sizes": (lambda folder: write_sizes(folder / "a.webm", SIZES, "libvpx"), STEADY[:30], None),
}


@pytest.mark.parametrize("case", ODD)
def test_clear_frames_and_a_clear_word(case: str, tmp_path: Path) -> None:
    write, times_s, said = ODD[case]
    path = write(tmp_path)
    found: list[Frame] = []
    error = None
    with VideoSource(path) as source:
        try:
            found.extend(source)
        except DecodeError as raised:
            error = str(raised)
    shown = [f.time_s for f in found]
    # Of pictures out of order, one before the last may be behind a cut.
    kept = len(times_s) - (2 if "cut" in case else 0)
    assert kept <= len(found) <= len(times_s)
    assert shown[:kept] == pytest.approx(times_s[:kept], abs=0.0015)
    assert [f.index for f in found[:kept]] == list(range(kept))
    assert error is None if said is None else re.search(re.escape(said), error or ""), error


@pytest.mark.parametrize("case", [case for case in ODD if "sizes" in case])
def test_each_frame_has_its_own_size(case: str, tmp_path: Path) -> None:
    with VideoSource(ODD[case][0](tmp_path)) as source:
        frames = list(source)
    assert [(f.width, f.height) for f in frames] == [size for size in SIZES for _ in range(10)]
    assert (source.width, source.height) == SIZES[0]
    assert all(abs(int(f.image[20, 20, 1]) - level(f.index)) < 10 for f in frames)


def test_a_gap_in_a_transmission_costs_what_lies_in_it(tmp_path: Path) -> None:
    """Three packets of 188 bytes are gone: what was before them is as it was, and the pictures that they were of are not given."""
    path = write_video(tmp_path / "a.ts", codec="mpeg4", noisy=True)
    with VideoSource(path) as source:
        whole = {frame.time_s: frame.image for frame in source}
    data = path.read_bytes()
    gap = len(data) // 188 // 2 * 188
    path.write_bytes(data[:gap] + data[gap + 3 * 188 :])
    found = []
    with VideoSource(path) as source, pytest.raises(DecodeError, match="of its frames could not be decoded"):
        found.extend(source)
    assert 46 <= len(found) < 50
    assert all((frame.image == whole[frame.time_s]).all() for frame in found[:16])
