"""`mien train`: run a recipe or an ensemble, once or several times."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.console import Advance, progress, show_json, show_table, stdout
from mien.cli.options import DataDir, Json, pairs

if TYPE_CHECKING:
    from mien.card import Card
    from mien.training.classical_recipe import ClassicalRecipe
    from mien.training.ensemble import Ensemble, Plan
    from mien.training.recipe import Recipe
    from mien.training.repeat import Repetition

PACKAGES = ("torch", "lightning_fabric", "pydantic", "safetensors", "onnxscript")


def train(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe's name, or a TOML file.")],
    data: DataDir,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a value; may be repeated.")] = None,
    sweep: Annotated[
        list[str] | None, typer.Option("--sweep", metavar="KEY=V1,V2,…", help="Run once with each value; several make a grid.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Run with that many seeds, and sum up.", show_default=False)] = None,
    folds: Annotated[bool, typer.Option("--folds", help="Run every fold of the recipe's protocol, and sum up.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run or the runs in --out.")] = False,
    devices: Annotated[int, typer.Option(min=1, help="How many devices of each machine to train on.")] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="How many machines train, each with this command started by torchrun.")] = 1,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Log for TensorBoard too.")] = False,
    out: Annotated[Path | None, typer.Option(help="The folder of the run.", show_default="runs/<recipe's name>")] = None,
    as_json: Json = False,
) -> None:
    """Train a model by a recipe.

    The folder of the run ends with model.onnx in it. A run that was stopped goes on with --resume. With --seeds, --folds or --sweep each
    run has a folder of its own in there, and summary.json has the mean, standard deviation and 95 % interval of the figures. The members
    of an ensemble have folders of their own too, and model.onnx is all of them.

    On N machines with D devices each, start on every one of them: torchrun --nnodes N --nproc-per-node D … -m mien train RECIPE …
    --devices D --nodes N.
    """
    from mien.core.optional import require

    several = seeds is not None or folds or bool(sweep)
    if several and devices * nodes > 1:
        raise typer.BadParameter("Several runs are trained on one device each. Leave --devices and --nodes out.", param_hint="--devices")
    overrides, sweeps = pairs(set_, "--set"), pairs(sweep, "--sweep")
    if len(sweeps) < len(sweep or ()):
        raise typer.BadParameter("A key is given twice. Give all of its values at once: KEY=V1,V2,….", param_hint="--sweep")
    for package in (*PACKAGES, *(["tensorboardX"] if tensorboard else [])):
        require(package, "train")
    from mien.training.classical_recipe import ClassicalRecipe
    from mien.training.ensemble import Ensemble, load_plan

    plan = load_plan(recipe, overrides)
    folder = out or Path("runs") / plan.name
    options = {"resume": resume, "tensorboard": tensorboard}
    if sweeps:
        from mien.training.sweep import swept

        runs = partial(swept, recipe, sweeps, data, folder, overrides=overrides, seeds=seeds, folds=folds)
        _train_several(plan.name, runs, data, folder, options, as_json)
    elif several:
        from mien.training.repeat import repetitions

        runs = partial(repetitions, plan, data, folder, seeds=seeds or 1, folds=folds)
        _train_several(plan.name, runs, data, folder, options, as_json)
    elif isinstance(plan, ClassicalRecipe):
        _train_classical(plan, data, folder, resume, as_json)
    elif not isinstance(plan, Ensemble):
        _train_once(plan, data, folder, options | {"devices": devices, "nodes": nodes}, as_json)
    elif devices * nodes > 1:
        raise typer.BadParameter("The members of an ensemble are trained on one device each. Leave it out.", param_hint="--devices")
    else:
        _train_ensemble(plan, data, folder, options, as_json)


def _train_once(plan: Recipe, data: Path, folder: Path, options: dict[str, Any], as_json: bool) -> None:
    from mien.training.run import leads
    from mien.training.run import train as run_recipe

    with progress() if leads() else nullcontext(lambda *_: None) as advance:

        def on_epoch(row: dict[str, Any]) -> None:
            advance(f"{plan.name}: epoch {row['epoch']}, {plan.select_on} {row['score']:.1%}", row["epoch"], plan.epochs)

        advance(f"{plan.name}: reading the data", 0, plan.epochs)
        try:
            run = run_recipe(plan, data, folder, on_epoch=on_epoch, **options)
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


def _train_classical(plan: ClassicalRecipe, data: Path, folder: Path, resume: bool, as_json: bool) -> None:
    from mien.training.classical import train_classical

    with progress() as advance:
        card = train_classical(plan, data, folder, resume=resume, on_step=lambda step: advance(f"{plan.name}: {step}", 0, None))
    artifact = folder / "model.onnx"
    if as_json:
        show_json({"recipe": plan.name, "folder": str(folder), "model": str(artifact), "metrics": list(card.metrics)})
        return
    _show_measured(_measured(plan.name, card))
    stdout().print(f"Model: {artifact}")


def _train_ensemble(plan: Ensemble, data: Path, folder: Path, options: dict[str, Any], as_json: bool) -> None:
    from mien.artifact import read_card
    from mien.training.ensemble import epochs_before, runs_of, train_ensemble

    with progress() as advance:

        def on_epoch(row: dict[str, Any]) -> None:
            _advance(advance, f"{plan.name}: {row['member']}", plan, row, epochs_before(plan, row), plan.epochs)

        advance(f"{plan.name}: reading the data", 0, plan.epochs)
        try:
            card = train_ensemble(plan, data, folder, on_epoch=on_epoch, **options)
        except KeyboardInterrupt:
            _tell_how_to_go_on(folder)
            raise
    members = {name: place / "model.onnx" for name, _, place in runs_of(plan, folder)}
    artifact = folder / "model.onnx"
    if as_json:
        files = {name: str(path) for name, path in members.items()}
        show_json({"recipe": plan.name, "folder": str(folder), "model": str(artifact), "members": files, "metrics": list(card.metrics)})
        return
    rows = [row for name, path in members.items() for row in _measured(name, read_card(path))] + _measured(plan.name, card)
    _show_measured(rows)
    stdout().print(f"Model: {artifact}")


def _show_measured(rows: list[tuple[str, ...]]) -> None:
    show_table(("Model", "Measured on", ">Accuracy", "95 % interval", ">Macro-F1", ">ECE"), rows)


def _measured(name: str, card: Card) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for metric in card.metrics:
        overall, interval = metric["overall"], metric["overall"]["accuracy_interval"]
        split = f"{metric['dataset']} {metric['split']} ({overall['label_set']})" + ("" if metric["held_out"] else ", selected on")
        accuracy = f"{overall['accuracy']:.2%}", f"{interval['low']:.2%} – {interval['high']:.2%}"
        rows.append((name, split, *accuracy, f"{overall['macro_f1']:.4f}", f"{overall['ece']:.4f}"))
    return rows


def _train_several(
    name: str, plan_runs: Callable[[], list[Repetition]], data: Path, folder: Path, options: dict[str, Any], as_json: bool
) -> None:
    from mien.training.repeat import SUMMARY, repeat
    from mien.training.sweep import COMPARISON, sweep

    with progress() as advance:
        advance(f"{name}: reading the data", 0, None)
        runs = plan_runs()
        sweeping = bool(runs[0].values)
        on_run, on_epoch = _watched(name, runs, advance)
        try:
            summary = (sweep if sweeping else repeat)(runs, data, folder, on_run=on_run, on_epoch=on_epoch, **options)
        except KeyboardInterrupt:
            _tell_how_to_go_on(folder)
            raise
    if as_json:
        show_json(summary)
        return
    (_show_sweep if sweeping else _show_repeat)(summary)
    for leak in summary["leaks"]:
        stdout().print(f"Leaks: {leak}")
    stdout().print(f"Runs and figures: {folder / SUMMARY}" + (f"\nCurves: {folder / COMPARISON}" if sweeping else ""))


def _watched(name: str, runs: list[Repetition], advance: Advance) -> tuple[Any, Any]:
    """What tells the progress bar of each run, and of each epoch."""
    from mien.training.ensemble import epochs_before

    starts = [sum(run.recipe.epochs for run in runs[:number]) for number in range(len(runs) + 1)]
    at = 0

    def on_run(number: int, run: Repetition) -> None:
        nonlocal at
        at = number
        advance(f"{name}: {run.name}", starts[number], starts[-1])

    def on_epoch(row: dict[str, Any]) -> None:
        run = runs[at]
        _advance(advance, f"{name}: {run.name}", run.recipe, row, starts[at] + epochs_before(run.recipe, row), starts[-1])

    return on_run, on_epoch


def _advance(advance: Advance, what: str, plan: Plan, row: dict[str, Any], before: int, total: int) -> None:
    advance(f"{what}, {plan.select_on} {row['score']:.1%}", before + row["epoch"], total)


def _show_sweep(summary: dict[str, Any]) -> None:
    splits = list(summary["values"][0]["accuracy"])
    columns = [column for split in splits for column in (f">{split.capitalize()}", ">± sd", "95 % interval")]
    rows = [
        (value["name"], f"{value['accuracy'][splits[0]]['n']}", *(cell for split in splits for cell in _spread(value["accuracy"][split])))
        for value in summary["values"]
    ]
    show_table(("Value", ">Runs", *columns), rows)
    if (best := summary["best"]) is None:
        stdout().print("There is no validation split to choose a value by.")
    else:
        stdout().print(f"Best on validation: {best['name']} ({best['mean']:.2%}).")


def _show_repeat(summary: dict[str, Any]) -> None:
    rows = [_summed(row) for row in summary["summary"]]
    show_table(("Measured on", ">Runs", ">Accuracy", ">± sd", "95 % interval", ">Macro-F1"), rows)


def _summed(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        f"{row['dataset']} {row['split']} ({row['label_set']})" + ("" if row["held_out"] else ", selected on"),
        f"{row['figures']['accuracy']['n']}",
        *_spread(row["figures"]["accuracy"]),
        f"{row['figures']['macro_f1']['mean']:.4f}",
    )


def _spread(figure: dict[str, Any]) -> tuple[str, str, str]:
    """Mean, deviation and interval of a figure over runs."""
    interval = figure["interval"]
    return (
        f"{figure['mean']:.2%}",
        f"{figure['sd']:.2%}" if figure["sd"] is not None else "–",
        f"{interval['low']:.2%} – {interval['high']:.2%}" if interval else "–",
    )


def _tell_how_to_go_on(folder: Path) -> None:
    typer.echo(f"mien: stopped; {folder} keeps every finished epoch. Go on with the same command and --resume.", err=True)
