"""The pump: sources in, events out. Reading, detection and classification overlap, each at most a frame or two ahead of the next.

Everything that analyses – a picture, a folder, a ten-minute video, a camera – goes through `pump`, so all of them give the same numbers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from itertools import islice, starmap
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from mien.analysis.fit import Fit
from mien.analysis.recent import Recent
from mien.artifact import ExpressionModel, SequenceModel
from mien.core.errors import InputError
from mien.core.types import RGB, Face, Frame, FrameResult, SourceInfo
from mien.faces.follow import Follower
from mien.faces.look import View, views
from mien.sources.base import Seekable

if TYPE_CHECKING:
    from mien.analysis.analyzer import Analyzer
    from mien.analysis.journal import Begun, Journal
    from mien.faces.track import Tracker
    from mien.sources import Source

T = TypeVar("T")
_NOTHING = np.zeros((0, 0, 3), np.uint8)
READ_AHEAD = 2
FIND_AHEAD = 1


@dataclass(frozen=True, eq=False)
class Began:
    """A source was opened, or could not be (then `Ended` with its error follows at once)."""

    info: SourceInfo
    expected_frames: int | None = None
    past: bool = False


@dataclass(frozen=True, eq=False)
class Analysed:
    """A frame's result, and its picture, uint8 (H, W, 3) RGB, both in the source's size, whatever size the frame came in.

    `detected`: its faces were looked for, not followed. `damaged`: something of the source before it could not be decoded. `seen`: how the
    people looked whom the faces are of, where they are tracked.

    One that is `past`, as all events of a resumed run that were before it, comes from its journal, and has a picture of no pixels.
    """

    result: FrameResult
    image: RGB
    detected: bool = True
    damaged: bool = False
    seen: Sequence[View] = ()
    past: bool = False


@dataclass(frozen=True, eq=False)
class Ended:
    """A source is finished; `error` says why it could not be opened, or why reading stopped before its end."""

    error: InputError | OSError | None = None
    past: bool = False


Event = Began | Analysed | Ended


@dataclass(frozen=True, eq=False)
class _Found:
    frame: Frame
    faces: list[Face]
    detected: bool = True


@dataclass(frozen=True, eq=False)
class _Past:
    """What an earlier run found, and how its people looked."""

    result: FrameResult
    seen: Sequence[View]


def pump(
    analyzer: Analyzer, sources: Iterable[Source], *, track: bool = True, journal: Journal | None = None, read_ahead: int = READ_AHEAD
) -> Generator[Event, None, None]:
    """Analyse `sources` one after another: for each a `Began`, an `Analysed` for every frame, an `Ended`.

    A source that can't be opened, or breaks off, ends with its error; the next one follows. At most a handful of frames is in memory,
    however long a video is. Closing the generator stops the threads and closes the open source.

    `track`: give the faces of a video or camera track ids; stills never have any. `journal`: what an earlier run of the same has found
    comes from there, sources that it finished are not opened. Raises InputError where it holds other sources, or the model would need
    pictures from before. `read_ahead`: frames that
    are read before they are asked for; 0 for sources whose frames grow old.
    """
    if journal and isinstance(analyzer.model, SequenceModel):
        raise InputError(f"{analyzer.model.card.name} reads sequences, whose pictures no journal keeps. Run it in one go.")
    with ExitStack() as stack:
        read = stack.enter_context(closing(_read(analyzer.model, sources, journal)))
        if read_ahead:
            read = stack.enter_context(closing(ahead(read, read_ahead)))
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


def _read(
    model: ExpressionModel, sources: Iterable[Source], journal: Journal | None
) -> Generator[Began | Frame | _Past | Ended, None, None]:
    for place, source in enumerate(sources):
        begun = journal.begun[place] if journal and place < len(journal.begun) else None
        if begun:
            begun.need(source.name)
        if journal and begun and begun.ended:
            yield from _again(journal, place)
            continue
        began = False
        try:
            with source:
                yield Began(source.info, source.expected_frames, past=begun is not None)
                began = True
                if source.kind == "image" and isinstance(model, SequenceModel):
                    raise InputError(f"{source.name} is a picture, and {model.card.name} reads sequences. Give a video, or another model.")
                if journal and begun:
                    yield from starmap(_Past, journal.past(place))
                yield from source if begun is None else _rest(source, begun)
        except (InputError, OSError) as error:
            if not began:
                yield Began(SourceInfo(source.name, source.kind))
            yield Ended(error)
        else:
            yield Ended()


def _rest(source: Source, begun: Begun) -> Iterator[Frame]:
    """The frames of a source after those that its journal holds."""
    last = begun.last
    if last is None or last.time_s is None or last.damaged or not isinstance(source, Seekable):
        return islice(source, begun.frames, None)
    return source.after(last.index, last.time_s, last.is_of)


def _again(journal: Journal, place: int) -> Generator[Began | _Past | Ended, None, None]:
    """A source that an earlier run finished."""
    info, error = journal.info(place)
    yield Began(info, journal.begun[place].frames, past=True)
    yield from starmap(_Past, journal.past(place))
    yield Ended(None if error is None else InputError(error), past=True)


def _find(analyzer: Analyzer, events: Iterator[Began | Frame | _Past | Ended]) -> Generator[Began | _Found | _Past | Ended, None, None]:
    follower: Follower | None = None
    for event in events:
        if isinstance(event, Began):
            follower = Follower(analyzer.detect_every) if analyzer.detect_every > 1 and event.info.kind != "image" else None
        if isinstance(event, Frame):
            faces = follower.find(event, analyzer.find) if follower else analyzer.find(event)
            yield _Found(event, faces, follower is None or follower.detected)
        else:
            yield event


def _judge(analyzer: Analyzer, events: Iterator[Began | _Found | _Past | Ended], track: bool) -> Generator[Event, None, None]:
    tracker, recent = None, None
    info = SourceInfo("", "image")
    for event in events:
        if isinstance(event, Began):
            info = event.info
            tracker = _tracker() if track and event.info.kind != "image" else None
            recent = Recent(analyzer.model) if isinstance(analyzer.model, SequenceModel) else None
            yield event
        elif isinstance(event, Ended):
            yield event
        elif isinstance(event, _Past):
            if tracker:
                tracker.update([face.face for face in event.result.faces], event.result.time_s, event.seen)
            yield Analysed(event.result, _NOTHING, past=True)
        else:
            yield _judged(analyzer, event, tracker, recent, Fit.of(event.frame.image, info))


def _judged(analyzer: Analyzer, found: _Found, tracker: Tracker | None, recent: Recent | None, fit: Fit | None) -> Analysed:
    """Faces are judged in the picture as it is, and told where they lie in one of the source's size."""
    frame, faces = found.frame, found.faces if fit is None else [fit.face(face) for face in found.faces]
    seen = tuple(views(frame.image, found.faces)) if tracker else ()
    ids = tracker.update(faces, frame.time_s, seen) if tracker else None
    result = analyzer.judge(frame, found.faces, ids, recent)
    if fit is None:
        return Analysed(result, frame.image, found.detected, frame.damaged, seen)
    placed = tuple(replace(one, face=face) for one, face in zip(result.faces, faces, strict=True))
    return Analysed(replace(result, faces=placed), fit.image(frame.image), found.detected, frame.damaged, seen)


def _tracker() -> Tracker:
    # Its libraries take a second to import, which a picture should not pay.
    from mien.faces.track import Tracker

    return Tracker()
