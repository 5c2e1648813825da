"""`mien train`: run a recipe."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from mien.cli.console import progress, show_json, stdout
from mien.cli.options import DataDir, Json, pairs

PACKAGES = ("torch", "lightning_fabric", "pydantic", "safetensors", "onnxscript")


def train(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe's name, or a TOML file.")],
    data: DataDir,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a value; may be repeated.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    devices: Annotated[int, typer.Option(min=1, help="How many devices to train on.")] = 1,
    out: Annotated[Path | None, typer.Option(help="The folder of the run.", show_default="runs/<recipe's name>")] = None,
    as_json: Json = False,
) -> None:
    """Train a model by a recipe.

    The folder of the run ends with model.onnx in it. A run that was stopped goes on with --resume.
    """
    from mien.core.optional import require

    overrides = pairs(set_, "--set")
    for package in PACKAGES:
        require(package, "train")
    from mien.training.recipe import load_recipe
    from mien.training.run import leads
    from mien.training.run import train as run_recipe

    plan = load_recipe(recipe, overrides)
    folder = out or Path("runs") / plan.name
    with progress() if leads() else nullcontext(lambda *_: None) as advance:

        def on_epoch(row: dict[str, Any]) -> None:
            advance(f"{plan.name}: epoch {row['epoch']}, validation {row['score']:.1%}", row["epoch"], plan.epochs)

        advance(f"{plan.name}: reading the data", 0, plan.epochs)
        try:
            run = run_recipe(plan, data, folder, resume=resume, devices=devices, on_epoch=on_epoch)
        except KeyboardInterrupt:
            if leads():
                typer.echo(f"mien: stopped; {folder} keeps every finished epoch. Go on with the same command and --resume.", err=True)
            raise
    if not leads():
        return
    artifact = folder / "model.onnx"
    if as_json:
        show_json({"recipe": plan.name, "folder": str(folder), "model": str(artifact), "epochs": len(run.history), "best": run.best})
    else:
        best = ", ".join(f"{key} {value:.4f}" for key, value in run.best.items() if key.startswith("accuracy_"))
        stdout().print(f"Best epoch {run.best['epoch']} of {len(run.history)} on the validation split: {best}\nModel: {artifact}")
