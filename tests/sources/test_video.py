"""Video: true times, true indices, upright pictures, and a clear word on what is broken."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from mien.core.errors import DecodeError, InputError, PixelLimitError
from mien.core.types import RGB, Frame
from mien.sources import container as opening
from mien.sources.reader import VideoReader
from mien.sources.video import VideoSource
from tests.sources.videos import STEADY, cut, level, write_sound, write_video


def frames(source: VideoSource) -> list[Frame]:
    with source:
        return list(source)


def times(source: VideoSource) -> list[float]:
    return [frame.time_s for frame in frames(source) if frame.time_s is not None]


def same_picture(frame: Frame, number: int) -> bool:
    return abs(int(frame.image[frame.height // 2, frame.width // 2, 1]) - level(number)) < 10


# ---- What is right. --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "avi", "flv", "ts"])
def test_every_frame_with_its_time_and_index(suffix: str, tmp_path: Path) -> None:
    # Without reordered pictures: an AVI can't hold their times.
    codec = "mpeg4" if suffix == "avi" else "libx264"
    source = VideoSource(write_video(tmp_path / f"a.{suffix}", codec=codec))
    found = frames(source)
    assert [f.index for f in found] == list(range(50))
    assert [f.time_s for f in found] == pytest.approx(STEADY, abs=0.0015)
    assert all(same_picture(f, f.index) for f in found)
    assert {(f.source, f.image.shape) for f in found} == {(str(tmp_path / f"a.{suffix}"), (48, 64, 3))}


def test_what_is_known_of_an_open_video(tmp_path: Path) -> None:
    with VideoSource(write_video(tmp_path / "a.mp4", sound_s=2)) as source:
        assert (source.info.source, source.info.kind, source.info.width, source.info.height) == (str(tmp_path / "a.mp4"), "video", 64, 48)
        assert (source.frame_rate, source.has_audio, source.expected_frames) == (Fraction(25), True, 50)
        assert source.duration_s == pytest.approx(2, abs=0.05)
    with VideoSource(write_video(tmp_path / "b.mp4")) as source:
        assert not source.has_audio


def test_a_variable_frame_rate_is_kept(tmp_path: Path) -> None:
    uneven = [0, 0.1, 0.15, 1.0, 1.04, 3.0]
    for suffix in ("mp4", "mkv"):
        assert times(VideoSource(write_video(tmp_path / f"a.{suffix}", uneven))) == pytest.approx(uneven, abs=1e-3)


def test_times_count_from_the_start_of_the_pictures(tmp_path: Path) -> None:
    source = VideoSource(write_video(tmp_path / "a.ts", [5 + t for t in STEADY]))
    assert times(source) == pytest.approx(STEADY, abs=1e-3)


def test_bytes_and_a_second_opening_give_the_same(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4")
    source = VideoSource(path)
    first, again, from_bytes = frames(source), frames(source), frames(VideoSource(path.read_bytes()))
    assert {f.source for f in from_bytes} == {"bytes"}
    for other in (again, from_bytes):
        assert [(f.index, f.time_s) for f in other] == [(f.index, f.time_s) for f in first]
        assert all((f.image == g.image).all() for f, g in zip(other, first, strict=True))


@pytest.mark.parametrize(("codec", "size"), [("libx264", (63, 47)), ("mpeg4", (63, 47)), ("mpeg4", (2, 1)), ("mjpeg", (101, 33))])
def test_odd_sizes(codec: str, size: tuple[int, int], tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", size=size, codec=codec, pix_fmt="yuvj420p" if codec == "mjpeg" else "")
    found = frames(VideoSource(path))
    assert (len(found), found[0].image.shape) == (50, (size[1], size[0], 3))


def test_ten_bits(tmp_path: Path) -> None:
    found = frames(VideoSource(write_video(tmp_path / "a.mkv", pix_fmt="yuv420p10le")))
    assert all(same_picture(f, f.index) for f in found)


def test_colours_are_red_green_blue(tmp_path: Path) -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:] = (220, 120, 30)
    for pix_fmt in ("yuv420p", "yuv444p", "yuvj420p"):
        [frame] = frames(VideoSource(write_video(tmp_path / "a.mp4", [0], picture=picture, pix_fmt=pix_fmt)))
        np.testing.assert_allclose(frame.image.mean(axis=(0, 1)), (220, 120, 30), atol=4)


def test_a_picture_as_a_file_name_with_a_colon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_video(tmp_path / "a.mp4").rename(tmp_path / "pipe:a.mp4")
    monkeypatch.chdir(tmp_path)
    assert len(frames(VideoSource("pipe:a.mp4"))) == 50


def test_a_bare_stream_of_pictures_gets_its_times_from_its_rate(tmp_path: Path) -> None:
    source = VideoSource(write_video(tmp_path / "a.h264"))
    assert times(source) == pytest.approx(STEADY)
    assert source.expected_frames is None


# ---- Turned. ---------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def corners() -> RGB:
    """Red, green above; blue, white below."""
    colours = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)
    return np.repeat(np.repeat(colours, 24, 0), 32, 1)


ONE = 1 << 16
SHOWN = {
    "as it is": ((ONE, 0, 0, ONE), lambda image: image),
    "a quarter turn to the left": ((0, -ONE, ONE, 0), np.rot90),
    "half a turn": ((-ONE, 0, 0, -ONE), lambda image: image[::-1, ::-1]),
    "a quarter turn to the right": ((0, ONE, -ONE, 0), lambda image: np.rot90(image, -1)),
    "mirrored": ((-ONE, 0, 0, ONE), lambda image: image[:, ::-1]),
    "upside down": ((ONE, 0, 0, -ONE), lambda image: image[::-1]),
    "over the diagonal": ((0, ONE, ONE, 0), lambda image: image.swapaxes(0, 1)),
    "a quarter turn, nearly": ((999, ONE, -ONE, 999), lambda image: np.rot90(image, -1)),
    "a matrix of zeros": ((0, 0, 0, 0), lambda image: image),
}


@pytest.mark.parametrize("case", SHOWN)
def test_people_stand_upright(case: str, corners: RGB, tmp_path: Path) -> None:
    (a, b, c, d), turned = SHOWN[case]
    # What a quarter turn shifts out of sight, a matrix shifts back; only the direction is read.
    path = write_video(tmp_path / "a.mov", [0, 0.04], picture=corners, pix_fmt="yuv444p", matrix=(a, b, 0, c, d, 0, 0, 0, 1 << 30))
    expected = turned(corners)
    with VideoSource(path) as source:
        assert (source.width, source.height) == (source.info.width, source.info.height) == expected.shape[1::-1]
        image = next(iter(source)).image
    assert image.flags.c_contiguous
    np.testing.assert_allclose(image[12::24, 12::24].astype(int), expected[12::24, 12::24], atol=12)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_the_turn_that_a_phone_writes(turn: int, corners: RGB, tmp_path: Path) -> None:
    [frame] = frames(VideoSource(write_video(tmp_path / "a.mp4", [0], picture=corners, pix_fmt="yuv444p", turn=turn)))
    np.testing.assert_allclose(frame.image[8::16, 8::16].astype(int), np.rot90(corners, turn // 90)[8::16, 8::16], atol=12)


# ---- Some of the frames. ---------------------------------------------------------------------------------------------------------------


def test_every_and_fps_keep_true_indices(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4")
    for options, indices in (({"every": 10}, [0, 10, 20, 30, 40]), ({"fps": 5}, list(range(0, 50, 5))), ({"fps": 100}, list(range(50)))):
        source = VideoSource(path, **options)
        found = frames(source)
        assert [f.index for f in found] == indices
        assert [f.time_s for f in found] == pytest.approx([i / 25 for i in indices], abs=1e-3)
        assert all(same_picture(f, f.index) for f in found)
        assert source.expected_frames == pytest.approx(len(indices), abs=1)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "flv", "ts", "h264"])
def test_a_span_of_time(suffix: str, tmp_path: Path) -> None:
    path = write_video(tmp_path / f"a.{suffix}", codec="mpeg4" if suffix == "avi" else "libx264")
    source = VideoSource(path, start_s=1.19, end_s=1.43)
    found = frames(source)
    assert [f.index for f in found] == [30, 31, 32, 33, 34, 35]
    assert [f.time_s for f in found] == pytest.approx([f.index / 25 for f in found], abs=0.0015)
    assert all(same_picture(f, f.index) for f in found)
    assert source.expected_frames in ((None,) if suffix == "h264" else (6, 7))


def test_a_span_is_reached_by_a_seek(tmp_path: Path) -> None:
    """What lies before the last key frame is not decoded."""
    path = write_video(tmp_path / "a.mkv", [i / 25 for i in range(300)])
    with closing(VideoReader(path, "a.mkv")) as reader:
        decoded = [picture.index for picture in reader.pictures(start_s=11)]
    assert 265 <= decoded[0] <= 275
    assert decoded[-1] == 299


@pytest.mark.parametrize("span", [{"start_s": 9}, {"start_s": 1.001, "end_s": 1.002}])
def test_a_span_without_frames(span: dict[str, float], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no frame from .* s on.*lies within the video"):
        frames(VideoSource(write_video(tmp_path / "a.mp4"), **span))


def test_skipped_frames_are_not_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    converted = []
    convert = VideoSource._image

    def count(self: VideoSource, frame: av.VideoFrame) -> RGB:
        converted.append(frame.pts)
        return convert(self, frame)

    monkeypatch.setattr(VideoSource, "_image", count)
    assert len(frames(VideoSource(write_video(tmp_path / "a.mp4"), every=25))) == len(converted) == 2


GROWTH = """
import gc, resource, sys
from mien.sources.video import VideoSource
gc.disable()
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with VideoSource(sys.argv[1]) as source:
    for frame in source:
        if frame.index == 30:
            early = peak()
