"""The live loop: sources as they happen into a display, and into whatever else keeps the results."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mien.analysis.run import Progress, RunSummary, Sink, run
from mien.core.types import RGB, FrameResult, SourceInfo
from mien.report.status import with_status
from mien.report.thumbs import scene
from mien.sources.live import LiveSource

if TYPE_CHECKING:
    from mien.analysis.analyzer import Analyzer
    from mien.sources import Source

SIDE = 1280
ENDING = frozenset({"q", "Q", "\x1b"})
"""Keys that end the loop: q and Escape."""
_RECENT = 30


class Display(Protocol):
    """Where pictures are shown."""

    def show(self, image: RGB, *, hold: bool = False) -> str:
        """Show a picture, uint8 (H, W, 3) RGB, and give the key that was pressed, "" for none; with `hold`, wait for one."""


@dataclass(frozen=True)
class Played:
    """What was played: how much was analysed, how many frames each source dropped, and whether a key ended it."""

    summary: RunSummary
    dropped: dict[str, int]
    stopped: bool


def play(
    analyzer: Analyzer,
    sources: Iterable[Source],
    display: Display | None,
    sinks: Sequence[Sink] = (),
    *,
    drop: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> Played:
    """Analyse sources as they happen (`mien.sources.live`) into `sinks`, and show each frame on the display, if there is one.

    Shown are the faces' boxes, tracks, labels and scores, and beneath the picture when it was taken, the latency from then to now, the
    frames shown a second, and how many were dropped. Keys of `ENDING` end all of it, and what the sinks have is finished and kept; a still
    stays until a key is pressed. `drop`: let videos drop frames too, as cameras always do. Raises as `mien.analysis.run.run` does, and what
    the display raises.
    """
    playing = _Playing(sources, drop)
    shown = [] if display is None else [_Shown(display, playing)]
    summary = run(analyzer, playing, [*sinks, *shown], on_progress, read_ahead=0)
    dropped = {one.name: one.dropped for one in playing.opened if isinstance(one, LiveSource) and one.dropped}
    return Played(summary, dropped, playing.stopped)


class _Playing:
    """The sources of a run, each made live; they may be ended at any time."""

    def __init__(self, sources: Iterable[Source], drop: bool) -> None:
        self._sources, self._drop = sources, drop
        self.opened: list[Source] = []
        self.stopped = False

    def __iter__(self) -> Iterator[Source]:
        for source in self._sources:
            if self.stopped:
                return
            self.opened.append(source if source.kind == "image" else LiveSource(source, drop=self._drop))
            yield self.opened[-1]

    def stop(self) -> None:
        self.stopped = True
        for source in self.opened:
            if isinstance(source, LiveSource):
                source.stop()


class _Shown:
    """A sink that shows each frame, and ends the run at a key."""

    def __init__(self, display: Display, playing: _Playing) -> None:
        self._display, self._playing = display, playing
        self._place = -1
        self._times: deque[float] = deque(maxlen=_RECENT)

    def begin(self, info: SourceInfo) -> None:
        self._place += 1
        self._times.clear()

    def frame(self, result: FrameResult, image: RGB) -> None:
        if self._playing.stopped:
            return
        source = self._playing.opened[self._place]
        picture = with_status(scene(image, result.faces, SIDE), self._words(source, result))
        if self._display.show(picture, hold=source.kind == "image") in ENDING:
            self._playing.stop()

    def end(self, error: str | None) -> None:
        """Nothing is owed."""

    def close(self, ok: bool) -> None:
        """The display is closed by whom it belongs to."""

    def _words(self, source: Source, result: FrameResult) -> list[str]:
        if not isinstance(source, LiveSource) or result.time_s is None:
            return ["any key: next", "q: end"]
        self._times.append(time.monotonic())
        span_s = self._times[-1] - self._times[0]
        rate = f"{(len(self._times) - 1) / span_s:.1f} frames/s" if span_s else "– frames/s"
        latency = f"{1000 * source.age_s(result.index):.0f} ms late"
        return [f"{result.time_s:.1f} s", latency, rate, f"{source.dropped} dropped", "q: end"]
