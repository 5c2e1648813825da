"""Cameras: the loop on a real file through OpenCV, and the error where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import DecodeError, InputError, OptionError
from mien.sources.camera import CameraSource
from tests.sources.videos import level, write_video

NO_SUCH_CAMERA = 97


@pytest.fixture
def device(tmp_path: Path) -> str:
    return str(write_video(tmp_path / "a.mp4"))


def test_frames_have_an_index_and_a_time_that_runs(device: str) -> None:
    with CameraSource(device, name="camera:0") as camera:
        assert (camera.info.source, camera.info.kind, camera.info.width, camera.info.height) == ("camera:0", "camera", 64, 48)
        assert camera.expected_frames is None
        frames = list(camera)
    assert [f.index for f in frames] == list(range(50))
    times = [f.time_s for f in frames if f.time_s is not None]
    assert times[0] == 0
    assert times == sorted(times)
    assert 0 < times[-1] < 30
    assert all(abs(int(f.image[24, 32, 1]) - level(f.index)) < 10 for f in frames)


def test_colours_are_red_green_blue(tmp_path: Path) -> None:
    red = np.zeros((48, 64, 3), np.uint8)
    red[:, :, 0] = 255
    with CameraSource(str(write_video(tmp_path / "a.mp4", [0, 0.04], picture=red))) as camera:
        image = next(iter(camera)).image
    assert image.flags.c_contiguous
    np.testing.assert_allclose(image.mean(axis=(0, 1)), (255, 0, 0), atol=8)


def test_some_of_the_frames(device: str) -> None:
    with CameraSource(device, every=20) as camera:
        assert [f.index for f in camera] == [0, 20, 40]
    with CameraSource(device, end_s=1e-9) as camera:
        assert [f.index for f in camera] == [0]
    with pytest.raises(OptionError):
        CameraSource(device, every=0)


def test_a_camera_that_is_not_there(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match=r"camera:97 can't be opened: there is no such camera.*camera:0 is the first"):
        CameraSource(NO_SUCH_CAMERA).__enter__()
    assert capfd.readouterr() == ("", "")


def test_a_camera_that_is_unplugged(device: str) -> None:
    camera = CameraSource(device, name="camera:0")
    with camera:
        # From here on it is taken for a real one, which has no end of its own.
        camera._device = 0
        frames = iter(camera)
        assert [next(frames).index for _ in range(50)] == list(range(50))
        with pytest.raises(DecodeError, match="camera:0 stopped after 50 frames: it was unplugged"):
            next(frames)


def test_closed_it_gives_nothing(device: str) -> None:
    camera = CameraSource(device)
    assert list(camera) == []
    with camera:
        pass
    assert list(camera) == []