print((peak() - early) * (1 if sys.platform == "darwin" else 1024))
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_video(tmp_path: Path) -> None:
    """Not even until the next garbage collection."""
    path = write_video(tmp_path / "a.mp4", [i / 25 for i in range(150)], size=(640, 480), codec="mpeg4")
    grown = subprocess.run([sys.executable, "-c", GROWTH, str(path)], capture_output=True, text=True, check=True).stdout
    assert int(grown) < 15 * 640 * 480 * 3


# ---- Broken. ---------------------------------------------------------------------------------------------------------------------------


def read_until_it_breaks(source: VideoSource) -> tuple[list[Frame], str]:
    found: list[Frame] = []
    with source, pytest.raises(DecodeError) as caught:
        found.extend(source)
    return found, str(caught.value)


@pytest.mark.parametrize(("suffix", "options"), [("mp4", {"movflags": "faststart"}), ("mkv", {}), ("avi", {}), ("flv", {})])
@pytest.mark.parametrize("sampled", [{}, {"fps": 25}, {"start_s": 0.5}])
def test_cut_short_in_the_middle(suffix: str, options: dict[str, str], sampled: dict[str, float], tmp_path: Path) -> None:
    codec = "mpeg4" if suffix == "avi" else "libx264"
    path = write_video(tmp_path / f"a.{suffix}", [i / 25 for i in range(100)], codec=codec, sound_s=4, noisy=True, options=options)
    whole = frames(VideoSource(path, **sampled))
    found, message = read_until_it_breaks(VideoSource(cut(path, 0.5), **sampled))
    assert len(found) > 20
    at = {frame.time_s: frame for frame in whole}
    for frame in found:
        np.testing.assert_array_equal(frame.image, at[frame.time_s].image)
    # Of pictures out of order, one before the last may be behind the cut.
    assert [f.index for f in found[:-2]] == [f.index for f in whole[: len(found) - 2]]
    end_s = found[-1].time_s
    assert end_s is not None
    assert f"{path} is cut short: it ends at " in message
    said_s = float(message.partition("ends at ")[2].partition(" s")[0])
    assert said_s == pytest.approx(end_s + 0.04, abs=0.15)
    assert "s of the 4." in message


