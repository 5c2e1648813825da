"""Live cameras through OpenCV."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType

import cv2
import numpy as np

from mien.core.errors import DecodeError, InputError
from mien.core.types import Frame, SourceInfo
from mien.sources.sampling import Sampling


@dataclass(frozen=True)
class _Grabbed:
    index: int
    time_s: Fraction


class CameraSource:
    """A camera as an endless source of frames; `end_s` ends it. A frame's `time_s` is the time since the first one was taken.

    `began_s`: when that was, by `time.monotonic`; None before.

    Parameters
    ----------
    device
        The number of a camera, or whatever else cv2.VideoCapture opens, such as a stream's path; the latter ends where it ends.
    every, fps, start_s, end_s
        Which frames are taken; see `mien.sources.sampling.Sampling`. `fps` takes the first frame from each point of its grid on.
    name
        What the source is called; by default "camera:" and the device.

    Raises
    ------
    OptionError
        On construction: a sampling that makes no sense.
    InputError
        On entering: there is no such camera, or another program holds it.
    DecodeError
        While iterating: the camera stops giving frames.
    """

    kind = "camera"
    expected_frames = None

    def __init__(
        self,
        device: int | str = 0,
        *,
        every: int = 1,
        fps: float | None = None,
        start_s: float | None = None,
        end_s: float | None = None,
        name: str | None = None,
    ) -> None:
        self.name = f"camera:{device}" if name is None else name
        self.info = SourceInfo(self.name, self.kind)
        self.began_s: float | None = None
        self._device, self._sampling = device, Sampling(every, fps, start_s, end_s)
        self._capture: cv2.VideoCapture | None = None

    def __enter__(self) -> CameraSource:
        with _quiet():
            capture = cv2.VideoCapture(self._device)
        if not capture.isOpened():
            raise InputError(
                f"{self.name} can't be opened: there is no such camera, or another program holds it. "
                "Plug it in, close the other program, or give another number (camera:0 is the first)."
            )
        # Analysis may be slower than the camera: the newest frame is wanted, not the oldest of a queue.
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        self._capture = capture
        width, height = (int(capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        self.info = SourceInfo(self.name, self.kind, width, height)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._capture is not None:
            self._capture.release()
        self._capture = None

    def __iter__(self) -> Iterator[Frame]:
        if self._capture is None:
            return
        for grabbed in self._sampling.pick_live(self._grab(self._capture)):
            good, bgr = self._capture.retrieve()
            if good:
                yield Frame(np.ascontiguousarray(bgr[:, :, ::-1], np.uint8), grabbed.index, float(grabbed.time_s), self.name)

    def _grab(self, capture: cv2.VideoCapture) -> Iterator[_Grabbed]:
        index, began = 0, 0.0
        while capture.grab():
            now = time.monotonic()
            if not index:
                self.began_s = began = now
            yield _Grabbed(index, Fraction(now - began))
            index += 1
        if isinstance(self._device, int):
            raise DecodeError(
                f"{self.name} stopped after {index} frames: it was unplugged, or its driver gave up. Plug it in and start again."
            )


@contextmanager
def _quiet() -> Iterator[None]:
    """OpenCV writes a page to stderr for a camera that is not there; the error says it better."""
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
