"""`mien analyze`: pictures, folders, videos and cameras in; a table, files and a report out."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.outputs import Live, Outputs, end_with, run_into, show_overview

if TYPE_CHECKING:
    from mien.analysis.analyzer import Analyzer
    from mien.cli.overview import Overview
    from mien.dynamics.tracks import Settings
    from mien.sources import Source

Inputs = Annotated[list[str], typer.Argument(help="Pictures, folders, globs, videos, or camera:0.", show_default=False)]
Model = Annotated[str, typer.Option("--model", "-m", help="A shipped model's name, or a file that mien wrote.")]
FINDS = "What finds the faces: centerface, yunet, cascade or whole."
Detector = Annotated[str, typer.Option("--detector", "-d", help=FINDS)]
Labels = Annotated[
    str | None,
    typer.Option("--labels", "-l", help="Label set of the scores: fer8, fer7, fer6, valence3 or ckplus7.", show_default="the model's own"),
]
Every = Annotated[int, typer.Option(min=1, help="Take each N-th frame of a video.")]
Fps = Annotated[float | None, typer.Option(min=0.001, help="Take that many frames a second of a video.", show_default=False)]
DetectEvery = Annotated[int, typer.Option(min=1, metavar="N", help="Look for faces in each N-th of those frames; follow them in between.")]
Start = Annotated[float | None, typer.Option(min=0, metavar="SECONDS", help="Begin there in a video.", show_default=False)]
End = Annotated[float | None, typer.Option(min=0, metavar="SECONDS", help="Stop there in a video.", show_default=False)]
Out = Annotated[
    list[Path] | None,
    typer.Option("--out", "-o", help="Write the results: .json, .jsonl, .csv or .parquet; may be repeated.", show_default=False),
]
Annotate = Annotated[
    Path | None, typer.Option(help="Write each picture and video with its faces drawn on it into this folder.", show_default=False)
]
Report = Annotated[Path | None, typer.Option(help="Write a report: one HTML file that opens offline.", show_default=False)]
OverTime = Annotated[
    Path | None,
    typer.Option(
        help="Write what each tracked face of a video showed over time into this folder: smoothed scores, segments, stability.",
        show_default=False,
    ),
]
Smooth = Annotated[
    str,
    typer.Option(
        metavar="METHOD[=SECONDS]",
        help="How scores over time are smoothed: none, exponential, hann or viterbi, with a time constant, window or dwell. "
        "Only with --over-time.",
    ),
]
Window = Annotated[float, typer.Option(min=0.001, metavar="SECONDS", help="Length of the windows of stability. Only with --over-time.")]
Quality = Annotated[
    bool, typer.Option(help="Let small, blurred and averted faces count for less in what is smoothed. Only with --over-time.")
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Keep what was found beside the first --out until all is done, and go on from there if it was broken off. "
        "Not with --annotate or --report.",
    ),
]
Show = Annotated[bool, typer.Option("--show", help="Show each frame in a window as it is analysed; q or Escape ends it, and keeps all.")]
LiveOption = Annotated[
    bool, typer.Option("--live", help="Let videos run at their own pace and drop the frames that come too late, as cameras always do.")
]
Json = Annotated[bool, typer.Option("--json", help='Print the results as JSON (schema "mien/1") in place of the table.')]
Abstain = Annotated[float, typer.Option(min=0, max=1, help="Mark a face whose highest score lies under this as abstained.")]
Coverage = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="Abstain so that about this share of faces is answered: 0.8 or 0.9, as fitted for the model."),
]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads of the model's runtime.", show_default="all cores")]


def analyze(
    inputs: Inputs,
    model: Model = "default",
    detector: Detector = "centerface",
    labels: Labels = None,
    every: Every = 1,
    fps: Fps = None,
    detect_every: DetectEvery = 1,
    start: Start = None,
    end: End = None,
    out: Out = None,
    annotate: Annotate = None,
    report: Report = None,
    over_time: OverTime = None,
    smooth: Smooth = "hann",
    window: Window = 30.0,
    quality: Quality = True,
    resume: Resume = False,
    show: Show = False,
    as_it_happens: LiveOption = False,
    as_json: Json = False,
    abstain_below: Abstain = 0.0,
    coverage: Coverage = None,
    threads: Threads = None,
) -> None:
    """Find the faces of pictures and videos, and say what they show.

    What can't be read is a row with its error; the rest is finished, and the exit code is 1.
    """
    if fps is not None and every != 1:
        raise typer.BadParameter("Give --every or --fps, not both.", param_hint="--fps")
    if start is not None and end is not None and end <= start:
        raise typer.BadParameter(f"The end, {end} s, is not after the start, {start} s.", param_hint="--end")
    if coverage is not None and abstain_below:
        raise typer.BadParameter("Give --coverage or --abstain-below, not both.", param_hint="--coverage")
    if over_time is None and (smooth, window, quality) != ("hann", 30.0, True):
        raise typer.BadParameter("--smooth, --window and --no-quality are for --over-time. Give that too.", param_hint="--over-time")
    settings = None if over_time is None else settings_of(smooth, window, quality)
    if resume and (not out or annotate is not None or report is not None):
        raise typer.BadParameter("It needs --out, and files; what is drawn or shown of them can't be taken up.", param_hint="--resume")
    cameras = any(name.startswith("camera:") for name in inputs)
    live = Live(show, as_it_happens) if show or as_it_happens or cameras else None
    if resume and live is not None:
        raise typer.BadParameter("It is for files that are read from end to end, not for --show, --live or cameras.", param_hint="--resume")
    from mien.analysis.analyzer import Analyzer
    from mien.analysis.journal import fingerprint
    from mien.sources import resolve

    analyzer = Analyzer(model, detector, labels, abstain_below=abstain_below, coverage=coverage, threads=threads, detect_every=detect_every)
    sources = resolve(inputs, every=every, fps=fps, start_s=start, end_s=end)
    if annotate is not None:
        sources = without_drawn(sources, annotate, set(inputs))
    outputs = Outputs(tuple(out or ()), report, annotate, over_time, settings, start, end, journal_of(out[0]) if resume and out else None)
    of = [[fingerprint(name) for name in inputs], every, fps, start, end] if resume else None
    if as_json:
        overview = _print_json(analyzer, sources, outputs, of, live)
    else:
        overview = run_into(analyzer, sources, outputs, of=of, live=live)
        show_overview(overview)
        for path in outputs.paths:
            typer.echo(f"Wrote {path}")
    end_with(overview)


def settings_of(smooth: str, window_s: float = 30.0, weighted: bool = True) -> Settings:
    """The settings of "METHOD" or "METHOD=SECONDS", and a window of stability that moves by a sixth. Raises UnknownNameError."""
    from mien.dynamics.tracks import Settings

    method, _, width = smooth.partition("=")
    try:
        width_s = float(width) if width else None
    except ValueError:
        raise typer.BadParameter(f"The seconds of a smoothing are a number; received {width!r}.", param_hint="--smooth") from None
    return Settings(method, width_s, window_s=window_s, step_s=window_s / 6, weighted=weighted)


def journal_of(table: Path) -> Path:
    """Where the journal of a run into `table` lies."""
    return table.with_name(f"{table.name}.journal")


def without_drawn(sources: Iterable[Source], folder: Path, asked: set[str]) -> Iterator[Source]:
    """What is drawn into a folder that is also read does not come back as input, in this run or the next; save where it is `asked` for."""
    from mien.report.annotated import is_drawn

    home = folder.resolve()
    for source in sources:
        path = Path(source.name)
        if source.name in asked or path.resolve().parent != home or not is_drawn(path):
            yield source


def _print_json(analyzer: Analyzer, sources: Iterable[Source], outputs: Outputs, of: object, live: Live | None) -> Overview:
    """Through a file: what is printed is whole, and a long video is never in memory."""
    with TemporaryDirectory() as scratch:
        path = Path(scratch, "results.json")
        overview = run_into(analyzer, sources, replace(outputs, tables=(*outputs.tables, path)), of=of, live=live)
        with path.open(encoding="utf-8") as file:
            copyfileobj(file, sys.stdout)
    return overview