def test_before_the_cut_nothing_is_said(tmp_path: Path) -> None:
    path = cut(write_video(tmp_path / "a.mkv", [i / 25 for i in range(100)], noisy=True), 0.6)
    assert len(frames(VideoSource(path, end_s=1))) == 25


def test_damage_in_the_middle_costs_the_damaged_frames_only(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi", codec="mjpeg", pix_fmt="yuvj420p", noisy=True)
    with av.open(str(path)) as container:
        at, size = [(packet.pos, packet.size) for packet in container.demux()][20]
    data = bytearray(path.read_bytes())
    assert at is not None
    data[at + 4 : at + size] = bytes(size - 4)
    path.write_bytes(data)
    found, message = read_until_it_breaks(VideoSource(path))
    assert [f.index for f in found] == [i for i in range(50) if i != 20]
    assert found[-1].time_s == pytest.approx(1.96)
    assert "1 of its frames could not be decoded, from 0.8 s on" in message


def test_sound_that_outlasts_the_pictures_is_no_cut(tmp_path: Path) -> None:
    for suffix in ("mkv", "mp4", "flv"):
        assert len(frames(VideoSource(write_video(tmp_path / f"a.{suffix}", sound_s=9)))) == 50


def test_a_still_that_stays_long_is_no_cut(tmp_path: Path) -> None:
    for suffix in ("mkv", "mp4"):
        assert len(frames(VideoSource(write_video(tmp_path / f"a.{suffix}", [0, 5, 10])))) == 3


def test_an_index_that_is_lost(tmp_path: Path) -> None:
    """An MP4's index lies at its end unless asked otherwise."""
    path = cut(write_video(tmp_path / "a.mp4", noisy=True), 0.9)
    with pytest.raises(
        DecodeError, match=r"a\.mp4 begins as a video but can't be opened .* cut short, or its recording was never finished"
    ):
        frames(VideoSource(path))


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "avi"])
def test_no_frames(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match=r"holds no frame that can be decoded|holds nothing|can't be opened"):
        frames(VideoSource(write_video(tmp_path / f"a.{suffix}", [], codec="mpeg4")))


