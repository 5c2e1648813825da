"""`mien bench`: models side by side, also other people's, on the same pictures by the same measure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.console import command_line, progress, show_json, show_table, stdout
from mien.cli.dividing import Division, Fold, Protocol, ProtocolOption, Seed
from mien.cli.options import Clean, DataDir, Groups, Json, values

if TYPE_CHECKING:
    from mien.bench.results import Bench
    from mien.datasets import Dataset
    from mien.evaluation.compare import Comparison
    from mien.evaluation.cost import Cost
    from mien.evaluation.scores import Evaluation


def bench(
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL…", help="Shipped names, files that mien wrote, or adapters of other models (.toml).")
    ],
    dataset: Annotated[list[str], typer.Option(help="A data set; several give a matrix. See mien data list.", show_default=False)],
    data: DataDir,
    split: Annotated[str, typer.Option(help="train, validation or test, or the data set's own word for it: public, private …")] = "test",
    labels: Annotated[
        str | None, typer.Option(help="Read models and data sets as this label set.", show_default="each data set's own")
    ] = None,
    partial: Annotated[bool, typer.Option("--partial", help="A model without some of the classes loses their pictures.")] = False,
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="[DATASET.]KEY=VALUE", help="An option of every data set, or of the one named; may be repeated."),
    ] = None,
    protocol: Protocol = None,
    fold: Fold = None,
    seed: Seed = 0,
    protocol_option: ProtocolOption = None,
    clean: Clean = False,
    groups: Groups = "twins",
    threads: Annotated[int, typer.Option(min=1, help="Threads of each model's runtime.")] = 1,
    runs: Annotated[int, typer.Option(min=0, help="Timed runs of one face, or sequence, for each model; 0: time nothing.")] = 200,
    report: Annotated[Path | None, typer.Option(help="Write an HTML page that opens offline.", show_default=False)] = None,
    as_json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print tables for a Markdown file.")] = False,
) -> None:
    """Set models side by side.

    Accuracy with its 95 % interval, macro-F1 and calibration on the same pictures, a paired test against the first model, and size,
    multiply–accumulates, time for one face and throughput, measured here and now.
    """
    if as_json and markdown:
        raise typer.BadParameter("Choose one of --json and --markdown.", param_hint="--markdown")
    chosen, division = _options(option, dataset), Division.of(protocol, fold, seed, protocol_option)
    from mien.bench.contenders import all_read_sequences, load_contenders
    from mien.bench.run import bench as compare_all
    from mien.datasets import load_dataset
    from mien.datasets.base import split_name
    from mien.datasets.sequences import as_sequences
    from mien.report.page import check_report

    if report is not None:
        check_report(report)
    role = split_name(split)
    with progress() as advance:
        contenders = load_contenders(models, threads=threads)
        in_sequences = all_read_sequences(contenders)
        sets: list[Dataset] = []
        for name in dict.fromkeys(dataset):
            advance(f"{name}: reading", 0, None)
            loaded = load_dataset(name, data, **chosen[name])
            sets.append(division.apply(as_sequences(loaded) if in_sequences else loaded))
        found = compare_all(
            contenders, sets, role, clean=clean, groups=groups, labels=labels, partial=partial, threads=threads, runs=runs, progress=advance
        )
        if report is not None:
            advance("Writing the page", 0, None)
            _write(report, found, sets)
    if as_json:
        show_json(found.to_dict())
    else:
        _show(found, markdown=markdown)
        if report is not None and not markdown:
            typer.echo(f"Wrote {report}")
    for one in found.failed:
        typer.echo(f"mien: {one.model} on {one.dataset}: {one.error}", err=True)
    if found.failed:
        raise typer.Exit(1)


def _options(settings: Sequence[str] | None, datasets: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Data set → its options."""
    chosen: dict[str, dict[str, Any]] = {name: {} for name in datasets}
    for key, value in values(settings, "--option").items():
        name, dot, rest = key.partition(".")
        if dot and name not in chosen:
            raise typer.BadParameter(f"{key!r} names {name!r}, which is none of {', '.join(chosen)}.", param_hint="--option")
        for options in [chosen[name]] if dot else chosen.values():
            options[rest if dot else key] = value
    return chosen


def _write(path: Path, found: Bench, datasets: Sequence[Dataset]) -> None:
    from mien.report.evaluation_page import Entry, write_evaluation

    entries: list[Entry] = []
    for one in found.judged:
        if one.result is not None:
            notes = (f"Labels: {one.mapping}.", *_facts(found, one.model), *(found.notes if not entries else ()))
            sha256 = found.facts.get(one.model, {}).get("sha256", "")
            entries.append(Entry(one.model, one.result, found.costs.get(one.model), one.against, notes, sha256=sha256, trained=one.trained))
    write_evaluation(path, entries, found.datasets, title="Models side by side", command=command_line())


def _facts(found: Bench, model: str) -> tuple[str, ...]:
    facts = found.facts.get(model, {})
    return tuple(text for text in (f"Licence: {facts['licence']}" if "licence" in facts else "", facts.get("note", "")) if text)


