"""The pump: sources in, events out. Reading, detection and classification overlap, each at most a frame or two ahead of the next.

Everything that analyses – a picture, a folder, a ten-minute video, a camera – goes through `pump`, so all of them give the same numbers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from mien.core.errors import InputError
from mien.core.types import RGB, Face, Frame, FrameResult, SourceInfo
from mien.faces.follow import Follower

if TYPE_CHECKING:
    from mien.analysis.analyzer import Analyzer
    from mien.faces.track import Tracker
    from mien.sources import Source

T = TypeVar("T")
READ_AHEAD = 2
FIND_AHEAD = 1


@dataclass(frozen=True, eq=False)
class Began:
    """A source was opened, or could not be (then `Ended` with its error follows at once)."""

    info: SourceInfo
    expected_frames: int | None = None


@dataclass(frozen=True, eq=False)
class Analysed:
    """A frame's result, and the frame's picture, uint8 (H, W, 3) RGB."""

    result: FrameResult
    image: RGB


@dataclass(frozen=True, eq=False)
class Ended:
    """A source is finished; `error` says why it could not be opened, or why reading stopped before its end."""

    error: InputError | OSError | None = None


Event = Began | Analysed | Ended


@dataclass(frozen=True, eq=False)
class _Found:
    frame: Frame
    faces: list[Face]


def pump(analyzer: Analyzer, sources: Iterable[Source], *, track: bool = True) -> Generator[Event, None, None]:
    """Analyse `sources` one after another: for each a `Began`, an `Analysed` for every frame, an `Ended`.

    A source that can't be opened, or breaks off, ends with its error; the next one follows. At most a handful of frames is in memory,
    however long a video is. Closing the generator stops the threads and closes the open source.

    `track`: give the faces of a video or camera track ids; stills never have any.
    """
    with ExitStack() as stack:
        read = stack.enter_context(closing(ahead(_read(sources), READ_AHEAD)))
        found = stack.enter_context(closing(ahead(_find(analyzer, read), FIND_AHEAD)))
        yield from _judge(analyzer, found, track)


def ahead(items: Generator[T, None, None], depth: int) -> Generator[T, None, None]:
    """The same items in the same order, made in a thread of their own, at most `depth` of them before they are asked for.

    An exception in `items` is raised here, in its place. Closing this generator waits for the item being made and then closes `items`.
    """
    end = object()
    worker = ThreadPoolExecutor(1, thread_name_prefix="mien-ahead")
    pending: deque[Future[T | object]] = deque(worker.submit(next, items, end) for _ in range(depth))
    try:
        while (item := pending.popleft().result()) is not end:
            pending.append(worker.submit(next, items, end))
            yield item  # type: ignore[misc]  # anything but `end` is a T
    finally:
        worker.shutdown(cancel_futures=True)
        items.close()


def _read(sources: Iterable[Source]) -> Generator[Began | Frame | Ended, None, None]:
    for source in sources:
        began = False
        try:
            with source:
                yield Began(source.info, source.expected_frames)
                began = True
                yield from source
        except (InputError, OSError) as error:
            if not began:
                yield Began(SourceInfo(source.name, source.kind))
            yield Ended(error)
        else:
            yield Ended()


def _find(analyzer: Analyzer, events: Iterator[Began | Frame | Ended]) -> Generator[Began | _Found | Ended, None, None]:
    follower: Follower | None = None
    for event in events:
        if isinstance(event, Began):
            follower = Follower(analyzer.detect_every) if analyzer.detect_every > 1 and event.info.kind != "image" else None
        if isinstance(event, Frame):
            yield _Found(event, follower.find(event, analyzer.find) if follower else analyzer.find(event))
        else:
            yield event


def _judge(analyzer: Analyzer, events: Iterator[Began | _Found | Ended], track: bool) -> Generator[Event, None, None]:
    tracker: Tracker | None = None
    for event in events:
        if isinstance(event, Began):
            tracker = _tracker() if track and event.info.kind != "image" else None
            yield event
        elif isinstance(event, Ended):
            yield event
        else:
            ids = tracker.update(event.faces, event.frame.time_s) if tracker else None
            yield Analysed(analyzer.judge(event.frame, event.faces, ids), event.frame.image)


def _tracker() -> Tracker:
    # Its libraries take a second to import, which a picture should not pay.
    from mien.faces.track import Tracker

    return Tracker()
