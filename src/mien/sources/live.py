"""Sources as they happen: a thread reads, and the analysis takes the newest frame, or each frame no sooner than its time has come."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from types import TracebackType

from mien.core.types import Frame, SourceInfo
from mien.sources.base import Source

_REMEMBERED = 64


class LiveSource:
    """A camera or video, read by a thread of its own that holds one frame.

    A camera's frame that is not fetched before the next one comes is dropped, so that the picture never lags. A video's frames come no
    faster than its own pace; with `drop` they go by the clock, and those that nobody fetched in time are dropped as a camera's are; without
    it none is, and where the analysis is slower the video waits for it, and does not race afterwards to catch up.

    Frames keep the index and the time that they were taken with. `dropped` is how many were dropped so far.

    Raises what `source` raises, in its place.
    """

    def __init__(self, source: Source, *, drop: bool = False) -> None:
        self._source = source
        self.name, self.kind = source.name, source.kind
        self.dropped = 0
        self._drop, self._paced = drop or source.kind == "camera", source.kind != "camera"
        self._changed = threading.Condition()
        self._held: Frame | None = None
        self._came: deque[tuple[int, float]] = deque(maxlen=_REMEMBERED)
        self._fault: BaseException | None = None
        self._ended = self._stopped = False
        self._thread: threading.Thread | None = None

    @property
    def info(self) -> SourceInfo:
        """That of the source."""
        return self._source.info

    @property
    def expected_frames(self) -> int | None:
        """That of the source; None where frames may be dropped."""
        return None if self._drop else self._source.expected_frames

    def __enter__(self) -> LiveSource:
        self._source.__enter__()
        self._held, self._fault, self._ended, self._stopped, self.dropped = None, None, False, False, 0
        self._thread = threading.Thread(target=self._read, name="mien-live", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
        if self._thread is not None:
            self._thread.join()
        self._source.__exit__(kind, error, trace)

    def __iter__(self) -> Iterator[Frame]:
        while (frame := self._fetch()) is not None:
            yield frame
        if self._fault is not None and not self._stopped:
            raise self._fault

    def stop(self) -> None:
        """End the source: no further frame is given. May be called from any thread."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def age_s(self, index: int) -> float:
        """Seconds since the frame of that index came; 0 of one that is not known any more."""
        came = next((at for known, at in reversed(self._came) if known == index), None)
        return 0.0 if came is None else time.monotonic() - came

    def _fetch(self) -> Frame | None:
        with self._changed:
            self._changed.wait_for(lambda: self._held is not None or self._ended or self._stopped)
            frame, self._held = self._held, None
            self._changed.notify_all()
            return None if self._stopped else frame

    def _read(self) -> None:
        try:
            began: float | None = None
            for frame in self._source:
                now = time.monotonic()
                if self._source.kind == "camera":
                    began = getattr(self._source, "began_s", None) or began
                if began is None or (self._paced and not self._drop):
                    # A video that was waited for goes on from here: its time stands still meanwhile.
                    began = max(began or 0.0, now - (frame.time_s or 0.0))
                if not self._hold(frame, began):
                    return
        except BaseException as fault:  # raised again where the frames are asked for
            self._fault = fault
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _hold(self, frame: Frame, began: float) -> bool:
        """Hold the frame once its time has come; False when nobody wants any more."""
        with self._changed:
            if self._paced:
                due = began + (frame.time_s or 0.0)
                self._changed.wait_for(lambda: self._stopped, timeout=max(due - time.monotonic(), 0.0))
            if not self._drop:
                self._changed.wait_for(lambda: self._held is None or self._stopped)
            self.dropped += self._held is not None and not self._stopped
            self._held = None if self._stopped else frame
            self._came.append((frame.index, time.monotonic() if self._paced else began + (frame.time_s or 0.0)))
            self._changed.notify_all()
            return not self._stopped
