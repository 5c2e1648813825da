"""A run: a folder that says everything needed to repeat it, and ends with an artifact in it.

recipe.json            the recipe as resolved
run.json               versions, hardware, data fingerprints, parameters, seconds
log.csv                one row an epoch
checkpoint.safetensors after every epoch; `resume` goes on from it
best.safetensors       the weights of the best epoch on the validation split
model.onnx             the artifact
curve.png              loss and validation accuracy over the epochs
"""

from __future__ import annotations

import csv
import json
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import nn

from mien.core.errors import TrainingError
from mien.core.files import write_text
from mien.core.labels import label_set
from mien.models.registry import build, count_parameters
from mien.training import checkpoint
from mien.training.data import Split, load_split, resized
from mien.training.loop import State, fit, predict, start
from mien.training.recipe import Recipe

Progress = Callable[[dict[str, Any]], None]


@dataclass
class Run:
    """A run and its history: one dict an epoch, as in log.csv."""

    recipe: Recipe
    folder: Path
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def best(self) -> dict[str, Any]:
        """The row of the best epoch: the highest mean validation accuracy among those at the final picture size."""
        final = self.recipe.phases[-1].size
        return max((row for row in self.history if row["size"] == final), key=lambda row: (row["score"], -row["epoch"]))


def network(recipe: Recipe) -> nn.Module:
    """The recipe's network, with weights that follow from its seed alone."""
    torch.manual_seed(recipe.seed)
    return build(recipe.model.name, {head: len(label_set(head)) for head in recipe.targets}, recipe.model.options)


def train(
    recipe: Recipe,
    data_dir: str | Path,
    folder: str | Path,
    *,
    resume: bool = False,
    devices: int = 1,
    stop_after: int | None = None,
    on_epoch: Progress | None = None,
) -> Run:
    """Run `recipe` on the data in `data_dir`, keeping everything in `folder`; ends with `folder`/model.onnx.

    `resume` goes on from the folder's checkpoint (and starts when there is none). `stop_after` ends after that epoch without exporting,
    as if interrupted. `on_epoch` gets each epoch's row.

    Raises
    ------
    TrainingError
        The folder already holds a run and `resume` is not given, or holds one of another recipe; the loss is no number.
    RecipeError, DatasetError
        The recipe does not fit the data; the data are absent, partial or corrupt.
    """
    run = Run(recipe, Path(folder))
    _claim(run, resume)
    fabric = Fabric(accelerator="auto", devices=devices, precision=recipe.precision)
    fabric.launch()
    splits = {name: load_split(recipe, data_dir, name) for name in ("train", "validation")}
    state = start(recipe, network(recipe), fabric)
    _restore(run, state)
    if fabric.is_global_zero:
        _describe(run, splits, fabric)
    clock = time.monotonic()

    def after_epoch(state: State, row: dict[str, Any]) -> None:
        nonlocal clock
        if fabric.is_global_zero:
            row |= validate(state.ema.module, splits["validation"], row["size"], fabric.device)
            row["seconds"] = round(time.monotonic() - clock, 2)
            _keep(run, state, row)
            if on_epoch is not None:
                on_epoch(row)
        fabric.barrier()
        clock = time.monotonic()
        if state.epoch == stop_after:
            raise StopIteration

    try:
        fit(recipe, state, splits["train"], fabric, after_epoch)
    except StopIteration:
        return run
    if fabric.is_global_zero:
        from mien.training.export import finish

        finish(run, best_network(run), splits["validation"], data_dir)
    return run


def validate(model: nn.Module, split: Split, size: int, device: torch.device) -> dict[str, float]:
    """Accuracy and log-loss of each head over its labelled rows, and `score`, the mean accuracy."""
    logits = predict(model, resized(split.images, size), device)
    row: dict[str, float] = {}
    for head, target in split.heads.items():
        rows = target.classes >= 0
        found, truth = logits[head][rows], target.classes[rows]
        row[f"accuracy_{head}"] = round(float((found.argmax(1) == truth).double().mean()), 6)
        row[f"log_loss_{head}"] = round(float(nn.functional.cross_entropy(found, truth)), 6)
    row["score"] = round(sum(row[f"accuracy_{head}"] for head in split.heads) / len(split.heads), 6)
    return row


def best_network(run: Run) -> nn.Module:
    """The network with the weights of the run's best epoch, on the CPU, ready for use."""
    states, _ = checkpoint.load(run.folder / "best.safetensors")
    model = network(run.recipe)
    model.load_state_dict(states["model"])
    return model.eval()


def load_run(folder: str | Path) -> Run:
    """A run's recipe and history from its folder. Raises TrainingError when there is none."""
    folder = Path(folder)
    try:
        recipe = Recipe.model_validate_json((folder / "recipe.json").read_text(encoding="utf-8"))
        _, facts = checkpoint.load(folder / "checkpoint.safetensors")
    except FileNotFoundError as error:
        raise TrainingError(
            f"{folder} holds no run ({Path(error.filename).name} is missing). Give a folder that `mien train` wrote."
        ) from error
    return Run(recipe, folder, facts["history"])


def _claim(run: Run, resume: bool) -> None:
    path, text = run.folder / "recipe.json", run.recipe.model_dump_json(indent=2) + "\n"
    if path.is_file():
        if not resume:
            raise TrainingError(f"{run.folder} already holds a run. Give --resume to go on with it, or another --out.")
        if path.read_text(encoding="utf-8") != text:
            raise TrainingError(
                f"{run.folder} holds a run of another recipe (see recipe.json there). Give the same recipe, or another --out."
            )
    write_text(path, text)


def _restore(run: Run, state: State) -> None:
    path = run.folder / "checkpoint.safetensors"
    if not path.is_file():
        return
    states, facts = checkpoint.load(path)
    state.network.load_state_dict(states["model"])
    state.ema.load_state_dict(states["ema"])
    checkpoint.restore_optimizer(state.optimizer, states.get("optimizer", {}), facts["optimizer_groups"])
    state.epoch, run.history = facts["epoch"], facts["history"]


def _keep(run: Run, state: State, row: dict[str, Any]) -> None:
    run.history.append(row)
    if row["size"] == run.recipe.phases[-1].size and run.best is row:
        checkpoint.save(run.folder / "best.safetensors", {"model": state.ema.module.state_dict()}, None, {"epoch": row["epoch"]})
    states = {"model": state.network.state_dict(), "ema": state.ema.state_dict()}
    checkpoint.save(run.folder / "checkpoint.safetensors", states, state.optimizer, {"epoch": state.epoch, "history": run.history})
    with (run.folder / "log.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerows(run.history)


def _describe(run: Run, splits: dict[str, Split], fabric: Fabric) -> None:
    from mien import __version__

    facts = {
        "mien": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": str(fabric.device),
        "processor": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "parameters": count_parameters(network(run.recipe)),
        "data": {name: {"rows": len(split), "sha256": split.fingerprint} for name, split in splits.items()},
    }
    write_text(run.folder / "run.json", json.dumps(facts, indent=2) + "\n")
