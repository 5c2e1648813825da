"""`mien evaluate`: a model's figures on one split of a data set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien import __version__
from mien.cli.console import Advance, command_line, progress, show_json
from mien.cli.dividing import Division, Fold, Protocol, ProtocolOption, Rows, Seed
from mien.cli.options import Clean, DataDir, DatasetOption, Groups, Json, values

if TYPE_CHECKING:
    from mien.artifact import ExpressionModel
    from mien.core.labels import LabelSet
    from mien.datasets import Dataset
    from mien.report.evaluation_values import Entry, Whole

NOTES = 8
"""Notes of the data set that the page tells; there is one for each row that was left out."""


@dataclass(frozen=True)
class _Request:
    """What was asked for, checked by the command line."""

    dataset: str
    split: str
    options: dict[str, Any]
    labels: str | None
    division: Division
    clean: bool
    groups: str
    calibrate: bool
    by: list[str]
    minimum: int
    whole: bool
    detector: str | None
    detector_options: dict[str, Any]


def evaluate(
    model: Annotated[str, typer.Argument(help="A shipped model's name, a file that mien wrote, or an adapter of another model (.toml).")],
    dataset: Annotated[str, typer.Option(help="A data set that `mien data list` shows.", show_default=False)],
    data: DataDir,
    split: Annotated[str, typer.Option(help="train, validation or test, or the data set's own word for it: public, private …")] = "test",
    labels: Annotated[
        str | None, typer.Option("--labels", "-l", help="Judge in this label set.", show_default="the data set's own")
    ] = None,
    labels_from: Annotated[
        str | None, typer.Option(help="Which publication of the FER+ votes: label.csv or fer2013new.csv.", show_default="label.csv")
    ] = None,
    option: DatasetOption = None,
    rows: Rows = None,
    protocol: Protocol = None,
    fold: Fold = None,
    seed: Seed = 0,
    protocol_option: ProtocolOption = None,
    clean: Clean = False,
    groups: Groups = "twins",
    calibrate: Annotated[bool, typer.Option("--calibrate", help="Also fit a temperature on the validation split.")] = False,
    by: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Also by label, subject, sequence, frame or a column of the data set.")
    ] = None,
    minimum: Annotated[int, typer.Option(min=1, help="Images that a part needs to count in the gap.")] = 30,
    whole: Annotated[bool, typer.Option("--whole", help="Also from whole pictures: a face that is not found is a mistake.")] = False,
    detector: Annotated[
        str | None, typer.Option("--detector", "-d", help="What finds the faces for --whole.", show_default="centerface")
    ] = None,
    min_score: Annotated[float | None, typer.Option(help="Score from which a face is found for --whole.", show_default="its own")] = None,
    top: Annotated[int, typer.Option(min=0, help="How many of the surest mistakes are told.")] = 24,
    report: Annotated[Path | None, typer.Option(help="Write a page with charts: one HTML file that opens offline.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of the model's runtime.", show_default="all cores")] = None,
    as_json: Json = False,
) -> None:
    """Measure a model on a split of a data set.

    Accuracy with its 95 % interval, macro-F1, calibration, what answering only when sure gains, and the figures of each class.
    """
    options = values(option, "--option") | {k: v for k, v in (("labels_from", labels_from), ("rows", rows)) if v is not None}
    wanted = _Request(
        dataset, split, options, labels, Division.of(protocol, fold, seed, protocol_option), clean, groups, calibrate, by or [], minimum,
        whole, detector, {} if min_score is None else {"threshold": min_score},
    )  # fmt: skip
    _check(wanted)
    if report is not None:
        from mien.report.page import check_report

        check_report(report)
    from mien.cli.figures import plain, show

    with progress() as advance:
        entry, data_set = _judged(model, wanted, data, threads, advance)
        if report is not None:
            advance("Writing the page", 0, None)
            _write(report, entry, data_set, top)
    if as_json:
        show_json(plain(entry, data_set, top))
        return
    show(entry)
    if report is not None:
        typer.echo(f"Wrote {report}")


def _check(wanted: _Request) -> None:
    """Options that need another one are wrong usage without it."""
    for option, given in (("--detector", wanted.detector is not None), ("--min-score", bool(wanted.detector_options))):
        if given and not wanted.whole:
            raise typer.BadParameter("A detector looks at whole pictures; give --whole.", param_hint=option)


def _judged(model: str, wanted: _Request, data: Path, threads: int | None, advance: Advance) -> tuple[Entry, Dataset]:
    from mien.bench.contenders import load_contender
    from mien.core.errors import OptionError
    from mien.datasets.base import split_name
    from mien.evaluation.run import evaluate as judge_split
    from mien.evaluation.slices import slice_by
    from mien.report.evaluation_values import Entry

    split = split_name(wanted.split)
    advance(f"{wanted.dataset}: reading", 0, None)
    contender = load_contender(model, threads=threads)
    if wanted.whole and contender.reads_sequences:
        raise OptionError(f"--whole finds faces in single pictures, and {contender.name} reads sequences of them. Leave --whole out.")
    native, data_set = _read(wanted, data, contender.reads_sequences)
    network = contender.read(native, data_set.labels)
    result = judge_split(
        network,
        data_set,
        split,
        clean=wanted.clean,
        groups=wanted.groups,
        calibrate=wanted.calibrate,
        progress=lambda done, total: advance(f"{wanted.dataset}: {split}", done, total),
    )
    slices = tuple(slice_by(result, data_set, column, minimum=wanted.minimum) for column in wanted.by)
    whole, notes = _whole(network, wanted, data_set, split, advance) if wanted.whole else (None, ())
    said = (f"Labels: {contender.mapping(network)}.",) if wanted.labels else ()
    notes = (*said, *_notes(data_set), *notes)
    return Entry(network.identity.name, result, notes=notes, slices=slices, whole=whole, sha256=network.identity.sha256), data_set


def _read(wanted: _Request, data: Path, in_sequences: bool) -> tuple[LabelSet, Dataset]:
    """The data set's own labels, and the data set divided and labelled as asked for; its rows are sequences for a model of these."""
    from mien.core.labels import label_set
    from mien.datasets import load_dataset
    from mien.datasets.sequences import as_sequences

    data_set = load_dataset(wanted.dataset, data, **wanted.options)
    data_set = wanted.division.apply(as_sequences(data_set) if in_sequences else data_set)
    return data_set.labels, data_set if wanted.labels is None else data_set.with_labels(label_set(wanted.labels))


