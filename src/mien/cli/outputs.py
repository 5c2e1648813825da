"""One run into everything that was asked for at once: the table on the terminal, files, pictures, a report."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mien import __version__
from mien.cli.console import progress, show_table
from mien.cli.overview import COLUMNS, Overview

if TYPE_CHECKING:
    from mien.analysis.analyzer import Analyzer
    from mien.analysis.run import Progress, Sink
    from mien.dynamics.tracks import Settings
    from mien.sources import Source


@dataclass(frozen=True)
class Outputs:
    """What to write: `tables`, a `report`, drawn pictures into the folder `annotate`, and what faces showed over time into `over_time`.

    `start_s`, `end_s`: the part of each video that is read, so that the sound of the drawn ones is cut alike. `journal`: where what was
    found is kept until all is done, and taken up from.
    """

    tables: tuple[Path, ...] = ()
    report: Path | None = None
    annotate: Path | None = None
    over_time: Path | None = None
    settings: Settings | None = None
    start_s: float | None = None
    end_s: float | None = None
    journal: Path | None = None

    @property
    def paths(self) -> list[Path]:
        """Everything that is written."""
        return [*self.tables, *(path for path in (self.annotate, self.over_time, self.report) if path is not None)]

    def open(self, analyzer: Analyzer, stack: ExitStack) -> list[Sink]:
        """Open every output, so that one that can't be written is known before the work begins; `stack` discards them if the work fails."""
        from mien.analysis.temporal import FollowTracks
        from mien.artifact import Model
        from mien.report.annotated import AnnotatedFolder
        from mien.report.html import open_report
        from mien.report.tables import open_table

        model, detector = analyzer.model.identity, analyzer.detector.name
        sinks: list[Sink] = [stack.enter_context(open_table(path, model, detector)) for path in self.tables]
        if self.report is not None:
            metrics = analyzer.model.card.metrics if isinstance(analyzer.model, Model) else ()
            sinks.append(stack.enter_context(open_report(self.report, model, detector, metrics=metrics, settings=self.settings)))
        if self.annotate is not None:
            sinks.append(AnnotatedFolder(self.annotate, start_s=self.start_s, end_s=self.end_s))
        if self.over_time is not None:
            sinks.append(FollowTracks(model.labels, self.settings, self.over_time))
        return sinks


@dataclass(frozen=True)
class Live:
    """How sources are taken as they happen: `show` them in a window, and let videos `drop` frames as cameras do."""

    show: bool = False
    drop: bool = False


def run_into(analyzer: Analyzer, sources: Iterable[Source], outputs: Outputs, *, of: object = None, live: Live | None = None) -> Overview:
    """Analyse `sources` into `outputs`, with a progress bar; gives the overview of what was found.

    `of`: what the journal of `outputs`, if there is one, is of, beside the analyzer. `live`: take them as they happen.
    """
    from mien.analysis.journal import Journal
    from mien.analysis.live import play
    from mien.analysis.run import run
    from mien.report.window import Window

    overview = Overview()
    with ExitStack() as stack, progress() as advance:
        sinks = [overview, *outputs.open(analyzer, stack)]

        def on_progress(at: Progress) -> None:
            total = None if at.expected_frames == 1 else at.expected_frames  # a bar for each still would only flicker
            advance(f"{at.summary.sources}. {Path(at.source).name}", at.frames_done, total)

        if live is not None:
            window = stack.enter_context(Window()) if live.show else None
            overview.dropped = play(analyzer, sources, window, sinks, drop=live.drop, on_progress=on_progress).dropped
            return overview
        model = analyzer.model.identity
        decides = [__version__, model.sha256, list(model.labels), analyzer.detector.name, analyzer.detect_every, analyzer.abstain_below, of]
        journal = None if outputs.journal is None else Journal(outputs.journal, decides, model.labels)
        run(analyzer, sources, sinks, on_progress, journal=journal)
    return overview


def show_overview(overview: Overview) -> None:
    """Print the table of what was found, and, of several sources, why some could not be read."""
    show_table(COLUMNS, overview.rows)
    for source, dropped in overview.dropped.items():
        typer.echo(f"{source}: {dropped:,} {'frame was' if dropped == 1 else 'frames were'} dropped, so that none came late.")
    if overview.sources > 1:
        for source, error in overview.errors:
            typer.echo(f"{source}: {error}")


def end_with(overview: Overview) -> None:
    """Exit code 1, and a line on stderr, when a source could not be read to its end."""
    if overview.errors:
        several = f"{len(overview.errors)} of {overview.sources} sources could not be read to their end."
        typer.echo(f"mien: {several if overview.sources > 1 else ' '.join(overview.errors[0][1].split())}", err=True)
        raise typer.Exit(1)
