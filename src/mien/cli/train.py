"""`mien train`: run a recipe, once or several times."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.console import progress, show_json, show_table, stdout
from mien.cli.options import DataDir, Json, pairs

if TYPE_CHECKING:
    from mien.training.recipe import Recipe

PACKAGES = ("torch", "lightning_fabric", "pydantic", "safetensors", "onnxscript")


def train(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe's name, or a TOML file.")],
    data: DataDir,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a value; may be repeated.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Run with that many seeds, and sum up.", show_default=False)] = None,
    folds: Annotated[bool, typer.Option("--folds", help="Run every fold of the recipe's protocol, and sum up.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run or the runs in --out.")] = False,
    devices: Annotated[int, typer.Option(min=1, help="How many devices to train on.")] = 1,
    out: Annotated[Path | None, typer.Option(help="The folder of the run.", show_default="runs/<recipe's name>")] = None,
    as_json: Json = False,
) -> None:
    """Train a model by a recipe.

    The folder of the run ends with model.onnx in it. A run that was stopped goes on with --resume. With --seeds or --folds each run has a
    folder of its own in there, and summary.json has the mean, standard deviation and 95 % interval of the figures.
    """
    from mien.core.optional import require

    several = seeds is not None or folds
    if several and devices > 1:
        raise typer.BadParameter("Several runs are trained on one device each. Leave --devices out.", param_hint="--devices")
    overrides = pairs(set_, "--set")
    for package in PACKAGES:
        require(package, "train")
    from mien.training.recipe import load_recipe

    plan = load_recipe(recipe, overrides)
    folder = out or Path("runs") / plan.name
    if several:
        _train_several(plan, data, folder, seeds or 1, folds, resume, as_json)
    else:
        _train_once(plan, data, folder, resume, devices, as_json)


def _train_once(plan: Recipe, data: Path, folder: Path, resume: bool, devices: int, as_json: bool) -> None:
    from mien.training.run import leads
    from mien.training.run import train as run_recipe

    with progress() if leads() else nullcontext(lambda *_: None) as advance:

        def on_epoch(row: dict[str, Any]) -> None:
            advance(f"{plan.name}: epoch {row['epoch']}, {plan.select_on} {row['score']:.1%}", row["epoch"], plan.epochs)

        advance(f"{plan.name}: reading the data", 0, plan.epochs)
        try:
            run = run_recipe(plan, data, folder, resume=resume, devices=devices, on_epoch=on_epoch)
        except KeyboardInterrupt:
            if leads():
                _tell_how_to_go_on(folder)
            raise
    if not leads():
        return
    artifact = folder / "model.onnx"
    if as_json:
        show_json({"recipe": plan.name, "folder": str(folder), "model": str(artifact), "epochs": len(run.history), "best": run.best})
        return
    best = ", ".join(f"{key} {value:.4f}" for key, value in run.best.items() if key.startswith("accuracy_"))
    stdout().print(f"Best epoch {run.best['epoch']} of {len(run.history)} on the {plan.select_on} split: {best}\nModel: {artifact}")
    if plan.select_on == "test":
        stdout().print("The best epoch was picked on the test split: its figures on test are not held out, and the card says so.")


def _train_several(plan: Recipe, data: Path, folder: Path, seeds: int, folds: bool, resume: bool, as_json: bool) -> None:
    from mien.training.repeat import SUMMARY, Repetition, repeat, repetitions

    with progress() as advance:
        advance(f"{plan.name}: reading the data", 0, None)
        runs = repetitions(plan, data, folder, seeds=seeds, folds=folds)
        total, at = plan.epochs * len(runs), (0, "")

        def on_run(number: int, run: Repetition) -> None:
            nonlocal at
            at = (number, run.name)
            advance(f"{plan.name}: {run.name}", number * plan.epochs, total)

        def on_epoch(row: dict[str, Any]) -> None:
            number, name = at
            advance(f"{plan.name}: {name}, {plan.select_on} {row['score']:.1%}", number * plan.epochs + row["epoch"], total)

        try:
            summary = repeat(runs, data, folder, resume=resume, on_run=on_run, on_epoch=on_epoch)
        except KeyboardInterrupt:
            _tell_how_to_go_on(folder)
            raise
    if as_json:
        show_json(summary)
        return
    show_table(("Measured on", ">Runs", ">Accuracy", ">± sd", "95 % interval", ">Macro-F1"), [_summed(row) for row in summary["summary"]])
    for leak in summary["leaks"]:
        stdout().print(f"Leaks: {leak}")
    stdout().print(f"Runs and figures: {folder / SUMMARY}")


def _summed(row: dict[str, Any]) -> tuple[str, ...]:
    accuracy, interval = row["figures"]["accuracy"], row["figures"]["accuracy"]["interval"]
    return (
        f"{row['dataset']} {row['split']} ({row['label_set']})" + ("" if row["held_out"] else ", selected on"),
        f"{accuracy['n']}",
        f"{accuracy['mean']:.2%}",
        f"{accuracy['sd']:.2%}" if accuracy["sd"] is not None else "–",
        f"{interval['low']:.2%} – {interval['high']:.2%}" if interval else "–",
        f"{row['figures']['macro_f1']['mean']:.4f}",
    )


def _tell_how_to_go_on(folder: Path) -> None:
    typer.echo(f"mien: stopped; {folder} keeps every finished epoch. Go on with the same command and --resume.", err=True)