def _whole(network: ExpressionModel, wanted: _Request, data_set: Dataset, split: str, advance: Advance) -> tuple[Whole, tuple[str, ...]]:
    """The same split from whole pictures, and what has to be said about them."""
    from mien.analysis.analyzer import Analyzer
    from mien.analysis.whole import whole_scores
    from mien.evaluation.run import judge, labelled_rows
    from mien.report.evaluation_values import Whole

    analyzer = Analyzer(network, wanted.detector or "centerface", detector_options=wanted.detector_options)
    seen = whole_scores(
        analyzer,
        data_set,
        labelled_rows(data_set, split),
        progress=lambda done, total: advance(f"{wanted.dataset}: finding faces", done, total),
    )
    result = judge(seen.scores, data_set, split, missing=~seen.found, clean=wanted.clean, groups=wanted.groups, model=network)
    return Whole(analyzer.detector.name, result), seen.notes()


def _notes(data_set: Dataset) -> tuple[str, ...]:
    more = len(data_set.notes) - NOTES
    return (*data_set.notes[:NOTES], *([f"And {more:,} more notes on this data set."] if more > 0 else []))


def _write(report: Path, entry: Entry, data_set: Dataset, top: int) -> None:
    from mien.report.evaluation_page import write_evaluation

    title = f"{entry.name} on {entry.result.dataset}, {entry.result.split}"
    command = f"{command_line()}\n# mien {__version__}"
    write_evaluation(report, [entry], data_set, title=title, command=command, top=top)
