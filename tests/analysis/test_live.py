"""The live loop, from real files through a real loop into a display that keeps what it is shown."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.analysis.analyzer import Analyzer
from mien.analysis.live import play
from mien.analysis.sinks import Collect
from mien.core.errors import InputError
from mien.core.types import RGB
from mien.report.palette import colours, rgb
from mien.sources.camera import CameraSource
from mien.sources.images import ImageSource
from mien.sources.video import VideoSource
from tests.analysis.parts import ArraySource, ColourModel, FixedDetector, plain
from tests.sources.videos import write_video

BOX = (10.0, 5.0, 40.0, 35.0)


class Slow(ColourModel):
    """Takes its time, as a large model does."""

    def __init__(self, seconds: float = 0.03) -> None:
        super().__init__()
        self._seconds = seconds

    def predict(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        time.sleep(self._seconds)
        return super().predict(crops)


class Screen:
    """Keeps every picture, and presses a key at one of them."""

    def __init__(self, key: str = "", at: int = 0) -> None:
        self.pictures: list[RGB] = []
        self.held: list[bool] = []
        self._key, self._at = key, at

    def show(self, image: RGB, *, hold: bool = False) -> str:
        self.pictures.append(image)
        self.held.append(hold)
        return self._key if len(self.pictures) == self._at else ""


@pytest.fixture
def analyzer() -> Analyzer:
    return Analyzer(ColourModel(), FixedDetector(BOX))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / "a.mp4")


def test_a_slow_model_drops_frames_of_a_camera_and_keeps_their_times(clip: Path) -> None:
    screen, kept = Screen(), Collect()
    played = play(Analyzer(Slow(), FixedDetector(BOX)), [CameraSource(str(clip), name="camera:0")], screen, [kept])
    frames = kept.sources[0].frames
    dropped = played.dropped["camera:0"]
    assert dropped > 10
    assert len(frames) + dropped == 50
    assert len(screen.pictures) == len(frames) == played.summary.frames
    assert frames[-1].index == 49
    assert any(later.index - one.index > 1 for one, later in pairwise(frames))
    times = [frame.time_s for frame in frames]
    assert times == sorted(times)
    assert not played.stopped


def test_without_dropping_a_slow_model_sees_every_frame_of_a_video(clip: Path) -> None:
    kept = Collect()
    played = play(Analyzer(Slow(), FixedDetector(BOX)), [VideoSource(clip, end_s=0.4)], Screen(), [kept])
    assert (played.dropped, [frame.index for frame in kept.sources[0].frames]) == ({}, list(range(10)))


def test_a_video_may_be_let_drop(clip: Path) -> None:
    played = play(Analyzer(Slow(0.1), FixedDetector(BOX)), [VideoSource(clip, end_s=0.8)], None, drop=True)
    assert played.summary.frames + played.dropped[str(clip)] == 20
    assert played.dropped[str(clip)] > 5


def test_the_picture_has_its_face_and_a_line_beneath(analyzer: Analyzer) -> None:
    screen = Screen()
    play(analyzer, [ArraySource("v", [plain(1, 1, 90, 240, 320)], "video")], screen)
    (picture,) = screen.pictures
    assert picture.shape[1] == 320
    assert 250 < picture.shape[0] < 280
    edge = picture[5:8, 14:36].reshape(-1, 3).tolist()  # the upper side of the box, in the colour of its label
    assert list(rgb(colours(analyzer.labels)["blue"])) in edge
    assert (picture[240:].max(axis=(0, 1)) > 200).all()  # words
    np.testing.assert_array_equal(picture[100:239, 200:], plain(1, 1, 90, 139, 120))


def test_large_pictures_are_shown_small(analyzer: Analyzer) -> None:
    screen = Screen()
    play(analyzer, [ArraySource("v", [plain(90, 1, 1, 1440, 2560)], "video")], screen)
    assert screen.pictures[0].shape[1] == 1280


@pytest.mark.parametrize("key", ["q", "\x1b"])
def test_a_key_ends_it_and_what_was_found_is_kept(analyzer: Analyzer, clip: Path, key: str) -> None:
    class Told(Collect):
        closed: bool | None = None

        def close(self, ok: bool) -> None:
            self.closed = ok

    screen, kept = Screen(key, at=3), Told()
    played = play(analyzer, [VideoSource(clip), VideoSource(clip)], screen, [kept])
    assert played.stopped
    assert len(screen.pictures) == 3
    assert kept.closed is True
    assert len(kept.sources) == 1
    assert kept.sources[0].error is None
    assert 3 <= len(kept.sources[0].frames) < 8


def test_other_keys_end_nothing(analyzer: Analyzer) -> None:
    played = play(analyzer, [ArraySource("v", [plain(9, 1, 1)] * 4, "video")], Screen("x", at=2))
    assert (played.stopped, played.summary.frames) == (False, 4)


def test_a_still_waits_for_a_key(analyzer: Analyzer) -> None:
    screen = Screen()
    play(analyzer, [ImageSource(plain(9, 1, 1), "a"), ArraySource("v", [plain(9, 1, 1)], "video")], screen)
    assert screen.held == [True, False]


def test_a_source_that_does_not_open_is_told_and_the_next_follows(analyzer: Analyzer) -> None:
    kept = Collect()
    gone = ArraySource("gone", [plain(0, 0, 0)], "video", error=InputError("no such file"))
    play(analyzer, [gone, ArraySource("v", [plain(9, 1, 1)], "video")], Screen(), [kept])
    assert [(one.info.source, one.error) for one in kept.sources] == [("gone", "no such file"), ("v", None)]


def test_a_display_that_breaks_ends_everything(analyzer: Analyzer) -> None:
    class Broken(Screen):
        def show(self, image: RGB, *, hold: bool = False) -> str:
            raise InputError("the window broke")

    source = ArraySource("v", [plain(9, 1, 1)] * 100, "video")
    with pytest.raises(InputError, match="the window broke"):
        play(analyzer, [source], Broken())
    assert not source.is_open