def _show(found: Bench, *, markdown: bool) -> None:
    show = _markdown_table if markdown else show_table

    def head(text: str) -> None:
        stdout().print(f"{'### ' if markdown else ''}{text}\n", soft_wrap=True)

    columns: tuple[str, ...] = ("Model", ">n", ">Accuracy", "95 % interval", ">Macro-F1", ">ECE", ">Difference", "95 % interval", ">p")
    columns = columns if len(found.models) > 1 else columns[:6]
    for dataset in found.datasets:
        rows = found.of(dataset.name)
        head(f"{dataset.name} {found.split}, {dataset.labels.name}")
        show(columns, [_figures(one.model, one.result.overall if one.result else None, one.against)[: len(columns)] for one in rows])
        typer.echo()
        if any(one.result and one.result.clean for one in rows):
            head(f"{dataset.name} {found.split}, {dataset.labels.name}, without the images whose twin is in training")
            show(
                columns, [_figures(one.model, one.result.clean if one.result else None, one.against_clean)[: len(columns)] for one in rows]
            )
            typer.echo()
    if len(found.datasets) > 1:
        head("Accuracy of every model on every data set")
        show(("Model", *(f">{d.name}, {d.labels.name}" for d in found.datasets)), [_across(found, name) for name in found.models])
        typer.echo()
    head("What they cost")
    unit = next(iter(found.costs.values())).unit
    costs = ("Model", ">Size", ">Parameters", ">MACs", f">ms a {unit}", "Middle half", f">{unit.title()}s/s")
    show(costs, [_costs(name, found.costs[name]) for name in found.models])
    typer.echo()
    for note in _notes(found):
        stdout().print(f"{'- ' if markdown else ''}{note}", soft_wrap=True)


def _figures(name: str, figures: Evaluation | None, pair: Comparison | None) -> tuple[str, ...]:
    if figures is None:
        return (name, *["–"] * 8)
    ends = figures.accuracy_interval
    told = [name, f"{figures.n:,}", f"{figures.accuracy:.2%}", f"{ends.low:.2%} – {ends.high:.2%}"]
    told += [f"{figures.macro_f1:.4f}", "–" if math.isnan(figures.ece) else f"{figures.ece:.4f}"]
    if pair is None:
        return (*told, "", "", "")
    span = f"{100 * pair.interval.low:+.2f} to {100 * pair.interval.high:+.2f}"
    return (*told, f"{100 * pair.difference:+.2f}", span, "< 0.001" if pair.p_mid < 0.001 else f"{pair.p_mid:.3f}")


def _across(found: Bench, model: str) -> tuple[str, ...]:
    cells = (next(one for one in found.of(dataset.name) if one.model == model) for dataset in found.datasets)
    return (model, *(f"{one.result.overall.accuracy:.2%}{' *' if one.trained else ''}" if one.result else "failed" for one in cells))


def _costs(name: str, cost: Cost) -> tuple[str, ...]:
    spread = "–" if cost.latency_spread is None else " – ".join(f"{ms:.2f}" for ms in cost.latency_spread)
    return (
        name,
        "–" if cost.size_bytes is None else f"{_short(cost.size_bytes)}B",
        "–" if cost.parameters is None else f"{cost.parameters:,}",
        "–" if cost.macs is None else _short(cost.macs),
        "–" if cost.latency_ms is None else f"{cost.latency_ms:.2f}",
        spread,
        "–" if cost.faces_per_s is None else f"{cost.faces_per_s:,.0f}",
    )


def _notes(found: Bench) -> Iterable[str]:
    from mien.report.evaluation_compare import TRAINED

    first = found.models[0]
    if len(found.models) > 1:
        yield f"Difference: percentage points of accuracy against {first} on the same pictures; p: McNemar, mid-p, for each pair by itself."
    if any(one.trained for one in found.judged) and len(found.datasets) > 1:
        yield TRAINED
    for name in found.models:
        mapped = [f"{one.dataset}: {one.mapping}" for one in found.judged if one.model == name]
        yield f"Labels of {name}: {' | '.join(mapped)}."
        yield from (f"{name}: {text}" for text in _facts(found, name))
    doubts = [(one, text) for one in found.judged if one.result is not None for text in one.result.warnings]
    yield from dict.fromkeys(f"{one.model} on {one.dataset}: {text}" for one, text in doubts)
    costs = list(found.costs.values())
    if costs and costs[0].latency_ms is not None:
        threads = f"{costs[0].threads} thread{'' if costs[0].threads == 1 else 's'}"
        yield f"Times, preprocessing included, in turns: one {costs[0].unit} by itself, and batches of 64; {threads}; {costs[0].hardware}."
    yield from found.notes


def _short(number: int) -> str:
    """Three digits and a decimal prefix: 81.5 M."""
    power = min((len(str(number)) - 1) // 3, 4)
    return f"{number / 1000**power:.3g} {('', 'k', 'M', 'G', 'T')[power]}"


def _markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows as a table of a Markdown file."""

    def line(cells: Iterable[str]) -> str:
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"

    typer.echo(line(name.lstrip(">") for name in columns))
    typer.echo(line("--:" if name.startswith(">") else "---" for name in columns))
    for row in rows:
        typer.echo(line(row))
