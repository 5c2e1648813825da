"""`mien models`: which models there are and what their cards say; `mien export`: a model as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.console import show_json, show_table, stdout
from mien.cli.options import Json

if TYPE_CHECKING:
    from mien.artifact import Card, Head

app = typer.Typer(help="The shipped models, and the card in any model file.", no_args_is_help=True)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the shipped models."""
    from mien.artifact import list_models, read_card

    cards = {name: read_card(name) for name in list_models()}
    if as_json:
        show_json([{"model": name, **card.to_dict()} for name, card in cards.items()])
        return
    rows = [
        (name, f"{c.name} {c.version}", ", ".join(h.labels.name for h in c.heads), f"{c.parameters:,}" if c.parameters else "?", c.licence)
        for name, c in cards.items()
    ]
    show_table(("Name", "Model", "Label sets", ">Parameters", "Licence"), rows, wide=4)


@app.command()
def info(model: Annotated[str, typer.Argument(help="A shipped model's name, or a file that mien wrote.")], as_json: Json = False) -> None:
    """Show the card of a model.

    Its labels in their order, how its input is made, what it was trained on, how good it is.
    """
    from mien.artifact import read_card

    card = read_card(model)
    if as_json:
        show_json(card.to_dict())
    else:
        _show(card)


def export(
    source: Annotated[
        str, typer.Argument(metavar="RUN|MODEL", help="A folder that `mien train` wrote, a shipped model's name, or a model file.")
    ],
    onnx: Annotated[Path, typer.Option("--onnx", help="The file to write.", show_default=False)],
) -> None:
    """Write a model as one ONNX file with its card inside."""
    from mien.artifact import find_model, read_card
    from mien.core.errors import ArtifactError
    from mien.core.files import write_bytes

    if onnx.suffix.lower() != ".onnx":
        raise typer.BadParameter(f"A model file ends in .onnx; received {str(onnx)!r}.", param_hint="--onnx")
    run = Path(source)
    if run.is_dir() and not (run / "model.onnx").is_file():
        begun = (run / "run.json").is_file()
        todo = "Its run is not finished: go on with mien train --resume." if begun else "Give a folder that mien train wrote."
        raise ArtifactError(f"The folder {source} holds no model.onnx. {todo}")
    model = find_model(run / "model.onnx" if run.is_dir() else source)
    card = read_card(model)
    write_bytes(onnx, model.read_bytes())
    stdout().print(f"Wrote {onnx} ({card.name} {card.version}, sha256 {card.sha256[:12]}…).")


def _show(card: Card) -> None:
    pre = card.preprocessing
    facts = [
        ("name", card.name),
        ("version", card.version),
        ("sha256", card.sha256),
        ("parameters", f"{card.parameters:,}" if card.parameters else "not recorded"),
        ("input", f"{pre.size} × {pre.size}, {'gray' if pre.channels == 1 else 'RGB'}"),
        ("trained on", card.training_data),
        ("licence", card.licence),
        ("split", " ".join(filter(None, (card.origin.protocol, card.origin.fold, card.origin.sha256[:12])))),
        ("selected on", card.selection if card.selection == "validation" else f"{card.selection}: its figures there are not held out"),
    ]
    facts += [("leaks", card.origin.leaks)] if card.origin.leaks else []
    facts += [(f"labels ({h.labels.name})", f"{', '.join(h.labels)}; temperature {h.temperature:.3g}") for h in card.heads]
    facts += [(f"abstain under ({h.labels.name})", _thresholds(h)) for h in card.heads if h.abstain_at]
    show_table(("", ""), facts, wide=1)
    if card.metrics:
        show_table(("Measured on", ">n", ">Accuracy", "95 % interval", ">Macro-F1", ">ECE", ">Clean"), [_figures(m) for m in card.metrics])


def _thresholds(head: Head) -> str:
    return ", ".join(f"{threshold:.3f} to answer {float(coverage):.0%}" for coverage, threshold in head.abstain_at.items())


def _figures(metric: dict[str, Any]) -> tuple[str, ...]:
    overall, clean = metric["overall"], metric["clean"]
    interval = overall["accuracy_interval"]
    return (
        f"{metric['dataset']} {metric['split']}",
        f"{overall['n']:,}",
        f"{overall['accuracy']:.2%}",
        f"{interval['low']:.2%} – {interval['high']:.2%}",
        f"{overall['macro_f1']:.4f}",
        f"{overall['ece']:.4f}",
        f"{clean['accuracy']:.2%} of {clean['n']:,}" if clean else "",
    )
