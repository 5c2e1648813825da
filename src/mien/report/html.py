"""The report: one HTML file that opens offline, on light and dark screens, narrow and wide, and on paper.

Written as results come in, in memory that does not grow with the number of pictures, and with the length of a video by some fifty bytes for
each of its tracked faces: finished cards wait in a temporary file until the head of the page, which counts them, can be written.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO, cast

import numpy as np

from mien.core.types import RGB, FrameResult, ModelIdentity, SourceInfo
from mien.dynamics.gather import Gathered
from mien.dynamics.tracks import Settings
from mien.report import page
from mien.report.cards import Cards
from mien.report.output import Output
from mien.report.reels import reel
from mien.report.timeline import Timeline

TITLE = "Facial expressions"


def open_report(
    path: str | Path,
    model: ModelIdentity,
    detector: str,
    *,
    metrics: Sequence[Mapping[str, Any]] = (),
    title: str = TITLE,
    settings: Settings | None = None,
) -> Report:
    """A report that is written to `path`. It is open at once: close it, or use it in a `with` block.

    `metrics`: how the model was measured, as `Card.metrics` holds it (`SplitEvaluation.to_dict()`): dataset, split, and under "overall" and
    "clean" the labels, n, accuracy and its interval. `settings`: how scores over time are smoothed and measured; the tables of the same run
    take the same.

    Raises
    ------
    UnknownNameError
        A suffix other than .html or .htm: a report never takes the place of a picture or a table.
    OutputError
        The file can't be made there.
    """
    page.check_report(path)
    return Report(path, model, detector, metrics=metrics, title=title, settings=settings)


class Report(Output):
    """A report being written: for each source `begin`, `frame` for every frame with its picture, `end`; then `close`."""

    def __init__(
        self,
        path: str | Path,
        model: ModelIdentity,
        detector: str,
        *,
        metrics: Sequence[Mapping[str, Any]] = (),
        title: str = TITLE,
        settings: Settings | None = None,
    ) -> None:
        self._model, self._detector, self._metrics, self._title = model, detector, tuple(metrics), title
        self._settings = settings or Settings()
        self._created = datetime.now().astimezone()
        self._totals = page.Totals(model.labels)
        self._info = SourceInfo("", "image")
        self._timeline: Timeline | None = None
        self._gathered = Gathered(model.labels)
        super().__init__(path)

    def begin(self, info: SourceInfo) -> None:
        """Start a source."""
        self._info = info
        self._timeline = None if info.kind == "image" else Timeline(self._model.labels)
        self._gathered = Gathered(self._model.labels)

    def frame(self, result: FrameResult, image: RGB | None = None) -> None:
        """Take in a frame and its picture, uint8 (H, W, 3) RGB; without one the report has numbers alone."""
        self._totals.frames += 1
        self._totals.faces += len(result.faces)
        self._totals.empty += not result.faces
        if self._timeline is not None:
            self._timeline.add(result, image)
            self._gathered.add(result)
            return
        for face in result.faces:
            self._totals.still_faces[int(np.argmax(face.prediction.scores))] += 1
        with self._writing():
            self._cards.add(self._info, result.faces, image)

    def end(self, error: str | None) -> None:
        """Finish the source; `error` says why it could not be read, or broke off."""
        if error is not None:
            self._totals.fail(self._info.source, error)
        timeline, self._timeline = self._timeline, None
        if timeline is not None and timeline.frames:
            timeline.finish()
            self._totals.videos += 1
            self._totals.moving_seconds += timeline.sums.seconds
            with self._writing():
                found = self._gathered.finish(self._info.source, self._settings)
                self._reels.write(reel(self._info, timeline, error, self._totals.videos, found))

    def _open(self, stack: contextlib.ExitStack) -> None:
        self._pictures, self._reels = (stack.enter_context(_draft()) for _ in range(2))
        self._cards = Cards(self._pictures)

    def _finish(self) -> None:
        self._totals.pictures = self._cards.count
        self._cards.finish()
        with self._temporary.open("w", encoding="utf-8", newline="\n") as file:
            file.write(page.head(self._title, self._model.labels))
            file.write(page.opening(self._title, self._model, self._detector, self._totals, self._created))
            file.write(page.summary(self._totals) + page.caution(self._metrics) + page.failures(self._totals))
            if self._totals.videos:
                file.write("<section><h2>Videos</h2>\n")
                _copy(self._reels, file)
                file.write("</section>\n")
            if self._cards.count:
                file.write("<section><h2>Pictures</h2>\n" + page.gallery_note(self._cards.count, self._cards.small, self._cards.hidden))
                _copy(self._pictures, file)
                file.write("</section>\n")
            file.write(page.closing())


def _draft() -> TextIO:
    return cast("TextIO", tempfile.TemporaryFile("w+", encoding="utf-8"))


def _copy(source: TextIO, target: TextIO) -> None:
    source.seek(0)
    shutil.copyfileobj(source, target)
