"""What `evaluate` shows: tables on the terminal, or everything as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from mien.cli.console import show_table

if TYPE_CHECKING:
    from mien.datasets import Dataset
    from mien.evaluation.bootstrap import Interval
    from mien.evaluation.scores import Evaluation
    from mien.evaluation.slices import Slices
    from mien.report.evaluation_values import Entry

COLUMNS = ("On", ">n", ">Accuracy", "95 % interval", ">Macro-F1", ">Balanced", ">ECE", ">Log-loss", ">Right of the surest 80 %", ">90 %")


def show(entry: Entry) -> None:
    """Print the figures: all, clean and from whole pictures; each expression; each part; then what stands against them."""
    result, where = entry.result, f"{entry.result.dataset} {entry.result.split}"
    measured = [(where, result.overall)]
    if result.clean is not None:
        measured.append((f"{where}, clean", result.clean))
    if entry.whole is not None:
        measured.append((f"{where}, whole pictures", entry.whole.result.overall))
    show_table(COLUMNS, [_figures(*row) for row in measured])
    rows = [
        (c.label, f"{c.support:,}", f"{c.precision:.1%}", f"{c.recall:.1%}", f"{c.f1:.1%}", ends(c.f1_interval, ".1%"))
        for c in result.overall.per_class
    ]
    show_table(("Expression", ">n", ">Precision", ">Recall", ">F1", "95 % interval"), rows)
    for one in entry.slices:
        show_table((one.column, ">n", ">Accuracy", "95 % interval", ">Macro-F1"), _parts(one))
    for sentence in _said(entry):
        typer.echo(sentence)


def plain(entry: Entry, dataset: Dataset, top: int) -> dict[str, Any]:
    """Everything as plain JSON values: figures, curves, parts, whole pictures, and the `top` surest mistakes."""
    result = entry.result
    whole = entry.whole
    return {
        **result.to_dict(),
        "model": {"name": entry.name, "sha256": entry.sha256},
        "curves": result.curves(),
        "slices": [one.to_dict() for one in entry.slices],
        "whole": None if whole is None else {"detector": whole.detector, **whole.result.to_dict(), "curves": whole.result.curves()},
        "mistakes": _mistakes(entry, dataset, top),
        "notes": list(entry.notes),
    }


def ends(interval: Interval | None, form: str = ".2%") -> str:
    """The ends of an interval in words; a dash for none."""
    return "–" if interval is None else f"{interval.low:{form}} – {interval.high:{form}}"


def _figures(name: str, figures: Evaluation) -> tuple[str, ...]:
    return (
        name,
        f"{figures.n:,}",
        f"{figures.accuracy:.2%}",
        ends(figures.accuracy_interval),
        f"{figures.macro_f1:.4f}",
        f"{figures.balanced_accuracy:.4f}",
        f"{figures.ece:.4f}",
        f"{figures.log_loss:.4f}",
        f"{figures.selective.accuracy_at(0.8):.2%}",
        f"{figures.selective.accuracy_at(0.9):.2%}",
    )


def _parts(slices: Slices) -> list[tuple[str, ...]]:
    return [
        (part.value + ("" if part.n >= slices.minimum else " *"), f"{part.n:,}", f"{part.accuracy:.2%}", ends(part.accuracy_interval),
         f"{part.macro_f1:.4f}") for part in slices.slices
    ]  # fmt: skip


def _said(entry: Entry) -> list[str]:
    """The sentences under the tables."""
    result = entry.result
    said = list(result.warnings)
    if result.uncalibrated_ece is not None:
        said.append(f"Calibration error without the model's own calibration: {result.uncalibrated_ece:.4f}.")
    if (again := result.recalibrated) is not None:
        said.append(
            f"One more temperature, {again.temperature:.3f}, fitted on {again.n:,} validation images: "
            f"calibration error {again.ece_before:.4f} to {again.ece_after:.4f}."
        )
    for one in entry.slices:
        gap = one.gap()
        if any(part.n < one.minimum for part in one.slices):
            said.append(f"* fewer than {one.minimum} images.")
        if gap is not None:
            said.append(f"By {one.column}, accuracy differs by {gap * 100:.1f} points.")
    if entry.whole is not None:
        whole = entry.whole.result
        said.append(
            f"{entry.whole.detector} found a face in {whole.overall.n - int(whole.missing.sum()):,} of {whole.overall.n:,} pictures."
        )
    return [*said, *entry.notes]


def _mistakes(entry: Entry, dataset: Dataset, top: int) -> list[dict[str, Any]]:
    from mien.report.evaluation_values import worst_mistakes

    result, labels = entry.result, entry.result.overall.labels
    told = []
    for place in worst_mistakes(result, top).tolist():
        row = int(result.rows[place])
        told.append(
            {
                "row": row,
                "id": dataset.ids[row].item(),
                "path": None if dataset.paths is None else str(dataset.paths[row]),
                "truth": labels[int(result.targets[place])],
                "predicted": labels[int(result.predicted[place])],
                "confidence": float(result.confidence[place]),
            }
        )
    return told
