"""`mien data`: which data sets there are, whether they lie there whole, how to come by them, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.audit import audit
from mien.cli.console import progress, show_json, show_table, stdout
from mien.cli.options import DataDir, DatasetName, DatasetOption, Json, values

if TYPE_CHECKING:
    from mien.datasets.verify import Count, Verification

app = typer.Typer(help="The data sets: which there are, whether they are whole, how to come by them.", no_args_is_help=True)

Folder = Annotated[
    Path | None,
    typer.Option("--data", envvar="MIEN_DATA", help="Look there for each of them.", exists=True, file_okay=False, show_default=False),
]
Quick = Annotated[bool, typer.Option("--quick", help="Look for the files only; do not read the pictures.")]


@app.command("list")
def list_(data: Folder = None, as_json: Json = False) -> None:
    """List the data sets that mien reads, and which of them lie in the data folder."""
    from mien.datasets import DATASETS
    from mien.datasets.terms import ACCESS, terms_of

    terms = {name: terms_of(name) for name in DATASETS}
    found = {name: _found(name, data) for name in DATASETS}
    if as_json:
        show_json([{"name": name, "found": found[name], **terms[name].to_dict()} for name in DATASETS])
        return
    rows = [(name, t.labels, ACCESS[t.access], t.title, found[name] or "") for name, t in terms.items()]
    show_table(("Name", "Labels", "Access", "What it is", "Found in" if data else ""), rows, wide=3)


@app.command()
def verify(name: DatasetName, data: DataDir, option: DatasetOption = None, quick: Quick = False, as_json: Json = False) -> None:
    """Say whether a data set lies there whole.

    What was found of each split and expression, beside what was published, and every picture read once. The exit code is 1 unless it is
    whole.
    """
    options: dict[str, Any] = values(option, "--option")
    from mien.datasets.verify import verify as look

    with progress() as advance:
        result = look(
            name, data, decode=not quick, progress=lambda done, total: advance(f"{name}: reading pictures", done, total), **options
        )
    if as_json:
        show_json(result.to_dict())
    elif result.counts:
        _show(result)
    result.need_whole()


app.command("audit")(audit)


@app.command()
def fetch(
    name: DatasetName,
    out: Annotated[
        Path | None, typer.Option(help="Write a data set that mien makes: pictures and manifest.csv.", file_okay=False, show_default=False)
    ] = None,
    option: DatasetOption = None,
    as_json: Json = False,
) -> None:
    """Tell the terms of a data set and the steps to it. Nothing is downloaded."""
    from mien.datasets.terms import ACCESS, terms_of
    from mien.datasets.verify import readable

    terms = terms_of(name)
    options = values(option, "--option")
    if out is not None:
        if terms.access != "made":
            raise typer.BadParameter(f"{name} is not mien's to write; leave --out away for the steps to it.", param_hint="--out")
        from mien.datasets import load_dataset
        from mien.datasets.avatars import export

        written = export(load_dataset(name, out, **options), out)
        if as_json:
            show_json({"name": name, "written": [str(written)]})
        else:
            typer.echo(f"Wrote {written}")
        return
    if options:
        raise typer.BadParameter("An option belongs to a data set that is written; give --out.", param_hint="--option")
    if as_json:
        show_json({"name": name, **terms.to_dict()})
        return
    facts = [
        (name, terms.title),
        ("access", ACCESS[terms.access]),
        ("terms", terms.terms),
        ("source", terms.source),
        ("paper", terms.cite),
        *((f"step {number}", step) for number, step in enumerate(terms.steps, start=1)),
        *(("layout" if not number else "", line) for number, line in enumerate(terms.layout)),
    ]
    if name in readable():
        facts.append(("then", f"mien data verify {name} --data FOLDER"))
    show_table(("", ""), [fact for fact in facts if fact[1]], wide=1)


def _found(name: str, data: Path | None) -> str | None:
    """Where the data set lies, for those that have a layout of their own."""
    from mien.datasets.terms import terms_of
    from mien.datasets.verify import find_dataset, readable

    if data is None or name not in readable() or terms_of(name).access == "own":
        return None
    path = find_dataset(name, data)
    return None if path is None else str(path)


def _show(result: Verification) -> None:
    rows = [(count.split or "all", count.label or "all", f"{count.found:,}", *_expected(count)) for count in result.counts]
    show_table(("Split", "Expression", ">Found", ">Published", ""), rows)
    for note in result.notes:
        stdout().print(note)
    if result.state == "whole":
        stdout().print(f"{result.name} is whole: {result.found:,} pictures in {result.where}.")


def _expected(count: Count) -> tuple[str, str]:
    if count.expected is None:
        return "", ""
    lacks, more = count.expected - count.found, count.found - count.expected
    return f"{count.expected:,}", f"{lacks:,} missing" if lacks > 0 else f"{more:,} too many" if more > 0 else ""
