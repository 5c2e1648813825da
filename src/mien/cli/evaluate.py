"""`mien evaluate`: a model's figures on one split of a data set."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.console import progress, show_json, show_table
from mien.cli.options import DataDir, Json, pairs

if TYPE_CHECKING:
    from mien.evaluation.scores import Evaluation


def evaluate(
    model: Annotated[str, typer.Argument(help="A shipped model's name, or a file that mien wrote.")],
    dataset: Annotated[str, typer.Option(help="The data set: fer2013, ferplus, folder or manifest.", show_default=False)],
    data: DataDir,
    split: Annotated[str, typer.Option(help="train, validation or test, or the data set's own word for it: public, private …")] = "test",
    labels_from: Annotated[
        str | None, typer.Option(help="Which publication of the FER+ votes: label.csv or fer2013new.csv.", show_default="label.csv")
    ] = None,
    option: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="An option of the data set; may be repeated.")] = None,
    clean: Annotated[bool, typer.Option("--clean", help="Also without the images whose twin is among the training images.")] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of the model's runtime.", show_default="all cores")] = None,
    as_json: Json = False,
) -> None:
    """Measure a model on a split of a data set.

    Accuracy with its 95 % interval, macro-F1, calibration, and the figures of each class.
    """
    options: dict[str, Any] = {key: _value(text) for key, text in pairs(option, "--option").items()}
    if labels_from is not None:
        options["labels_from"] = labels_from
    from mien.artifact import load_model
    from mien.datasets import load_dataset
    from mien.datasets.base import split_name
    from mien.evaluation.run import evaluate as judge

    split = split_name(split)
    with progress() as advance:
        advance(f"{dataset}: reading", 0, None)
        data_set = load_dataset(dataset, data, **options)
        network = load_model(model, data_set.labels, threads=threads)
        result = judge(network, data_set, split, clean=clean, progress=lambda done, total: advance(f"{dataset}: {split}", done, total))
    if as_json:
        show_json({"model": {"name": network.identity.name, "sha256": network.identity.sha256}, **result.to_dict()})
        return
    measured = [(f"{dataset} {split}", result.overall)] + ([(f"{dataset} {split}, clean", result.clean)] if result.clean else [])
    show_table(
        ("On", ">n", ">Accuracy", "95 % interval", ">Macro-F1", ">Balanced", ">ECE", ">Log-loss"), [_figures(*row) for row in measured]
    )
    rows = [(c.label, f"{c.support:,}", f"{c.precision:.1%}", f"{c.recall:.1%}", f"{c.f1:.1%}") for c in result.overall.per_class]
    show_table(("Expression", ">n", ">Precision", ">Recall", ">F1"), rows)


def _figures(name: str, figures: Evaluation) -> tuple[str, ...]:
    interval = figures.accuracy_interval
    return (
        name,
        f"{figures.n:,}",
        f"{figures.accuracy:.2%}",
        f"{interval.low:.2%} – {interval.high:.2%}",
        f"{figures.macro_f1:.4f}",
        f"{figures.balanced_accuracy:.4f}",
        f"{figures.ece:.4f}",
        f"{figures.log_loss:.4f}",
    )


def _value(text: str) -> Any:
    """A number, true, false or null as JSON writes it; anything else is text."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
