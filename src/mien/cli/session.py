"""`mien session`: recorded videos and a table of questions in; who showed what at which, and what changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.analyze import DetectEvery, Detector, Every, Fps, Labels, Model, Threads, settings_of
from mien.cli.console import command_line, progress, show_json, show_table

if TYPE_CHECKING:
    from mien.analysis.session import Session


def session(
    videos: Annotated[list[str], typer.Argument(help="Videos of the session, folders of them, or globs.", show_default=False)],
    segments: Annotated[
        Path,
        typer.Option(
            "--segments", "-s", help="CSV with id, text, start, end, phase (pre, post), participant, video, track.", show_default=False
        ),
    ],
    report: Annotated[Path | None, typer.Option(help="Write a page: one HTML file that opens offline.", show_default=False)] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write answers.csv and differences.csv into this folder.", show_default=False)
    ] = None,
    model: Model = "default",
    detector: Detector = "centerface",
    labels: Labels = None,
    every: Every = 1,
    fps: Fps = None,
    detect_every: DetectEvery = 1,
    smooth: Annotated[
        str, typer.Option(metavar="METHOD[=SECONDS]", help="none, exponential, hann or viterbi, with a time constant, window or dwell.")
    ] = "hann",
    threads: Threads = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print answers and differences as JSON in place of the table.")] = False,
) -> None:
    """Say how each person reacted to each question of a recorded session, and what differs between before and after.

    What can't be read is told, its questions have no face; the rest is finished, and the exit code is 1.
    """
    if fps is not None and every != 1:
        raise typer.BadParameter("Give --every or --fps, not both.", param_hint="--fps")
    from mien.analysis.analyzer import Analyzer
    from mien.analysis.questions import read_questions
    from mien.analysis.session import analyze_session
    from mien.core.errors import InputError
    from mien.core.files import made_folder
    from mien.report.page import check_report
    from mien.report.session_tables import session_tables, write_session
    from mien.sources import resolve

    given, videos = videos, [source.name for source in resolve(videos) if source.kind != "image" or source.name in videos]
    if not videos:
        raise InputError(f"No video in {', '.join(given)}. Give videos, or folders of them.")
    settings, questions = settings_of(smooth), read_questions(segments, videos)
    if report is not None:
        check_report(report)
    if out is not None:
        made_folder(out)
    analyzer = Analyzer(model, detector, labels, threads=threads, detect_every=detect_every)
    with progress() as advance:
        found = analyze_session(
            videos,
            questions,
            analyzer,
            settings,
            every=every,
            fps=fps,
            on_progress=lambda at: advance(Path(at.source).name, at.frames_done, at.expected_frames),
        )
    written = [] if out is None else write_session(out, found.answers, analyzer.labels)
    if report is not None:
        _write_page(report, found, analyzer.model, smooth)
        written.append(report)
    if as_json:
        tables = session_tables(found.answers, analyzer.labels)
        show_json({name: [_plain(row) for row in table.to_dict("records")] for name, table in tables.items()})
    else:
        _show(found)
        for path in written:
            typer.echo(f"Wrote {path}")
    if found.errors:
        source, error = next(iter(found.errors.items()))
        typer.echo(
            f"mien: {len(found.errors)} of {len(videos)} videos could not be read to their end. {source}: {' '.join(error.split())}",
            err=True,
        )
        raise typer.Exit(1)


def _write_page(path: Path, found: Session, model: object, smooth: str) -> None:
    from mien.artifact import Model as Artifact
    from mien.report.session_page import SessionSetting, write_session_page

    metrics = model.card.metrics if isinstance(model, Artifact) else ()
    setting = SessionSetting(found.model, found.detector, [("Smoothing", smooth)], metrics, command_line(), found.errors)
    write_session_page(path, found.answers, found.shots, setting)


def _show(found: Session) -> None:
    rows = []
    for one in found.answers:
        asked, seen = one.question, one.track is not None
        share = f"{one.figures.shares[one.label]:.0%}" if one.label else ""
        reaction = f"{one.reaction} {one.reaction_s:.1f} s" if one.reaction else ""
        valence = f"{one.figures.valence_mean:+.2f}" if seen else ""
        rows.append([asked.participant, asked.id, asked.phase, one.label or "not seen", share, valence, reaction])
    show_table(["participant", "id", "phase", "expression", ">share", ">valence", "reaction"], rows)


def _plain(row: dict[object, object]) -> dict[str, object]:
    return {str(key): None if value is None or value != value else value for key, value in row.items()}
