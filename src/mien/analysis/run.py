"""Analyse sources into sinks: the one path from inputs to whatever keeps, draws or writes the results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from mien.analysis.stream import READ_AHEAD, Analysed, Began, Event, pump
from mien.core.types import RGB, FrameResult, SourceInfo

if TYPE_CHECKING:
    from mien.analysis.analyzer import Analyzer
    from mien.analysis.journal import Journal
    from mien.sources import Source


class Sink(Protocol):
    """What results flow into. Calls come from the thread that called `run`: (begin, frame…, end) for each source, then close."""

    def begin(self, info: SourceInfo) -> None:
        """A source begins (also one that could not be opened: `end` with its error follows)."""

    def frame(self, result: FrameResult, image: RGB) -> None:
        """One frame's result and its picture, uint8 (H, W, 3) RGB. A frame without faces comes too."""

    def end(self, error: str | None) -> None:
        """The source is finished; `error` says why it could not be opened or broke off."""

    def close(self, ok: bool) -> None:
        """All is done (`ok`), or the run was broken off and what was written so far should be thrown away."""


@dataclass(frozen=True)
class RunSummary:
    """How much was analysed: `sources` read (with or without an error), their `frames` and `faces`, and how many sources had an error."""

    sources: int = 0
    frames: int = 0
    faces: int = 0
    errors: int = 0


@dataclass(frozen=True)
class Progress:
    """Where a run is: the `source`, how many of its frames are done, how many it should have (None: unknown), and the sums so far."""

    source: str
    frames_done: int
    expected_frames: int | None
    summary: RunSummary


def run(
    analyzer: Analyzer,
    sources: Iterable[Source],
    sinks: Sequence[Sink] = (),
    on_progress: Callable[[Progress], None] | None = None,
    *,
    track: bool = True,
    journal: Journal | None = None,
    read_ahead: int = READ_AHEAD,
) -> RunSummary:
    """Analyse every source into every sink, in bounded memory.

    A source that can't be read is handed on with its error and the others are finished. An exception in a sink or in `on_progress` stops
    the run: threads end, the open source is closed, every sink is closed with `ok=False`, and the exception goes on to the caller.

    `on_progress`: called with a `Progress` when a source begins, after each of its frames, and when it ends.
    `track`: give the faces of videos and cameras track ids. `journal`: what it holds is taken up, what is new goes into it; sinks get
    pictures of no pixels with what was taken up. `read_ahead`: as in `pump`.
    """
    ledger = _Ledger()
    ok = False
    try:
        with closing(pump(analyzer, sources, track=track, journal=journal, read_ahead=read_ahead)) as events:
            for event in events:
                if journal is not None and not event.past:
                    _keep(event, journal)
                for sink in sinks:
                    _deliver(event, sink)
                progress = ledger.count(event)
                if on_progress is not None:
                    on_progress(progress)
        ok = True
    finally:
        with ExitStack() as stack:
            if journal is not None:
                stack.push(lambda kind, *_: journal.close(ok and kind is None))  # the last one, when all else is written
            for sink in sinks:
                stack.callback(sink.close, ok)
    return ledger.summary


def _keep(event: Event, journal: Journal) -> None:
    if isinstance(event, Began):
        journal.begin(event.info)
    elif isinstance(event, Analysed):
        journal.frame(event.result, event.image, event.seen, detected=event.detected, damaged=event.damaged)
    else:
        journal.end(None if event.error is None else str(event.error))


def _deliver(event: Event, sink: Sink) -> None:
    if isinstance(event, Began):
        sink.begin(event.info)
    elif isinstance(event, Analysed):
        sink.frame(event.result, event.image)
    else:
        sink.end(None if event.error is None else str(event.error))


class _Ledger:
    """Counts what has passed."""

    def __init__(self) -> None:
        self.summary = RunSummary()
        self._at = Progress("", 0, None, self.summary)

    def count(self, event: Event) -> Progress:
        past, at = self.summary, self._at
        if isinstance(event, Began):
            self.summary = replace(past, sources=past.sources + 1)
            at = Progress(event.info.source, 0, event.expected_frames, self.summary)
        elif isinstance(event, Analysed):
            self.summary = replace(past, frames=past.frames + 1, faces=past.faces + len(event.result.faces))
            at = replace(at, frames_done=at.frames_done + 1)
        elif event.error is not None:
            self.summary = replace(past, errors=past.errors + 1)
        self._at = replace(at, summary=self.summary)
        return self._at
