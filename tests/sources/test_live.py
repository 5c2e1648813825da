"""Sources as they happen: the newest frame, the own pace, and threads that end."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from mien.core.errors import DecodeError
from mien.sources.camera import CameraSource
from mien.sources.live import LiveSource
from mien.sources.video import VideoSource
from tests.analysis.parts import ArraySource, plain
from tests.sources.videos import write_video


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Fifty frames in two seconds."""
    return write_video(tmp_path / "a.mp4")


def test_a_camera_gives_the_newest_frame_and_counts_the_others(clip: Path) -> None:
    source = LiveSource(CameraSource(str(clip), name="camera:0"))
    with source:
        frames = []
        for frame in source:
            frames.append(frame)
            time.sleep(0.02)  # a slow analysis: the file gives its frames as fast as they can be decoded
    assert source.dropped > 0
    assert len(frames) + source.dropped == 50
    assert frames[-1].index == 49
    indices = [frame.index for frame in frames]
    assert indices == sorted(set(indices))
    assert source.age_s(49) > 0
    assert source.expected_frames is None


def test_a_video_without_dropping_gives_every_frame_no_faster_than_its_pace(clip: Path) -> None:
    with LiveSource(VideoSource(clip, end_s=0.4)) as source:
        came = [(frame.time_s or 0.0, time.monotonic()) for frame in source]
    assert len(came) == 10
    assert source.dropped == 0
    begin_s, began = came[0]
    assert all(at - began >= time_s - begin_s - 0.005 for time_s, at in came)


def test_a_video_that_was_waited_for_does_not_race(clip: Path) -> None:
    with LiveSource(VideoSource(clip, end_s=0.4)) as source:
        frames = iter(source)
        next(frames)
        time.sleep(0.5)  # longer than all the rest of it
        waited = time.monotonic()
        rest = list(frames)
    assert len(rest) == 9
    assert time.monotonic() - waited >= 6 / 25  # seven of them had not come, and keep their distance


def test_a_video_that_may_drop_goes_by_the_clock(clip: Path) -> None:
    with LiveSource(VideoSource(clip, end_s=0.8), drop=True) as source:
        frames = []
        for frame in source:
            frames.append(frame)
            time.sleep(0.1)
    assert len(frames) + source.dropped == 20
    assert source.dropped >= 8
    assert [frame.time_s for frame in frames] == [frame.index / 25 for frame in frames]


def test_a_part_of_a_video_begins_at_once(clip: Path) -> None:
    began = time.monotonic()
    with LiveSource(VideoSource(clip, start_s=1.8)) as source:
        assert next(iter(source)).index == 45
    assert time.monotonic() - began < 1.8


def test_it_ends_when_it_is_stopped(clip: Path) -> None:
    with LiveSource(VideoSource(clip)) as source:
        next(iter(source))
        source.stop()
        assert list(source) == []
    assert not [thread for thread in threading.enumerate() if thread.name == "mien-live"]


def test_an_error_comes_after_the_good_frames() -> None:
    broken = ArraySource("cut", [plain(9, 1, 1)] * 5, "video", DecodeError("cut short"), breaks_at=3)
    with LiveSource(broken) as source:
        frames = iter(source)
        assert [next(frames).index for _ in range(3)] == [0, 1, 2]
        with pytest.raises(DecodeError, match="cut short"):
            next(frames)
    assert not broken.is_open


def test_it_may_be_opened_again(clip: Path) -> None:
    source = LiveSource(VideoSource(clip, end_s=0.1))
    for _ in range(2):
        with source:
            assert [frame.index for frame in source] == [0, 1, 2]
