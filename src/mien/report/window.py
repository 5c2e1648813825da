"""A window on the screen, through OpenCV, in a process of its own.

Of its own, because on Linux OpenCV's Qt ends the process where no screen can be reached, and waits for ever in one that has loaded PyAV
(https://github.com/opencv/opencv/issues/29195); both of which mien must outlive.
"""

from __future__ import annotations

import contextlib
import signal
import struct
import subprocess
import sys
from types import TracebackType
from typing import BinaryIO, cast

import cv2
import numpy as np

from mien.core.errors import OutputError
from mien.core.types import RGB

ESCAPE = "\x1b"
_HEAD = struct.Struct("=II?")  # height, width, hold
_READY = 0xFFFF
_NO_KEY = 0xFFFE
_INSTEAD = "Or leave out --show, and let --annotate write the drawn video into a folder."


class Window:
    """A window that shows pictures; leaving a `with` block closes it.

    Raises
    ------
    OutputError
        At once, where no window can be opened: OpenCV was built without windows, or there is no screen. Later, when the window breaks.
    """

    def __init__(self, title: str = "mien") -> None:
        if not has_windows():
            raise OutputError(
                "No window can be opened: this OpenCV was built without windows (opencv-python-headless). Install the other one: "
                f"pip uninstall opencv-python-headless && pip install --force-reinstall opencv-python. {_INSTEAD}"
            )
        self._child = subprocess.Popen(_command(title), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._to, self._from = cast("BinaryIO", self._child.stdin), cast("BinaryIO", self._child.stdout)
        if self._answer() != _READY:
            self.close()
            raise OutputError(f"No window can be opened: there is no screen that this process can reach. Run it on a desktop. {_INSTEAD}")

    def __enter__(self) -> Window:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def show(self, image: RGB, *, hold: bool = False) -> str:
        """Show a picture, uint8 (H, W, 3) RGB; gives the key that was pressed, "" for none, Escape once the window was closed by hand.

        `hold`: wait for a key.
        """
        key: int | None = None
        with contextlib.suppress(BrokenPipeError):
            self._to.write(_HEAD.pack(*image.shape[:2], hold))
            self._to.write(np.ascontiguousarray(image).data)
            self._to.flush()
            key = self._answer()
        if key is None:
            raise OutputError("The window broke. Start again, or see the results without --show.")
        return "" if key == _NO_KEY else chr(key)

    def close(self) -> None:
        """Close it."""
        with contextlib.suppress(BrokenPipeError):
            self._to.close()
        self._from.close()
        self._child.wait()

    def _answer(self) -> int | None:
        told = self._from.read(2)
        return int.from_bytes(told, "little") if len(told) == 2 else None


def has_windows() -> bool:
    """Whether this OpenCV was built with windows: the headless wheels were not."""
    lines = [line.split(":", 1)[1].strip() for line in cv2.getBuildInformation().splitlines() if line.strip().startswith("GUI:")]
    return not lines or lines[0] not in ("", "NONE")


def _command(title: str) -> list[str]:
    return [sys.executable, "-m", "mien.report.window", title]


def _serve(title: str, pictures: BinaryIO, keys: BinaryIO) -> None:
    """The other end: show what comes, and answer each picture with a key, until no more comes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the parent's to end both
    cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
    cv2.waitKey(1)
    _tell(keys, _READY)
    size: tuple[int, int] | None = None
    while len(head := pictures.read(_HEAD.size)) == _HEAD.size:
        height, width, hold = _HEAD.unpack(head)
        image = np.frombuffer(pictures.read(height * width * 3), np.uint8).reshape(height, width, 3)
        if size is not None and not _open(title):
            _tell(keys, ord(ESCAPE))
            return
        cv2.imshow(title, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        if size != (size := (width, height)):
            cv2.resizeWindow(title, width, height)
        _tell(keys, _key(title, hold))


def _key(title: str, hold: bool) -> int:
    key = cv2.waitKey(1)
    while hold and key < 0:
        if not _open(title):
            return ord(ESCAPE)
        key = cv2.waitKey(50)
    return _NO_KEY if key < 0 else key & 0xFF


def _open(title: str) -> bool:
    return cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) >= 1


def _tell(keys: BinaryIO, code: int) -> None:
    keys.write(code.to_bytes(2, "little"))
    keys.flush()


if __name__ == "__main__":
    _serve(sys.argv[1], sys.stdin.buffer, sys.stdout.buffer)
