"""One run into everything that was asked for at once: the table on the terminal, files, pictures, a report."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mien.cli.console import progress, show_table
from mien.cli.overview import COLUMNS, Overview

if TYPE_CHECKING:
    from mien.analysis.analyzer import Analyzer
    from mien.analysis.run import RunSummary, Sink
    from mien.sources import Source


@dataclass(frozen=True)
class Outputs:
    """What to write: `tables`, a `report`, and drawn pictures into the folder `annotate`.

    `start_s`, `end_s`: the part of each video that is read, so that the sound of the drawn ones is cut alike.
    """

    tables: tuple[Path, ...] = ()
    report: Path | None = None
    annotate: Path | None = None
    start_s: float | None = None
    end_s: float | None = None

    @property
    def paths(self) -> list[Path]:
        """Everything that is written."""
        return [*self.tables, *(path for path in (self.annotate, self.report) if path is not None)]

    def open(self, analyzer: Analyzer, stack: ExitStack) -> list[Sink]:
        """Open every output, so that one that can't be written is known before the work begins; `stack` discards them if the work fails."""
        from mien.report.annotated import AnnotatedFolder
        from mien.report.html import open_report
        from mien.report.tables import open_table

        model, detector = analyzer.model.identity, analyzer.detector.name
        sinks: list[Sink] = [stack.enter_context(open_table(path, model, detector)) for path in self.tables]
        if self.report is not None:
            sinks.append(stack.enter_context(open_report(self.report, model, detector)))
        if self.annotate is not None:
            sinks.append(AnnotatedFolder(self.annotate, start_s=self.start_s, end_s=self.end_s))
        return sinks


def run_into(analyzer: Analyzer, sources: Iterable[Source], outputs: Outputs) -> tuple[Overview, RunSummary]:
    """Analyse `sources` into `outputs`, with a progress bar; gives the overview of what was found."""
    from mien.analysis.run import run

    overview = Overview()
    with ExitStack() as stack, progress() as advance:
        sinks = [overview, *outputs.open(analyzer, stack)]
        summary = run(analyzer, sources, sinks, lambda at: advance(Path(at.source).name, at.frames_done, at.expected_frames))
    return overview, summary


def show_overview(overview: Overview) -> None:
    """Print the table of what was found."""
    show_table(COLUMNS, overview.rows)