def test_sound_beside_no_frames(tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match="holds no frame that can be decoded"):
        frames(VideoSource(write_video(tmp_path / "a.mkv", [], sound_s=1)))


def test_sound_only(tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match="has no video stream; it holds audio"):
        frames(VideoSource(write_sound(tmp_path / "a.mp4")))


def test_the_cover_of_a_song_is_no_video(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "cover.jpg")
    write_sound(tmp_path / "a.mp4")
    with (
        av.open(str(tmp_path / "a.mp4")) as sound,
        av.open(str(tmp_path / "cover.jpg")) as cover,
        av.open(str(tmp_path / "song.mp4"), "w") as song,
    ):
        streams = {s.type: song.add_stream_from_template(s) for s in (*sound.streams, *cover.streams)}
        streams["video"].disposition = av.stream.Disposition.attached_pic
        for packet in (*sound.demux(), *cover.demux()):
            if packet.size:
                packet.stream = streams[packet.stream.type]
                song.mux(packet)
    with pytest.raises(DecodeError, match="has no video stream"):
        frames(VideoSource(tmp_path / "song.mp4"))


def test_a_codec_that_is_not_known(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi", codec="mpeg4")
    path.write_bytes(path.read_bytes().replace(b"FMP4", b"QQQQ"))
    with pytest.raises(DecodeError, match="codec that is not known"):
        frames(VideoSource(path))


def test_frames_over_the_pixel_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "MAX_PIXELS", 3000)
    with pytest.raises(PixelLimitError, match=r"64×48 pixels; the limit is 0\.003 million"):
        frames(VideoSource(write_video(tmp_path / "a.mp4")))


def test_what_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_text("This is no video.\n" * 50, encoding="utf-8")
    with pytest.raises(DecodeError, match=r"a\.mp4 is no video that can be read. Give a file such as \.mp4"):
        frames(VideoSource(path))
    path.write_bytes(b"")
    with pytest.raises(DecodeError, match=r"a\.mp4 is empty"):
        frames(VideoSource(path))
    with pytest.raises(InputError, match=r"There is no file .*gone\.mp4"):
        frames(VideoSource(tmp_path / "gone.mp4"))
    with pytest.raises(InputError, match="is a folder"):
        frames(VideoSource(tmp_path))


def test_a_playlist_opens_nothing(tmp_path: Path) -> None:
    """Else a file of text could have any file, or any address, read."""
    video = write_video(tmp_path / "a.ts")
    for name in ("list.m3u8", "list.mp4"):
        path = tmp_path / name
        path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:2,\n{video}\n#EXT-X-ENDLIST\n", encoding="utf-8")
        with pytest.raises(DecodeError, match="is no video"):
            frames(VideoSource(path))


def test_closed_it_gives_nothing(tmp_path: Path) -> None:
    source = VideoSource(write_video(tmp_path / "a.mp4"))
    assert list(source) == []
    with source:
        pass
    assert list(source) == []
