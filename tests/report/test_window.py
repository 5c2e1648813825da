"""Windows: refused in one line where there is none, without taking the process along; and a real one where there is a screen."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.core.errors import OutputError
from mien.report import window
from mien.report.status import with_status
from mien.report.window import Window, has_windows
from tests.report.parts import gray

# A process at the other end that writes down what it is shown, and answers each picture with the next of its keys.
OTHER_END = """
import sys
from pathlib import Path
answers, kept = bytes.fromhex(sys.argv[1]), Path(sys.argv[2])
tell = lambda code: (sys.stdout.buffer.write(code), sys.stdout.buffer.flush())
tell(b"\\xff\\xff")
for place in range(0, len(answers), 2):
    head = sys.stdin.buffer.read(9)
    size = int.from_bytes(head[:4], sys.byteorder), int.from_bytes(head[4:8], sys.byteorder)
    (kept / f"{place // 2}.raw").write_bytes(head[8:] + sys.stdin.buffer.read(size[0] * size[1] * 3))
    tell(answers[place : place + 2])
"""


@pytest.fixture
def no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform != "linux":
        pytest.skip("a screen can be taken away on Linux alone")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_screen")
def test_without_a_screen_it_says_what_to_do_instead() -> None:
    with pytest.raises(OutputError, match=r"there is no screen.*Run it on a desktop.*--annotate"):
        Window()


def test_an_opencv_without_windows_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    assert has_windows()
    without = cv2.getBuildInformation().replace("GUI:                           QT5", "GUI:                           NONE")
    monkeypatch.setattr(cv2, "getBuildInformation", lambda: without)
    if has_windows():
        pytest.skip("this build has windows of another kind")
    with pytest.raises(OutputError, match=r"opencv-python-headless.*pip install --force-reinstall opencv-python\."):
        Window()


def test_pictures_go_over_and_keys_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "end.py").write_text(OTHER_END, encoding="utf-8")
    keys = b"".join(code.to_bytes(2, "little") for code in (window._NO_KEY, ord("q"), 27))
    monkeypatch.setattr(window, "_command", lambda title: [sys.executable, str(tmp_path / "end.py"), keys.hex(), str(tmp_path)])
    picture = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    with Window() as shown:
        assert [shown.show(picture), shown.show(picture, hold=True), shown.show(picture[::2, ::2])] == ["", "q", "\x1b"]
        with pytest.raises(OutputError, match="The window broke"):
            shown.show(picture)
    assert (tmp_path / "0.raw").read_bytes() == b"\x00" + picture.tobytes()
    assert (tmp_path / "1.raw").read_bytes()[:1] == b"\x01"
    assert (tmp_path / "2.raw").read_bytes()[1:] == picture[::2, ::2].tobytes()


@pytest.mark.skipif(sys.platform == "linux" and not os.environ.get("DISPLAY"), reason="there is no screen")
def test_a_real_window_opens_and_closes() -> None:
    with Window("mien, under test") as shown:
        assert shown.show(gray()) == ""
        assert shown.show(gray(50, 50)) == ""


@pytest.mark.parametrize("width", [20, 160, 640, 1280])
def test_the_line_is_beneath_the_picture_and_never_too_long(width: int) -> None:
    picture = gray(90, width, 90)
    shown = with_status(picture, ["12.3 s", "87 ms late", "14.9 frames/s", "31 dropped", "q: end"])
    np.testing.assert_array_equal(shown[:90], picture)
    line = shown[90:]
    assert line.shape[1] == width
    assert (line.max() > 200) == (width > 20)
    assert (line[:, -1] < 40).all()
