"""Annotated videos: true times, sound in step, any size, nothing half-written."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from mien.core.errors import OutputError, UnknownNameError
from mien.report import video
from mien.report.video import AnnotatedVideo
from tests.report.parts import click_at, click_of, gray, picture_times, sound_of, write_video

UNEVEN = [0.0, 0.04, 0.08, 0.2, 0.21, 0.5, 1.0, 1.5, 1.9]
TICK = 1 / 90_000


def copy(source: Path, target: Path, times: list[float], **part: float) -> Path:
    with AnnotatedVideo(target, source, **part) as out:
        for number, time_s in enumerate(times):
            out.write(gray(48, 64, 60 + number % 10 * 10), time_s)
    return target


def codec_of(path: Path) -> str:
    with av.open(str(path)) as container:
        return container.streams.audio[0].codec_context.codec.canonical_name


@pytest.mark.parametrize(
    ("name", "codec", "rate", "kept"),
    [
        ("s.mp4", "aac", 44100, "aac"),
        ("s.mkv", "pcm_s16le", 8000, "aac"),
        ("s.mkv", "flac", 96000, "aac"),
        ("s.mkv", "libopus", 48000, "aac"),
        ("s.mkv", "ac3", 48000, "ac3"),
        ("s.avi", "libmp3lame", 44100, "mp3"),
        ("s.ts", "aac", 44100, "aac"),
    ],
)
def test_times_and_sound_are_kept(tmp_path: Path, name: str, codec: str, rate: int, kept: str) -> None:
    even = [number / 25 for number in range(50)]
    source = write_video(tmp_path / name, even if name == "s.avi" else UNEVEN, sound=click_at(1.2, 2.0, rate), codec=codec, rate=rate)
    times = picture_times(source)
    zero = times[0]
    out = copy(source, tmp_path / "out.mp4", [time_s - zero for time_s in times])
    np.testing.assert_allclose(picture_times(out), np.array(times) - zero, atol=TICK)
    assert codec_of(out) == kept
    assert click_of(out) == pytest.approx(click_of(source) - zero, abs=0.03)
    assert sound_of(out)[1] == pytest.approx(sound_of(source)[1] - zero, abs=0.06)


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
def test_a_part_begins_at_its_own_zero_with_its_own_sound(tmp_path: Path, codec: str) -> None:
    source = write_video(tmp_path / "s.mkv", [n / 10 for n in range(40)], sound=click_at(2.0, 4.0, 48000), codec=codec, rate=48000)
    out = copy(source, tmp_path / "out.mp4", [n / 10 for n in range(15, 30)], start_s=1.5, end_s=3.0)
    np.testing.assert_allclose(picture_times(out), [n / 10 for n in range(15)], atol=TICK)
    assert click_of(out) == pytest.approx(0.5, abs=0.03)
    assert sound_of(out)[1] == pytest.approx(1.5, abs=0.06)


def test_sampled_pictures_are_shown_until_the_next(tmp_path: Path) -> None:
    source = write_video(tmp_path / "s.mp4", [n / 25 for n in range(100)], sound=click_at(1.0, 4.0, 44100))
    out = copy(source, tmp_path / "out.mp4", [float(n) for n in range(4)])
    assert picture_times(out) == [0, 1, 2, 3]
    with av.open(str(out)) as container:
        stream = container.streams.video[0]
        assert float(stream.duration * stream.time_base) == pytest.approx(4, abs=0.01)


def test_a_later_first_picture_keeps_its_time(tmp_path: Path) -> None:
    out = copy(write_video(tmp_path / "s.mp4", [0.0, 1.0]), tmp_path / "out.mp4", [0.4, 0.5])
    np.testing.assert_allclose(picture_times(out), [0.4, 0.5], atol=TICK)


def test_equal_and_backward_times_still_make_a_video(tmp_path: Path) -> None:
    with AnnotatedVideo(tmp_path / "out.mp4") as out:
        for time_s in (0.0, 0.1, 0.1, 0.05, 0.2):
            out.write(gray(), time_s)
    times = picture_times(tmp_path / "out.mp4")
    assert len(times) == 5
    assert times == sorted(set(times))


@pytest.mark.parametrize("shape", [(47, 63), (48, 63), (1, 1), (2, 2), (720, 1280)])
def test_odd_sizes_gain_a_pixel(tmp_path: Path, shape: tuple[int, int]) -> None:
    with AnnotatedVideo(tmp_path / "out.mov") as out:
        out.write(gray(*shape, 200), 0.0)
    with av.open(str(tmp_path / "out.mov")) as container:
        stream = container.streams.video[0]
        assert (stream.height, stream.width) == (shape[0] + shape[0] % 2, shape[1] + shape[1] % 2)
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")


def test_colours_survive(tmp_path: Path) -> None:
    colours = [(230, 40, 30), (30, 200, 60), (20, 60, 210), (245, 245, 245), (10, 10, 10)]
    with AnnotatedVideo(tmp_path / "out.mp4") as out:
        for number, colour in enumerate(colours):
            out.write(np.full((64, 64, 3), colour, np.uint8), number / 10)
    with av.open(str(tmp_path / "out.mp4")) as container:
        seen = [frame.to_ndarray(format="rgb24")[32, 32] for frame in container.decode(video=0)]
    np.testing.assert_allclose(np.array(seen, int), colours, atol=8)


def test_a_picture_of_another_size_is_fitted(tmp_path: Path) -> None:
    with AnnotatedVideo(tmp_path / "out.mp4") as out:
        out.write(gray(48, 64), 0.0)
        out.write(gray(90, 110), 0.1)
    assert len(picture_times(tmp_path / "out.mp4")) == 2


@pytest.mark.parametrize("content", [None, b"", b"no video at all"])
def test_a_source_that_gives_no_sound_is_no_failure(tmp_path: Path, content: bytes | None) -> None:
    source = tmp_path / "s.mp4"
    if content is not None:
        source.write_bytes(content)
    assert sound_of(copy(source, tmp_path / "out.mp4", [0.0, 0.1]))[1] == 0


def test_sound_that_breaks_off_ends_there(tmp_path: Path) -> None:
    source = write_video(tmp_path / "s.mkv", [n / 10 for n in range(30)], sound=click_at(0.5, 3.0, 44100), size=(160, 120))
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    out = copy(source, tmp_path / "out.mp4", picture_times(source))
    assert click_of(out) == pytest.approx(0.5, abs=0.03)
    assert sound_of(out)[1] < 2.5


def test_without_x264_it_falls_back_to_mpeg4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "CODECS", {"no such encoder": (1, {}), "mpeg4": video.CODECS["mpeg4"]})
    source = write_video(tmp_path / "s.mp4", UNEVEN, sound=click_at(1.0, 2.0, 44100))
    out = copy(source, tmp_path / "out.mp4", UNEVEN)
    np.testing.assert_allclose(picture_times(out), UNEVEN, atol=1 / 60_000)
    with av.open(str(out)) as container:
        assert container.streams.video[0].codec_context.name == "mpeg4"


def test_no_pictures_leave_no_file(tmp_path: Path) -> None:
    with AnnotatedVideo(tmp_path / "out.mp4"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    def fail() -> None:
        with AnnotatedVideo(tmp_path / "out.mp4") as out:
            out.write(gray(), 0.0)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_what_can_not_be_written_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"Known: \.m4v, \.mov, \.mp4"):
        AnnotatedVideo(tmp_path / "out.webm")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Can't write"):
        AnnotatedVideo(tmp_path / "file" / "out.mp4")
